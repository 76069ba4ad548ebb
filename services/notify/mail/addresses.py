"""Addresses that letters do not reach: no more are sent there until a person tries again.

An address is known by whose it is, a member of staff's or that of an idea's writer, and stands
nowhere but where it always did. A dead address of a member of staff is an incident, which somebody
must see to; a writer who mistyped theirs is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as SqlSession

from services.notify.mail import incidents
from shared.clock import utcnow
from shared.delivery.events import ReportOfNoLetter
from shared.models import (
    DeadAddress,
    Idea,
    IncidentKind,
    Letter,
    LetterState,
    OutboxEvent,
    Staff,
)

# Reports are looked for among so many events, so that a page costs the same however many there are.
_EVENTS = 50_000
# As the page says it.
_STRAY = timedelta(days=30)
# Why a letter was cancelled, as its `error` says.
ADDRESS_DEAD = "address dead"
PAGE = 200


@dataclass(frozen=True, slots=True)
class Dead:
    """A dead address at the desk: whose (a name, or the number of an idea), why, and since when."""

    id: UUID
    name: str | None
    number: str | None
    reason: str
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Stray:
    """Reports about letters that nobody knows: how many came lately, and when the last did."""

    number: int
    last_at: datetime


def read_stray(session: SqlSession) -> Stray | None:
    """Return what has come lately of reports about letters that nobody knows."""
    newest = (
        select(OutboxEvent.kind, OutboxEvent.occurred_at)
        .order_by(OutboxEvent.id.desc())
        .limit(_EVENTS)
        .subquery()
    )
    number, last_at = session.execute(
        select(func.count(), func.max(newest.c.occurred_at)).where(
            newest.c.kind == ReportOfNoLetter.__name__,
            newest.c.occurred_at > utcnow() - _STRAY,
        )
    ).one()
    return Stray(number, last_at) if number else None


def reaches_staff(staff_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """Say, in a question about members of staff, whether letters reach them."""
    return ~exists().where(DeadAddress.staff_id == staff_id, DeadAddress.revived_at.is_(None))


def is_dead() -> ColumnElement[bool]:
    """Say, in a question about letters, whether one must not go to where it would go.

    A link for a new password goes: somebody asked for it just now.
    """
    of_staff = and_(DeadAddress.staff_id == Letter.staff_id, Letter.reset_id.is_(None))
    of_writer = or_(
        DeadAddress.idea_id == Letter.idea_id, DeadAddress.idea_id == Letter.received_id
    )
    return exists().where(DeadAddress.revived_at.is_(None), or_(of_staff, of_writer))


def bury_address(session: SqlSession, letter: Letter, reason: str) -> None:
    """Send nothing more to where a letter went; again is harmless.

    An invitation goes to somebody who is nobody yet: that it did not arrive is all there is to say.
    """
    whose = _whose(letter)
    if whose is None:
        return
    session.execute(
        insert(DeadAddress)
        .values(letter_id=letter.id, reason=reason, **whose)
        .on_conflict_do_nothing()
    )
    if "staff_id" in whose:
        incidents.open_or_see(session, IncidentKind.BOUNCED, str(whose["staff_id"]))


def revive_address(session: SqlSession, dead_id: UUID, by: UUID) -> DeadAddress:
    """Let letters go to an address again, also those that were cancelled because it was dead.

    Raises LookupError for one that is not dead.
    """
    dead: DeadAddress | None = session.scalar(
        update(DeadAddress)
        .where(DeadAddress.id == dead_id, DeadAddress.revived_at.is_(None))
        .values(revived_at=utcnow(), revived_by=by)
        .returning(DeadAddress)
    )
    if dead is None:
        raise LookupError
    if dead.staff_id is not None:
        incidents.resolve_incident(session, IncidentKind.BOUNCED, str(dead.staff_id))
    else:
        _let_go(session, dead)
    return dead


def _let_go(session: SqlSession, dead: DeadAddress) -> None:
    """Let a writer's letters wait again; a digest is not told late, the next one tells all."""
    session.execute(
        update(Letter)
        .where(
            or_(Letter.idea_id == dead.idea_id, Letter.received_id == dead.idea_id),
            Letter.error == ADDRESS_DEAD,
        )
        .values(state=LetterState.WAITING, error=None)
    )


def list_dead(session: SqlSession) -> Sequence[Dead]:
    """Return the dead addresses, those of staff first, then the newest first."""
    rows = session.execute(
        select(
            DeadAddress.id,
            func.coalesce(func.nullif(Staff.name, ""), Staff.email),
            Idea.number,
            DeadAddress.reason,
            DeadAddress.found_at,
        )
        .outerjoin(Staff, Staff.id == DeadAddress.staff_id)
        .outerjoin(Idea, Idea.id == DeadAddress.idea_id)
        .where(DeadAddress.revived_at.is_(None))
        .order_by(DeadAddress.staff_id.is_(None), DeadAddress.found_at.desc(), DeadAddress.id)
        .limit(PAGE)
    )
    return [Dead(*row) for row in rows]


def _whose(letter: Letter) -> dict[str, Any] | None:
    if letter.staff_id is not None:
        return {"staff_id": letter.staff_id}
    idea_id = letter.idea_id or letter.received_id
    return None if idea_id is None else {"idea_id": idea_id}
