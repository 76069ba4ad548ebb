"""Whether two folded texts are the same, and the finding that says so. No database here.

A pair that shares a band key (`fingerprints`) is only worth comparing; `confirm_match` decides by
the folded texts, and `is_elsewhere` by the places that the texts as written name. The rules lean to
silence: short ideas share their words with many others ("ny hundrastgård i …"), and the same wish
for another place is another wish.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal
from uuid import UUID

from rapidfuzz import fuzz

from services.moderation.checks.copies.changed import (
    confirm_changed,
    deny_each_other,
    may_be_changed,
    measure_held,
)
from services.moderation.checks.copies.common import EVERYDAY, Common, read_words_of
from services.moderation.checks.copies.words import (
    NEGATIONS,
    count_misspelt,
    find_missing,
    is_telling,
    name_places,
    pair_words,
)
from services.moderation.checks.finding import Code, Finding, Severity, Span
from services.moderation.checks.fingerprints import (
    FINGERPRINT_VERSION,
    Keys,
    keys_of,
    make_grams,
)
from services.moderation.checks.places import differ_in_places, find_lacking, find_places
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
VERSION = 7

Kind = Literal["near", "contained"]
Swaps = tuple[tuple[frozenset[str], frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Two texts are `near` each other, or one is `contained` in the other, a weaker kind.

    `score` is 0 to 1. A contained text of under 60 characters is a hint only: its score is at most
    HINT. `words` are the folded words that say something and stand in both; `swaps`, of a text that
    was changed in several ways, those of each that stand in one place.
    """

    kind: Kind
    score: float
    words: frozenset[str] = frozenset()
    swaps: Swaps | None = None


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
# A text with one word left out is the same, if as many words are left.
_FEWEST_WORDS_LEFT = 3
_FEWEST_LEFT = 14

_CONTAINED_FROM = 18
# Up to here it must stand in the other word by word.
_CONTAINED_EXACTLY = 30
_HINT_UNDER = 60
# So much of what each says must stand in the other, so that two changed texts are near.
_NEAR_WHEN_HELD = 0.7
# What two texts share beside what everybody says; with less it is only that.
_HELD_OF_ITS_OWN = 0.5
_OWN_WORDS = 3
_CONTAINED_SHARE = (0.22, 0.85)
_CONTAINED_GRAMS = 0.7
_CONTAINED_PARTIAL = 90
_LONG = 300
_CONTAINED_GRAMS_OF_LONG = 0.85
_MISSING_WORDS = 0.1
# Of a text's words at least so many stand in the one that holds it, without any slip.
_WHOLE_WORDS = 0.5

# What is left of an address on the web when it is folded.
_LINK = frozenset(("http", "https", "www"))
_DIGITS = re.compile(r"\d+")


def confirm_match(a: str, b: str, common: Common = EVERYDAY) -> Match | None:
    """Say whether two folded texts are the same, or one a part of the other; None when neither.

    Near: under 20 characters the words are the same in any order, small slips of the keyboard
    aside. From there ratio or token_sort_ratio is at least 85, 90 under 40 characters. Up to 80
    both must also have the same content words, but for slips; up to 300 one may be another; in
    longer ones one in seven, but no place or number. The negations are the same in any. A text with
    a single word left out is near whatever the ratio.

    Contained: the shorter has at least 18 characters and .22 to .85 of the longer's length. Up to
    30 it stands there word by word; else .7 of its 4-grams are in the longer and partial_ratio is
    at least 90; over 300 characters .85 of the 4-grams are enough.

    What is neither may still be the other, changed in several ways at once (`copies.changed`): near
    when each holds most of the other. Whatever it is, two texts that share little but what
    everybody says (`common`) are two. The order of the two does not matter.
    """
    if not a or not b:
        return None
    if _differ_in_digits(a, b):
        return None
    short, long = sorted((a, b), key=lambda text: (len(text), text))
    match = _near(short, long) or _best_of(_changed(short, long, common), _contained(short, long))
    if match is None or _share_what_is_common(short, long, common):
        return None
    shared = {word for word in set(short.split()) & set(long.split()) if is_telling(word)}
    return replace(match, words=frozenset(shared))


def _best_of(changed: Match | None, contained: Match | None) -> Match | None:
    if changed is None or contained is None:
        return changed or contained
    return changed if changed.kind == "near" or changed.score > contained.score else contained


