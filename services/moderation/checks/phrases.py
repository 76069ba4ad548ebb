"""Phrases that are common in advertising and rare in ideas; matched by whole words only."""

import re
from collections.abc import Iterator
from functools import cache

from services.moderation.checks.finding import Span
from services.moderation.checks.word_lists import read_lines
from shared.text import fold_word

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

Phrase = tuple[tuple[str, ...], float]

ADVERTISING = "spam_phrases.txt"
# Said for the sake of a link, and innocent without one.
PRAISE = "spam_praise.txt"


@cache
def _by_first_word(name: str = ADVERTISING) -> dict[str, tuple[Phrase, ...]]:
    """Read a list: a weight, 0 to 1, and the words; `#` begins a comment."""
    table: dict[str, list[Phrase]] = {}
    for line in read_lines(name):
        weight, written = line.split(maxsplit=1)
        phrase = tuple(fold_word(word) for word in _WORD.findall(written))
        table.setdefault(phrase[0], []).append((phrase, float(weight)))
    # The longest first: "gratis pengar nu" is one phrase, not two.
    return {
        first: tuple(sorted(phrases, key=lambda phrase: -len(phrase[0])))
        for first, phrases in table.items()
    }


def find_phrases(text: str, name: str = ADVERTISING) -> Iterator[tuple[Span, float]]:
    """Yield where a phrase of a list stands, and its weight. Case and accents do not matter."""
    table = _by_first_word(name)
    words = [(fold_word(match[0]), match.span()) for match in _WORD.finditer(text)]
    position = 0
    while position < len(words):
        for phrase, weight in table.get(words[position][0], ()):
            end = position + len(phrase)
            if tuple(word for word, _span in words[position:end]) == phrase:
                yield (words[position][1][0], words[end - 1][1][1]), weight
                position = end - 1
                break
        position += 1
