"""Pictures of numbers as geometry; a template draws it as SVG in the page.

Widths and places across are shares of the picture's width in per cent, heights are in em: so the
picture fills whatever room there is, from 320 pixels on, and its words keep their size. What is
told by colour is also told by place: what came in stands above the line, what was decided hangs
below it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.moderation.checks.learned_spam.spam_figures import Figure

# Of the higher of the two sides, in em.
_HALF = 5.0
_GAP = 0.25
_MOST_TICKS = 6

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column over, and one under, the line; heights in em. `told` is said in words."""

    x: float
    width: float
    up: float
    down: float
    told: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A word under the picture, at a place across."""

    x: float
    anchor: Anchor
    word: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns in a row. `most` is what the highest one counts; heights above and below in em."""

    columns: list[Column]
    ticks: list[Tick]
    most: int
    above: float
    below: float


def draw_columns(steps: Sequence[tuple[str, str, int | None, int | None]]) -> Columns:
    """Draw steps of (word for the axis, words for all of it, number above, number below).

    Both sides have the same scale. None draws nothing, as 0 does; `told` says which it is.
    """
    most = max((max(above or 0, below or 0) for _w, _t, above, below in steps), default=0)
    width = 100 / max(len(steps), 1)
    gap = width * _GAP if len(steps) > 1 else 0
    scale = _HALF / most if most else 0
    drawn = [
        Column(
            x=number * width + gap / 2,
            width=width - gap,
            up=(above or 0) * scale,
            down=(below or 0) * scale,
            told=told,
        )
        for number, (_word, told, above, below) in enumerate(steps)
    ]
    return Columns(
        drawn,
        _ticks([word for word, *_rest in steps], width),
        most,
        above=max((each.up for each in drawn), default=0.0),
        below=max((each.down for each in drawn), default=0.0),
    )


def _ticks(words: Sequence[str], width: float) -> list[Tick]:
    if not words:
        return []
    last = len(words) - 1
    count = min(_MOST_TICKS, len(words))
    chosen = sorted({round(number * last / max(count - 1, 1)) for number in range(count)})
    found = []
    for place in chosen:
        anchor: Anchor = "middle"
        x = (place + 0.5) * width
        if place == 0 and last:
            anchor, x = "start", 0.0
        elif place == last and last:
            anchor, x = "end", 100.0
        found.append(Tick(x, anchor, words[place]))
    return found


@dataclass(frozen=True, slots=True)
class Bar:
    """A word, a bar and the number that it stands for. `share` in per cent of the width."""

    word: str
    value: str
    share: float


def draw_bars(rows: Sequence[tuple[str, int]]) -> list[Bar]:
    """Draw numbers as bars below one another, the largest filling the width."""
    most = max((number for _word, number in rows), default=0)
    return [Bar(word, str(number), 100 * number / most if most else 0.0) for word, number in rows]


@dataclass(frozen=True, slots=True)
class Dot:
    """A share as a dot on a line from 0 to 100, and how sure it is as a bar through it."""

    word: str
    value: str
    at: float
    low: float
    high: float


def draw_dots(rows: Sequence[tuple[str, str, Figure]]) -> list[Dot]:
    """Draw (word, what stands for the share, share); those without a share are left out."""
    return [
        Dot(word, value, 100 * share.value, 100 * share.interval[0], 100 * share.interval[1])
        for word, value, share in rows
        if share.value is not None and share.interval is not None
    ]
