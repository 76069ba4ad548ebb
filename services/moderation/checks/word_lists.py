"""The lists that checks are shipped with: plain text, `#` begins a comment line."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "data"


def read_lines(name: str) -> tuple[str, ...]:
    """Return the lines of a list that say something, in their order."""
    every = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return tuple(line for line in every if line.strip() and not line.startswith("#"))


def read_word_rows(name: str) -> frozenset[str]:
    """Return a list that has many words on a line, in small letters."""
    return frozenset(word.lower() for line in read_lines(name) for word in line.split())


def read_words(name: str) -> frozenset[str]:
    """Return a list of one word a line."""
    return frozenset(read_lines(name))
