"""One reading of texts that look the same, with a way back to the text as it is written.

An accent may be a letter's own or stand behind it, a blank may be any of thirty characters or two
of them, a word may hold what nobody sees, a letter may be full-width or one of a ligature. To a
reader these are one text, so whatever judges, compares or looks for words reads it through
`read_text` and never the characters themselves.

Pure functions; nothing here knows a table or a room.
"""

import re
import unicodedata
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

Span = tuple[int, int]

# What no font shows: default ignorable characters (Unicode, DerivedCoreProperties), and controls.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Blanks that Unicode calls letters or signs.
_BLANKS = "\u2800\u3164\uffa0"
_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
# Where characters stand that are others in another form; which of them are, `_plain_form` says.
_FORMS = (
    "\u0132\u0133\u017f\u01c7-\u01cc\u01f1-\u01f3\u2010\u2011\u2024\u2100-\u214f\u2160-\u217f"
    "\u2460-\u24ea\u3251-\u325f\u32b1-\u32bf\ufb00-\ufb06\ufb29\ufe50-\ufe6b\uff01-\uff5e"
    "\U0001d400-\U0001d7ff\U0001f100-\U0001f149\U0001fbf0-\U0001fbf9"
)
_AFTER = rf"[\s{_UNSEEN}{_BLANKS}]*"
# White space and what nobody sees (but not a single blank or the end of a line), a form, a digit of
# another script.
_CHANGES = re.compile(
    rf"[^\S ]{_AFTER}| [\s{_UNSEEN}{_BLANKS}]{_AFTER}|[{_UNSEEN}{_BLANKS}]{_AFTER}"
    rf"|[{_FORMS}]|[^\D0-9]"
)
# Letters and signs of Western Europe, figures for feelings: of these nothing is read otherwise, so
# that a text of nothing else need not be gone through.
_PLAIN = re.compile(
    "[\n -~\xa1-\xac\xae-\u0131\u0134-\u017e\u0180-\u01c3\u01cd-\u01f0\u01f4-\u02af"
    "\u2012-\u2023\u2025-\u2027\u2030-\u205e\u20a0-\u20bf\u2600-\u27bf\U0001f300-\U0001faff]*"
)
_WIDE = ("  ", " \n", "\n ", "\n\n")
# A stretch in which an accent may belong to the letter before it, that letter included.
_MARKED = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")


