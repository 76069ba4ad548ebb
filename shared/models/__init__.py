"""All tables, by noun. Each has one writer (docs/architecture.md)."""

from shared.models.addresses import DeadAddress, MailCount, MailPace, UnsubscribeLink
from shared.models.answers import Ask, CheckOutcome, Note
from shared.models.base import Base
from shared.models.checking import CheckSwitch, Embedding, LearnedModel, WordListEntry
from shared.models.council import CityFace, Council, Picture
from shared.models.digests import Digest, DigestPosition, DigestRun, Subscription
from shared.models.duty import DutyCover, DutyShift
from shared.models.enums import (
    BounceKind,
    DecisionKind,
    DeliveryState,
    IdeaStatus,
    IncidentKind,
    LetterState,
    LinkKind,
    Outcome,
    Precision,
    Reason,
    ReceiptVerb,
    Requires,
    Rhythm,
    Role,
    Source,
    TextKind,
    ToldAs,
    WebhookOff,
    WebhookShape,
    WebhookState,
)
from shared.models.first_steps import FirstStep
from shared.models.idea import (
    Contact,
    Idea,
    IdeaText,
    IdeaWords,
    IdempotencyKey,
    Original,
    ReceiptToken,
)
from shared.models.incidents import Incident, Notice, NoticeItem
from shared.models.lease import Lease
from shared.models.moderation import (
    Decision,
    DuplicateLink,
    FindingRow,
    FingerprintBatch,
    FingerprintKey,
    QueueEntry,
    Verdict,
)
from shared.models.notify import Letter
from shared.models.official_answers import OfficialAnswer
from shared.models.outbox import FailedJob, Heartbeat, OutboxDelivery, OutboxEvent
from shared.models.records import AnswerTemplate, AuditEntry
from shared.models.rule import Rule
from shared.models.sample import Judgement, Sample, SampleShare, Sampling
from shared.models.sign_in import (
    PasswordReset,
    RecoveryCode,
    SecondFactor,
    SignInPolicy,
    StaffSession,
)
from shared.models.staff import AccessLog, Invitation, LoginAttempt, SavedFilter, Staff
from shared.models.statistics import CountedDay, DailyNumber, YearlyNumbers
from shared.models.tallies import PublicChange, Tally
from shared.models.webhooks import Webhook, WebhookDelivery

__all__ = [
    "AccessLog",
    "AnswerTemplate",
    "Ask",
    "AuditEntry",
    "Base",
    "BounceKind",
    "CheckOutcome",
    "CheckSwitch",
    "CityFace",
    "Contact",
    "Council",
    "CountedDay",
    "DailyNumber",
    "DeadAddress",
    "Decision",
    "DecisionKind",
    "DeliveryState",
    "Digest",
    "DigestPosition",
    "DigestRun",
    "DuplicateLink",
    "DutyCover",
    "DutyShift",
    "Embedding",
    "FailedJob",
    "FindingRow",
    "FingerprintBatch",
    "FingerprintKey",
    "FirstStep",
    "Heartbeat",
    "Idea",
    "IdeaStatus",
    "IdeaText",
    "IdeaWords",
    "IdempotencyKey",
    "Incident",
    "IncidentKind",
    "Invitation",
    "Judgement",
    "LearnedModel",
    "Lease",
    "Letter",
    "LetterState",
    "LinkKind",
    "LoginAttempt",
    "MailCount",
    "MailPace",
    "Note",
    "Notice",
    "NoticeItem",
    "OfficialAnswer",
    "Original",
    "OutboxDelivery",
    "OutboxEvent",
    "Outcome",
    "PasswordReset",
    "Picture",
    "Precision",
    "PublicChange",
    "QueueEntry",
    "Reason",
    "ReceiptToken",
    "ReceiptVerb",
    "RecoveryCode",
    "Requires",
    "Rhythm",
    "Role",
    "Rule",
    "Sample",
    "SampleShare",
    "Sampling",
    "SavedFilter",
    "SecondFactor",
    "SignInPolicy",
    "Source",
    "Staff",
    "StaffSession",
    "Subscription",
    "Tally",
    "TextKind",
    "ToldAs",
    "UnsubscribeLink",
    "Verdict",
    "Webhook",
    "WebhookDelivery",
    "WebhookOff",
    "WebhookShape",
    "WebhookState",
    "WordListEntry",
    "YearlyNumbers",
]
