"""Days on which an office in Sweden is closed: Sundays and Saturdays, red days, three eves.

Midsommarafton, julafton and nyårsafton count as Sundays (semesterlagen, § 3 a).
"""

import sys
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from zoneinfo import ZoneInfo

import holidays

from shared import i18n

_SATURDAY = 5
_NAMED_IN = {"sv": "sv", "en": "en_US"}


def _load_no_other_country() -> None:
    """Take the place of the package of all countries, which loads 200 modules (10 MB) for one."""
    package, found = "holidays.countries", find_spec("holidays")
    if package not in sys.modules and found is not None:
        stand_in = ModuleType(package)
        stand_in.__path__ = [
            f"{place}/countries" for place in found.submodule_search_locations or ()
        ]
        sys.modules[package] = stand_in


_load_no_other_country()


def name_red_day(day: date) -> str | None:
    """Return what a red day or one of the eves is called, in the language now spoken."""
    found: str | None = _year(day.year, _NAMED_IN[i18n.get_language()]).get(day)
    return found


def is_red(day: date) -> bool:
    """Whether it is a red day or one of the eves, whatever weekday it falls on."""
    return day in _year(day.year, _NAMED_IN[i18n.SOURCE])


def is_working(day: date) -> bool:
    """Whether people are at work in an office."""
    return day.weekday() < _SATURDAY and not is_red(day)


def count_back(now: datetime, hours: int, timezone: ZoneInfo) -> datetime:
    """Return the moment from which so many hours of working days have passed until now.

    A working day has all its hours, night included; other days have none.
    """
    left, end = timedelta(hours=hours), now.astimezone(UTC)
    day = now.astimezone(timezone).date()
    while True:
        begin = datetime.combine(day, time(), timezone).astimezone(UTC)
        if is_working(day):
            if end - begin >= left:
                return end - left
            left -= end - begin
        day, end = day - timedelta(days=1), begin


@cache
def _year(year: int, language: str) -> holidays.HolidayBase:
    return holidays.country_holidays(
        "SE",
        years=year,
        expand=False,
        language=language,
        categories=("public", "de_facto"),
    )
