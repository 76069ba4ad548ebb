"""What the forms of staff have in common: reading fields, city time, lengths."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from shared import text
from shared.i18n import gettext as _
from shared.times import move_to_city

# What a calendar in a city's office reaches; beyond it a year was mistyped.
_YEARS = range(1990, 2201)
# What an integer column can hold.
_LONGEST_VERSION = 9


class FieldError(ValueError):
    """A field cannot be used; `sentence` says so to the person who wrote it."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


class BadFieldError(Exception):
    """A field of a whole act cannot be used: which one, and a sentence for who wrote it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field)
        self.field = field
        self.sentence = sentence


def read_typed(form: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the named fields as they can be stored: trimmed, with one kind of line break."""
    return {name: text.clean_text(form.get(name, "")) for name in names}


def seen_version(form: Mapping[str, str]) -> int | None:
    """Return the version that the person saw; None where a form never says so."""
    return read_whole(form.get("version", ""), _LONGEST_VERSION)


def read_whole(raw: str, longest: int) -> int | None:
    """Return a whole number of so many digits at the most; None for anything else."""
    return int(raw) if raw.isdecimal() and len(raw) <= longest else None


def read_needed(value: str, most: int, sentence: str) -> str:
    """Return a text that must be there. Raises FieldError with the sentence, or when too long."""
    if not value:
        raise FieldError(sentence)
    return at_most(value, most)


def at_most(value: str, most: int) -> str:
    """Return a text that is not too long. Raises FieldError."""
    if len(value) > most:
        raise FieldError(_("Högst %(n)s tecken.", n=most))
    return value


def read_day(value: str) -> date | None:
    """Return a day, or nothing where nothing was typed. Raises FieldError."""
    if not value:
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise FieldError(_("Skriv dagen som 2027-01-31."))
    return found


def read_moment(value: str, timezone: ZoneInfo) -> datetime | None:
    """Return the moment that a clock in the city shows, or nothing where nothing was typed.

    Raises FieldError, also for the hour that is skipped when summer time begins.
    """
    if not value:
        return None
    try:
        local = datetime.fromisoformat(value).replace(tzinfo=timezone)
    except ValueError:
        local = None
    if local is None or local.year not in _YEARS:
        raise FieldError(_("Skriv dag och tid som 2027-01-31 08:00."))
    found = local.astimezone(UTC)
    if move_to_city(found, timezone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise FieldError(_("Den tiden finns inte: då ställs klockan om till sommartid."))
    return found


def written_moment(value: datetime | None, timezone: ZoneInfo) -> str:
    """Write a moment as the form's field has it."""
    if value is None:
        return ""
    return move_to_city(value, timezone).replace(tzinfo=None).isoformat(timespec="minutes")
