"""What the desk shows of letters: numbers, states and times; no address, no words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Idea, Letter, LetterState

COUNTED_DAYS = 30
PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters to show: in one state, of one kind, about one idea, before one of them."""

    state: LetterState | None = None
    template: str | None = None
    number: str | None = None
    before: UUID | None = None

    def but(self, **other: object) -> dict[str, object]:
        """Return the filter as the page's address has it, with other values for some of it."""
        own = {
            "state": self.state.value if self.state else None,
            "template": self.template,
            "number": self.number,
        }
        return {name: value for name, value in (own | other).items() if value}


@dataclass(frozen=True, slots=True)
class LetterRow:
    """One letter as the ledger has it; `number` is empty for one to staff."""

    id: UUID
    template: str
    number: str | None
    state: LetterState
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    error: str | None
    is_digest: bool
    released_at: datetime | None


_ROWS = select(
    Letter.id,
    Letter.template,
    Idea.number,
    Letter.state,
    Letter.created_at,
    Letter.due_at,
    Letter.sent_at,
    Letter.attempts,
    Letter.error,
    Letter.digest_id.is_not(None),
    Letter.released_at,
).outerjoin(Idea, Idea.id == Letter.idea_id)


def count_letters(session: SqlSession, now: datetime) -> dict[LetterState, int]:
    """Count the letters of the last 30 days by state, every state named."""
    found = dict(
        session.execute(
            select(Letter.state, func.count())
            .where(Letter.id >= _first_id_of(now - timedelta(days=COUNTED_DAYS)))
            .group_by(Letter.state)
        ).all()
    )
    return {state: found.get(state, 0) for state in LetterState}


def list_letters(session: SqlSession, wanted: Wanted) -> list[LetterRow]:
    """Return a page of letters, newest first."""
    asked = _ROWS.order_by(Letter.id.desc()).limit(PAGE)
    if wanted.state is not None:
        asked = asked.where(Letter.state == wanted.state)
    if wanted.template is not None:
        asked = asked.where(Letter.template == wanted.template)
    if wanted.number is not None:
        # A number of its own: the planner then walks the letters of one idea.
        idea = select(Idea.id).where(Idea.number == wanted.number).scalar_subquery()
        asked = asked.where(Letter.idea_id == idea)
    if wanted.before is not None:
        asked = asked.where(Letter.id < wanted.before)
    return [LetterRow(*row) for row in session.execute(asked)]


def list_chosen(
    session: SqlSession, ids: Sequence[UUID], which: ColumnElement[bool]
) -> list[LetterRow]:
    """Return those of some letters that `which` fits, newest first."""
    asked = _ROWS.where(Letter.id.in_(ids), which).order_by(Letter.id.desc())
    return [LetterRow(*row) for row in session.execute(asked)]


def _first_id_of(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 of a moment (RFC 9562 §5.7): ids are in the order of time."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
