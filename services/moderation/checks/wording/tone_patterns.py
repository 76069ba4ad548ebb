"""Sequences of words that threaten, hate or insult, looked for all at once.

All patterns are one row of bits: bit i is set while the elements up to i have been met. A word
moves all bits at once, so the time is proportional to the number of words whatever they are: the
extended Shift-And automaton with optional elements (G. Navarro, M. Raffinot, Flexible Pattern
Matching in Strings, 2002, ch. 4).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from services.moderation.checks.wording.disguise import Word


class Element(NamedTuple):
    """One word of a set; any word at all where `words` is None."""

    words: frozenset[str] | None
    is_optional: bool


class PatternError(ValueError):
    """A pattern that cannot be read; the message says why."""


_FILLERS = 2
_GAP = 3


def read_pattern(written: str, classes: Mapping[str, frozenset[str]]) -> tuple[Element, ...]:
    """Read a pattern as data/tone_patterns.txt describes it.

    Raises PatternError for an unknown class, and when the first or the last element may be missing.
    """
    elements: list[Element] = []
    for part in written.split():
        if part == "~":
            elements += [Element(classes["filler"], is_optional=True)] * _FILLERS
        elif part == "…":
            elements += [Element(None, is_optional=True)] * _GAP
        else:
            elements.append(_element(part, classes))
    # One that may be missing at an end changes no match: whoever wrote it meant another pattern.
    if not elements or elements[0].is_optional or elements[-1].is_optional:
        raise PatternError("the first element and the last must be there")
    return tuple(elements)


def _element(part: str, classes: Mapping[str, frozenset[str]]) -> Element:
    body = part.removesuffix("?")
    optional = body != part
    if not body.startswith("<"):
        return Element(frozenset(body.translate(_NORDIC).split("|")), optional)
    names = body[1:].removesuffix(">").split("|")
    if any(name not in classes for name in names):
        raise PatternError("unknown class")
    return Element(frozenset().union(*(classes[name] for name in names)), optional)


_NORDIC = str.maketrans("æø", "äö")


@dataclass(slots=True)
class Automaton:
    """Patterns made ready. `find` yields which of them ends where, and where it began."""

    patterns: Sequence[tuple[Element, ...]]
    _masks: dict[str, int] = field(default_factory=dict)
    _any: int = 0
    _first: int = 0
    _last: int = 0
    # Of each row of elements that may be missing: all of it, the element before it, its last one.
    _optional: int = 0
    _before: int = 0
    _final: int = 0
    _owner: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        at = 0
        masks: dict[str, int] = {}
        anything = 0
        for number, elements in enumerate(self.patterns):
            self._first |= 1 << at
            for n, element in enumerate(elements):
                if element.words is None:
                    anything |= 1 << at
                else:
                    for word in element.words:
                        masks[word] = masks.get(word, 0) | 1 << at
                may_skip = n + 1 < len(elements) and elements[n + 1].is_optional
                if element.is_optional:
                    self._optional |= 1 << at
                    self._final |= 0 if may_skip else 1 << at
                elif may_skip:
                    self._before |= 1 << at
                at += 1
            self._last |= 1 << (at - 1)
            self._owner[at - 1] = number
        self._any = anything
        self._masks = {word: mask | anything for word, mask in masks.items()}

    @property
    def words(self) -> frozenset[str]:
        """Return every word that a pattern names."""
        return frozenset(self._masks)

    def find(self, words: Sequence[Word]) -> Iterator[tuple[int, int, int]]:
        """Yield (pattern, first word, word after the last). A sentence's end breaks every one."""
        state = 0
        for n, word in enumerate(words):
            if word.opens > 1:
                state = 0
            state = ((state << 1) | self._first) & self._masks.get(word.low, self._any)
            if not state:
                continue
            ended = state & self._last
            while ended:
                bit = ended.bit_length() - 1
                ended ^= 1 << bit
                number = self._owner[bit]
                yield number, self._begin(number, words, n), n + 1
            # Whatever may be missing after the lowest bit of its row is met too: the subtraction
            # borrows up to that bit, and what it leaves unchanged lies above.
            rows = state | self._final
            changed = (rows - self._before) ^ rows
            state |= self._optional ^ (self._optional & changed)
        return

    def _begin(self, number: int, words: Sequence[Word], last: int) -> int:
        """Return where the shortest match of a pattern that ends at a word begins."""
        elements = self.patterns[number]
        # Backwards: which elements can be the one that this word met.
        able = {len(elements) - 1}
        for at in range(last, -1, -1):
            met = {
                n for n in able if (wanted := elements[n].words) is None or words[at].low in wanted
            }
            if 0 in met:
                return at
            able = set()
            for n in met:
                before = n - 1
                while before >= 0:
                    able.add(before)
                    if not elements[before].is_optional:
                        break
                    before -= 1
        return last
