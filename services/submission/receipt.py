"""The receipt: what its writer is told, and what they can ask for. Everything asked is an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.submission import published
from services.submission.forms import IdeaForm
from services.submission.published import Answer
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.idea_locks import lock_idea
from shared.links import receipts
from shared.models import (
    Agreement,
    Contact,
    Council,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Letter,
    OutboxEvent,
    Precision,
    ReceiptVerb,
    Rule,
    TextKind,
)
from shared.models.notify import WITHHELD
from shared.text import fold_text

_DECIDED = frozenset({IdeaStatus.PUBLISHED, IdeaStatus.REJECTED, IdeaStatus.MERGED})
_FIXED = frozenset({IdeaStatus.MERGED, IdeaStatus.WITHDRAWN})


class NoLongerPossibleError(Exception):
    """The idea is withdrawn, merged or not decided: what was asked for does not apply."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the writer of an idea sees. `status` already counts a withdrawal not yet acted on."""

    idea_id: UUID
    number: str
    council: str
    council_title: str
    status: IdeaStatus
    received_at: datetime
    precision: Precision
    language: str
    # Whether letters can reach the writer.
    has_address: bool
    # Whether some letter was not sent, because the mailbox had got many that day.
    is_withheld: bool
    # The writer's own newest words; empty when they have been destroyed.
    text: str | None
    author: str | None
    # Empty unless the public reads the idea now.
    public_text: str | None
    public_author: str | None
    # When it got the status it has, if a decision gave it.
    decided_at: datetime | None
    # Whether everybody could read it until that decision.
    was_public: bool
    # Whether it waits again after a decision.
    is_back: bool
    rule: Rule | None
    # Why, in the moderator's own words, beside the rule.
    reason_text: str | None
    target: str | None
    # What the city has answered, to this idea or to the one it was merged into.
    answer: Answer | None
    corrected: bool
    asked_again_at: datetime | None
    # Within how many working days the council wants each idea to be read; None where it says none.
    wait_days: int | None
    # Whether a person made the decision that gave it its status, or its council's own rules did.
    by_person: bool
    by_policy: bool
    # Whether it may become public before a person has read it: its council has it so.
    may_publish_itself: bool
    # Merged into an idea that the public cannot read yet.
    target_waits: bool
    # What a moderator asks the writer to change, until they have.
    asked_to_correct: str | None
    asked_at: datetime | None

    @property
    def can_correct(self) -> bool:
        """Whether a corrected text can be sent."""
        return self.status not in _FIXED and self.text is not None

    @property
    def can_withdraw(self) -> bool:
        """Whether there is something to take back."""
        return self.status is not IdeaStatus.WITHDRAWN

    @property
    def can_ask_again(self) -> bool:
        """Whether something was decided that can be read, and nobody was asked again since."""
        is_there = self.text is not None
        return is_there and self.status in _DECIDED and self.asked_again_at is None

    @property
    def was_masked(self) -> bool:
        """Whether the public reads other words than the writer's own newest ones."""
        return self.public_text is not None and not self.corrected and self.public_text != self.text


