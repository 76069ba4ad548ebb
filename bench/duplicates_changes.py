"""How often a copy is met that was changed in one, two or three ways at once, and what is not one.

    python -m bench duplicates_changes DATA [--every N]

Each real idea of DATA (every Nth) is changed in each combination of the ways below with a fixed
seed; a copy counts as found when it shares a key with the idea, either of the two being stored, and
is confirmed; hints count and are told beside. Then all ideas are given the same greeting, closing
or sentence, and the pairs of them that are linked, which are wrong, are counted for 100 ideas:
before anything was learned, and with what is learned from the same ideas.
"""

import argparse
import random
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.duplicates_text import Change, swapped, turned, typos
from bench.texts import real_texts
from services.moderation.checks.copies.common import (
    EVERYDAY,
    FEWEST_IDEAS,
    Common,
    learn_common,
)
from services.moderation.checks.duplicates import HINT, Keys, confirm_match, is_elsewhere, keys_of
from shared.text import fold_text

_GREETINGS = (
    ("Hej! ", " Mvh Anna Ek"),
    ("Till den det berör: ", " Ha en fin dag!"),
    ("Kära kommun, ", " Tack för ordet, önskar Lisbet"),
    ("God förmiddag alla beslutsfattare! ", " Det var allt från mig för i dag. / B. Ström"),
    ("Hejsan svejsan på er i stadshuset. ", " Kram på er, Olle på Öster"),
)
_SENTENCES = (
    "Det skulle betyda mycket för oss som bor här.",
    "Jag har pratat med mina grannar och de tycker samma sak.",
    "Många andra städer har redan gjort det med gott resultat.",
    "Hoppas verkligen att det blir av redan nästa sommar!",
    "Barnen i vårt område frågar ofta efter detta.",
)
# Given to all alike: none of these must make two ideas one.
_SHARED = (
    (
        "the same greeting",
        "Kära kommun! Tack för att vi invånare får lämna våra idéer till er här. ",
        "",
    ),
    (
        "the same sentence",
        "",
        " Det skulle göra staden trevligare för alla som bor och arbetar här.",
    ),
    (
        "greeting and closing",
        "Till den det berör: ",
        " Ha en fin dag och tack för att ni lyssnar på oss.",
    ),
    (
        "a long sentence",
        "",
        " Jag såg i bladet att ni samlar in förslag från oss, och hoppas att just det här blir av.",
    ),
)


