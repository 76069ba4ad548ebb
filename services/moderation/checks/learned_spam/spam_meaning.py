"""What a text is about, for the learned spam check, in words that it was never taught.

A word is of a class or two (data/spam_classes.txt): what is asked to be followed, what is for sale,
what a council has to do with. Told are the classes of a text, those that stand near each other ("my
… channel", "offer … link") and those that are met together (praise and a link and nothing of the
council's).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations

from services.moderation.checks.word_lists import read_lines

_LINK, _MAIL, _NUMBER, _TAG = "<link", "<mail>", "number", "tag"
_CIVIC = "civic"
_ENOUGH_DIGITS = 5
# Words in between that are of no class.
_NEAR = 2
_MANY = 2


@cache
def _read_classes() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], range]:
    """Return the classes of whole words, of beginnings, and how long these are."""
    whole: dict[str, tuple[str, ...]] = {}
    begun: dict[str, tuple[str, ...]] = {}
    for line in read_lines("spam_classes.txt"):
        name, *words = line.split()
        for word in words:
            table, key = (begun, word[:-1]) if word.endswith("*") else (whole, word)
            table[key] = tuple(dict.fromkeys((*table.get(key, ()), name)))
    lengths = [len(each) for each in begun]
    return whole, begun, range(min(lengths), max(lengths) + 1)


@lru_cache(maxsize=20_000)
def classes_of(seen: str) -> tuple[str, ...]:
    """Return the classes of a token as features see it."""
    if seen[0] == "<":
        return ("link",) if seen.startswith(_LINK) else ("mail",) if seen == _MAIL else (_TAG,)
    if seen.isdigit():
        return (_NUMBER,) if len(seen) >= _ENOUGH_DIGITS else ()
    whole, begun, lengths = _read_classes()
    found = whole.get(seen, ())
    for length in lengths:
        if length > len(seen):
            break
        more = begun.get(seen[:length])
        if more:
            found = (*found, *(each for each in more if each not in found))
    return found


def read_meaning(seen: Sequence[str]) -> list[str]:
    """Return what the tokens of a text are about, each sign once."""
    counts: Counter[str] = Counter()
    signs: set[str] = set()
    before: list[tuple[int, str]] = []
    for at, token in enumerate(seen):
        own = classes_of(token)
        if not own:
            continue
        before = [each for each in before if at - each[0] <= _NEAR]
        for name in own:
            counts[name] += 1
            signs.update(f"{other} > {name}" for _at, other in before)
        before += [(at, name) for name in own]
    signs.update(_together(counts))
    return sorted(signs)


def _together(counts: Counter[str]) -> Iterator[str]:
    for name, count in counts.items():
        yield name
        if count >= _MANY:
            yield f"{name} again"
    for one, other in combinations(sorted(counts), 2):
        yield f"{one} & {other}"
    if _CIVIC not in counts:
        yield "nothing civic"
        yield from (f"{name} and nothing civic" for name in counts)