def read_receipt(session: SqlSession, token: str) -> Receipt | None:
    """Return the receipt that a token opens, or None."""
    idea_id = receipts.find_receipt(session, token)
    if idea_id is None:
        return None
    idea = session.get_one(Idea, idea_id)
    council = session.get_one(Council, idea.council_id)
    asked = _asked(session, idea_id)
    status = IdeaStatus.WITHDRAWN if ReceiptVerb.WITHDRAW in asked else idea.status
    own = session.scalars(
        select(IdeaText)
        .where(IdeaText.idea_id == idea_id, IdeaText.kind != TextKind.MASK)
        .order_by(IdeaText.version.desc())
        .limit(1)
    ).one()
    last = _last_decision(session, idea_id)
    turn = _last_decision(session, idea_id, Decision.status_before != Decision.status_after)
    again_at = asked.get(ReceiptVerb.RE_REVIEW)
    if status not in _DECIDED or (again_at and last and again_at < last.decided_at):
        again_at = None
    is_published = status is IdeaStatus.PUBLISHED
    asked_now = _asks_for_correction(last, own, status)
    return Receipt(
        idea_id=idea_id,
        number=idea.number,
        council=council.slug,
        council_title=council.title,
        status=status,
        received_at=idea.received_at,
        precision=idea.precision,
        language=idea.language,
        has_address=session.get(Contact, idea_id) is not None,
        is_withheld=_is_withheld(session, idea_id),
        text=own.text,
        author=own.author,
        public_text=idea.public_text if is_published else None,
        public_author=idea.public_author if is_published else None,
        decided_at=turn.decided_at if turn and status in _DECIDED else None,
        was_public=turn is not None and turn.status_before is IdeaStatus.PUBLISHED,
        is_back=turn is not None and status is IdeaStatus.WAITING,
        rule=session.get(Rule, idea.rule_id) if status is IdeaStatus.REJECTED else None,
        reason_text=turn.reason_text if turn and status is IdeaStatus.REJECTED else None,
        target=_target(session, idea) if status is IdeaStatus.MERGED else None,
        answer=_answer(session, idea, status),
        corrected=own.kind is TextKind.CORRECTION and own.version > (idea.public_version or 1),
        asked_again_at=again_at,
        asked_to_correct=asked_now.reason_text if asked_now else None,
        asked_at=asked_now.decided_at if asked_now else None,
        wait_days=-(-council.wait_limit_h // 24) if council.wait_limit_h else None,
        by_person=turn is not None and turn.staff_id is not None,
        by_policy=turn is not None and turn.kind is DecisionKind.POLICY,
        may_publish_itself=council.publishes_clear and not idea.source.is_from_elsewhere,
        target_waits=status is IdeaStatus.MERGED and _waits(session, idea.merged_into),
    )


def _asks_for_correction(
    last: Decision | None, own: IdeaText, status: IdeaStatus
) -> Decision | None:
    """Return the decision that asks the writer to mend the text, while they have not."""
    if last is None or last.kind is not DecisionKind.ASK_CORRECTION:
        return None
    is_open = status is IdeaStatus.WAITING and own.version <= last.text_version
    return last if is_open else None


def withdraw_idea(session: SqlSession, token: str) -> None:
    """Take the idea back. The public stops seeing it with this transaction; again is harmless.

    Raises LookupError for an unknown token.
    """
    idea = _owned(session, token)
    if not _is_withdrawn(session, idea):
        outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.WITHDRAW))


def correct_idea(session: SqlSession, token: str, fields: Mapping[str, str]) -> None:
    """Store a corrected text as a new text version; the old public one stands until it is accepted.

    The same words again change nothing.

    Raises LookupError for an unknown token, FormError, and NoLongerPossibleError for an idea that
    is withdrawn, merged or destroyed.
    """
    form = IdeaForm.checked({name: fields.get(name, "") for name in ("text", "author")})
    idea = _owned(session, token)
    is_gone = idea.destroyed_at is not None
    if is_gone or idea.status in _FIXED or _is_withdrawn(session, idea):
        raise NoLongerPossibleError
    latest = session.scalars(
        select(IdeaText)
        .where(IdeaText.idea_id == idea.id)
        .order_by(IdeaText.version.desc())
        .limit(1)
    ).one()
    if (latest.text, latest.author) == (form.text, form.author):
        return
    corrected = IdeaText(
        idea_id=idea.id,
        version=latest.version + 1,
        kind=TextKind.CORRECTION,
        text=form.text,
        author=form.author,
        folded=fold_text(form.text),
    )
    session.add(corrected)
    outbox.record_event(
        session,
        ReceiptAction(idea.id, ReceiptVerb.CORRECT, text_version=corrected.version),
    )