def dropped_words(text: str, chance: random.Random) -> str:
    """One word in ten is left out, one at least."""
    words = text.split()
    for _ in range(max(1, len(words) // 10)):
        if len(words) > 1:
            del words[chance.randrange(len(words))]
    return " ".join(words)


def greeted(text: str, chance: random.Random) -> str:
    """A greeting before and a signature behind, known to the folding or not."""
    before, behind = chance.choice(_GREETINGS)
    return f"{before}{text}{behind}"


def continued(text: str, chance: random.Random) -> str:
    """One sentence is added, before or behind."""
    extra = chance.choice(_SENTENCES)
    end = "" if text.endswith((".", "!", "?")) else "."
    return f"{text}{end} {extra}" if chance.random() < 0.7 else f"{extra} {text}"


CHANGES: tuple[Change, ...] = (typos, swapped, dropped_words, greeted, continued, turned)


def change_in_turn(text: str, changes: Sequence[Change], chance: random.Random) -> str:
    """Return a text changed in each way; what stands round it is put last."""
    for change in changes:
        text = change(text, chance)
    return text


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--every", type=int, default=1)
    wanted = parser.parse_args()
    texts = [row["text"] for row in real_texts.ideas(wanted.data)][:: wanted.every]
    folded = list(map(fold_text, texts))
    stored = keys_of(folded)
    common = learn_common(folded)
    console = Console(width=120)
    table = Table("Changes", "found", "linked", "<40", "40-99", "100-", "shares a key",
                  title=f"{len(texts)} ideas, each changed")  # fmt: skip
    began = time.process_time()
    for number in (1, 2, 3):
        rows = []
        for changes in combinations(CHANGES, number):
            rows.append(_measure(texts, folded, stored, changes, common))
            table.add_row(" + ".join(each.__name__ for each in changes), *_cells(rows[-1], folded))
        whole = [each for row in rows for each in row]
        table.add_row(f"any {number}", *_cells(whole, folded * len(rows)), end_section=True)
    console.print(table)
    console.print(f"{time.process_time() - began:.1f} s of CPU")
    _print_wrong(console, texts, folded)
    return 0


_Seen = tuple[bool, bool, bool]  # shares a key, found, linked


def _measure(
    texts: Sequence[str],
    folded: Sequence[str],
    stored: Sequence[Keys],
    changes: Sequence[Change],
    common: Common,
) -> list[_Seen]:
    chance = random.Random(1)
    copies = [change_in_turn(text, changes, chance) for text in texts]
    folded_copies = list(map(fold_text, copies))
    seen = []
    for n, own in enumerate(keys_of(folded_copies)):
        if folded_copies[n] == folded[n]:
            seen.append((True, True, True))
            continue
        meets = not own.query.isdisjoint(stored[n].stored)
        match = confirm_match(folded_copies[n], folded[n], common)
        found = meets and match is not None and not is_elsewhere(match, copies[n], texts[n])
        seen.append((meets, found, found and match is not None and match.score > HINT))
    return seen


def _cells(seen: Sequence[_Seen], folded: Sequence[str]) -> list[str]:
    def share(place: int, low: int = 0, high: int = 9999) -> str:
        some = [
            each[place] for each, text in zip(seen, folded, strict=True) if low <= len(text) < high
        ]
        return f"{sum(some) / len(some):.3f}"

    return [share(1), share(2), share(1, 0, 40), share(1, 40, 100), share(1, 100), share(0)]


def _print_wrong(console: Console, texts: Sequence[str], folded: Sequence[str]) -> None:
    table = Table("All ideas have", "nothing learned", "the first six", "learned first", "hints",
                  title="Pairs of different ideas that are linked")  # fmt: skip
    own = _pairs(texts, EVERYDAY)
    learned = _pairs(texts, learn_common(folded))
    table.add_row("what they have", *_for_100(len(texts), own, _of_the_first(own, texts), learned))
    for name, before, behind in _SHARED:
        dressed = [f"{before}{text}{behind}" for text in texts]
        learned = learn_common(map(fold_text, dressed))
        linked, known = _pairs(dressed, EVERYDAY), _pairs(dressed, learned)
        first = _of_the_first(linked - own, texts)
        table.add_row(name, *_for_100(len(texts), linked - own, first, known - own))
    console.print(table)


_Pair = tuple[int, int, bool]
_DRAWN = 1000


def _of_the_first(linked: set[_Pair], texts: Sequence[str]) -> float:
    """Return how many pairs are linked for 100 ideas, of those that are the first of a frame."""
    chance = random.Random(1)
    pairs = {(one, other) for one, other, hint in linked if not hint}
    count = 0
    for _ in range(_DRAWN):
        drawn = sorted(chance.sample(range(len(texts)), FEWEST_IDEAS))
        count += sum(pair in pairs for pair in combinations(drawn, 2))
    return 100 * count / (_DRAWN * FEWEST_IDEAS)


def _for_100(count: int, linked: set[_Pair], first: float, known: set[_Pair]) -> list[str]:
    def share(some: set[_Pair], *, hints: bool) -> str:
        return f"{100 * sum(hint is hints for *_, hint in some) / count:.2f}"

    return [
        share(linked, hints=False),
        f"{first:.2f}",
        share(known, hints=False),
        share(known, hints=True),
    ]


def _pairs(texts: Sequence[str], common: Common) -> set[_Pair]:
    folded = list(map(fold_text, texts))
    buckets: dict[int, list[int]] = {}
    found: set[_Pair] = set()
    for n, keys in enumerate(keys_of(folded)):
        near = {other for key in keys.query for other in buckets.get(key, ())}
        for other in near:
            if folded[n] == folded[other]:
                continue
            match = confirm_match(folded[n], folded[other], common)
            if match is not None and not is_elsewhere(match, texts[n], texts[other]):
                found.add((other, n, match.score <= HINT))
        for key in keys.stored:
            buckets.setdefault(key, []).append(n)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
