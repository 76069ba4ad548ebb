"""The form of a token of the API: what was typed, with a sentence for each field that is wrong."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.submission.programs.api_tokens import Wanted
from shared.i18n import gettext as _
from shared.models import Scope
from shared.text import clean_text

MAX_TITLE = 80
MOST_PER_MINUTE = 10_000
NAMES = ("title", "council", "per_minute", "last_day")
_USUAL_PER_MINUTE = "120"
_USUAL_DAYS = 365


def start_typed(today: date) -> dict[str, str]:
    """Return what the empty form proposes: a year, and more than most systems need."""
    last_day = today + timedelta(days=_USUAL_DAYS)
    return {
        "title": "",
        "council": "",
        "per_minute": _USUAL_PER_MINUTE,
        "last_day": last_day.isoformat(),
    }


def read_typed(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields as they can be stored: trimmed, with one kind of line break."""
    return {name: clean_text(form.get(name, "")) for name in NAMES}


def read_wanted(
    form: Mapping[str, str],
    scopes: Sequence[str],
    councils: Mapping[str, int],
    *,
    today: date,
    timezone: ZoneInfo,
) -> tuple[Wanted | None, dict[str, str]]:
    """Return what is wanted, or None and a sentence for each field that cannot be used."""
    faults: dict[str, str] = {}
    title = " ".join(form["title"].split())
    if not title or len(title) > MAX_TITLE or not title.isprintable():
        faults["title"] = _(
            "Skriv vilket system som ska använda nyckeln, på en rad och med högst %(n)s tecken.",
            n=MAX_TITLE,
        )
    wanted = tuple(scope for scope in Scope if scope.value in scopes)
    if not wanted:
        faults["scopes"] = _("Välj minst en sak som nyckeln räcker till.")
    if form["council"] and form["council"] not in councils:
        faults["council"] = _("Välj ett råd.")
    per_minute = form["per_minute"]
    is_number = per_minute.isascii() and per_minute.isdigit() and len(per_minute) <= 5
    if not is_number or not 1 <= int(per_minute) <= MOST_PER_MINUTE:
        faults["per_minute"] = _("Skriv ett tal mellan 1 och %(n)s.", n=MOST_PER_MINUTE)
    expires_at = _read_end(form["last_day"], today, timezone, faults)
    if faults:
        return None, faults
    return Wanted(title, wanted, councils.get(form["council"]), int(per_minute), expires_at), {}


def _read_end(raw: str, today: date, timezone: ZoneInfo, faults: dict[str, str]) -> datetime | None:
    """Return the first moment after the last day."""
    if not raw:
        return None
    try:
        last_day = date.fromisoformat(raw)
        end = datetime.combine(last_day + timedelta(days=1), time(), timezone)
    except (ValueError, OverflowError):
        faults["last_day"] = _("Skriv en dag, som 2027-05-31, eller lämna tomt.")
        return None
    if last_day < today:
        faults["last_day"] = _("Den dagen är redan förbi.")
        return None
    return end
