"""The duty plan as it is written down: shifts of the week, replacements, and changing them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.notify.desk.duty_form import Absence, Duty
from shared.models import DutyCover, DutyShift, Staff


@dataclass(frozen=True, slots=True)
class Shift:
    """A line of the plan."""

    id: int
    day: int
    begins: time
    ends: time
    staff_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Cover:
    """A replacement; `by` is empty where nobody comes instead."""

    id: int
    first_day: date
    last_day: date
    name: str
    cover_id: UUID | None
    by: str


def list_shifts(session: SqlSession) -> Sequence[Shift]:
    """Return the plan in the order of the week."""
    rows = session.execute(
        select(
            DutyShift.id,
            DutyShift.day,
            DutyShift.begins,
            DutyShift.ends,
            DutyShift.staff_id,
            func.coalesce(func.nullif(Staff.name, ""), Staff.email),
        )
        .join(Staff, Staff.id == DutyShift.staff_id)
        .order_by(DutyShift.day, DutyShift.begins, DutyShift.id)
    )
    return [Shift(*row) for row in rows]


def list_covers(session: SqlSession, since: date) -> Sequence[Cover]:
    """Return the replacements that are not over, the next first."""
    substitute = aliased(Staff)
    rows = session.execute(
        select(
            DutyCover.id,
            DutyCover.first_day,
            DutyCover.last_day,
            func.coalesce(func.nullif(Staff.name, ""), Staff.email),
            DutyCover.cover_id,
            func.coalesce(func.nullif(substitute.name, ""), substitute.email, ""),
        )
        .join(Staff, Staff.id == DutyCover.staff_id)
        .outerjoin(substitute, substitute.id == DutyCover.cover_id)
        .where(DutyCover.last_day >= since)
        .order_by(DutyCover.first_day, DutyCover.id)
    )
    return [Cover(*row) for row in rows]


def add_shifts(session: SqlSession, given: Duty) -> Sequence[DutyShift]:
    """Give somebody duty on days of the plan; return what had not stood there."""
    hours = {"begins": given.begins, "ends": given.ends}
    rows = insert(DutyShift).values(
        [{"staff_id": given.staff_id, "day": day, **hours} for day in given.days]
    )
    return session.scalars(rows.on_conflict_do_nothing().returning(DutyShift)).all()


def remove_shift(session: SqlSession, shift_id: int) -> DutyShift | None:
    """Take a line out of the plan, and return it; None when it is gone already."""
    return session.scalar(delete(DutyShift).where(DutyShift.id == shift_id).returning(DutyShift))


def add_cover(session: SqlSession, given: Absence) -> DutyCover:
    """Write down that somebody is away, and who has their duty."""
    cover = DutyCover(
        staff_id=given.staff_id,
        first_day=given.first_day,
        last_day=given.last_day,
        cover_id=given.cover_id,
    )
    session.add(cover)
    return cover


def remove_cover(session: SqlSession, cover_id: int) -> DutyCover | None:
    """Take back a replacement, and return it; None when it is gone already."""
    return session.scalar(delete(DutyCover).where(DutyCover.id == cover_id).returning(DutyCover))


def fields_of(line: DutyShift | DutyCover) -> dict[str, Any]:
    """Return what the log of changes holds of a line."""
    if isinstance(line, DutyShift):
        return {
            "weekday": line.day,
            "begins": f"{line.begins:%H:%M}",
            "ends": f"{line.ends:%H:%M}",
        }
    return {
        "first_day": line.first_day,
        "last_day": line.last_day,
        "cover_id": line.cover_id,
    }
