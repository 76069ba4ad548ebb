"""Training of the learned spam model: numpy alone, the same data always give the same model.

A linear support vector machine with squared hinge loss, its features weighed by how unevenly they
are spread over the two classes (the naive Bayes log-count ratio of Wang and Manning, "Baselines and
Bigrams", ACL 2012, which is the strongest simple method for short texts), minimised by L-BFGS
(Nocedal 1980). The strength of the penalty is chosen by cross-validation; margins become
probabilities by Platt's scaling with Lin, Lin and Weng's targets (2007), on texts that each were
judged by a model not trained on them.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.moderation.checks.language import identify_language
from services.moderation.checks.learned_spam.spam_features import read_features
from services.moderation.checks.learned_spam.spam_model import (
    BITS,
    LEAST_SURE,
    SpamModel,
    place_features,
)
from shared.reading import read_text
from shared.text import fold_hash, fold_text

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

FOLDS = 5
_CHOOSING_FOLDS = 3
# More texts than these choose no better.
_CHOOSE_ON = 2500
PENALTIES = (1.0, 0.3, 3.0)
_SMOOTHING = 0.5
# What is learned on top of another model changes it no more than so much.
_PENALTIES_ON_TOP = (0.3, 1.0, 3.0)
# So many texts of each kind are enough of a language to judge it.
_ENOUGH_OF_A_LANGUAGE = 20
# Fewer of one kind than these teach nothing about probabilities.
_FEWEST_FOR_SCALE = 10
_HAM_ABOVE_SURE = 0.002
# How much the rarer kind counts for more: 0 for nothing, 1 for as much as the other in all.
_BALANCE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Texts as features, one after the other; `lengths` are how many each has."""

    places: Places
    values: Numbers
    lengths: npt.NDArray[np.intp]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Table":
        """Return the features of texts."""
        # As the check is given them.
        found = [read_features(read_text(text).text) for text in texts]
        values = [each.values for each in found] or [np.empty(0, np.float32)]
        return cls(
            np.concatenate([place_features(each.keys) for each in found] or [np.empty(0, np.intp)]),
            np.concatenate(values).astype(np.float64),
            np.array([len(each.keys) for each in found], np.intp),
        )

    def some(self, wanted: Flags) -> "Table":
        """Return the rows that are wanted."""
        entries = np.repeat(wanted, self.lengths)
        return Table(self.places[entries], self.values[entries], self.lengths[wanted])

    def times(self, weights: Numbers) -> Numbers:
        """Return the sum of each row's values times the weights of their places."""
        if not len(self.lengths):
            return np.empty(0)
        # No row is empty: every text has its signs.
        starts = np.cumsum(self.lengths) - self.lengths
        summed: Numbers = np.add.reduceat(weights[self.places] * self.values, starts)
        return summed

    def back(self, rows: Numbers, size: int) -> Numbers:
        """Return the sum of each place's values times the numbers of their rows."""
        weighed = np.repeat(rows, self.lengths) * self.values
        return np.bincount(self.places, weights=weighed, minlength=size).astype(np.float64)

    def count(self, rows: Flags) -> Numbers:
        """Return in how many of these rows each place is used."""
        return np.bincount(self.places[np.repeat(rows, self.lengths)], minlength=1 << BITS).astype(
            np.float64
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    weights: Numbers
    bias: float

    def margins(self, table: Table) -> Numbers:
        return table.times(self.weights) + self.bias


def _ratio(table: Table, spam: Flags) -> Numbers:
    """Return how unevenly each feature is spread, 0 for one that says nothing."""
    in_spam = table.count(spam) + _SMOOTHING
    in_ham = table.count(~spam) + _SMOOTHING
    ratio: Numbers = np.log(in_spam / in_spam.sum()) - np.log(in_ham / in_ham.sum())
    return np.abs(ratio)


@dataclass(frozen=True, slots=True, eq=False)
class _Start:
    """The margins that a model learned before gives, and whether there is one.

    A new model finds its own bias b. On top of another that stays as it is: how common spam is
    among a few decisions says little, and would move the judgement of everything else.
    """

    margins: Numbers
    on_top: bool

    def some(self, wanted: Flags) -> "_Start":
        return _Start(self.margins[wanted], self.on_top)


def _weigh_rows(spam: Flags, start: "_Start") -> Numbers:
    """Return how much each text counts: among many good ones a few of spam would be given up.

    On top of another model each counts alike, for that knows how rare spam is.
    """
    if start.on_top:
        return np.ones(len(spam))
    share = spam.mean()
    counts: Numbers = np.where(
        spam, (0.5 / share) ** _BALANCE, (0.5 / (1 - share)) ** _BALANCE
    ).astype(np.float64)
    return counts


def _fit(table: Table, spam: Flags, penalty: float, start: _Start) -> _Fitted:
    """Minimise |v|²/2 + penalty · Σ weight · max(0, 1 - y(start + x·(ratio v) + b))²."""
    ratio = _ratio(table, spam)
    # Only places that some text uses can get a weight; work goes by their number.
    used = np.flatnonzero(np.bincount(table.places, minlength=1 << BITS))
    nearer = np.zeros(1 << BITS, np.intp)
    nearer[used] = np.arange(len(used))
    scaled = Table(nearer[table.places], table.values * ratio[table.places], table.lengths)
    signs = np.where(spam, 1.0, -1.0)
    found, bias = _minimise(scaled, len(used), signs, penalty * _weigh_rows(spam, start), start)
    weights = np.zeros(1 << BITS)
    weights[used] = found * ratio[used]
    return _Fitted(weights, bias)


_MEMORY = 10
_MOST_STEPS = 100
_FLAT = 1e-3


def _dot(a: Numbers, b: Numbers) -> float:
    """One thread, so that the last digit does not depend on how many cores a machine has."""
    return float(np.einsum("i,i->", a, b))


def _minimise(
    table: Table, size: int, signs: Numbers, penalties: Numbers, start: _Start
) -> tuple[Numbers, float]:
    """L-BFGS with backtracking; the last of the numbers is the bias, which is not penalised."""

    def look(at: Numbers) -> tuple[float, Numbers]:
        short = np.maximum(0.0, 1 - signs * (start.margins + table.times(at[:size]) + at[size]))
        slope = np.empty(size + 1)
        pull = -2 * penalties * short * signs
        slope[:size] = at[:size] + table.back(pull, size)
        slope[size] = 0.0 if start.on_top else pull.sum()
        return _dot(at[:size], at[:size]) / 2 + _dot(penalties * short, short), slope

    here = np.zeros(size + 1)
    height, slope = look(here)
    first = np.abs(slope).max()
    steps: deque[tuple[Numbers, Numbers, float]] = deque(maxlen=_MEMORY)
    for _ in range(_MOST_STEPS):
        if np.abs(slope).max() <= _FLAT * first:
            break
        way = _downhill(slope, steps)
        fall = _dot(slope, way)
        length = 1.0 if steps else 1 / max(1.0, float(np.abs(slope).sum()))
        for _ in range(30):
            there = here + length * way
            new_height, new_slope = look(there)
            if new_height <= height + 1e-4 * length * fall:
                break
            length /= 2
        else:
            break
        moved, turned = there - here, new_slope - slope
        if (bend := _dot(moved, turned)) > 1e-12:
            steps.append((moved, turned, bend))
        here, height, slope = there, new_height, new_slope
    return here[:size], float(here[size])


def _downhill(slope: Numbers, steps: deque[tuple[Numbers, Numbers, float]]) -> Numbers:
    """The two loops of L-BFGS: the slope times the curvature seen in the last steps."""
    way = -slope
    shares = []
    for moved, turned, bend in reversed(steps):
        share = _dot(moved, way) / bend
        way = way - share * turned
        shares.append(share)
    if steps:
        _moved, turned, bend = steps[-1]
        way = way * (bend / _dot(turned, turned))
    for (moved, turned, bend), share in zip(steps, reversed(shares), strict=True):
        way = way + (share - _dot(turned, way) / bend) * moved
    return way


def fold_of(texts: Sequence[str], folds: int) -> npt.NDArray[np.intp]:
    """Deal texts out by what they say, not by their order: copies come to the same fold."""
    return np.array([(fold_hash(fold_text(text)) >> 8) % folds for text in texts], np.intp)


def _unseen(
    table: Table, spam: Flags, dealt: npt.NDArray[np.intp], penalty: float, start: _Start
) -> Numbers:
    """Return the margin of each text by a model that was trained on the other folds."""
    margins = start.margins.copy()
    for fold_number in np.unique(dealt):
        rest = dealt != fold_number
        if not spam[rest].any() or spam[rest].all():
            continue
        fitted = _fit(table.some(rest), spam[rest], penalty, start.some(rest))
        margins[~rest] += fitted.margins(table.some(~rest))
    return margins


def _choose(
    table: Table,
    spam: Flags,
    dealt: npt.NDArray[np.intp],
    penalties: tuple[float, ...],
    start: _Start,
) -> float:
    """Return the penalty with the fewest mistakes on texts not trained on; of equals the first."""
    if len(penalties) == 1:
        return penalties[0]
    every = -(-len(spam) // _CHOOSE_ON)
    wanted = np.arange(len(spam)) % every == 0
    some, kinds, begun = table.some(wanted), spam[wanted], start.some(wanted)
    cut = dealt[wanted] % _CHOOSING_FOLDS
    mistakes = []
    for penalty in penalties:
        margins = _unseen(some, kinds, cut, penalty, begun)
        mistakes.append(int(((margins > 0) != kinds).sum()))
    return penalties[int(np.argmin(mistakes))]


def _scale(margins: Numbers, spam: Flags) -> float:
    """Return a so that a · margin is a logit (Platt; Newton's method, few steps).

    Where the margin is 0 the odds are even: there the kinds were parted, and among many good texts
    a shift would only give up the spam.
    """
    many, few = int(spam.sum()), int((~spam).sum())
    target = np.where(spam, (many + 1) / (many + 2), 1 / (few + 2))
    a = 1.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(a * margins, -40, 40)))
        miss, weight = chance - target, np.maximum(chance * (1 - chance), 1e-9)
        step = float((miss * margins).sum() / ((weight * margins**2).sum() + 1e-6))
        a -= float(np.clip(step, -1, 1))
        if abs(step) < 1e-6:
            break
    return max(a, 0.05)


