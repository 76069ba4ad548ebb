"""Masks: a text version without the words nobody should read. The sealed original keeps them."""

from collections.abc import Iterable, Sequence

from shared.models import IdeaText, TextKind
from shared.reading import read_text
from shared.text import fold_text

# Said aloud by a screen reader, unlike a black bar.
MASK = "[maskat]"


def merged_spans(spans: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    """Return the spans in order, overlapping and touching ones as one, cut to the text's length."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def mask_text(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return the text with each span, [start, end) in code points, replaced by `[maskat]`."""
    pieces = []
    position = 0
    for start, end in merged_spans(spans, len(text)):
        pieces += [text[position:start], MASK]
        position = end
    return "".join(pieces) + text[position:]


def masked_version(
    standing: IdeaText, spans: Sequence[tuple[int, int]], *, mask_author: bool
) -> IdeaText:
    """Return a new text version (its number is the caller's) without the words or the author."""
    masked = mask_text(standing.text or "", spans)
    return IdeaText(
        idea_id=standing.idea_id,
        kind=TextKind.MASK,
        text=masked,
        author=None if mask_author else standing.author,
        folded=fold_text(masked),
    )


def find_words(text: str, words: str) -> list[tuple[int, int]]:
    """Return every place where the words stand in the text, whatever their case and blanks."""
    wanted = read_text(words).text
    if not wanted:
        return []
    read = read_text(text)
    length = len(wanted)
    # Case folding may change lengths ("ß"), so each place is compared in the text itself.
    places = [
        (start, start + length)
        for start in range(len(read.text) - length + 1)
        if read.text[start : start + length].casefold() == wanted.casefold()
    ]
    return [span for place in places for span in read.locate_spans([place])]
