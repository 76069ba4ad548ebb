"""Saying when digests come, in the language now spoken."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.lists import format_list

from services.notify.digests.schedules import ALL_DAYS, Schedule
from shared import i18n
from shared.i18n import gettext as _
from shared.models import Rhythm

# How many hours apart digests may come, and what people call that.
APART: dict[int, Callable[[], str]] = {
    1: lambda: _("varje timme"),
    2: lambda: _("varannan timme"),
    3: lambda: _("var tredje timme"),
    4: lambda: _("var fjärde timme"),
    6: lambda: _("var sjätte timme"),
    8: lambda: _("var åttonde timme"),
    12: lambda: _("var tolfte timme"),
}
_WORKING = frozenset(range(1, 6))
_WEEK = timedelta(days=7)


def day_name(weekday: int) -> str:
    """Name a day of the week (Monday is 1)."""
    name: str = Locale.parse(i18n.get_language()).days["stand-alone"]["wide"][weekday - 1]
    return name


def write_hour(hour: int) -> str:
    """Write an hour as a clock shows it."""
    return f"{hour:02}:00"


def describe_schedule(schedule: Schedule) -> str:
    """Say when digests come: "varje arbetsdag 07:00"."""
    if schedule.rhythm is Rhythm.WEEKLY:
        on = _("varje %(day)s", day=day_name(schedule.weekday))
    else:
        on = _days(schedule)
    if schedule.rhythm is not Rhythm.HOURS:
        return f"{on} {write_hour(schedule.hour)}"
    return _(
        "%(days)s, %(often)s från %(first)s till %(last)s",
        days=on,
        often=APART.get(schedule.every_hours, APART[1])(),
        first=write_hour(schedule.hour),
        last=write_hour(schedule.until_hour),
    )


def say_when(moment: datetime, now: datetime, timezone: ZoneInfo) -> str:
    """Say when something was or will be, as people do: "i dag 07:00", "måndag 07:00"."""
    local, today = moment.astimezone(timezone), now.astimezone(timezone).date()
    said = {
        -1: _("i går"),
        0: _("i dag"),
        1: _("i morgon"),
    }.get((local.date() - today).days)
    if said is None and timedelta() < local.date() - today < _WEEK:
        said = day_name(local.isoweekday())
    return f"{said or format_date(local, 'd MMMM', locale=i18n.get_language())} {local:%H:%M}"


def _days(schedule: Schedule) -> str:
    if schedule.working_days_only and schedule.weekdays >= _WORKING:
        return _("varje arbetsdag")
    if schedule.weekdays == ALL_DAYS:
        return _("varje dag")
    names = format_list(
        [day_name(day) for day in sorted(schedule.weekdays)], locale=i18n.get_language()
    )
    if schedule.working_days_only:
        return _("%(days)s som inte är helgdag", days=names)
    return names
