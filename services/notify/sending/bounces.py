"""Letters that came back, and when that means that an address is dead.

At once when the mail server says that the address is not there, or when its owner calls our letters
spam. Otherwise when the last three letters to it were all refused for good or came back: a full
mailbox, a server that dislikes one letter, are no reason to give anybody up.
"""

import logging
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session as SqlSession

from services.notify.mail import addresses
from services.notify.mail.letters import BOUNCED, COMPLAINED, UNCLEAR
from shared.delivery import outbox
from shared.models import BounceKind, Letter, LetterState

log = logging.getLogger(__name__)

# RFC 3463: no such mailbox, no such domain, bad syntax, moved away, takes no mail; switched off.
NOT_THERE = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
# Why an address is dead, beside what a mail server said.
REFUSED = "refused"
STRIKES = 3
_ENDED = (LetterState.SENT, LetterState.FAILED)


def act_on_bounces(session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery]) -> None:
    """Act on a batch of reports of letters that came back, and mark it done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    for delivery in deliveries:
        kind = BounceKind(delivery.payload["kind"])
        came_back(session, delivery.subject_id, kind, delivery.payload["status"])


def came_back(
    session: SqlSession, letter_id: UUID, kind: BounceKind, status: str | None = None
) -> None:
    """Note that a letter which had left did not arrive, or was unwelcome; once."""
    if kind is BounceKind.UNKNOWN:
        # It may have arrived: it stays sent, and says so at the desk.
        session.execute(
            update(Letter)
            .where(Letter.id == letter_id, Letter.state == LetterState.SENT, Letter.error.is_(None))
            .values(error=UNCLEAR)
        )
        return
    complained = kind is BounceKind.COMPLAINT
    letter = session.scalar(
        update(Letter)
        .where(Letter.id == letter_id, Letter.state != LetterState.CANCELLED, _not_yet_known())
        .values(
            state=LetterState.FAILED,
            error=COMPLAINED if complained else BOUNCED,
            sent_at=None,
            claimed_until=None,
        )
        .returning(Letter)
        .execution_options(populate_existing=True)
    )
    if letter is None:
        return
    log.warning("a letter came back", extra={"letter": str(letter_id), "status": status or ""})
    if complained:
        addresses.bury_address(session, letter, COMPLAINED)
    else:
        judge_refusal(session, letter, status)


def judge_refusal(session: SqlSession, letter: Letter, status: str | None) -> None:
    """Find out what a letter that was refused for good, or came back, says of its address."""
    if status in NOT_THERE:
        addresses.bury_address(session, letter, status)
    elif _strikes(session, letter) >= STRIKES:
        addresses.bury_address(session, letter, status or REFUSED)


def _strikes(session: SqlSession, letter: Letter) -> int:
    """Count how many letters to the same address in a row did not arrive, up to the last one."""
    last = session.execute(
        select(Letter.state, Letter.error)
        .where(_same_address(letter), Letter.state.in_(_ENDED))
        .order_by(Letter.id.desc())
        .limit(STRIKES)
    ).all()
    return next((n for n, row in enumerate(last) if not _is_strike(*row)), len(last))


def _is_strike(state: LetterState, error: str | None) -> bool:
    """A reply of 5xx, or a letter that came back; not that we gave up, nor what nobody knows."""
    came_back_or_refused = error == BOUNCED or (error or "").startswith("5")
    return state is LetterState.FAILED and came_back_or_refused


def _same_address(letter: Letter) -> ColumnElement[bool]:
    if letter.staff_id is not None:
        return Letter.staff_id == letter.staff_id
    idea_id = letter.idea_id or letter.received_id
    return or_(Letter.idea_id == idea_id, Letter.received_id == idea_id)


def _not_yet_known() -> ColumnElement[bool]:
    return or_(Letter.error.is_(None), Letter.error.not_in((BOUNCED, COMPLAINED)))
