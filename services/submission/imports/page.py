"""The text copy of an Invånarråd page: a date, "Anonym säger:", and what they said.

    19 november, 2021

    Carl säger:

    Hoppas att staden lyssnar.

Everything before the first such entry is the page's own introduction. Pages are copied by hand
and out of many programs, so a date and a "säger" may be written in several ways; whatever looks
like one of them and was not read as the beginning of an entry is told as a doubt, with its line.
Otherwise the words of one person would stand under the name of another.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.submission.imports.entries import (
    ImportFileError,
    Reading,
    Remark,
    make_entry,
)
from shared.text import MAX_AUTHOR_LENGTH

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januari january jan",
            "februari february feb",
            "mars march mar",
            "april apr",
            "maj may",
            "juni june jun",
            "juli july jul",
            "augusti august aug",
            "september sept sep",
            "oktober october okt oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS = (
    "måndag|tisdag|onsdag|torsdag|fredag|lördag|söndag|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
)
_MONTH = "|".join(_MONTHS)
_CLOCK = r"(?:,?\s*(?:@|at|kl\.?|klockan)?\s*(?P<hour>\d{1,2})[.:](?P<minute>\d{2})(?:[.:]\d{2})?)?"
_DATES = tuple(
    re.compile(rf"(?:(?:{_WEEKDAYS}),?\s+)?(?:den\s+)?{day}{_CLOCK}\.?", re.IGNORECASE)
    for day in (
        rf"(?P<day>\d{{1,2}})(?:[:.]?e|\.)?\s+(?P<month>{_MONTH})\.?,?\s+(?P<year>\d{{4}})",
        rf"(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}}),?\s+(?P<year>\d{{4}})",
        r"(?P<year>\d{4})-(?P<number>\d{1,2})-(?P<day>\d{1,2})",
    )
)
_VERBS = "säger|skriver|skrev|sade|sa|says|said|writes|wrote"
_SAYS = re.compile(rf"(?P<name>.+?)\s+(?:{_VERBS})\s*:", re.IGNORECASE)
_BULLET = re.compile(r"(?:[-–—*•·‣◦▪●>#]+\s+)+")
# What is left of a line that is nothing but a date, in whatever way it is written.
_DATE_WORDS = re.compile(
    rf"\b(?:{_MONTH}|{_WEEKDAYS}|den|kl|klockan|at|publicerad|publicerat|inlagt|posted|on)\b"
    r"|(?<=\d):?e\b|[\s\d.,:;/@()\-–]",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
# "Kim säger: hej", or a line that ends so without the colon.
_SAYS_INSIDE = re.compile(rf"\b(?:{_VERBS})\s*:", re.IGNORECASE)
_SAYS_AT_END = re.compile(rf"\w+(?:\s+\S+){{0,3}}\s+(?:{_VERBS})", re.IGNORECASE)
_NAMES_A_DAY = re.compile(rf"(?i)\d|\b(?:{_MONTH}|{_WEEKDAYS}|igår|idag|yesterday|today)\b")
_LONGEST_DATE = 60
# "Anna-Karin von Essen"
_MOST_NAMES = 3
_LONGEST_NAME_LINE = 90
# Of a longer one with many blanks in it there would be too many ways to read it.
_LONGEST_SAYS = 500


@dataclass(frozen=True, slots=True)
class _Start:
    """Where an entry begins: the lines of its date and its name, counted from 0."""

    line: int
    says: int
    day: date | datetime
    name: str


def read_page(text: str, timezone: ZoneInfo) -> Reading:
    """Return the entries of a page in its order, newest first, and what is doubtful about them.

    The id is a hash of date, name, text and occurrence, counted from the bottom: the same page
    with new entries on top gives the old ones the same ids.

    Raises ImportFileError for a page without entries, an impossible date, or an entry without text.
    """
    # Not splitlines(): a form feed is part of what somebody said.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    plain = [_plain(line) for line in lines]
    starts = _starts(plain)
    if not starts:
        raise ImportFileError(1, 'no entry was found ("19 november, 2021", then "Anonym säger:")')
    ends = [start.line for start in starts[1:]] + [len(lines)]
    seen: Counter[str] = Counter()
    entries = []
    for start, end in reversed(list(zip(starts, ends, strict=True))):
        words = "\n".join(lines[start.says + 1 : end]).strip()
        day = start.day.date() if isinstance(start.day, datetime) else start.day
        what = f"{day.isoformat()}\n{start.name}\n{words}"
        seen[what] += 1
        entries.append(
            make_entry(
                id=_hash(f"{what}\n{seen[what]}"),
                line=start.line + 1,
                text=words,
                author=start.name,
                moment=start.day,
                timezone=timezone,
                raw="\n".join(lines[start.line : end]).strip().encode(),
                content_type="text/plain; charset=utf-8",
            )
        )
    return Reading(
        tuple(entries[::-1]), tuple(_doubts(plain, starts)), tuple(_introduction(plain, starts))
    )


def _plain(line: str) -> str:
    """Return a line as its date or name is sought in it: composed, plain spaces, no bullet."""
    composed = unicodedata.normalize("NFC", line)
    spaced = "".join(
        " " if character.isspace() else character
        for character in composed
        if unicodedata.category(character) != "Cf"
    ).strip()
    bullet = _BULLET.match(spaced)
    return spaced[bullet.end() :] if bullet else spaced


def _starts(lines: Sequence[str]) -> list[_Start]:
    """Return where entries begin: the line of each date that a name follows, and that of the name.

    A date alone is part of what somebody said.
    """
    filled = [number for number, line in enumerate(lines) if line]
    starts = []
    for number, following in pairwise(filled):
        is_short = len(lines[following]) <= _LONGEST_SAYS
        says = _SAYS.fullmatch(lines[following]) if is_short else None
        if says is not None and (found := _match_date(lines[number])) is not None:
            starts.append(_Start(number, following, _day(found, number + 1), says["name"]))
    return starts


def _match_date(line: str) -> re.Match[str] | None:
    if len(line) > _LONGEST_DATE:
        return None
    return next((found for form in _DATES if (found := form.fullmatch(line))), None)


def _day(found: re.Match[str], line: int) -> date | datetime:
    """Return the day of a line, or the moment where it has a clock."""
    about = found.groupdict()
    number = about.get("number")
    month = int(number) if number else _MONTHS[about["month"].lower()]
    try:
        day = date(int(about["year"]), month, int(about["day"]))
        if about["hour"] is None:
            return day
        return datetime.combine(day, time(int(about["hour"]), int(about["minute"])))
    except ValueError:
        raise ImportFileError(line, "there is no such day or time") from None


def _doubts(lines: Sequence[str], starts: Sequence[_Start]) -> Iterator[Remark]:
    """Give each line that looks like the beginning of an entry and was not read as one."""
    for start in starts:
        if len(start.name) > MAX_AUTHOR_LENGTH:
            yield Remark(start.says + 1, "a name is longer than names are")
    read_already = {number for start in starts for number in (start.line, start.says)}
    before = ""
    for number, line in enumerate(lines):
        if not line:
            continue
        if number not in read_already and (reason := _reason_to_doubt(line, before)):
            yield Remark(number + 1, reason)
        before = line if number not in read_already else ""


def _reason_to_doubt(line: str, before: str) -> str | None:
    if _is_like_a_date(line):
        return 'a date stands alone, without a "säger:" on the next line'
    if _SAYS_INSIDE.search(line):
        return 'there is a "säger:" inside a text'
    if len(line) > _LONGEST_NAME_LINE:
        return None
    if _SAYS_AT_END.fullmatch(line):
        return 'a line ends like "säger:", without the colon'
    is_short = len(before) <= _LONGEST_DATE
    if line.endswith(":") and is_short and _NAMES_A_DAY.search(before):
        return "this and the line before it look like a date and a name"
    return "a line looks like a name and a date" if _is_signed(line) else None


def _is_signed(line: str) -> bool:
    """Whether a short line is a date with what may be a name before or after it."""
    if len(line) > _LONGEST_DATE or not line[-1].isalnum():
        return False
    for form in _DATES:
        found = form.search(line)
        if found is None or (found.start() > 0 and found.end() < len(line)):
            continue
        rest = (line[: found.start()] + line[found.end() :]).strip(" ,;|/–—-()")
        if rest[:1].isupper() and len(rest.split()) <= _MOST_NAMES:
            return True
    return False


def _is_like_a_date(line: str) -> bool:
    if len(line) > _LONGEST_DATE:
        return False
    return _match_date(line) is not None or (
        _YEAR.search(line) is not None and len(line) > len("2021") and not _DATE_WORDS.sub("", line)
    )


def _introduction(lines: Sequence[str], starts: Sequence[_Start]) -> Iterator[Remark]:
    first = next((number for number, line in enumerate(lines) if line), 0)
    if first < starts[0].line:
        yield Remark(
            first + 1, f"from here to line {starts[0].line} is taken as the page's introduction"
        )


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()[:32]
