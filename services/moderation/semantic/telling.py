"""The telling words that two texts share: what a suggestion quotes as its reason."""

import re
from collections.abc import Collection, Iterable

from services.moderation.checks.finding import Span
from services.moderation.checks.word_lists import read_words
from shared.reading import read_text
from shared.text import fold_word

_WORD = re.compile(r"\w[\w’'-]*")
# Said in every second idea, and therefore no reason.
_NOT_TELLING = read_words("small_words.txt") | read_words("civic_words.txt")
_SHORTEST = 4
# Two words are one when they begin alike: inflections differ at the end.
_STEM = 5
_MOST = 3


def shared_words(text: str, other: str, places: Collection[str] = ()) -> tuple[Span, ...]:
    """Return the spans, in `text`, of the three longest words that the other text has too.

    Compounds count where one word begins the other: "cykel" and "cykelbana", but not the ends of
    words. Each word is marked where it first stands. `places` (folded) tell where, not what.
    """
    where = {place[:_STEM] for place in places}
    read = read_text(text)
    theirs = {word[:_STEM] for word, _span in _telling(read_text(other).text)} - where
    found: dict[str, Span] = {}
    for word, span in _telling(read.text):
        stem = word[:_STEM]
        if stem in theirs:
            found.setdefault(stem, span)
    longest = sorted(found.values(), key=lambda span: (span[0] - span[1], span))[:_MOST]
    return read.locate_spans(sorted(longest))


def _telling(text: str) -> Iterable[tuple[str, Span]]:
    for match in _WORD.finditer(text):
        word = fold_word(match[0])
        if len(word) >= _SHORTEST and word not in _NOT_TELLING and not word.isdigit():
            yield word, match.span()


def says_something(text: str) -> bool:
    """Tell whether a text has any telling word: one without ("Se bilagan!") is like many."""
    return any(True for _word in _telling(text))
