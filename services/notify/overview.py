"""What the desk shows of letters: numbers, states and times; no address, no words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Idea, Letter, LetterState

COUNTED_DAYS = 30
PAGE = 50


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One letter as the ledger has it; `number` is empty for a digest."""

    id: UUID
    template: str
    number: str | None
    state: LetterState
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    error: str | None


def counts(session: SqlSession, now: datetime) -> dict[LetterState, int]:
    """Count the letters of the last 30 days by state, every state named."""
    found = dict(
        session.execute(
            select(Letter.state, func.count())
            .where(Letter.id >= _first_id_of(now - timedelta(days=COUNTED_DAYS)))
            .group_by(Letter.state)
        ).all()
    )
    return {state: found.get(state, 0) for state in LetterState}


def latest(
    session: SqlSession, *, state: LetterState | None = None, before: UUID | None = None
) -> list[LetterRow]:
    """Return a page of letters, newest first; `before` is the id of the last one seen."""
    wanted = (
        select(
            Letter.id,
            Letter.template,
            Idea.number,
            Letter.state,
            Letter.created_at,
            Letter.due_at,
            Letter.sent_at,
            Letter.attempts,
            Letter.error,
        )
        .outerjoin(Idea, Idea.id == Letter.idea_id)
        .order_by(Letter.id.desc())
        .limit(PAGE)
    )
    if state is not None:
        wanted = wanted.where(Letter.state == state)
    if before is not None:
        wanted = wanted.where(Letter.id < before)
    return [LetterRow(*row) for row in session.execute(wanted)]


def _first_id_of(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of a moment (RFC 9562 §5.7): ids are in the order of time."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
