"""One entry of an old thread, when the city got it, and what a reader says of a whole file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from services.submission.forms import IdeaForm
from shared.clock import utcnow
from shared.models import Precision
from shared.text import (
    MAX_AUTHOR_LENGTH,
    AuthorError,
    AuthorFault,
    clean_author,
    clean_text,
    measure_length,
)

# Old texts were written under other rules: longer ones are taken as they are, within reason.
MAX_LENGTH = 20_000
# What an index of the database holds, with what taking back puts before it.
MAX_ID_LENGTH = 500
_NOON = time(12)
# A day without a clock is taken for its noon, which may be later than now.
_TOLERANCE = timedelta(days=1)
# How a nameless entry is signed.
_NOBODY = frozenset(("", "anonym", "anonymous"))


class FileFault(StrEnum):
    """What is wrong with a whole table, for those who say it in words of their own."""

    ENCODING = "encoding"
    MISSING_COLUMN = "missing_column"
    COLUMN_TWICE = "column_twice"
    CELLS = "cells"
    QUOTES = "quotes"


class ImportFileError(ValueError):
    """A file cannot be read; says where and why, and never quotes what somebody wrote."""

    def __init__(self, line: int, reason: str, fault: FileFault | None = None) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wrote, as a file has it. `id` is its name in the place it comes from.

    `raw` is the entry as it stood in the file, and becomes the sealed original. What was not open
    to everybody there (`was_public`) is not opened here.
    """

    id: str
    line: int
    form: IdeaForm
    received_at: datetime
    precision: Precision
    raw: bytes
    content_type: str
    was_public: bool = True


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody should know about a line of a file; never quotes what it says."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a file.

    `doubts` are lines that may have been read wrongly: they stop an import unless a person says
    that it was read right. `passed_over` are lines of which no idea is made, or not a public one.
    """

    entries: tuple[Entry, ...]
    doubts: tuple[Remark, ...] = ()
    passed_over: tuple[Remark, ...] = ()


def make_entry(
    *,
    id: str,  # noqa: A002 - the word of the format
    line: int,
    text: str,
    author: str,
    moment: datetime | date,
    timezone: ZoneInfo,
    raw: bytes,
    content_type: str,
) -> Entry:
    """Check and clean an entry; a moment without offset is city time.

    A name above 80 code points is shortened to them; the sealed original has it whole.

    Raises ImportFileError for no id, one above 500 characters, no text, one above 20 000 code
    points, a name that cannot be shown, or a moment that no calendar has or that is yet to come.
    """
    cleaned = clean_text(text)
    if not id.strip():
        raise ImportFileError(line, "an entry has no id")
    if len(id) > MAX_ID_LENGTH:
        raise ImportFileError(line, f"an id has more than {MAX_ID_LENGTH} characters")
    if not cleaned:
        raise ImportFileError(line, "an entry has no text")
    if measure_length(cleaned) > MAX_LENGTH:
        raise ImportFileError(line, f"a text has more than {MAX_LENGTH} characters")
    try:
        name = _shown_name(author)
    except AuthorError as error:
        fault = error.fault.value.replace("_", " ")
        raise ImportFileError(line, f"a name cannot be shown: {fault}") from None
    if isinstance(moment, datetime):
        precision = Precision.INSTANT
        known = moment if moment.tzinfo else moment.replace(tzinfo=timezone)
    else:
        precision = Precision.DAY
        known = datetime.combine(moment, _NOON, timezone)
    _require_past(known, line)
    form = IdeaForm(cleaned, None if name.casefold() in _NOBODY else name)
    return Entry(clean_text(id), line, form, known, precision, raw, content_type)


def _shown_name(author: str) -> str:
    try:
        return clean_author(author)
    except AuthorError as error:
        if error.fault is not AuthorFault.TOO_LONG:
            raise
        one_line = " ".join(author.split())
        return clean_author(one_line[: MAX_AUTHOR_LENGTH - 1].rstrip() + "…")


def _require_past(moment: datetime, line: int) -> None:
    try:
        has_been = moment.astimezone(UTC) < utcnow() + _TOLERANCE
    except (OverflowError, ValueError):
        raise ImportFileError(line, "a moment is outside the calendar") from None
    if not has_been:
        raise ImportFileError(line, "a moment is yet to come")


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries from the earliest to the latest.

    Entries with only a date get one second each, from the bottom of the file up: pages list the
    newest first, so of two entries of one day the lower one is the earlier.
    """
    same_day: Counter[datetime] = Counter()
    timed = list(entries)
    for place, entry in reversed(list(enumerate(entries))):
        if entry.precision is Precision.DAY:
            later = timedelta(seconds=same_day[entry.received_at])
            same_day[entry.received_at] += 1
            timed[place] = replace(entry, received_at=entry.received_at + later)
    return sorted(timed, key=lambda entry: entry.received_at)


def read_moment(written: str, line: int) -> datetime | date:
    """Read ISO 8601: a date, or a date and time with or without offset.

    Raises ImportFileError.
    """
    cleaned = written.strip()
    try:
        if len(cleaned) == len("2021-11-19"):
            return date.fromisoformat(cleaned)
        return datetime.fromisoformat(cleaned)
    except ValueError:
        raise ImportFileError(
            line, "created_at is not a moment such as 2021-11-19 or 2021-11-19T18:30:00+01:00"
        ) from None