def _share_what_is_common(short: str, long: str, common: Common) -> bool:
    """Tell whether two texts share less of their own than each of them lacks.

    One that says hardly anything of its own is no part of whatever holds that word, too.
    """
    first, second = read_words_of(short, common), read_words_of(long, common)
    if not (first.is_dressed and second.is_dressed) or not (first.told or second.told):
        return False
    held = measure_held(short, long, common)
    enough = [
        share
        for share, words in zip(held, (first, second), strict=True)
        if len(words.told) >= _OWN_WORDS
    ]
    return max(enough, default=min(held)) < _HELD_OF_ITS_OWN


def _changed(short: str, long: str, common: Common) -> Match | None:
    if not may_be_changed(short, long, common):
        return None
    if _has_link(short) and _has_link(long):
        short, long = _without_digits(short), _without_digits(long)
    changed = confirm_changed(short, long, common)
    if changed is None:
        return None
    held = changed.held
    if min(held) >= _NEAR_WHEN_HELD:
        return Match("near", sum(held) / 2, swaps=changed.swaps)
    score = min(max(held), HINT) if len(short) < _HINT_UNDER else max(held)
    return Match("contained", score, swaps=changed.swaps)


def is_elsewhere(match: Match, a: str, b: str) -> bool:
    """Tell whether two confirmed texts, as they were written, wish their thing in other places.

    So they do when each names a place that the other does not; of a text inside another, when it
    names one that the other does not; of one that was changed in several ways, when they name
    different ones in one place: a signature names nobody's place.
    """
    places_of_a, places_of_b = find_places(a), find_places(b)
    if match.swaps is not None:
        return any(
            differ_in_places(one & places_of_a, other & places_of_b)
            or differ_in_places(one & places_of_b, other & places_of_a)
            for one, other in match.swaps
        )
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
    if len(short) < _SAME_WORDS_FROM or any(pair_words(short.split(), long.split())[:2]):
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
    return more[at + 1 :] == fewer[at:] and more[at] not in NEGATIONS


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
    if not partial or _lacks_words(short, long) or deny_each_other(short, long, EVERYDAY):
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
    only_a, only_b, _twins = pair_words(words_a, words_b)
    # Not by `find_missing`: "inte" stands in "vinter".
    if not NEGATIONS.isdisjoint((*only_a, *only_b)):
        return True
    told_a = list(filter(is_telling, find_missing(only_a, b)))
    told_b = list(filter(is_telling, find_missing(only_b, a)))
    if not told_a or not told_b:
        return False
    if len(a) <= _WORDS_DECIDE:
        return True
    if name_places(told_a, words_a) and name_places(told_b, words_b):
        return True
    # What everybody begins with fills a short text: two words may be all that its wish has.
    allowed = 1 if len(a) <= _FEW_WORDS_DECIDE else _OTHER_WORDS * len(words_a)
    return max(len(told_a), len(told_b)) - count_misspelt(told_a, told_b) > allowed


def _differ_in_digits(a: str, b: str) -> bool:
    """Tell whether two texts differ in digits alone, which is another number, and no link's.

    Cheap, and the first thing asked: of "… nummer 17" and "… nummer 18" a flood has thousands.
    """
    return a != b and _shape(a) == _shape(b) and not _has_link(a)


@lru_cache(maxsize=4096)
def _shape(text: str) -> str:
    return _DIGITS.sub("0", text)


def _has_link(text: str) -> bool:
    return not _LINK.isdisjoint(text.split())


def _without_digits(text: str) -> str:
    return " ".join(_DIGITS.sub("", text).split())


def _lacks_words(short: str, long: str) -> bool:
    """Tell whether the shorter text says something that the longer one, meant to hold it, lacks.

    Badly spelt words aside. In a short one a single word is enough: the rest may be what everybody
    begins with.
    """
    words_of_short = short.split()
    only_short, only_long, _twins = pair_words(words_of_short, long.split())
    lacking = list(filter(is_telling, find_missing(only_short, long)))
    allowed = 0 if len(short) <= _FEW_WORDS_DECIDE else _MISSING_WORDS * len(words_of_short)
    return len(lacking) - count_misspelt(lacking, only_long) > allowed


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
        elif is_telling(word):
            first, count = None, 0
        if first is not None and last is not None and (best is None or count > best[0]):
            best = (count, (first, last))
    return (best[1],) if best else ()
