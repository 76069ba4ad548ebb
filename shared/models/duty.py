"""Who is on duty when: a plan for the week, and replacements by date. Written by notify."""

from datetime import date, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, RowId


class DutyShift(Base):
    """A person is on duty from one hour to another, each week, on the city's clock.

    `day` counts from Monday, 0, to Sunday, 6; 7 is any red day, whatever weekday it falls on. A
    shift that ends no later than it begins ends the next day; 00:00 to 00:00 is a whole day.
    """

    __tablename__ = "duty_shifts"
    __table_args__ = (
        CheckConstraint("day BETWEEN 0 AND 7", name="day_of_the_plan"),
        # The same twice says nothing more.
        Index("uq_duty_shifts_once", "day", "staff_id", "begins", "ends", unique=True),
    )

    id: Mapped[RowId]
    day: Mapped[int] = mapped_column(SmallInteger)
    begins: Mapped[time]
    ends: Mapped[time]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))


class DutyCover(Base):
    """A person is away from one day to another, both included; `cover_id` has their duty."""

    __tablename__ = "duty_covers"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="ends_after_it_begins"),
        CheckConstraint("cover_id <> staff_id", name="somebody_else"),
        Index(None, "last_day"),
    )

    id: Mapped[RowId]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    first_day: Mapped[date]
    last_day: Mapped[date]
    # Empty: nobody.
    cover_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
