"""The two forms of the duty plan: what was typed, read and tried, a sentence for each wrong field.

Keys of the sentences are the ids of the fields on the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from services.notify.alarms.duty import RED_DAY
from shared.i18n import gettext as _

DAYS = range(RED_DAY + 1)
# A replacement for longer than this is a new plan.
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody, on some days of the plan, from one hour to another."""

    staff_id: UUID
    days: Sequence[int]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody is away from one day to another; `cover_id` comes instead, or nobody."""

    staff_id: UUID
    first_day: date
    last_day: date
    cover_id: UUID | None


def read_duty(
    form: Mapping[str, str], days: Sequence[str], able: Mapping[UUID, object]
) -> tuple[Duty | None, dict[str, str]]:
    """Return the duty, or None and what must be put right."""
    faults: dict[str, str] = {}
    staff_id = _person(form.get("staff_id", ""), able)
    if staff_id is None:
        faults["staff_id"] = _("Välj vem som ska ha jour.")
    chosen = [day for day in DAYS if str(day) in days]
    if not chosen:
        faults["day-0"] = _("Välj minst en dag.")
    begins, ends = _time(form.get("begins", "")), _time(form.get("ends", ""))
    if begins is None:
        faults["begins"] = _("Skriv när jouren börjar, till exempel 07:30.")
    if ends is None:
        faults["ends"] = _("Skriv när jouren slutar, till exempel 16:30.")
    if staff_id is None or begins is None or ends is None or faults:
        return None, faults
    return Duty(staff_id, chosen, begins, ends), {}


def read_absence(
    form: Mapping[str, str], able: Mapping[UUID, object], today: date
) -> tuple[Absence | None, dict[str, str]]:
    """Return the absence, or None and what must be put right."""
    faults: dict[str, str] = {}
    staff_id = _person(form.get("away_id", ""), able)
    if staff_id is None:
        faults["away_id"] = _("Välj vem som är borta.")
    first, last = _day(form.get("first_day", "")), _day(form.get("last_day", ""))
    if first is None:
        faults["first_day"] = _("Skriv första dagen som 2027-01-31.")
    if last is None:
        faults["last_day"] = _("Skriv sista dagen som 2027-01-31.")
    elif first is not None and last < first:
        faults["last_day"] = _("Sista dagen ligger före den första.")
    elif last < today:
        faults["last_day"] = _("Den dagen har varit.")
    elif first is not None and (last - first).days >= MAX_DAYS:
        faults["last_day"] = _("Högst ett år i taget. Ändra veckans plan i stället.")
    cover_id = _person(form.get("cover_id", ""), able)
    if form.get("cover_id") and cover_id is None:
        faults["cover_id"] = _("Välj vem som kommer i stället.")
    elif cover_id is not None and cover_id == staff_id:
        faults["cover_id"] = _("Välj någon annan än den som är borta.")
    if staff_id is None or first is None or last is None or faults:
        return None, faults
    return Absence(staff_id, first, last, cover_id), {}


def _person(raw: str, able: Mapping[UUID, object]) -> UUID | None:
    try:
        staff_id = UUID(raw)
    except ValueError:
        return None
    return staff_id if staff_id in able else None


def _time(raw: str) -> time | None:
    try:
        found = time.fromisoformat(raw)
    except ValueError:
        return None
    return found.replace(second=0, microsecond=0) if found.tzinfo is None else None


def _day(raw: str) -> date | None:
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None