class _Places(NamedTuple):
    """Where each character that is read begins and ends in the text as it is written."""

    starts: Sequence[int]
    ends: Sequence[int]


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is read.

    `lines` has composed letters, one kind of blank and never two together, nothing that is not
    seen, no other forms of letters and digits; a line still ends where it ended. `text` is the
    same, character for character, with a blank for the end of a line.
    """

    text: str
    lines: str
    _places: _Places | None = None

    @property
    def has_lines(self) -> bool:
        """Whether the text has more lines than one."""
        return "\n" in self.lines

    def locate_spans(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """Return where spans of the reading stand in the text as it is written.

        What is not seen inside a span lies inside; what is not seen at its edges lies outside. Two
        that share a character (a ligature) are one.
        """
        if self._places is None:
            return tuple(spans)
        starts, ends = self._places
        found: list[Span] = []
        for start, end in spans:
            first, last = starts[start], ends[end - 1]
            if found and first < found[-1][1]:
                first = found.pop()[0]
            found.append((first, last))
        return tuple(found)


# A text, and the name beside it, are asked for by every check in turn.
@lru_cache(maxsize=8)
def read_text(written: str) -> Reading:
    """Return a text as it is read. Reading what was read changes nothing."""
    if _PLAIN.fullmatch(written):
        changed = any(wide in written for wide in _WIDE)
    else:
        # Whether an accent joins a letter shows only without what stands unseen between them.
        changed = not unicodedata.is_normalized("NFC", written) or bool(_CHANGES.search(written))
    if not (changed or written.startswith((" ", "\n")) or written.endswith((" ", "\n"))):
        return _of_lines(written, None)
    lines, places = _levelled(written)
    if not unicodedata.is_normalized("NFC", lines):
        lines, places = _composed(lines, places)
    start = len(lines) - len(lines.lstrip(" \n"))
    end = len(lines.rstrip(" \n"))
    if start or end < len(lines):
        lines = lines[start:end]
        places = _Places(places.starts[start:end], places.ends[start:end])
    return _of_lines(lines, places)


def level_words(said: str) -> str:
    """Return what somebody looks for as `plain_words` of the database reads a text."""
    return " ".join(unicodedata.normalize("NFKC", read_text(said).text).split())


def _of_lines(lines: str, places: _Places | None) -> Reading:
    return Reading(lines.replace("\n", " ") if "\n" in lines else lines, lines, places)


def _levelled(written: str) -> tuple[str, _Places]:
    """Return a text with one kind of blank, nothing unseen and no other forms, and its places."""
    pieces: list[str] = []
    starts, ends = array("l"), array("l")
    at = 0
    for match in _CHANGES.finditer(written):
        start, end = match.span()
        pieces.append(written[at:start])
        starts.extend(range(at, start))
        ends.extend(range(at + 1, start + 1))
        read = _read(match[0])
        pieces.append(read)
        starts.extend([start] * len(read))
        ends.extend([end] * len(read))
        at = end
    pieces.append(written[at:])
    starts.extend(range(at, len(written)))
    ends.extend(range(at + 1, len(written) + 1))
    return "".join(pieces), _Places(starts, ends)


def _read(run: str) -> str:
    """Return what is read in a run of white space and unseen characters, or in another form."""
    if not _BREAKS.isdisjoint(run):
        return "\n"
    if any(sign.isspace() or sign in _BLANKS for sign in run):
        return " "
    return _plain_form(run) if len(run) == 1 else ""


@lru_cache(maxsize=2048)
def _plain_form(sign: str) -> str:
    """Return what a character is another form of; itself when that is no letter, digit or sign."""
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    if sign in "\u2010\u2011":
        return "-"
    if re.match(f"[{_UNSEEN}]", sign):
        return ""
    plain = unicodedata.normalize("NFKC", sign)
    return plain if plain.isascii() and plain.isprintable() and plain.strip() else sign


def _composed(lines: str, places: _Places) -> tuple[str, _Places]:
    """Return a text with its letters and accents made one, and its places."""
    pieces: list[str] = []
    starts, ends = array("l"), array("l")
    at = 0
    for match in _MARKED.finditer(lines):
        if unicodedata.is_normalized("NFC", match[0]):
            continue
        pieces.append(lines[at : match.start()])
        starts.extend(places.starts[at : match.start()])
        ends.extend(places.ends[at : match.start()])
        for start, end in _clusters(lines, *match.span()):
            composed = unicodedata.normalize("NFC", lines[start:end])
            pieces.append(composed)
            if composed == lines[start:end]:
                starts.extend(places.starts[start:end])
                ends.extend(places.ends[start:end])
            else:
                starts.extend([places.starts[start]] * len(composed))
                ends.extend([places.ends[end - 1]] * len(composed))
        at = match.end()
    pieces.append(lines[at:])
    starts.extend(places.starts[at:])
    ends.extend(places.ends[at:])
    return "".join(pieces), _Places(starts, ends)


def _clusters(text: str, start: int, end: int) -> list[Span]:
    """Cut a stretch where nothing after the cut can join what stands before it."""
    cuts = [start]
    for at in range(start + 1, end):
        sign = text[at]
        if unicodedata.combining(sign):
            continue
        # Syllables of Hangul, and the few vowel signs that join the one before them.
        joined = unicodedata.normalize("NFC", text[cuts[-1] : at] + sign)
        if len(joined) > len(unicodedata.normalize("NFC", text[cuts[-1] : at])):
            cuts.append(at)
    return list(zip(cuts, [*cuts[1:], end], strict=True))
