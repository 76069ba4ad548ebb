"""Whether two folded texts are the same, and the finding that says so. No database here.

A pair that shares a band key (`fingerprints`) is only worth comparing; `confirm` decides. Its rule
leans to silence: short ideas share their words with many others ("ny hundrastgård i …"), and the
same wish for another place is another wish.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from services.moderation.checks.finding import Code, Finding, Severity
from services.moderation.checks.fingerprints import (
    FINGERPRINT_VERSION,
    Keys,
    fingerprint,
    grams,
    keys_of,
    query_keys,
)
from services.moderation.checks.word_lists import words

__all__ = [
    "FINGERPRINT_VERSION",
    "NAME",
    "VERSION",
    "Keys",
    "Match",
    "confirm",
    "copy_finding",
    "fingerprint",
    "keys_of",
    "query_keys",
]

NAME = "duplicates"
VERSION = 1

Kind = Literal["near", "contained"]


@dataclass(frozen=True, slots=True)
class Match:
    """Two texts are `near` each other, or one is `contained` in the other, a weaker kind.

    `score` is 0 to 1. A contained text of under 60 characters is a hint only: its score is at most
    HINT.
    """

    kind: Kind
    score: float


HINT = 0.5

_NEAR = 85
_NEAR_WHEN_SHORT = 90
_SHORT = 40
# A few words are too common to be more than exactly the same.
_NEAR_FROM = 20
# Up to here a single other content word is another wish; longer texts are compared as wholes.
_WORDS_DECIDE = 220

_CONTAINED_FROM = 30
_HINT_UNDER = 60
_CONTAINED_SHARE = (0.25, 0.85)
_CONTAINED_GRAMS = 0.7
_CONTAINED_PARTIAL = 90
_LONG = 300
_CONTAINED_GRAMS_OF_LONG = 0.85
_MISSING_WORDS = 0.1
# A word of this many letters may stand in the other text with a slip, or run into its neighbour.
_LONG_WORD = 6
_SAME_STRETCH = 82

# Folded words that carry no wish of their own; a text may have others of them and be the same.
_SMALL = words("small_words.txt")
_NEGATIONS = frozenset(("aldrig", "ej", "icke", "inga", "ingen", "inget", "inte", "nej"))


def confirm(a: str, b: str) -> Match | None:
    """Say whether two folded texts are the same, or one a part of the other; None when neither.

    Near: the shorter has at least 20 characters, and ratio or token_sort_ratio is at least 85, 90
    under 40 characters; up to 220 both must also have the same content words, small slips of the
    keyboard aside, and the same negations. Contained: the shorter has at least 30 characters and
    .25 to .85 of the longer's length, .7 of its 4-grams are in the longer and partial_ratio is at
    least 90; over 300 characters .85 of the 4-grams are enough. The order of the two does not
    matter.
    """
    if not a or not b:
        return None
    short, long = sorted((a, b), key=lambda text: (len(text), text))
    return _near(short, long) or _contained(short, long)


def _near(short: str, long: str) -> Match | None:
    least = _NEAR_WHEN_SHORT if len(short) < _SHORT else _NEAR
    # A ratio cannot exceed twice the shorter length over the sum: most pairs end here.
    if len(short) < _NEAR_FROM or 200 * len(short) < least * (len(short) + len(long)):
        return None
    ratio = fuzz.ratio(short, long, score_cutoff=least)
    ratio = ratio or fuzz.token_sort_ratio(short, long, score_cutoff=least)
    if not ratio or (len(short) <= _WORDS_DECIDE and _other_wish(short, long)):
        return None
    return Match("near", ratio / 100)


def _contained(short: str, long: str) -> Match | None:
    low, high = _CONTAINED_SHARE
    if len(short) < _CONTAINED_FROM or not low <= len(short) / len(long) <= high:
        return None
    inside = set(grams(short))
    share = len(inside & set(grams(long))) / len(inside)
    if len(short) > _LONG:
        return Match("contained", share) if share >= _CONTAINED_GRAMS_OF_LONG else None
    if share < _CONTAINED_GRAMS:
        return None
    partial = fuzz.partial_ratio(short, long, score_cutoff=_CONTAINED_PARTIAL)
    if not partial or _lacks_words(short, long):
        return None
    score = partial / 100
    return Match("contained", min(score, HINT) if len(short) < _HINT_UNDER else score)


def _other_wish(a: str, b: str) -> bool:
    """Tell whether two short texts say different things in nearly the same words.

    So they do when each has a content word that the other lacks (another place, another number), or
    when one says "not" and the other does not. A word more on one side only is no other wish.
    """
    only_a, only_b = _unmatched(a.split(), b.split())
    lacking_b, lacking_a = _missing(only_a, b), _missing(only_b, a)
    if any(word in _NEGATIONS for word in lacking_a + lacking_b):
        return True
    return any(map(_tells, lacking_a)) and any(map(_tells, lacking_b))


def _lacks_words(short: str, long: str) -> bool:
    """Tell whether the shorter text says something that the longer one, meant to hold it, lacks."""
    words_of_short = short.split()
    lacking = _missing(_unmatched(words_of_short, long.split())[0], long)
    allowed = _MISSING_WORDS * len(words_of_short) if len(short) >= _HINT_UNDER else 0
    return sum(map(_tells, lacking)) > allowed


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


def copy_finding(*, kind: str, score: float, number: str, similar_to: UUID, length: int) -> Finding:
    """Return the finding that an idea is a copy of an earlier one.

    `kind` is exact, near or contained; `number` and `similar_to` name the earlier idea; `length` is
    that of this text in code points. An exact copy is marked as a whole, others not at all.
    """
    if kind == "exact":
        spans = ((0, length),) if length else ()
        return Finding(
            NAME,
            Code.EXACT,
            Severity.MEDIUM,
            score,
            spans=spans,
            params={"number": number},
            similar_to=similar_to,
        )
    hint = kind == "contained" and score <= HINT
    return Finding(
        NAME,
        Code.NEAR,
        Severity.INFO if hint else Severity.MEDIUM,
        score,
        params={"number": number, "part": int(kind == "contained")},
        similar_to=similar_to,
    )
