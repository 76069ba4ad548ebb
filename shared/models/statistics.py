"""Numbers kept so that nobody counts a million ideas to look at a page. Written by moderation."""

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now


class DailyNumber(Base):
    """How many of something there were on one day in the city, for one council.

    `name` and `key` say of what (`services.moderation.statistics.counting`): the ideas that came
    in, decisions by kind, rejections by rule, how long decisions took. Codes and numbers only.
    """

    __tablename__ = "daily_numbers"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    council_id: Mapped[int] = mapped_column(
        ForeignKey("councils.id"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True, default="", server_default="")
    number: Mapped[int] = mapped_column(BigInteger)


class CountedDay(Base):
    """When a day was last counted; a day without a row is still to be counted."""

    __tablename__ = "counted_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    counted_at: Mapped[Moment]


class YearlyNumbers(Base):
    """What the public may know of a year: small counts are already left out of it.

    The public role reads this table through a view, and can compute nothing that is not in it.
    """

    __tablename__ = "yearly_numbers"
    __table_args__ = (CheckConstraint("year BETWEEN 2000 AND 9999", name="year_is_one"),)

    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    numbers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # Once final it is never written again: two versions of a number tell what lies between them.
    is_final: Mapped[bool]
    made_at: Mapped[Now]
