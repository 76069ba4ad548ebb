"""Who gets digests, when and of what: everybody who can act on what waits, until they say no."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, func, literal, or_, select
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import schedules
from services.notify.digests.schedules import Schedule, Slot
from services.notify.mail import addresses
from shared.models import Digest, Role, Staff, Subscription

# Who can have a digest at all: those who can do something about what waits.
TOLD = frozenset({Role.MODERATOR, Role.ADMIN})
USUAL = Schedule()
_SCHEDULE = (
    Subscription.rhythm,
    Subscription.hour,
    Subscription.every_hours,
    Subscription.until_hour,
    Subscription.weekday,
    Subscription.working_days_only,
    Subscription.weekdays,
)

# Whether digests go out to somebody: until they say no, and while mail reaches them.
IS_ON = (func.coalesce(Subscription.wanted, True) & addresses.reaches_staff(Staff.id)).label(
    "is_on"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the queue somebody wants to hear of; None is all of it."""

    council_ids: frozenset[int] | None = None
    lanes: frozenset[str] | None = None

    @classmethod
    def of(cls, council_ids: Iterable[int] | None, lanes: Iterable[str] | None) -> "Wanted":
        """Return it as the database has it."""
        return cls(
            None if council_ids is None else frozenset(council_ids),
            None if lanes is None else frozenset(lanes),
        )

    def has(self, council_id: int | None, lane: str | None) -> bool:
        """Whether what waits there is wanted; a place that nobody noted is everywhere."""
        return (
            self.council_ids is None or council_id is None or council_id in self.council_ids
        ) and (self.lanes is None or lane is None or lane in self.lanes)

    def has_all_of(self, other: "Wanted") -> bool:
        """Whether the other is a part of this."""
        return _holds(self.council_ids, other.council_ids) and _holds(self.lanes, other.lanes)

    def stored(self) -> dict[str, Any]:
        """Return the columns that hold it."""
        return {
            "council_ids": None if self.council_ids is None else sorted(self.council_ids),
            "lanes": None if self.lanes is None else sorted(self.lanes),
        }


@dataclass(frozen=True, slots=True)
class Reader:
    """A member of staff who gets digests; `since` nothing was owed before."""

    id: UUID
    email: str
    name: str
    language: str
    schedule: Schedule
    wanted: Wanted
    calm_note: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A reader whose hour has come."""

    reader: Reader
    slot: Slot


def list_readers(session: SqlSession) -> list[Reader]:
    """Return the moderators and administrators who want digests, in the order of their accounts."""
    return [make_reader(row) for row in session.execute(_readers())]


def find_reader(session: SqlSession, staff_id: UUID) -> Reader | None:
    """Return somebody as a reader, also when they have said no; None for who can have no digest."""
    row = session.execute(select_everybody().where(Staff.id == staff_id)).one_or_none()
    return None if row is None else make_reader(row)


def list_due(session: SqlSession, timezone: ZoneInfo, now: datetime) -> list[Due]:
    """Return those whose hour has come since their last digest, in the order of their accounts.

    Only the latest hour counts: what an outage made somebody miss is told in one mail. A new
    account, and a new choice, wait for their first hour.
    """
    slots: dict[object, Slot | None] = {}
    found: dict[UUID, Slot] = {}
    # Many are asked about and few are due: no more is read of the others than this needs.
    for row in session.execute(_wanting(Staff.id, _since(), *_SCHEDULE)):
        staff_id, since, *chosen, weekdays = row
        key = (*chosen, tuple(weekdays or ()))
        if key not in slots:
            slots[key] = schedules.find_latest_slot(_schedule(row), now, timezone)
        slot = slots[key]
        if slot is not None and slot.at > since:
            found[staff_id] = slot
    if not found:
        return []
    rows = session.execute(_readers().where(Staff.id.in_(found)))
    return [Due(make_reader(row), found[row.id]) for row in rows]


def next_slot(session: SqlSession, timezone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the next hour comes that anybody has chosen."""
    rows = session.execute(_wanting(*_SCHEDULE).distinct())
    chosen = {_schedule(row) for row in rows}
    slots = (schedules.find_following_slot(schedule, now, timezone) for schedule in chosen)
    return min((slot.at for slot in slots if slot is not None), default=None)


def schedule_of(row: Row[Any] | Subscription) -> Schedule:
    """Return the schedule that a subscription holds."""
    return Schedule(
        rhythm=row.rhythm,
        hour=row.hour,
        every_hours=row.every_hours,
        until_hour=row.until_hour,
        weekdays=frozenset(row.weekdays),
        weekday=row.weekday,
        working_days_only=row.working_days_only,
    )


def _schedule(row: Row[Any]) -> Schedule:
    return USUAL if row.rhythm is None else schedule_of(row)


def select_everybody(*more: Any) -> Select[Any]:
    """Return a statement of all who can have digests, also those who have said no, and of `more`.

    `make_reader` reads its rows.
    """
    return _readers(*more, also_off=True)


def _readers(*more: Any, also_off: bool = False) -> Select[Any]:
    return _wanting(
        Staff.id,
        Staff.email,
        Staff.name,
        func.coalesce(Subscription.language, Staff.language).label("language"),
        _since(),
        *_SCHEDULE,
        Subscription.council_ids,
        Subscription.lanes,
        Subscription.calm_note,
        *more,
        also_off=also_off,
    ).order_by(Staff.id)


def _wanting(*columns: Any, also_off: bool = False) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Staff)
        .outerjoin(Subscription, Subscription.staff_id == Staff.id)
        .where(
            Staff.disabled_at.is_(None),
            Staff.role.in_(TOLD),
            or_(literal(also_off), IS_ON),
        )
    )


def _since() -> Any:
    """Nothing is owed for hours before this: account, choice, last digest."""
    last = (
        select(Digest.made_at)
        .where(
            Digest.staff_id == Staff.id,
            or_(Digest.slot.is_not(None), Digest.for_day.is_not(None)),
        )
        .order_by(Digest.run_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    # `greatest` passes over what is empty.
    return func.greatest(Staff.created_at, Subscription.chosen_at, last).label("since")


def make_reader(row: Row[Any]) -> Reader:
    """Read a row of `select_everybody`."""
    return Reader(
        id=row.id,
        email=row.email,
        name=row.name,
        language=row.language,
        schedule=_schedule(row),
        wanted=Wanted.of(row.council_ids, row.lanes),
        calm_note=bool(row.calm_note),
        since=row.since,
    )


def _holds(whole: AbstractSet[Any] | None, part: AbstractSet[Any] | None) -> bool:
    return whole is None or (part is not None and part <= whole)
