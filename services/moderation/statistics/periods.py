"""The stretch of time that statistics are about, as the URL names it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DAYS = 30
_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Period:
    """Days in the city, both ends included. `by_month`: too many to show one by one."""

    code: str
    first: date
    last: date
    by_month: bool

    @property
    def days(self) -> Iterator[date]:
        """Give every day, the first one first."""
        return (
            self.first + timedelta(days=number)
            for number in range((self.last - self.first).days + 1)
        )


def read_period(code: str, today: date) -> Period:
    """Read a period: `30d`, `12m` (the running month and eleven before it) or a year.

    Anything else is the last 30 days. The days of a year end today when it is the running one.
    """
    if code == "12m":
        months = today.year * 12 + today.month - _MONTHS
        return Period(code, date(months // 12, months % 12 + 1, 1), today, by_month=True)
    if code.isascii() and code.isdecimal() and len(code) == 4 and 2000 <= int(code) <= today.year:
        year = int(code)
        return Period(code, date(year, 1, 1), min(date(year, 12, 31), today), by_month=True)
    return Period("30d", today - timedelta(days=DAYS - 1), today, by_month=False)


def first_of_month(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)
