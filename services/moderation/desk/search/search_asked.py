"""What somebody looks for: words, numbers, days, an address; told from one another by shape."""

import re
from calendar import monthrange
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.clock import utcnow
from shared.models import IdeaStatus
from shared.reading import level_words

LONGEST = 200
# No idea can have come before; a number is looked for in each year since.
FIRST_YEAR = 2015

_NUMBER = re.compile(r"r-(\d{4})-0*(\d{1,18})", re.IGNORECASE)
_SHORT_NUMBER = re.compile(r"#0*(\d{1,18})")
_DIGITS = re.compile(r"0*(\d{1,18})")
_DAY = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?")
_MONTHS = (
    *("januari", "februari", "mars", "april", "maj", "juni", "juli"),
    *("augusti", "september", "oktober", "november", "december"),
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_SPOKEN_DAY = re.compile(rf"\b(\d{{1,2}})\s+({'|'.join(_MONTHS)})\s+(\d{{4}})\b", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_PLACE = re.compile(r"(-?\d{1,17})_(\d{1,18})", re.ASCII)
_YEARS = range(1900, 2200)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: the moment an idea came, and its place among those of one moment."""

    received_at: datetime
    seq: int

    def __str__(self) -> str:
        return f"{(self.received_at - _EPOCH) // _MICROSECOND}_{self.seq}"


def read_place(written: str) -> Place | None:
    """Read a place as an earlier answer gave it; None for anything else."""
    found = _PLACE.fullmatch(written)
    if found is None:
        return None
    try:
        return Place(_EPOCH + int(found[1]) * _MICROSECOND, int(found[2]))
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Asked:
    """What to look for. All of it must be so; `numbers` and `words` are one or the other.

    `words` holds what is neither number, day nor address. A lone "123" is a word and a number.
    """

    words: str = ""
    # Public numbers that it may be: one as it is written in full, one a year for "#123".
    numbers: tuple[str, ...] = ()
    is_number: bool = False
    since: datetime | None = None
    before: datetime | None = None
    address: str | None = None
    state: IdeaStatus | None = None
    council_id: int | None = None
    # How it came (`services.moderation.desk.ways`).
    way: str | None = None
    after: Place | None = None
    # Looks like a day and is none, such as 2026-02-30.
    no_days: tuple[str, ...] = field(default=())


def find_mailbox(address: str) -> str:
    """Return the mailbox behind an address, as `shared.models.idea.MAILBOX` does."""
    return re.sub(r"\+[^@]*@", "@", address).lower()


def read_question(said: str, timezone: ZoneInfo) -> Asked:
    """Tell the words of a question from the numbers, days and addresses in it."""
    question = level_words(said)
    days: list[tuple[date, date]] = []
    no_days: list[str] = []

    def take_spoken(found: re.Match[str]) -> str:
        month = _MONTHS.index(found[2].lower()) % 12 + 1
        day = _day(int(found[3]), month, int(found[1]))
        if day is None:
            return found[0]
        days.append(day)
        return " "

    words: list[str] = []
    numbers: list[str] = []
    address: str | None = None
    for each in _SPOKEN_DAY.sub(take_spoken, question).split():
        if found := _NUMBER.fullmatch(each):
            numbers.append(f"R-{found[1]}-{int(found[2]):06}")
        elif found := _SHORT_NUMBER.fullmatch(each):
            numbers.extend(_of_any_year(found[1]))
        elif found := _DAY.fullmatch(each):
            year, month, of_month = found.groups()
            day = _day(int(year), int(month), int(of_month) if of_month else None)
            if day is None:
                no_days.append(each)
            else:
                days.append(day)
        elif address is None and _ADDRESS.fullmatch(each):
            address = each
        else:
            words.append(each)
    is_number = bool(numbers)
    if len(words) == 1 and not numbers and (found := _DIGITS.fullmatch(words[0])):
        numbers.extend(_of_any_year(found[1]))
    first, end = _shared(days)
    return Asked(
        words=" ".join(words),
        numbers=tuple(numbers),
        is_number=is_number,
        since=_midnight(first, timezone),
        before=_midnight(end, timezone),
        address=address,
        no_days=tuple(no_days),
    )


def _of_any_year(digits: str) -> list[str]:
    return [f"R-{year}-{int(digits):06}" for year in range(FIRST_YEAR, utcnow().year + 2)]


def _day(year: int, month: int, day: int | None) -> tuple[date, date] | None:
    """Return a day, or a whole month, and the day after it; None where there is no such day."""
    if year not in _YEARS:
        return None
    try:
        first = date(year, month, 1 if day is None else day)
    except ValueError:
        return None
    length = monthrange(first.year, first.month)[1] if day is None else 1
    return first, first + timedelta(days=length)


def _shared(days: list[tuple[date, date]]) -> tuple[date | None, date | None]:
    """Return the stretch that all days have in common: of two days nothing, as for two numbers."""
    if not days:
        return None, None
    return max(first for first, _end in days), min(end for _first, end in days)


def _midnight(day: date | None, timezone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), timezone).astimezone(UTC)
