"""Letters that make no words: how likely each letter is after the one before it.

A first-order Markov chain over letters (Shannon 1948), counted in a dozen languages that are
written with Latin letters, so that Finnish, Polish or Somali is no gibberish. Short texts are too
short to tell; links, abbreviations and other alphabets are left out.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from services.moderation.checks import links
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Span,
    Subject,
    joined,
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


def pairs_of(text: str) -> Iterator[str]:
    """Give each two neighbours of the words of a text, folded, a blank at each end of a word."""
    for match in _WORD.finditer(text):
        word = _STRETCHED.sub(r"\1\1", fold_word(match[0]))
        if word.isascii() and word.isalpha():
            padded = f" {word} "
            yield from (padded[at : at + 2] for at in range(len(padded) - 1))


@cache
def _table() -> dict[str, int]:
    lines = TABLE.read_text("utf-8").splitlines()
    split = (line.split() for line in lines if not line.startswith("#"))
    return {pair.replace("_", " "): int(tenths) for pair, tenths in split}


def likelihood(words: list[str]) -> float:
    """Return the mean log2 of the pairs in folded words, in tenths: 0 is certain, less is odder."""
    table = _table()
    scores = [table.get(pair, _UNSEEN) for word in words for pair in pairs_of(word)]
    return sum(scores) / len(scores) if scores else 0.0


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding when most of a text is no word of any language known here."""
    text = subject.text
    taken = [link.span for link in links.find(text)]
    words: list[tuple[str, Span]] = []
    letters = 0
    for match in _WORD.finditer(text):
        word = match[0]
        is_short_capitals = word.isupper() and len(word) <= _LONGEST_ABBREVIATION
        if is_short_capitals or any(a <= match.start() < b for a, b in taken):
            continue
        folded = fold_word(word)
        letters += len(word)
        if folded.isascii() and folded.isalpha():
            words.append((folded, match.span()))
    known = sum(len(word) for word, _span in words)
    if known < _FEWEST_LETTERS or 2 * known < letters:
        return
    if likelihood([word for word, _span in words]) < _LIMIT:
        odd = [
            span
            for word, span in words
            if len(word) >= _FEWEST_IN_WORD and likelihood([word]) < _LIMIT
        ]
        if odd:
            yield Finding(NAME, Code.GIBBERISH, Severity.MEDIUM, 0.5, "text", joined(odd))


CHECK = Check(NAME, 1, run)
