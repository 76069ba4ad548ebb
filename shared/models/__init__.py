"""All tables, by noun. Each has one writer (docs/architecture.md)."""

from shared.models.base import Base
from shared.models.checking import CheckSwitch, Embedding, LearnedModel, WordListEntry
from shared.models.council import Council
from shared.models.enums import (
    DecisionKind,
    IdeaStatus,
    LetterState,
    Outcome,
    Precision,
    Reason,
    ReceiptVerb,
    Role,
    Source,
    TextKind,
)
from shared.models.idea import Contact, Idea, IdeaText, IdempotencyKey, Original, ReceiptToken
from shared.models.moderation import (
    Decision,
    DuplicateLink,
    FindingRow,
    FingerprintBatch,
    FingerprintKey,
    QueueEntry,
    Verdict,
)
from shared.models.notify import Digest, DigestPosition, DigestRun, Letter, Subscription
from shared.models.outbox import FailedJob, Heartbeat, OutboxDelivery, OutboxEvent
from shared.models.records import AnswerTemplate, AuditEntry
from shared.models.rule import Rule
from shared.models.staff import AccessLog, Invitation, LoginAttempt, Staff

__all__ = [
    "AccessLog",
    "AnswerTemplate",
    "AuditEntry",
    "Base",
    "CheckSwitch",
    "Contact",
    "Council",
    "Decision",
    "DecisionKind",
    "Digest",
    "DigestPosition",
    "DigestRun",
    "DuplicateLink",
    "Embedding",
    "FailedJob",
    "FindingRow",
    "FingerprintBatch",
    "FingerprintKey",
    "Heartbeat",
    "Idea",
    "IdeaStatus",
    "IdeaText",
    "IdempotencyKey",
    "Invitation",
    "LearnedModel",
    "Letter",
    "LetterState",
    "LoginAttempt",
    "Original",
    "OutboxDelivery",
    "OutboxEvent",
    "Outcome",
    "Precision",
    "QueueEntry",
    "Reason",
    "ReceiptToken",
    "ReceiptVerb",
    "Role",
    "Rule",
    "Source",
    "Staff",
    "Subscription",
    "TextKind",
    "Verdict",
    "WordListEntry",
]
