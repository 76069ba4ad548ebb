"""Who gets digests, when and of what: each for themselves, administrators for anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests.readers import TOLD, USUAL, Wanted, schedule_of
from services.notify.digests.schedules import Schedule
from shared.clock import utcnow
from shared.models import Council, Staff, Subscription


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody has chosen; `language` is empty for the account's."""

    staff_id: UUID
    name: str
    is_on: bool = True
    schedule: Schedule = USUAL
    wanted: Wanted = Wanted()  # noqa: RUF009 - frozen
    language: str | None = None
    calm_note: bool = False

    def recorded(self) -> dict[str, Any]:
        """Return it as the log of changes keeps it."""
        return {
            "daily": self.is_on,
            "rhythm": self.schedule.rhythm.value,
            "hour": self.schedule.hour,
            "until_hour": self.schedule.until_hour,
            "every_hours": self.schedule.every_hours,
            "weekdays": ",".join(str(day) for day in sorted(self.schedule.weekdays)),
            "weekly_on": str(self.schedule.weekday),
            "working_days_only": self.schedule.working_days_only,
            "council_ids": _listed(self.wanted.council_ids),
            "lanes": _listed(self.wanted.lanes),
            "language": self.language or "",
            "calm_note": self.calm_note,
        }


def list_choices(session: SqlSession) -> list[Choice]:
    """Return what everybody has chosen who can have a digest, in the order of their names."""
    rows = session.execute(_question())
    return sorted((_choice(*row) for row in rows), key=lambda each: each.name.lower())


def choice_of(session: SqlSession, staff_id: UUID) -> Choice | None:
    """Return what somebody has chosen; None for who can have no digest."""
    row = session.execute(_question().where(Staff.id == staff_id)).one_or_none()
    return None if row is None else _choice(*row)


def store_choice(session: SqlSession, chosen: Choice) -> Choice:
    """Store a choice, and return it as it was.

    Another rhythm waits for its first hour. Raises LookupError for somebody who can have no digest.
    """
    before = choice_of(session, chosen.staff_id)
    if before is None:
        raise LookupError
    moved = (before.is_on, before.schedule) != (chosen.is_on, chosen.schedule)
    values = _values(chosen) | ({"chosen_at": utcnow()} if moved else {})
    session.execute(
        insert(Subscription)
        .values(staff_id=chosen.staff_id, **values)
        .on_conflict_do_update(index_elements=["staff_id"], set_=values)
    )
    return before


def turn_off(session: SqlSession, staff_id: UUID) -> None:
    """Send somebody no more digests; what else they chose is kept for when they want them again."""
    session.execute(
        insert(Subscription)
        .values(staff_id=staff_id, daily=False)
        .on_conflict_do_update(index_elements=["staff_id"], set_={"daily": False})
    )


def list_councils(session: SqlSession) -> Sequence[tuple[int, str]]:
    """Return the councils that can be chosen, the newest first."""
    rows = session.execute(select(Council.id, Council.title).order_by(Council.id.desc()))
    return [(row.id, row.title) for row in rows]


def _question() -> Any:
    return (
        select(Staff, Subscription)
        .outerjoin(Subscription, Subscription.staff_id == Staff.id)
        .where(Staff.disabled_at.is_(None), Staff.role.in_(TOLD))
        .execution_options(populate_existing=True)
    )


def _choice(staff: Staff, stored: Subscription | None) -> Choice:
    name = staff.name or staff.email
    if stored is None:
        return Choice(staff.id, name)
    return Choice(
        staff.id,
        name,
        stored.wanted,
        schedule_of(stored),
        Wanted.of(stored.council_ids, stored.lanes),
        stored.language,
        stored.calm_note,
    )


def _values(chosen: Choice) -> dict[Any, Any]:
    schedule = chosen.schedule
    return {
        "daily": chosen.is_on,
        "rhythm": schedule.rhythm,
        "hour": schedule.hour,
        "every_hours": schedule.every_hours,
        "until_hour": schedule.until_hour,
        "weekdays": sorted(schedule.weekdays),
        "weekday": schedule.weekday,
        "working_days_only": schedule.working_days_only,
        **chosen.wanted.stored(),
        "language": chosen.language,
        "calm_note": chosen.calm_note,
    }


def _listed(some: frozenset[Any] | None) -> str:
    return "" if some is None else ",".join(str(each) for each in sorted(some))
