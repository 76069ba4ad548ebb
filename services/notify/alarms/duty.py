"""Who is on duty: the week's plan, red days, and replacements by date, on the city's clock.

A red day follows the plan for red days and no other. Whoever is away is replaced by whom the newest
replacement names, who may be away in turn. Accounts that are closed, or may not decide, have no
duty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared import red_days
from shared.models import DutyCover, DutyShift, Role, Staff

# The eighth day of the plan.
RED_DAY = 7
# Who can do something about what an alarm tells.
ABLE = (Role.MODERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff who can be on duty."""

    id: UUID
    name: str
    role: Role
    language: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A person's duty from one moment to another; `instead_of` is whose it would have been."""

    person: Person
    day: date
    begins: datetime
    ends: datetime
    instead_of: str | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is going on."""
        return self.begins <= now < self.ends


def list_people(session: SqlSession) -> dict[UUID, Person]:
    """Return those who can be on duty, in the order of their names."""
    rows = session.execute(
        select(
            Staff.id,
            func.coalesce(func.nullif(Staff.name, ""), Staff.email),
            Staff.role,
            Staff.language,
        ).where(Staff.disabled_at.is_(None), Staff.role.in_(ABLE))
    )
    found = sorted((Person(*row) for row in rows), key=lambda each: each.name.lower())
    return {each.id: each for each in found}


def on_duty(session: SqlSession, now: datetime, timezone: ZoneInfo) -> list[Person]:
    """Return who is on duty now, each once."""
    today = now.astimezone(timezone).date()
    holding = [turn.person for turn in list_turns(session, today, 1, timezone) if turn.holds(now)]
    return list(dict.fromkeys(holding))


def list_turns(session: SqlSession, first: date, days: int, timezone: ZoneInfo) -> list[Turn]:
    """Return all duty of so many days, what began the day before and still lasts included."""
    shifts = session.scalars(select(DutyShift).order_by(DutyShift.id)).all()
    # The day before has shifts that end on the first.
    every = [first + timedelta(days=n) for n in range(-1, days)]
    covers = session.scalars(
        select(DutyCover)
        .where(DutyCover.last_day >= every[0], DutyCover.first_day <= every[-1])
        .order_by(DutyCover.id)
    ).all()
    able = list_people(session)
    begun = _moment(first, time(), timezone)
    found = [
        turn
        for day in every
        for shift in shifts
        if shift.day == day_of_plan(day)
        and (turn := _turn(shift, day, covers, able, timezone)) is not None
        and turn.ends > begun
    ]
    return sorted(found, key=lambda turn: (turn.begins, turn.ends, turn.person.name))


def day_of_plan(day: date) -> int:
    """Return the day of the plan that a date follows."""
    return RED_DAY if red_days.is_red(day) else day.weekday()


def _turn(
    shift: DutyShift,
    day: date,
    covers: Sequence[DutyCover],
    able: Mapping[UUID, Person],
    timezone: ZoneInfo,
) -> Turn | None:
    holder = _holder(shift.staff_id, [each for each in covers if _is_on(each, day)])
    if holder is None or holder not in able:
        return None
    last = day + timedelta(days=shift.ends <= shift.begins)
    own = able.get(shift.staff_id)
    return Turn(
        able[holder],
        day,
        _moment(day, shift.begins, timezone),
        _moment(last, shift.ends, timezone),
        None if holder == shift.staff_id or own is None else own.name,
    )


def _holder(staff_id: UUID, covers: Iterable[DutyCover]) -> UUID | None:
    """Follow the replacements of a day to who is there; None when nobody is."""
    away = {each.staff_id: each.cover_id for each in covers}
    holder: UUID | None = staff_id
    asked = set()
    while holder in away:
        if holder in asked:
            return None  # they replace each other
        asked.add(holder)
        holder = away[holder]
    return holder


def _is_on(cover: DutyCover, day: date) -> bool:
    return cover.first_day <= day <= cover.last_day


def _moment(day: date, at: time, timezone: ZoneInfo) -> datetime:
    """Return the moment when the city's clock shows this; the first of two.

    An hour that is skipped has come when the clock has gone beyond it. In UTC, because moments of
    one zone are compared by what its clock shows.
    """
    return datetime.combine(day, at, timezone).astimezone(UTC)
