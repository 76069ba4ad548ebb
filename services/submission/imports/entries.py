"""One entry of an old thread, and when the city got it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.submission.forms import IdeaForm
from shared.models import Precision
from shared.text import AuthorError, clean, clean_author, length

# Old texts were written under other rules: longer ones are taken as they are, within reason.
MAX_LENGTH = 20_000
_NOON = time(12)
# How a nameless entry is signed.
_NOBODY = frozenset(("", "anonym", "anonymous"))


class ImportFileError(ValueError):
    """A file cannot be read; says where and why, and never quotes what somebody wrote."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody wrote, as a file has it. `id` is its name in the place it comes from.

    `raw` is the entry as it stood in the file, and becomes the sealed original.
    """

    id: str
    line: int
    form: IdeaForm
    received_at: datetime
    precision: Precision
    raw: bytes
    content_type: str


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

    Raises ImportFileError for no id, no text, one above 20 000 code points, or a name that cannot
    be shown.
    """
    cleaned = clean(text)
    if not id.strip():
        raise ImportFileError(line, "an entry has no id")
    if not cleaned:
        raise ImportFileError(line, "an entry has no text")
    if length(cleaned) > MAX_LENGTH:
        raise ImportFileError(line, f"a text has more than {MAX_LENGTH} characters")
    try:
        name = clean_author(author)
    except AuthorError as error:
        fault = error.fault.value.replace("_", " ")
        raise ImportFileError(line, f"a name cannot be shown: {fault}") from None
    if isinstance(moment, datetime):
        precision = Precision.INSTANT
        known = moment if moment.tzinfo else moment.replace(tzinfo=timezone)
    else:
        precision = Precision.DAY
        known = datetime.combine(moment, _NOON, timezone)
    form = IdeaForm(cleaned, None if name.casefold() in _NOBODY else name)
    return Entry(clean(id), line, form, known, precision, raw, content_type)


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
