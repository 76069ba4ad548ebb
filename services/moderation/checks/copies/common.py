"""What everybody says: in two texts that share it, it is no sign that one is a copy of the other.

Shipped is what letters open and close with. Learned from what is stored is what many ideas say
alike which otherwise have nothing in common: the sentence that a page, a paper or a class gave to
all who wrote. A text that was sent again and again is not learned, however often it came: beside
what its copies share nothing is left of them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.moderation.checks.copies.words import is_telling
from services.moderation.checks.word_lists import read_lines

# Words in a row that are looked at together.
_STRETCH = 3
# So many ideas, and of many so large a share, must say the same before it is what everybody says.
FEWEST_IDEAS = 6
_SHARE = 0.01
# What an idea must say of its own, to be another idea that says it, too.
_OWN_WORDS = 3
_OWN_SHARE = 0.2

_Stretch = tuple[str, ...]


# Told apart by identity, so that it can be a key of what is worked out with it.
@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """The stretches of folded words that everybody says, of two words or three."""

    stretches: frozenset[_Stretch]

    def mark_words(self, words: Sequence[str]) -> list[bool]:
        """Say of each word in its place whether it stands in what everybody says."""
        marks = [False] * len(words)
        stretches = self.stretches
        for at in range(len(words) - 1):
            if tuple(words[at : at + _STRETCH]) in stretches:
                marks[at : at + _STRETCH] = (True,) * min(_STRETCH, len(words) - at)
            elif tuple(words[at : at + 2]) in stretches:
                marks[at : at + 2] = True, True
        return marks


@dataclass(frozen=True, slots=True)
class Words:
    """A folded text as it is compared: its words, and which of them say something of its own."""

    words: tuple[str, ...]
    tells: tuple[bool, ...]
    told: frozenset[str]
    # Whether it holds something that everybody says.
    is_dressed: bool


@lru_cache(maxsize=4096)
def read_words_of(folded: str, common: Common) -> Words:
    """Return what a folded text says, beside what everybody does."""
    words = tuple(folded.split())
    marks = common.mark_words(words)
    tells = tuple(not mark and is_telling(word) for word, mark in zip(words, marks, strict=True))
    told = frozenset(word for word, telling in zip(words, tells, strict=True) if telling)
    return Words(words, tells, told, any(marks))


def _everyday() -> Common:
    found: set[_Stretch] = set()
    for line in read_lines("everyday_phrases.txt"):
        words = line.split()
        found.update(_stretches(words) if len(words) > 2 else [tuple(words)])
    return Common(frozenset(found))


def _stretches(words: Sequence[str]) -> set[_Stretch]:
    return {tuple(words[at : at + _STRETCH]) for at in range(len(words) - _STRETCH + 1)}


EVERYDAY = _everyday()


def learn_common(texts: Iterable[str]) -> Common:
    """Return what everybody says, learned from folded texts: what is shipped is always in it.

    A stretch is everybody's when so many different ideas hold it: of those whose own words, beside
    what is said often, are the same ones, one counts, and of those who have none, nobody.
    """
    rows = [text.split() for text in dict.fromkeys(texts)]
    held = [_stretches(words) for words in rows]
    least = max(FEWEST_IDEAS, _SHARE * len(rows))
    often = _said_by(held, least)
    if not often:
        return EVERYDAY
    frequent = Common(often)
    of_others: dict[frozenset[str], set[_Stretch]] = {}
    for words, stretches in zip(rows, held, strict=True):
        marks = frequent.mark_words(words)
        telling = [(word, mark) for word, mark in zip(words, marks, strict=True)
                   if is_telling(word)]  # fmt: skip
        own = frozenset(word for word, mark in telling if not mark)
        if len(own) >= max(_OWN_WORDS, _OWN_SHARE * len(telling)):
            of_others.setdefault(own, stretches & often)
    return Common(EVERYDAY.stretches | _said_by(of_others.values(), least))


def _said_by(held: Iterable[set[_Stretch]], least: float) -> frozenset[_Stretch]:
    counts = Counter(stretch for stretches in held for stretch in stretches)
    return frozenset(stretch for stretch, count in counts.items() if count >= least)
