"""Whether two folded texts are the same, and the finding that says so. No database here.

A pair that shares a band key (`fingerprints`) is only worth comparing; `confirm_match` decides by
the folded texts, and `is_elsewhere` by the places that the texts as written name. The rules lean to
silence: short ideas share their words with many others ("ny hundrastgård i …"), and the same wish
for another place is another wish.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from uuid import UUID

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from services.moderation.checks.finding import Code, Finding, Severity, Span
from services.moderation.checks.fingerprints import (
    FINGERPRINT_VERSION,
    Keys,
    keys_of,
    make_grams,
)
from services.moderation.checks.places import differ_in_places, find_lacking, find_places
from services.moderation.checks.word_lists import read_words
from shared.reading import read_text
from shared.text import fold_word

__all__ = [
    "FINGERPRINT_VERSION",
    "NAME",
    "VERSION",
    "Keys",
    "Match",
    "confirm_match",
    "copy_finding",
    "is_elsewhere",
    "keys_of",
]

NAME = "duplicates"
VERSION = 5

Kind = Literal["near", "contained"]


@dataclass(frozen=True, slots=True)
class Match:
    """Two texts are `near` each other, or one is `contained` in the other, a weaker kind.

    `score` is 0 to 1. A contained text of under 60 characters is a hint only: its score is at most
    HINT. `read_words` are the folded words that say something and stand in both.
    """

    kind: Kind
    score: float
    words: frozenset[str] = frozenset()


HINT = 0.5

_NEAR = 85
_NEAR_WHEN_SHORT = 90
_SHORT = 40
# A few words are too common to be more than the same ones, small slips aside.
_NEAR_FROM = 20
_SAME_WORDS_FROM = 10
# Up to here a single other content word is another wish; a longer text may hold a few of them.
_WORDS_DECIDE = 80
_FEW_WORDS_DECIDE = 300
_OTHER_WORDS = 0.15
_MISSPELT = 0.5
# A text with one word left out is the same, if as many words are left.
_FEWEST_WORDS_LEFT = 3
_FEWEST_LEFT = 14

_CONTAINED_FROM = 18
# Up to here it must stand in the other word by word.
_CONTAINED_EXACTLY = 30
_HINT_UNDER = 60
_CONTAINED_SHARE = (0.22, 0.85)
_CONTAINED_GRAMS = 0.7
_CONTAINED_PARTIAL = 90
_LONG = 300
_CONTAINED_GRAMS_OF_LONG = 0.85
_MISSING_WORDS = 0.1
# Of a text's words at least so many stand in the one that holds it, without any slip.
_WHOLE_WORDS = 0.5
# A word of this many letters may stand in the other text with a slip, or run into its neighbour.
_LONG_WORD = 6
_SAME_STRETCH = 82
# Before a place, folded.
_AT = frozenset(("i", "pa", "vid", "till", "fran", "mellan", "langs", "runt", "at", "near"))

# What is left of an address on the web when it is folded.
_LINK = frozenset(("http", "https", "www"))
_DIGITS = re.compile(r"\d+")

# Folded words that carry no wish of their own; a text may have others of them and be the same.
_SMALL = read_words("small_words.txt")
_NEGATIONS = frozenset(("aldrig", "ej", "icke", "inga", "ingen", "inget", "inte", "nej"))


def confirm_match(a: str, b: str) -> Match | None:
    """Say whether two folded texts are the same, or one a part of the other; None when neither.

    Near: under 20 characters the words are the same in any order, small slips of the keyboard
    aside. From there ratio or token_sort_ratio is at least 85, 90 under 40 characters. Up to 80
    both must also have the same content words, but for slips; up to 300 one may be another; in
    longer ones one in seven, but no place or number. The negations are the same in any. A text with
    a single word left out is near whatever the ratio.

    Contained: the shorter has at least 18 characters and .22 to .85 of the longer's length. Up to
    30 it stands there word by word; else .7 of its 4-grams are in the longer and partial_ratio is
    at least 90; over 300 characters .85 of the 4-grams are enough. The order of the two does not
    matter.
    """
    if not a or not b:
        return None
    short, long = sorted((a, b), key=lambda text: (len(text), text))
    match = _near(short, long) or _contained(short, long)
    if match is None:
        return None
    shared = {word for word in set(short.split()) & set(long.split()) if _tells(word)}
    return Match(match.kind, match.score, frozenset(shared))


def is_elsewhere(match: Match, a: str, b: str) -> bool:
    """Tell whether two confirmed texts, as they were written, wish their thing in other places.

    So they do when each names a place that the other does not; of a text inside another, when it
    names one that the other does not.
    """
    places_of_a, places_of_b = find_places(a), find_places(b)
    if match.kind == "near":
        return differ_in_places(places_of_a, places_of_b)
    if len(a) > len(b):
        places_of_a, places_of_b = places_of_b, places_of_a
    return bool(find_lacking(places_of_a, places_of_b))


def _near(short: str, long: str) -> Match | None:
    if _one_word_left_out(short, long):
        return Match("near", fuzz.ratio(short, long) / 100)
    least = _NEAR_WHEN_SHORT if len(short) < _SHORT else _NEAR
    # A ratio cannot exceed twice the shorter length over the sum: most pairs end here.
    if len(short) < _NEAR_FROM:
        return _the_same_words(short, long)
    if 200 * len(short) < least * (len(short) + len(long)):
        return None
    ratio = fuzz.ratio(short, long, score_cutoff=least)
    ratio = ratio or fuzz.token_sort_ratio(short, long, score_cutoff=least)
    if not ratio or _other_wish(short, long):
        return None
    return Match("near", ratio / 100)


def _the_same_words(short: str, long: str) -> Match | None:
    if len(short) < _SAME_WORDS_FROM or any(_unmatched(short.split(), long.split())):
        return None
    return Match("near", fuzz.token_sort_ratio(short, long) / 100)


def _one_word_left_out(short: str, long: str) -> bool:
    """Tell whether the longer text is the shorter with one word put in, which is no negation."""
    # Folded words have one space between them: counting those tells most pairs apart at once.
    if len(short) < _FEWEST_LEFT or long.count(" ") != short.count(" ") + 1:
        return False
    fewer, more = short.split(), long.split()
    if len(fewer) < _FEWEST_WORDS_LEFT:
        return False
    at = next((n for n, word in enumerate(fewer) if more[n] != word), len(fewer))
    return more[at + 1 :] == fewer[at:] and more[at] not in _NEGATIONS


# A long text has two thousand of them, 100 kB: so many texts as are compared again and again.
@lru_cache(maxsize=256)
def _gram_set(text: str) -> frozenset[str]:
    return frozenset(make_grams(text))


def _contained(short: str, long: str) -> Match | None:
    low, high = _CONTAINED_SHARE
    if len(short) < _CONTAINED_FROM or not low <= len(short) / len(long) <= high:
        return None
    if f" {short} " in f" {long} ":
        return Match("contained", HINT if len(short) < _HINT_UNDER else 1.0)
    if len(short) < _CONTAINED_EXACTLY or not _mostly_in(short, long):
        return None
    return _contained_with_slips(short, long)


def _contained_with_slips(short: str, long: str) -> Match | None:
    inside = _gram_set(short)
    share = len(inside & _gram_set(long)) / len(inside)
    if len(short) > _LONG:
        return Match("contained", share) if share >= _CONTAINED_GRAMS_OF_LONG else None
    if share < _CONTAINED_GRAMS:
        return None
    partial = fuzz.partial_ratio(short, long, score_cutoff=_CONTAINED_PARTIAL)
    if not partial or _lacks_words(short, long):
        return None
    score = partial / 100
    return Match("contained", min(score, HINT) if len(short) < _HINT_UNDER else score)


def _mostly_in(short: str, long: str) -> bool:
    """Tell whether enough words of a text stand in another: cheap, and few unrelated texts pass."""
    own = set(short.split())
    return len(own & set(long.split())) >= _WHOLE_WORDS * len(own)


def _other_wish(a: str, b: str) -> bool:
    """Tell whether two texts say different things in nearly the same words.

    Short ones do when each has a content word that the other lacks (another place, another number),
    any when one says "not" and the other does not. A word more on one side only is no other wish;
    nor, where both hold a link, are other digits: spam numbers its copies.
    """
    if _has_link(a) and _has_link(b):
        a, b = _without_digits(a), _without_digits(b)
    words_a, words_b = a.split(), b.split()
    only_a, only_b = _unmatched(words_a, words_b)
    lacking_b, lacking_a = _missing(only_a, b), _missing(only_b, a)
    if any(word in _NEGATIONS for word in lacking_a + lacking_b):
        return True
    told_a, told_b = list(filter(_tells, lacking_b)), list(filter(_tells, lacking_a))
    if not told_a or not told_b:
        return False
    if len(a) <= _WORDS_DECIDE:
        return True
    if _names(told_a, words_a) and _names(told_b, words_b):
        return True
    # What everybody begins with fills a short text: two words may be all that its wish has.
    allowed = 1 if len(a) <= _FEW_WORDS_DECIDE else _OTHER_WORDS * len(words_a)
    return max(len(told_a), len(told_b)) - _misspelt(told_a, told_b) > allowed


def _has_link(text: str) -> bool:
    return not _LINK.isdisjoint(text.split())


def _without_digits(text: str) -> str:
    return " ".join(_DIGITS.sub("", text).split())


def _misspelt(a: list[str], b: list[str]) -> int:
    """Return how many words of one text are badly spelt ones of the other."""
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


def _names(told: list[str], every: list[str]) -> bool:
    """Tell whether among the words that differ is a number, or one that stands where a place does.

    Folded words have no capitals; those that are written with one are compared by `is_elsewhere`.
    """
    after = dict(zip(every[1:], every, strict=False))
    return any(word[0].isdigit() or after.get(word) in _AT for word in told)


def _lacks_words(short: str, long: str) -> bool:
    """Tell whether the shorter text says something that the longer one, meant to hold it, lacks.

    Badly spelt words aside. In a short one a single word is enough: the rest may be what everybody
    begins with.
    """
    words_of_short = short.split()
    only_short, only_long = _unmatched(words_of_short, long.split())
    lacking = list(filter(_tells, _missing(only_short, long)))
    allowed = 0 if len(short) <= _FEW_WORDS_DECIDE else _MISSING_WORDS * len(words_of_short)
    return len(lacking) - _misspelt(lacking, only_long) > allowed


def _missing(only: list[str], other: str) -> list[str]:
    """Return the words that a text lacks also when words written together or apart are allowed."""
    return [
        word
        for word in only
        if word not in other
        and (len(word) < _LONG_WORD or fuzz.partial_ratio(word, other) < _SAME_STRETCH)
    ]


def _unmatched(a: list[str], b: list[str]) -> tuple[list[str], list[str]]:
    """Return the words of each side that the other lacks, slips of the keyboard paired off."""
    count_a, count_b = Counter(a), Counter(b)
    only_a, only_b = list((count_a - count_b).elements()), list((count_b - count_a).elements())
    rest: list[str] = []
    for word in only_a:
        twin = next((other for other in only_b if _same_word(word, other)), None)
        if twin is None:
            rest.append(word)
        else:
            only_b.remove(twin)
    return rest, only_b


def _same_word(a: str, b: str) -> bool:
    """Tell whether two words are one with a slip: one in a word of 3 letters, two from 8 on."""
    if any(c.isdigit() for c in a + b):
        return False
    shorter = min(len(a), len(b))
    most = 2 if shorter >= 8 else int(shorter >= 3)
    return most > 0 and OSA.distance(a, b, score_cutoff=most) <= most


def _tells(word: str) -> bool:
    return word not in _SMALL and (len(word) > 2 or word.isdigit())


_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 6


def copy_finding(
    *,
    kind: str,
    score: float,
    number: str,
    similar_to: UUID,
    text: str,
    shared: Collection[str] = (),
) -> Finding:
    """Return the finding that an idea is a copy of an earlier one.

    `kind` is exact, near or contained; `number` and `similar_to` name the earlier idea; `text` is
    this one as it was written, and `shared` are the words of `Match`. An exact copy is marked as a
    whole, a near one in the longest of the words that both have, a part in the stretch they share.
    """
    if kind == "exact":
        return Finding(
            NAME,
            Code.EXACT,
            Severity.MEDIUM,
            score,
            spans=((0, len(text)),) if text else (),
            params={"number": number},
            similar_to=similar_to,
        )
    part = kind == "contained"
    hint = part and score <= HINT
    read = read_text(text)
    spans = _stretch(read.text, shared) if part else _telling(read.text, shared)
    return Finding(
        NAME,
        Code.NEAR,
        Severity.INFO if hint else Severity.MEDIUM,
        score,
        spans=read.locate_spans(spans),
        params={"number": number, "part": int(part)},
        similar_to=similar_to,
    )


def _telling(text: str, shared: Collection[str]) -> tuple[Span, ...]:
    """Return where the longest shared words stand first: long words are seldom everybody's."""
    places: dict[str, Span] = {}
    for match in _WORD.finditer(text):
        word = fold_word(match[0])
        if word in shared:
            places.setdefault(word, match.span())
    chosen = sorted(places, key=lambda word: (-len(word), word))[:_MOST_WORDS]
    return tuple(sorted(places[word] for word in chosen))


def _stretch(text: str, shared: Collection[str]) -> tuple[Span, ...]:
    """Return the longest stretch of words that all stand in the other text, small ones between."""
    best: tuple[int, Span] | None = None
    first = last = None
    count = 0
    for match in _WORD.finditer(text):
        word = fold_word(match[0])
        if word in shared:
            first = match.start() if first is None else first
            last, count = match.end(), count + 1
        elif _tells(word):
            first, count = None, 0
        if first is not None and last is not None and (best is None or count > best[0]):
            best = (count, (first, last))
    return (best[1],) if best else ()
