"""Folded words of two texts beside each other: which are the same, which say something.

A slip of the keyboard makes no other word; a small word ("och", "skulle") makes no other wish.
"""

import re
from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from services.moderation.checks.word_lists import read_words

# Folded words that carry no wish of their own; a text may have others of them and be the same.
_SMALL = read_words("small_words.txt")
NEGATIONS = frozenset(("aldrig", "ej", "icke", "inga", "ingen", "inget", "inte", "nej"))
# Before a place, folded.
_AT = frozenset(("i", "pa", "vid", "till", "fran", "mellan", "langs", "runt", "at", "near"))

_MISSPELT = 0.7
# A word of this many letters may stand in the other text with a slip, or run into its neighbour.
_LONG_WORD = 6
_SAME_STRETCH = 82
# Texts with more words apart than this, one side times the other, differ by no slips.
_MOST_PAIRED = 10_000


def is_telling(word: str) -> bool:
    """Tell whether a word says something by itself."""
    return word not in _SMALL and (len(word) > 2 or word.isdigit())


def is_same_word(a: str, b: str) -> bool:
    """Tell whether two words are one with a slip: one in a word of 3 letters, two from 8 on."""
    shorter, longer = sorted((len(a), len(b)))
    if shorter < 3:
        return False
    most = 2 if shorter >= 8 else int(shorter >= 3)
    if longer - shorter > most or any(c.isdigit() for c in a + b):
        return False
    return most > 0 and OSA.distance(a, b, score_cutoff=most) <= most


def pair_words(a: Sequence[str], b: Sequence[str]) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the words of each side that the other lacks, slips of the keyboard paired off.

    The third is those pairs: the word of `b` with its twin of `a`.
    """
    count_a, count_b = Counter(a), Counter(b)
    only_a, only_b = list((count_a - count_b).elements()), list((count_b - count_a).elements())
    if len(only_a) * len(only_b) > _MOST_PAIRED:
        return only_a, only_b, {}
    rest: list[str] = []
    twins: dict[str, str] = {}
    for word in only_a:
        twin = next((other for other in only_b if is_same_word(word, other)), None)
        if twin is None:
            rest.append(word)
        else:
            only_b.remove(twin)
            twins[twin] = word
    return rest, only_b, twins


def count_misspelt(a: Sequence[str], b: Sequence[str]) -> int:
    """Return how many words of one text are badly spelt ones of the other."""
    if len(a) * len(b) > _MOST_PAIRED:
        return 0
    left = list(b)
    count = 0
    for word in a:
        twin = next(
            (each for each in left if OSA.normalized_similarity(word, each) >= _MISSPELT), None
        )
        if twin is not None:
            left.remove(twin)
            count += 1
    return count


def find_missing(only: Sequence[str], other: str) -> list[str]:
    """Return the words that a text lacks also when words written together or apart are allowed.

    A number is no part of a longer one: 1 does not stand in 16.
    """
    return [word for word in only if not _stands_in(word, other)]


def _stands_in(word: str, other: str) -> bool:
    if word.isdigit():
        return re.search(rf"(?<!\d){word}(?!\d)", other) is not None
    return word in other or (
        len(word) >= _LONG_WORD and fuzz.partial_ratio(word, other) >= _SAME_STRETCH
    )


def name_places(told: Sequence[str], every: Sequence[str]) -> bool:
    """Tell whether among the words that differ is a number, or one that stands where a place does.

    Folded words have no capitals; those that are written with one are compared by their places.
    """
    after = dict(zip(every[1:], every, strict=False))
    return any(word[0].isdigit() or after.get(word) in _AT for word in told)
