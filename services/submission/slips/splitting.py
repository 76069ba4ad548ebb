"""Notes of a meeting, cut into slips; and the acts by which a person mends how they were cut.

Nothing is left out on the way but blank lines, and the dash, dot or number that a list begins its
lines with.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from services.submission.slips.reading import Draft
from shared.text import clean_text

# What a list begins a line with; the private ones are what Word draws its dots and boxes with.
_BULLET = re.compile(
    r"(?:(?:[-–—*•·‣⁃◦▪▫●○■□➢►▶→✓✔☐☑\uf0a7\uf0a8\uf0b7\uf0d8\uf0fc]+|\[[ xX]?\])[ \t\u00a0]+|o\t)+"
)
# A number may be part of what somebody said: it is the list's where the lines are counted with it.
_NUMBER = re.compile(r"\(?(\d{1,3})[.):][ \t\u00a0]+(?=\S)")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?…])\s+")


class Cut(StrEnum):
    """Where pasted notes are cut."""

    LINES = "lines"
    BLANKS = "blanks"


class UnjoinableError(ValueError):
    """Two slips name different writers or days."""


def cut_notes(pasted: str, cut: Cut) -> list[str]:
    """Return the slips in what was pasted: one a line, or those that blank lines part."""
    lines = clean_text(pasted).split("\n")
    if cut is Cut.LINES:
        pieces = [[line] for line in lines]
    else:
        pieces = [[]]
        for line in lines:
            if line.strip():
                pieces[-1].append(line)
            else:
                pieces.append([])
    told = (_without_bullet("\n".join(piece)) for piece in pieces)
    return _without_numbers([words for words in told if words])


def _without_numbers(pieces: list[str]) -> list[str]:
    """Take the numbers away with which two or more pieces are counted, from one on."""
    found = [_NUMBER.match(piece) for piece in pieces]
    counted = [int(each[1]) for each in found if each is not None]
    if len(pieces) < 2 or counted != list(range(1, len(pieces) + 1)):
        return pieces
    return [
        piece[each.end() :] for piece, each in zip(pieces, found, strict=True) if each is not None
    ]


def _without_bullet(piece: str) -> str:
    words = piece.strip()
    bullet = _BULLET.match(words)
    # A line of nothing but dashes has nobody's words; it is left for a person to see.
    return words[bullet.end() :].strip() if bullet else words


def join_with_before(drafts: Sequence[Draft], place: int) -> list[Draft]:
    """Make one of a slip and the one before it. Raises UnjoinableError."""
    before, after = drafts[place - 1], drafts[place]
    said = {
        name: {value for each in (before, after) if (value := getattr(each, name).strip())}
        for name in ("author", "email", "day")
    }
    if any(len(values) > 1 for values in said.values()):
        raise UnjoinableError
    author, email, day = (next(iter(values), "") for values in said.values())
    text = "\n".join(filter(None, (clean_text(each.text) for each in (before, after))))
    return [*drafts[: place - 1], Draft(text, author, email, day), *drafts[place + 1 :]]


def part_slip(drafts: Sequence[Draft], place: int) -> list[Draft]:
    """Make several of one slip: at its line breaks or, where it has none, after its sentences.

    All of them are by the same writer. Nothing changes where there is neither.
    """
    whole = drafts[place]
    text = clean_text(whole.text)
    pieces = text.split("\n") if "\n" in text else _SENTENCE_ENDS.split(text)
    parts = [replace(whole, text=words) for piece in pieces if (words := piece.strip())]
    return [*drafts[:place], *(parts or [whole]), *drafts[place + 1 :]]


def leave_out(drafts: Sequence[Draft], place: int, *, left_out: bool) -> list[Draft]:
    """Say of a slip whether it is entered; it stays where it is, so that it can be taken again."""
    changed = replace(drafts[place], left_out=left_out)
    return [*drafts[:place], changed, *drafts[place + 1 :]]
