"""A small picture of the week: how many ideas came in and were decided, day by day.

Drawn with table cells and with characters, so that no mail program has to fetch or run anything.
The numbers are those that the page of statistics has (`daily_numbers`), of whole days.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared import i18n
from shared.models import DailyNumber

_DAYS = 7
# The longest bar in characters.
_WIDEST = 20
_CAME = ("received", "imported")
_DECIDED = "settled"


@dataclass(frozen=True, slots=True)
class Day:
    """One day: numbers, and bars in percent of the longest of the week."""

    day: date
    came: int
    decided: int
    most: int

    @property
    def label(self) -> str:
        """The day's short name: "mån 23"."""
        return format_date(self.day, "EEE d", locale=i18n.get_language())

    def percent(self, number: int) -> int:
        """How long a bar is; something is never nothing."""
        return max(2, round(100 * number / self.most)) if number else 0

    def drawn(self, number: int) -> str:
        """Draw a bar with characters."""
        return "█" * max(1, round(_WIDEST * number / self.most)) if number else ""


def read_week(
    session: SqlSession, now: datetime, timezone: ZoneInfo, council_ids: frozenset[int] | None
) -> list[Day]:
    """Return the seven days before today, the oldest first; nothing when nothing happened."""
    today = now.astimezone(timezone).date()
    days = [today - timedelta(days=back) for back in range(_DAYS, 0, -1)]
    counted = (
        select(DailyNumber.day, DailyNumber.name, func.sum(DailyNumber.number))
        .where(DailyNumber.day.in_(days), DailyNumber.name.in_([*_CAME, _DECIDED]))
        .group_by(DailyNumber.day, DailyNumber.name)
    )
    if council_ids is not None:
        counted = counted.where(DailyNumber.council_id.in_(council_ids))
    came, decided = Counter[date](), Counter[date]()
    for day, name, number in session.execute(counted):
        (decided if name == _DECIDED else came)[day] += int(number)
    most = max([*came.values(), *decided.values()], default=0)
    return [Day(day, came[day], decided[day], most) for day in days] if most else []
