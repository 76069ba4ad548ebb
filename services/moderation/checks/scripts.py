"""Characters that do not show, and words disguised by letters of other alphabets.

What serves a purpose in honest writing is left alone: joiners inside emoji and in Arabic or Indic
script, the selector that makes a sign an emoji, flags, and Greek letters in units and formulas.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from confusable_homoglyphs import confusables

from services.moderation.checks.finding import (
    Check,
    Code,
    Field,
    Finding,
    Reads,
    Severity,
    Subject,
    join_spans,
)

NAME = "scripts"

# Soft hyphens and byte order marks come along when a text is pasted; the rest is put in on purpose.
_PASTED = "\u00ad\ufeff"
_TURNING = "\u202a\u202b\u202c\u202d\u202e"
_INVISIBLE = re.compile(
    f"[{_PASTED}{_TURNING}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200d\u2060-\u2064"
    "\u206a-\u206f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0000-\U000e01ef]"
)
_JOINERS = "\u200c\u200d"
_FLAG = "\U0001f3f4"
_FEW = 2


def run(subject: Subject) -> Iterator[Finding]:
    """Yield at most one finding of each kind per field."""
    for field, text in subject.fields:
        yield from _invisible(field, text)
        yield from _disguised(field, text)


def _invisible(field: Field, text: str) -> Iterator[Finding]:
    found = [
        match
        for match in _INVISIBLE.finditer(text)
        if not (_joins(text, match.start()) or _selects(text, match.start()))
    ]
    if not found:
        return
    count = len(found)
    spans = join_spans(match.span() for match in found)
    if all(match[0] in _PASTED for match in found):
        severity, score = Severity.INFO, 0.0
    elif any(match[0] in _TURNING for match in found) or count > _FEW:
        severity, score = Severity.MEDIUM, 0.5
    else:
        severity, score = Severity.LOW, 0.25
    yield Finding(NAME, Code.INVISIBLE, severity, score, field, spans, {"count": count})


def _joins(text: str, at: int) -> bool:
    """Tell whether a joiner stands where emoji or a script needs one."""
    if text[at] not in _JOINERS:
        return False
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return bool(before and after) and not (_is_plain(before) or _is_plain(after))


def _selects(text: str, at: int) -> bool:
    """Tell whether a tag belongs to a flag (they follow a black flag), or a selector to a sign."""
    if "\U000e0020" <= text[at] <= "\U000e007f":
        start = at
        # The tags of a flag are few.
        while start > max(0, at - 8) and "\U000e0020" <= text[start] <= "\U000e007f":
            start -= 1
        return text[start] == _FLAG
    if "\ufe00" <= text[at] <= "\ufe0e":
        return at > 0 and not _is_plain(text[at - 1])
    return False


def _is_plain(character: str) -> bool:
    """Whether a character is of an alphabet that uses no joiners, or no letter or sign at all."""
    return character.isspace() or character.isascii() or _script(character) in _PLAIN_SCRIPTS


_PLAIN_SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK"})
_WORD = re.compile(r"[^\W\d_]{3,}")
_DISGUISED_SCRIPTS = frozenset({"CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN"})
# Whole alphabets that look like Latin letters in bold, script or double width.
_STYLED = re.compile("[\U0001d400-\U0001d7ff\uff21-\uff3a\uff41-\uff5a\u24b6-\u24e9]{3,}")


def _disguised(field: Field, text: str) -> Iterator[Finding]:
    if text.isascii():
        return
    mixed = [match.span() for match in _WORD.finditer(text) if is_mixed(match[0])]
    styled = [match.span() for match in _STYLED.finditer(text)]
    if mixed or styled:
        score = 0.55 if mixed else 0.3
        severity = Severity.MEDIUM if mixed else Severity.LOW
        yield Finding(NAME, Code.MIXED_SCRIPT, severity, score, field, join_spans(mixed + styled))


def is_mixed(word: str) -> bool:
    """Tell whether letters of another alphabet stand for Latin ones that look the same."""
    if word.isascii():
        return False
    scripts = [_script(letter) for letter in word]
    return (
        "LATIN" in scripts
        and not _DISGUISED_SCRIPTS.isdisjoint(scripts)
        and all(
            script == "LATIN" or _looks_latin(letter)
            for letter, script in zip(word, scripts, strict=True)
        )
    )


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


@lru_cache(maxsize=4096)
def _looks_latin(letter: str) -> bool:
    return bool(confusables.is_confusable(letter, preferred_aliases=["latin"]))


CHECK = Check(NAME, 1, run, Reads.CHARACTERS)