def _languages(texts: Sequence[str], kinds: Flags, known: frozenset[str]) -> list[str]:
    """Return the languages that are known or in which there are enough texts of both kinds."""

    def spoken(wanted: bool) -> Counter[str | None]:
        every = zip(texts, kinds, strict=True)
        return Counter(identify_language(text).code for text, kind in every if kind == wanted)

    def enough(counts: Counter[str | None]) -> set[str]:
        return {code for code, n in counts.items() if code and n >= _ENOUGH_OF_A_LANGUAGE}

    new = enough(spoken(wanted=True)) - known
    return sorted(known | (new and new & enough(spoken(wanted=False))))


def train_model(
    texts: Sequence[str],
    spam: Sequence[bool],
    *,
    on: SpamModel | None = None,
    about: dict[str, Any] | None = None,
    penalties: tuple[float, ...] = PENALTIES,
) -> SpamModel:
    """Train a model; with `on`, learn only what the texts teach besides that model.

    Its bias and scale then stay. Raises ValueError when one of the two kinds is missing.
    """
    kinds = np.array(spam, bool)
    if not kinds.any() or kinds.all():
        raise ValueError("a model needs texts of both kinds")
    table = Table.of(texts)
    before = np.zeros(1 << BITS) if on is None else on.weights.astype(np.float64)
    start = _Start(table.times(before) + (on.bias if on else 0.0), on is not None)
    dealt = fold_of(texts, FOLDS * _CHOOSING_FOLDS)
    penalty = _choose(table, kinds, dealt, penalties if on is None else _PENALTIES_ON_TOP, start)
    margins = _unseen(table, kinds, dealt % FOLDS, penalty, start)
    a = 1.0
    if on is None:
        enough = min(kinds.sum(), (~kinds).sum()) >= _FEWEST_FOR_SCALE
        a = _scale(margins, kinds) if enough else 2.0
    fitted = _fit(table, kinds, penalty, start)
    logits = a * margins
    highest = float(np.quantile(logits[~kinds], 1 - _HAM_ABOVE_SURE, method="higher"))
    return SpamModel(
        weights=(a * (before + fitted.weights)).astype(np.float32),
        bias=a * ((on.bias if on else 0.0) + fitted.bias),
        sure=max(LEAST_SURE if on is None else on.sure, highest + 1e-3),
        about={
            **(about or {}),
            "languages": _languages(texts, kinds, on.languages if on else frozenset()),
            "penalty": penalty,
            "trained_on": {"spam": int(kinds.sum()), "ham": int((~kinds).sum())},
        },
    )
