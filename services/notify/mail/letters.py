"""Which decisions owe the writer a letter, and the rows of the ledger that say so.

The row comes first, with its Message-ID; the words come when it is sent (`composing`), so that
nothing is said that is no longer true. A writer without an address has no row.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.addresses import mailboxes
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.ids import new_id
from shared.models import (
    Contact,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    Letter,
    LetterState,
    OutboxEvent,
)
from shared.telemetry import request_ids

CORRECTED = "corrected"
DIGEST = "digest"

# The template of the letter that a kind of decision owes its writer.
OWED: Mapping[DecisionKind, str] = MappingProxyType(
    {
        DecisionKind.PUBLISH: "published",
        DecisionKind.REJECT: "rejected",
        DecisionKind.MERGE: "merged",
        DecisionKind.MASK: "masked",
        DecisionKind.ACCEPT_CORRECTION: "published",
        DecisionKind.ASK_CORRECTION: "correction-asked",
    }
)
# A later decision of these kinds makes an earlier letter untrue.
REPLACING = (
    DecisionKind.PUBLISH,
    DecisionKind.ACCEPT_CORRECTION,
    DecisionKind.REJECT,
    DecisionKind.MERGE,
    DecisionKind.REOPEN,
)

# Why a letter was cancelled, as its `error` says.
UNDONE = "undone"
SUPERSEDED = "superseded"
# A worker died with it in its hands: nobody knows whether it left.
INTERRUPTED = "interrupted"
# It left, and a mail server elsewhere has reported that it did not arrive.
BOUNCED = "bounced"
# It left, and a mail server has reported something of it that nobody understands.
UNCLEAR = "unclear report"
# It arrived, and its reader has called it spam.
COMPLAINED = "complaint"

# Literally as in the partial index of what is on its way.
ON_ITS_WAY = text("letters.state IN ('waiting', 'claimed')")


def find_owed(decision: Decision) -> str | None:
    """Return the template of the letter that a decision owes its writer, if any.

    An import and a council's own policy never write; masking does when the words were public.
    """
    if decision.kind is DecisionKind.MASK and decision.status_before is not IdeaStatus.PUBLISHED:
        return None
    return OWED.get(decision.kind)


def may_have_left(letter: Letter) -> bool:
    """Whether somebody may have read the letter."""
    return letter.state in {LetterState.CLAIMED, LetterState.SENT} or letter.error == INTERRUPTED


def give_up_interrupted(session: SqlSession) -> None:
    """Note that the digests in the hands of dead workers may or may not have left."""
    session.execute(
        update(Letter)
        .where(
            ON_ITS_WAY,
            Letter.digest_id.is_not(None),
            Letter.state == LetterState.CLAIMED,
            Letter.claimed_until < utcnow(),
        )
        .values(state=LetterState.FAILED, error=INTERRUPTED, claimed_until=None)
        .execution_options(synchronize_session=False)
    )


def find_request(session: SqlSession, letter: Letter) -> str:
    """Return the request that a letter to a writer belongs to, or nothing."""
    about = letter.decision_id or letter.answer_id
    if letter.idea_id is None or not (about or letter.received_id):
        return ""
    is_it = (
        OutboxEvent.kind == "IdeaChecked"
        if about is None
        else func.coalesce(
            OutboxEvent.payload["decision_id"].astext, OutboxEvent.payload["answer_id"].astext
        )
        == str(about)
    )
    # Of a writer whose idea was merged the letter tells of another one's answer.
    found = session.scalar(
        select(OutboxEvent.payload[request_ids.KEY].astext)
        .where(OutboxEvent.subject_id == letter.idea_id, is_it)
        .order_by(OutboxEvent.id)
        .limit(1)
    )
    return found or ""


def message_id(letter_id: UUID, mail_from: str) -> str:
    """Return the Message-ID of a letter: its own id at the sender's host (RFC 5322 §3.6.4)."""
    return f"<{letter_id}@{host_of(mail_from)}>"


def host_of(mail_from: str) -> str:
    """Return the host of a sender, as headers take it."""
    return mailboxes.of_sender(mail_from)[1].rpartition("@")[2]


def return_path(letter_id: UUID, settings: Settings) -> str | None:
    """Return the sender on the envelope that says which letter came back; None for the usual one.

    Some mail services give a letter another Message-ID; its return path they keep.
    """
    before, star, after = settings.bounce_address.partition("*")
    return mailboxes.as_sent(f"{before}{letter_id.hex}{after}") if star else None


def write_decision_letters(
    session: SqlSession,
    batch: UUID,
    deliveries: Sequence[outbox.Delivery],
    settings: Settings,
) -> None:
    """Write the ledger rows that a batch of decisions owes, and mark the batch done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    decisions = session.scalars(
        select(Decision)
        .where(Decision.id.in_({UUID(each.payload["decision_id"]) for each in deliveries}))
        .order_by(Decision.seq)
    ).all()
    languages = dict(
        session.execute(
            select(Idea.id, Idea.language)
            .join(Contact, Contact.idea_id == Idea.id)
            .where(Idea.id.in_({decision.idea_id for decision in decisions}))
        ).all()
    )
    for decision in decisions:
        language = languages.get(decision.idea_id)
        if language is None:
            continue  # no address: no letter and no trace
        if decision.kind is DecisionKind.UNDO:
            _after_undo(session, decision, language, settings)
        elif template := find_owed(decision):
            _add(session, decision, template, language, settings)


def _add(
    session: SqlSession, decision: Decision, template: str, language: str, settings: Settings
) -> None:
    # Should the decision have been undone already, the claim will find out and cancel it.
    enter_letter(
        session,
        settings,
        template=template,
        language=language,
        idea_id=decision.idea_id,
        decision_id=decision.id,
        rule_id=decision.rule_id,
        due_at=decision.decided_at + timedelta(seconds=settings.undo_seconds),
    )


def enter_letter(session: SqlSession, settings: Settings, **about: Any) -> None:
    """Write the row of a letter, with its Message-ID; where there is one already, nothing."""
    letter_id = new_id()
    session.execute(
        insert(Letter)
        .values(id=letter_id, message_id=message_id(letter_id, settings.mail_from), **about)
        .on_conflict_do_nothing()
    )


def _after_undo(session: SqlSession, undo: Decision, language: str, settings: Settings) -> None:
    """Cancel the letter of the undone decision; when it may have left, a correcting one is owed."""
    # A claim that is under way ends first; then we know whether the letter was waiting.
    letter = session.scalar(
        select(Letter).where(Letter.decision_id == undo.undoes).with_for_update()
    )
    if letter is not None and may_have_left(letter):
        _add(session, undo, CORRECTED, language, settings)
        return
    if letter is not None and letter.state is LetterState.WAITING:
        letter.state = LetterState.CANCELLED
        letter.error = UNDONE
    # The letter that the undone decision had made untrue is true again.
    session.execute(
        update(Letter)
        .where(Letter.idea_id == undo.idea_id, Letter.error == SUPERSEDED)
        .values(state=LetterState.WAITING, error=None)
    )
