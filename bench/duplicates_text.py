"""How often a changed copy of an idea is met and confirmed, and how often another idea is.

    python -m bench.duplicates_text DATA

DATA is a folder with `goteborgsforslaget/ideas_2017_2020.csv`. Every text is changed in each way
with a fixed seed; a copy counts as found when it shares a key with the text and is confirmed. All
pairs of ideas are then compared as they are.
"""

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.texts import real_texts
from services.moderation.checks.duplicates import HINT, confirm_match, is_elsewhere, keys_of
from shared.text import fold_text

Change = Callable[[str, random.Random], str]
_LETTERS = "abcdefghijklmnopqrstuvwxyzåäö"


def typos(text: str, chance: random.Random) -> str:
    """One wrong letter in every 40, one at least."""
    letters = list(text)
    for _ in range(max(1, len(text) // 40)):
        letters[chance.randrange(len(letters))] = chance.choice(_LETTERS)
    return "".join(letters)


def swapped(text: str, chance: random.Random) -> str:
    """Two neighbouring words change places."""
    words = text.split()
    at = chance.randrange(max(1, len(words) - 1))
    words[at : at + 2] = reversed(words[at : at + 2])
    return " ".join(words)


def dropped(text: str, chance: random.Random) -> str:
    """One word is left out."""
    words = text.split()
    if len(words) > 1:
        del words[chance.randrange(len(words))]
    return " ".join(words)


def dressed(text: str, _chance: random.Random) -> str:
    """A greeting and a signature are put round it."""
    return f"Hej på er! {text}\n\nMed vänliga hälsningar\nKarin Ek"


def turned(text: str, _chance: random.Random) -> str:
    """The last sentence comes first."""
    parts = [part for part in text.replace("\n", " ").split(". ") if part]
    return ". ".join([parts[-1].rstrip("."), *parts[:-1]])


def embedded(text: str, chance: random.Random) -> str:
    """It stands between other people's sentences, about as long as itself together."""
    extra = [chance.choice(_OTHERS) for _ in range(2)]
    half = len(text) // 2 + 20
    return f"{extra[0][:half]}. {text} {extra[1][:half]}."


def embedded4(text: str, chance: random.Random) -> str:
    """It stands somewhere in a text up to four times as long."""
    room = round(len(text) * chance.uniform(0.5, 2.8))
    before = round(room * chance.random())
    extra = " ".join(chance.choice(_OTHERS) for _ in range(8))
    return f"{extra[:before]}. {text} {extra[before:room]}."


_OTHERS: list[str] = []


def put_among(texts: list[str]) -> None:
    """Say among whose texts the copies are put that stand inside another."""
    _OTHERS[:] = texts


def main(data: Path) -> None:
    """Print the table."""
    texts = [row["text"] for row in real_texts.ideas(data)]
    put_among(texts)
    folded = [fold_text(text) for text in texts]
    start = time.perf_counter()
    keys = keys_of(folded)
    spent = time.perf_counter() - start
    print(f"{len(texts)} texts, {1e6 * spent / len(texts):.0f} µs each for all keys")
    print(f"{'change':10} {'all':>6} {'<40':>6} {'40-99':>6} {'100-':>6}")
    changes: tuple[Change, ...] = (typos, swapped, dropped, dressed, turned, embedded, embedded4)
    for change in changes:
        chance = random.Random(1)
        raw_copies = [change(text, chance) for text in texts]
        copies = list(map(fold_text, raw_copies))
        found = [
            copy == text
            or (
                not own_keys.query.isdisjoint(stored.stored)
                and (match := confirm_match(copy, text)) is not None
                and not is_elsewhere(match, raw_copy, raw)
            )
            for raw_copy, copy, own_keys, raw, text, stored in zip(
                raw_copies, copies, keys_of(copies), texts, folded, keys, strict=True
            )
        ]
        cells = [share(found, folded, low, high) for low, high in _LENGTHS]
        print(f"{change.__name__:10} " + " ".join(f"{cell:>6}" for cell in cells))
    linked = [
        (i, j)
        for i in range(len(texts))
        for j in range(i)
        if not keys[i].query.isdisjoint(keys[j].stored)
        and (match := confirm_match(folded[i], folded[j])) is not None
        and not is_elsewhere(match, texts[i], texts[j])
        and (match.kind == "near" or match.score > HINT)
    ]
    print(f"pairs linked among the texts as they are: {len(linked)}")
    for i, j in linked:
        print(f"  {texts[j][:90]!r} {texts[i][:90]!r}")


_LENGTHS = ((0, 9999), (0, 40), (40, 100), (100, 9999))


def share(found: list[bool], folded: list[str], low: int, high: int) -> str:
    """Return the share found among texts of these lengths."""
    some = [hit for hit, text in zip(found, folded, strict=True) if low <= len(text) < high]
    return f"{sum(some) / len(some):.3f}" if some else "–"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
