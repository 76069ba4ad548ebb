"""City time at the edges: the database holds UTC, people read the city's clock."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime

from shared import i18n
from shared.clock import utcnow
from shared.models.enums import Precision


def move_to_city(moment: datetime, timezone: ZoneInfo) -> datetime:
    """Return the moment on the city's clock, with its offset."""
    return moment.astimezone(timezone)


def write_moment(moment: datetime, precision: Precision, timezone: ZoneInfo) -> str:
    """Write a moment for people: "13 december 2021", with the time of day when it is known."""
    local = move_to_city(moment, timezone)
    if precision is Precision.DAY:
        return written_date(local.date())
    return format_datetime(local, "d MMMM yyyy HH:mm", locale=i18n.get_locale())


def write_recent_moment(moment: datetime, timezone: ZoneInfo) -> str:
    """Write a moment on the city's clock; today's without the date."""
    local = move_to_city(moment, timezone)
    if local.date() == move_to_city(utcnow(), timezone).date():
        return local.strftime("%H:%M")
    return write_moment(moment, Precision.INSTANT, timezone)


def written_date(day: date) -> str:
    """Write a date for people: "13 december 2021"."""
    return format_date(day, "d MMMM yyyy", locale=i18n.get_locale())


def write_short_day(moment: datetime, timezone: ZoneInfo) -> str:
    """Write the day of a moment where there is little room and no doubt of the year: "8 dec."."""
    return format_date(move_to_city(moment, timezone).date(), "d MMM", locale=i18n.get_locale())


def write_machine_moment(moment: datetime, precision: Precision, timezone: ZoneInfo) -> str:
    """Write a moment for machines (ISO 8601): with offset, or as a date when only that is known."""
    local = move_to_city(moment, timezone)
    return (
        local.date().isoformat() if precision is Precision.DAY else local.isoformat("T", "seconds")
    )
