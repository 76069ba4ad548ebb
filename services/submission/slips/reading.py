"""What staff type into a slip, and the idea that it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from services.submission.forms import FormError, IdeaForm
from shared.i18n import gettext as _

# Nobody has a note from before that, and a year with a digit missing is none.
_FIRST_YEAR = 2000
_DATE_LENGTH = len("2026-11-30")


@dataclass(frozen=True, slots=True)
class Draft:
    """A slip as it was typed. Without a day it is of the day of all in its form."""

    text: str
    author: str = ""
    email: str = ""
    day: str = ""
    # Somebody has looked at it and does not want it entered.
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class ReadSlip:
    """A slip that can be entered: the idea, the day the city got it, and how it was typed."""

    form: IdeaForm
    day: date
    draft: Draft


class DayError(ValueError):
    """That is no day on which the city can have got something."""


def read_day(raw: str, today: date) -> date:
    """Read a day that is past, or today. Raises DayError."""
    written = raw.strip()
    try:
        day = date.fromisoformat(written) if len(written) == _DATE_LENGTH else None
    except ValueError:
        day = None
    if day is None or day > today or day.year < _FIRST_YEAR:
        raise DayError
    return day


def say_day_fault() -> str:
    """Say what a day must be."""
    return _("Skriv en dag som har varit, så här: 2026-11-30.")


def read_slip(draft: Draft, day: date, today: date) -> ReadSlip:
    """Read a slip by the rules that residents' own ideas have; `day` where it says none itself.

    Raises FormError for all its fields at once.
    """
    errors: dict[str, str] = {}
    fields: Mapping[str, str] = {
        "text": draft.text,
        "author": draft.author,
        "email": draft.email,
    }
    form = None
    try:
        form = IdeaForm.checked(fields)
    except FormError as error:
        errors |= error.errors
    if draft.day.strip():
        try:
            day = read_day(draft.day, today)
        except DayError:
            errors["day"] = say_day_fault()
    if form is None or errors:
        raise FormError(errors)
    return ReadSlip(form, day, draft)
