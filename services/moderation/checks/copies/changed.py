"""Whether a text is another one that was changed in several ways at once.

A word left out here, a slip there, a greeting before and a sentence behind: each leaves most
letters as they were, together they do not. So the words are laid side by side. What was left out or
put in stands on one side only; where each has words of its own in one place, it is another wish.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from rapidfuzz.distance import Indel

from services.moderation.checks.copies.common import Common, Words, read_words_of
from services.moderation.checks.copies.words import (
    NEGATIONS,
    count_misspelt,
    find_missing,
    is_telling,
    name_places,
    pair_words,
)

# With fewer words of its own a text says too little to be known again when it was changed.
_FEWEST = 4
# Of unlike pairs nearly all have fewer whole words alike, and go no further.
_WHOLE_WORDS = 0.5
# So much of what the one says stands in the other; where it says little, all but a word.
_HELD = 0.75
_FEW = 8
# How often each may have something of its own in the middle of what both have.
_WORDS_A_BREAK = 5
# Up to here one other word in a word's place is another wish; a longer text may hold a few.
_WORDS_DECIDE = 80
_FEW_WORDS_DECIDE = 300
_OTHER_WORDS = 0.15
# Where each begins, or ends, with words of its own they may share a frame and no more, unless they
# share so many.
_KNOWN_BY = 12
# With so many words alike one text may lack a single word where the other goes on: that word and a
# small one beside it.
_KNOWN_BUT_ONE = 5
_ONE_WORD = 2
# More words than these, put at an end, may say "not" of something else.
_ASIDE = 3


class Held(NamedTuple):
    """How much of what each of two texts says stands in the other, 0 to 1."""

    first: float
    second: float


class Changed(NamedTuple):
    """A text is the other, changed; where each has words of its own in one place, `swaps` has both.

    A sentence that was put at an end, where a word was left out, is no such place.
    """

    held: Held
    swaps: tuple[tuple[frozenset[str], frozenset[str]], ...]


class _Gap(NamedTuple):
    """Where two texts differ, by the places of their words; `is_end` at an end of both."""

    first: range
    second: range
    is_end: bool


class _Own(NamedTuple):
    """What each of two texts has of its own in one gap: words that tell, and negations."""

    first: list[str]
    second: list[str]
    first_denies: int
    second_denies: int
    gap: _Gap

    @property
    def replaced(self) -> int:
        """How many words stand where the other text has others, not counting bad spelling."""
        fewer = min(len(self.first), len(self.second))
        return fewer - count_misspelt(self.first, self.second) if fewer else 0

    @property
    def is_aside(self) -> bool:
        """Whether something was put before or behind: more than a word or two in the place."""
        return self.gap.is_end and max(len(self.gap.first), len(self.gap.second)) > _ASIDE


def may_be_changed(a: str, b: str, common: Common) -> bool:
    """Tell whether two texts have enough whole words alike to be looked at: nearly all have not."""
    told, others = read_words_of(a, common).told, read_words_of(b, common).told
    fewest = min(len(told), len(others))
    return fewest >= _FEWEST and len(told & others) >= _WHOLE_WORDS * fewest


def confirm_changed(a: str, b: str, common: Common) -> Changed | None:
    """Say how much of each of two folded texts stands in the other, if one is the other, changed.

    Counted are the words that tell and that not everybody says. Of one of the two at least .75 must
    stand in the other, of fewer than eight all but one; neither may say "not" where the other does
    not, nor name another place or number; and what is added or left out must be in few places.
    """
    first, second = read_words_of(a, common), read_words_of(b, common)
    if not may_be_changed(a, b, common):
        return None
    fewest = min(len(first.told), len(second.told))
    every = list(_find_own(first, second, a, b))
    held = _hold(first, second, every)
    if max(held) < _HELD or (fewest < _FEW and _lack_least(every) > 1):
        return None
    matched = round(held.first * sum(first.tells))
    if _say_otherwise(every, first, second, min(len(a), len(b)), matched):
        return None
    swaps = tuple(
        (frozenset(own.first), frozenset(own.second))
        for own in every
        if own.first and own.second and not own.is_aside
    )
    return Changed(held, swaps)


def deny_each_other(a: str, b: str, common: Common) -> bool:
    """Tell whether in what two folded texts share one says "not" and the other does not."""
    first, second = read_words_of(a, common), read_words_of(b, common)
    return any(map(_denies, _find_own(first, second, a, b)))


def _denies(own: _Own) -> bool:
    return own.first_denies != own.second_denies and not own.is_aside


def measure_held(a: str, b: str, common: Common) -> Held:
    """Return how much of each of two folded texts stands in the other, whatever they are."""
    first, second = read_words_of(a, common), read_words_of(b, common)
    return _hold(first, second, list(_find_own(first, second, a, b)))


def _hold(first: Words, second: Words, every: list[_Own]) -> Held:
    lacks_first = sum(len(own.first) for own in every)
    lacks_second = sum(len(own.second) for own in every)
    return Held(
        1 - lacks_first / max(1, sum(first.tells)), 1 - lacks_second / max(1, sum(second.tells))
    )


def _lack_least(every: list[_Own]) -> int:
    return min(sum(len(own.first) for own in every), sum(len(own.second) for own in every))


def _say_otherwise(
    every: list[_Own], first: Words, second: Words, length: int, matched: int
) -> bool:
    """Tell whether two texts that share most of their words still say different things."""
    replaced, breaks = 0, [0, 0]
    for own in every:
        if _denies(own):
            return True
        if not own.gap.is_end:
            breaks[0] += bool(own.first)
            breaks[1] += bool(own.second)
        count = own.replaced
        if count and own.gap.is_end:
            if count == 1 and (_is_framed(every) or _is_left_out(own, matched)):
                continue
            if matched < _KNOWN_BY:
                return True
        if name_places(own.first, first.words) and name_places(own.second, second.words):
            return True
        replaced += count
    if max(breaks) > 1 + matched // _WORDS_A_BREAK:
        return True
    if length <= _WORDS_DECIDE:
        return replaced > 0
    return replaced > (1 if length <= _FEW_WORDS_DECIDE else _OTHER_WORDS * matched)


def _is_left_out(own: _Own, matched: int) -> bool:
    """Tell whether the last word was left out, and the other text goes on with a sentence more.

    Where it is the first that differs, the sentence that both end with may be everybody's.
    """
    fewer = min(own.gap.first, own.gap.second, key=len)
    is_last = own.gap.first.start > 0 and own.gap.second.start > 0
    return is_last and own.is_aside and len(fewer) <= _ONE_WORD and matched >= _KNOWN_BUT_ONE


def _is_framed(every: list[_Own]) -> bool:
    """Tell whether one text puts words round the other: what all begin with is at one end only."""
    ends = [own for own in every if own.gap.is_end]
    return len(ends) > 1 and (
        all(own.second and own.is_aside for own in ends)
        or all(own.first and own.is_aside for own in ends)
    )


def _find_own(first: Words, second: Words, a: str, b: str) -> Iterator[_Own]:
    """Give what each of two texts has of its own, gap by gap, slips of the keyboard aside."""
    only_a, only_b, twins = pair_words(first.words, second.words)
    lacking_b = Counter(find_missing(list(filter(is_telling, only_a)), b))
    lacking_a = Counter(find_missing(list(filter(is_telling, only_b)), a))
    lacking_b.update(word for word in only_a if word in NEGATIONS)
    lacking_a.update(word for word in only_b if word in NEGATIONS)
    twinned = [twins.get(word, word) for word in second.words]
    for gap in _find_gaps(first, twinned):
        own_a = _take(first, gap.first, lacking_b)
        own_b = _take(second, gap.second, lacking_a)
        if own_a or own_b:
            told_a = [word for word in own_a if word not in NEGATIONS]
            told_b = [word for word in own_b if word not in NEGATIONS]
            yield _Own(told_a, told_b, len(own_a) - len(told_a), len(own_b) - len(told_b), gap)


def _take(side: Words, places: range, lacking: Counter[str]) -> list[str]:
    """Take from what the other text lacks the words that stand in these places."""
    taken = []
    for place in places:
        word = side.words[place]
        if lacking[word] > 0 and (side.tells[place] or word in NEGATIONS):
            lacking[word] -= 1
            taken.append(word)
    return taken


def _find_gaps(first: Words, second: list[str]) -> list[_Gap]:
    """Lay two texts side by side, and return where they differ; what is at an end is one gap."""
    blocks = list(Indel.opcodes(first.words, second))
    shared = [
        at
        for at, block in enumerate(blocks)
        if block.tag == "equal" and any(first.tells[block.src_start : block.src_end])
    ]
    if not shared:
        return [_Gap(range(len(first.words)), range(len(second)), is_end=True)]
    begin, finish = blocks[shared[0]], blocks[shared[-1]]
    gaps = [_Gap(range(begin.src_start), range(begin.dest_start), is_end=True)]
    middle = blocks[shared[0] : shared[-1] + 1]
    for differs, group in groupby(middle, key=lambda block: block.tag != "equal"):
        if differs:
            parts = list(group)
            gaps.append(
                _Gap(
                    range(parts[0].src_start, parts[-1].src_end),
                    range(parts[0].dest_start, parts[-1].dest_end),
                    is_end=False,
                )
            )
    gaps.append(
        _Gap(
            range(finish.src_end, len(first.words)),
            range(finish.dest_end, len(second)),
            is_end=True,
        )
    )
    return gaps
