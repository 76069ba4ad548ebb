"""Letters that make no words: how likely each letter is after the one before it.

A first-order Markov chain over letters (Shannon 1948), counted in a dozen languages that are
written with Latin letters, so that Finnish, Polish or Somali is no gibberish. Short texts are too
short to tell; links, abbreviations and other alphabets are left out.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

from services.moderation.checks import links
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Reads,
    Severity,
    Span,
    Subject,
    join_spans,
)
from shared.text import fold_word

NAME = "gibberish"

TABLE = Path(__file__).parent / "data" / "letter_pairs.txt"

_WORD = re.compile(r"[^\W\d_]{2,}")
# Stretched words ("wowwww") are for the spam check; here the letter counts twice at most.
_STRETCHED = re.compile(r"(.)\1{2,}")
_FEWEST_LETTERS = 12
_FEWEST_IN_WORD = 4
_LONGEST_ABBREVIATION = 5
# Mean log2 per pair, in tenths: real texts lie above, random letters and mashed keys below.
_LIMIT = -57.0
# Of a pair that was never seen.
_UNSEEN = -160


# What is longer is no word that comes again, and 20 000 such would fill the memory.
_LONGEST_KEPT = 40


@cache
def _table() -> dict[str, int]:
    lines = TABLE.read_text("utf-8").splitlines()
    split = (line.split() for line in lines if not line.startswith("#"))
    return {pair.replace("_", " "): int(tenths) for pair, tenths in split}


def measure_likelihood(words: Iterable[str]) -> float:
    """Return the mean log2 of the pairs in folded words, in tenths: 0 is certain, less is odder."""
    line = f" {' '.join(words)} "
    table = _table()
    # A blank between two words is the end of one and the beginning of the next.
    scores = [table.get(a + b, _UNSEEN) for a, b in pairwise(line)]
    return sum(scores) / len(scores) if len(line) > len("  ") else 0.0


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding when most of a text is no word of any language known here."""
    text = subject.text
    words = _words(text, ())
    # Nearly every text ends here: its words are likely enough, whatever its links are.
    if measure_likelihood(words) >= _LIMIT:
        return
    letters = sum(len(match[0]) for match in _WORD.finditer(text))
    words = _words(text, [link.span for link in links.find_links(text)])
    known = sum(map(len, words))
    if known < _FEWEST_LETTERS or 2 * known < letters or measure_likelihood(words) >= _LIMIT:
        return
    odd = [
        span
        for word, spans in words.items()
        for span in spans
        if len(word) >= _FEWEST_IN_WORD and measure_likelihood([word]) < _LIMIT
    ]
    if odd:
        yield Finding(NAME, Code.GIBBERISH, Severity.MEDIUM, 0.5, "text", join_spans(odd))


def _words(text: str, taken: Collection[Span]) -> dict[str, list[Span]]:
    """Return the folded words in Latin letters, outside links, that are no abbreviations."""
    words: dict[str, list[Span]] = {}
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isupper() and len(word) <= _LONGEST_ABBREVIATION:
            continue
        if any(start <= match.start() < end for start, end in taken):
            continue
        folded = folded_letters(word)
        if folded:
            words.setdefault(folded, []).append(match.span())
    return words


def folded_letters(word: str) -> str:
    """Return a word folded, stretched letters twice at most; empty in other than Latin letters."""
    return _kept_letters(word) if len(word) <= _LONGEST_KEPT else _fold_letters(word)


@lru_cache(maxsize=20_000)
def _kept_letters(word: str) -> str:
    return _fold_letters(word)


def _fold_letters(word: str) -> str:
    folded = _STRETCHED.sub(r"\1\1", fold_word(word))
    return folded if folded.isascii() and folded.isalpha() else ""


CHECK = Check(NAME, 2, run, Reads.WORDS)
