"""How alike two people judge: shares with intervals, and Cohen's kappa.

A judgement is a kind and, of a rejection, the rule. Two agree when both are the same. A second
person who was unsure says nothing about agreement and is counted apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.moderation.checks.learned_spam.spam_figures import Figure, estimate_share

Judged = tuple[str, str]
Pairs = Mapping[tuple[Judged, Judged], int]

UNSURE = "unsure"
REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two people said the same. `share` is of those who were both sure."""

    alike: int
    whole: int
    share: Figure
    kappa: float | None
    unsure: int = 0


def pair_key(first: Judged, second: Judged) -> str:
    """Write a pair of judgements as the key of a daily number."""
    return f"{_word(first)}>{_word(second)}"


def pairs_of(counts: Mapping[str, int]) -> dict[tuple[Judged, Judged], int]:
    """Read the pairs of judgements from the keys of daily numbers."""
    found = {}
    for key, number in counts.items():
        first, _, second = key.partition(">")
        found[_judged(first), _judged(second)] = number
    return found


def compute_agreement(pairs: Pairs) -> Agreement:
    """Return how often both said the same, rule included."""
    sure = {pair: number for pair, number in pairs.items() if pair[1][0] != UNSURE}
    alike, whole = _alike(sure), sum(sure.values())
    unsure = sum(pairs.values()) - whole
    return Agreement(alike, whole, estimate_share(alike, whole), compute_kappa(sure), unsure)


def per_rule(pairs: Pairs) -> dict[str, Agreement]:
    """Return, for each rule that either person used, how often the other used it as well.

    The share is of the ideas that at least one of the two would reject by that rule; kappa looks at
    all ideas, those that neither would included.
    """
    sure = {pair: number for pair, number in pairs.items() if pair[1][0] != UNSURE}
    rules = sorted({judged[1] for pair in sure for judged in pair if judged[0] == REJECT})
    found = {}
    for rule in rules:
        by_it: dict[tuple[Judged, Judged], int] = {}
        for (first, second), number in sure.items():
            seen = _whether(first, rule), _whether(second, rule)
            by_it[seen] = by_it.get(seen, 0) + number
        both = by_it.get(((rule, ""), (rule, "")), 0)
        either = sum(number for pair, number in by_it.items() if (rule, "") in pair)
        found[rule] = Agreement(both, either, estimate_share(both, either), compute_kappa(by_it))
    return found


def compute_kappa(pairs: Pairs) -> float | None:
    """Return Cohen's kappa: 1 for always the same, 0 for no more often than by chance.

    None where chance alone explains everything (both always say one and the same) or nothing was
    judged.
    """
    whole = sum(pairs.values())
    if not whole:
        return None
    firsts: dict[Judged, int] = {}
    seconds: dict[Judged, int] = {}
    for (first, second), number in pairs.items():
        firsts[first] = firsts.get(first, 0) + number
        seconds[second] = seconds.get(second, 0) + number
    by_chance = sum(firsts[each] * seconds.get(each, 0) for each in firsts) / whole**2
    if by_chance >= 1:
        return None
    return (_alike(pairs) / whole - by_chance) / (1 - by_chance)


def _alike(pairs: Pairs) -> int:
    return sum(number for (first, second), number in pairs.items() if first == second)


def _whether(judged: Judged, rule: str) -> Judged:
    return (rule, "") if judged == (REJECT, rule) else ("", "")


def _word(judged: Judged) -> str:
    kind, rule = judged
    return f"{kind}:{rule}" if rule else kind


def _judged(word: str) -> Judged:
    kind, _, rule = word.partition(":")
    return kind, rule
