"""The text copy of an Invånarråd page: a date, "Anonym säger:", and what they said.

    19 november, 2021

    Carl säger:

    Hoppas att staden lyssnar.

Everything before the first such entry is the page's own introduction.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.submission.imports.entries import Entry, ImportFileError, make_entry

_MONTHS = (
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
)
_DATE = re.compile(rf"(\d{{1,2}}) ({'|'.join(_MONTHS)}),? (\d{{4}})", re.IGNORECASE)
_SAYS = re.compile(r"(.+?)\s+säger:")


def read(text: str, timezone: ZoneInfo) -> list[Entry]:
    """Return the entries of a page in its order, newest first.

    The id is a hash of date, name, text and occurrence, counted from the bottom: the same page
    with new entries on top gives the old ones the same ids.

    Raises ImportFileError for a page without entries, an impossible date, or an entry without text.
    """
    # Not splitlines(): a form feed is part of what somebody said.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = _starts(lines)
    if not starts:
        raise ImportFileError(1, 'no entry was found ("19 november, 2021", then "Anonym säger:")')
    ends = [start for start, _says in starts[1:]] + [len(lines)]
    seen: Counter[str] = Counter()
    entries = []
    for (start, says), end in reversed(list(zip(starts, ends, strict=True))):
        day = _day(lines[start], start + 1)
        said = _SAYS.fullmatch(lines[says].strip())
        name = said.group(1) if said else ""
        words = "\n".join(lines[says + 1 : end]).strip()
        what = f"{day.isoformat()}\n{name}\n{words}"
        seen[what] += 1
        entries.append(
            make_entry(
                id=_hash(f"{what}\n{seen[what]}"),
                line=start + 1,
                text=words,
                author=name,
                moment=day,
                timezone=timezone,
                raw="\n".join(lines[start:end]).strip().encode(),
                content_type="text/plain; charset=utf-8",
            )
        )
    return entries[::-1]


def _starts(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return where entries begin: the line of each date that a name follows, and that of the name.

    A date alone is part of what somebody said.
    """
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return [
        (number, following)
        for number, following in pairwise(filled)
        if _DATE.fullmatch(lines[number].strip()) and _SAYS.fullmatch(lines[following].strip())
    ]


def _day(line: str, number: int) -> date:
    found = _DATE.fullmatch(line.strip())
    assert found is not None
    day, month, year = found.groups()
    try:
        return date(int(year), _MONTHS.index(month.lower()) + 1, int(day))
    except ValueError:
        raise ImportFileError(number, "there is no such day") from None


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:32]
