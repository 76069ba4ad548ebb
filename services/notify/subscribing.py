"""Who gets the daily digest, and at what hour: each for themselves, administrators for anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import TOLD, USUAL_HOUR
from shared.models import Staff, Subscription

HOURS = range(24)


@dataclass(frozen=True, slots=True)
class Choice:
    """When a member of staff gets the digest: `hour` is of the city's clock."""

    staff_id: UUID
    name: str
    daily: bool
    hour: int


def choices(session: SqlSession) -> Sequence[Choice]:
    """Return what everybody has chosen who can have a digest, in the order of their names."""
    return sorted(
        (Choice(*row) for row in session.execute(_choices())), key=lambda each: each.name.lower()
    )


def choose(session: SqlSession, staff_id: UUID, *, daily: bool, hour: int) -> tuple[Choice, Choice]:
    """Store a choice, and return it as it was and as it is.

    Raises LookupError for somebody who can have no digest, ValueError for no hour of a day.
    """
    if hour not in HOURS:
        raise ValueError(hour)
    row = session.execute(_choices().where(Staff.id == staff_id)).one_or_none()
    if row is None:
        raise LookupError
    before = Choice(*row)
    chosen = {"daily": daily, "hour": hour}
    session.execute(
        insert(Subscription)
        .values(staff_id=staff_id, **chosen)
        .on_conflict_do_update(index_elements=["staff_id"], set_=chosen)
    )
    return before, Choice(staff_id, before.name, daily, hour)


def turn_off(session: SqlSession, staff_id: UUID) -> None:
    """Send somebody no more digests; their hour is kept for when they want them again."""
    session.execute(
        insert(Subscription)
        .values(staff_id=staff_id, daily=False)
        .on_conflict_do_update(index_elements=["staff_id"], set_={"daily": False})
    )


def _choices() -> Select[UUID, str, bool, int]:
    return (
        select(
            Staff.id,
            func.coalesce(func.nullif(Staff.name, ""), Staff.email),
            func.coalesce(Subscription.daily, True),
            func.coalesce(Subscription.hour, USUAL_HOUR),
        )
        .outerjoin(Subscription, Subscription.staff_id == Staff.id)
        .where(Staff.disabled_at.is_(None), Staff.role.in_(TOLD))
    )