def ask_again(session: SqlSession, token: str) -> None:
    """Ask that a person looks at the decision again; once per decision.

    Raises LookupError for an unknown token, NoLongerPossibleError when nothing is decided, or the
    words that it was about are destroyed.
    """
    idea = _owned(session, token)
    receipt = read_receipt(session, token)
    if receipt is None or receipt.status not in _DECIDED or receipt.text is None:
        raise NoLongerPossibleError
    if receipt.can_ask_again:
        outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.RE_REVIEW))


def report_idea(session: SqlSession, idea_id: UUID, rule_code: str | None) -> None:
    """Tell the moderators that a reader finds a public idea to be against a rule, or wrong."""
    outbox.record_event(session, ReceiptAction(idea_id, ReceiptVerb.REPORT, rule_code=rule_code))


def agree_with_idea(session: SqlSession, idea_id: UUID, place: bytes) -> None:
    """Count a reader as a supporter of a public idea; nothing of theirs is stored.

    From one place once: who wrote the idea, or sent in the same and was counted, counts already.
    """
    counted = or_(
        Idea.id == idea_id, (Idea.merged_into == idea_id) & Idea.counts_as_support.is_(True)
    )
    is_counted = session.scalar(select(exists().where(counted, Idea.sender_hash == place)))
    if not is_counted:
        values = {"idea_id": idea_id, "sender_hash": place, "agreed_at": utcnow()}
        session.execute(insert(Agreement).values(values).on_conflict_do_nothing())


def _owned(session: SqlSession, token: str) -> Idea:
    """Lock the idea, as moderation does: two requests, or a request and a mask, take turns."""
    idea_id = receipts.find_receipt(session, token)
    if idea_id is None:
        raise LookupError
    return lock_idea(session, idea_id)


def _is_withheld(session: SqlSession, idea_id: UUID) -> bool:
    withheld = exists().where(Letter.idea_id == idea_id, Letter.error == WITHHELD)
    return bool(session.scalar(select(withheld)))


def _asked(session: SqlSession, idea_id: UUID) -> dict[ReceiptVerb, datetime]:
    """Return what was asked for, each with the last time."""
    verb = ReceiptAction.stored_verb()
    rows = session.execute(
        select(verb, func.max(OutboxEvent.occurred_at))
        .where(OutboxEvent.subject_id == idea_id, ReceiptAction.stored())
        .group_by(verb)
    )
    return {ReceiptVerb(row[0]): row[1] for row in rows}


def _last_decision(
    session: SqlSession, idea_id: UUID, *which: ColumnElement[bool]
) -> Decision | None:
    return session.scalar(
        select(Decision)
        .where(Decision.idea_id == idea_id, *which)
        .order_by(Decision.seq.desc())
        .limit(1)
    )


def _is_withdrawn(session: SqlSession, idea: Idea) -> bool:
    return idea.status is IdeaStatus.WITHDRAWN or ReceiptVerb.WITHDRAW in _asked(session, idea.id)


def _answer(session: SqlSession, idea: Idea, status: IdeaStatus) -> Answer | None:
    if status is IdeaStatus.PUBLISHED:
        return published.official_answer(session, idea.id)
    if status is IdeaStatus.MERGED and idea.merged_into is not None:
        return published.official_answer(session, idea.merged_into)
    return None


def _waits(session: SqlSession, idea_id: UUID | None) -> bool:
    target = session.get(Idea, idea_id) if idea_id else None
    return target is not None and target.status in {IdeaStatus.RECEIVED, IdeaStatus.WAITING}


def _target(session: SqlSession, idea: Idea) -> str | None:
    """Return the number of the idea it was merged into, when that one is public."""
    target = session.get_one(Idea, idea.merged_into)
    public = target.status is IdeaStatus.PUBLISHED and not _is_withdrawn(session, target)
    return target.number if public else None
