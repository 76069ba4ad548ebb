"""Marks: a text cut into pieces where findings begin and end. Each piece is escaped by itself."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of raw text; `refs` are the findings that cover it, `ends` those that end with it."""

    text: str
    refs: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()


def cut_text(text: str, spans: Mapping[int, Sequence[Span]]) -> list[Piece]:
    """Cut a text at every border of the spans, [start, end) in code points, keyed by finding.

    Spans may overlap; what lies outside the text is ignored. The pieces together are the text.
    """
    inside = {
        ref: [(max(0, start), min(end, len(text))) for start, end in places if start < len(text)]
        for ref, places in spans.items()
    }
    borders = {0, len(text)}
    for places in inside.values():
        borders.update(position for span in places for position in span)
    ordered = sorted(borders)
    pieces = []
    for start, end in itertools.pairwise(ordered):
        covering = tuple(
            ref
            for ref, places in inside.items()
            if any(first <= start and end <= last for first, last in places)
        )
        ending = tuple(ref for ref in covering if any(last == end for _, last in inside[ref]))
        pieces.append(Piece(text[start:end], covering, ending))
    return pieces
