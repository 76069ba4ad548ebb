"""When a digest is due: hours of the city's clock, days of the week, Swedish working days.

A slot is named by what the clock on the wall shows ("2026-11-23T07"), so it comes once a day
whatever summer time does: an hour that does not exist has come when the clock has gone past it, and
one that comes twice counts when it first comes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared import red_days
from shared.models import Rhythm

ALL_DAYS = frozenset(range(1, 8))
# Past so many days without a slot there is none: nobody works on Sundays only.
_LOOKS_DAYS = 40


@dataclass(frozen=True, slots=True)
class Schedule:
    """When somebody wants a digest. Days are numbered from Monday, 1 (ISO 8601)."""

    rhythm: Rhythm = Rhythm.DAILY
    hour: int = 7
    # Every so many hours from `hour` to `until_hour`.
    every_hours: int = 3
    until_hour: int = 23
    # Of the days, when it comes every day or several times a day; the day, when once a week.
    weekdays: frozenset[int] = field(default=ALL_DAYS)
    weekday: int = 1
    # Once a week it then waits for the next working day.
    working_days_only: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """One hour at which a digest is due: its name on the city's clock, and when that is."""

    name: str
    at: datetime


def find_following_slot(schedule: Schedule, after: datetime, timezone: ZoneInfo) -> Slot | None:
    """Return the first slot after a moment; None when there will be none."""
    today = after.astimezone(timezone).date()
    days = (today + timedelta(days=ahead) for ahead in range(_LOOKS_DAYS))
    return next(
        (slot for day in days for slot in slots_of(schedule, day, timezone) if slot.at > after),
        None,
    )


def find_latest_slot(schedule: Schedule, moment: datetime, timezone: ZoneInfo) -> Slot | None:
    """Return the last slot that has come by a moment; None when there has been none."""
    today = moment.astimezone(timezone).date()
    days = (today - timedelta(days=back) for back in range(_LOOKS_DAYS))
    return next(
        (
            slot
            for day in days
            for slot in reversed(slots_of(schedule, day, timezone))
            if slot.at <= moment
        ),
        None,
    )


def slots_of(schedule: Schedule, day: date, timezone: ZoneInfo) -> list[Slot]:
    """Return the slots of a day in their order, no two of them at one moment."""
    if not _is_chosen(schedule, day):
        return []
    # Of an hour that does not exist and the one after it, which are one moment, the later stays.
    at_moment = {
        _moment(day, hour, timezone): f"{day.isoformat()}T{hour:02}" for hour in _hours(schedule)
    }
    return [Slot(name, at) for at, name in at_moment.items()]


def _hours(schedule: Schedule) -> Iterator[int]:
    if schedule.rhythm is Rhythm.HOURS:
        yield from range(schedule.hour, schedule.until_hour + 1, schedule.every_hours)
    else:
        yield schedule.hour


def _is_chosen(schedule: Schedule, day: date) -> bool:
    if schedule.rhythm is Rhythm.WEEKLY:
        chosen = day - timedelta(days=(day.isoweekday() - schedule.weekday) % 7)
        if schedule.working_days_only:
            chosen = next(filter(red_days.is_working, _days_from(chosen)))
        return day == chosen
    return day.isoweekday() in schedule.weekdays and (
        not schedule.working_days_only or red_days.is_working(day)
    )


def _days_from(day: date) -> Iterator[date]:
    while True:
        yield day
        day += timedelta(days=1)


def _moment(day: date, hour: int, timezone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(hour), timezone).astimezone(UTC)
