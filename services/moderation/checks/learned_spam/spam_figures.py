"""How right a spam model is on texts whose kind is known, with 95 % intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from services.moderation.checks.learned_spam.spam_model import SURE_SCORE, SpamModel

Interval = tuple[float, float]

_Z = 1.959964
_DRAWS = 2000
_SEED = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """A share and its interval; None where there is nothing that it could be a share of."""

    value: float | None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts and what follows from them.

    `ham_likely` and `spam_likely` count the texts that the model alone would call `likely_spam`,
    which asks for more than even odds.
    """

    spam: int
    ham: int
    caught: int
    blocked: int
    spam_likely: int
    ham_likely: int
    accuracy: Figure
    spam_caught: Figure
    ham_blocked: Figure
    mcc: Figure

    @property
    def right(self) -> int:
        """How many of the texts were called what they are."""
        return self.caught + self.ham - self.blocked

    @property
    def every(self) -> int:
        """How many texts there were."""
        return self.spam + self.ham

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return asdict(self)


def estimate_share(part: int, whole: int) -> Figure:
    """Return a share with Wilson's score interval, which stays within 0 and 1."""
    if not whole:
        return Figure(None)
    share, room = part / whole, _Z**2 / whole
    middle = (share + room / 2) / (1 + room)
    reach = _Z * sqrt(share * (1 - share) / whole + room / (4 * whole)) / (1 + room)
    low = 0.0 if part == 0 else max(0.0, middle - reach)
    high = 1.0 if part == whole else min(1.0, middle + reach)
    return Figure(share, (low, high))


def _mcc(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Matthews correlation of rows (hit, missed, false, passed); 0 where it is not defined."""
    hit, missed, false, passed = counts.astype(np.float64).T
    below = np.sqrt((hit + false) * (hit + missed) * (passed + false) * (passed + missed))
    found: npt.NDArray[np.float64] = np.zeros(len(below))
    np.divide(hit * passed - false * missed, below, out=found, where=below > 0)
    return found


def measure_model(model: SpamModel, texts: Sequence[str], spam: Sequence[bool]) -> Figures:
    """Let a model judge texts whose kind is known."""
    logits = [model.logit(each) for each in texts]
    return compute_figures(
        spam,
        [logit > 0 for logit in logits],
        [model.score(logit) >= SURE_SCORE for logit in logits],
    )


def compute_figures(
    spam: Sequence[bool], called_spam: Sequence[bool], likely: Sequence[bool]
) -> Figures:
    """Compare what texts are with what a model said of them.

    Shares have Wilson intervals; the correlation's is bootstrapped over the texts, with a fixed
    seed.
    """
    truth, said = np.array(spam, bool), np.array(called_spam, bool)
    sure = np.array(likely, bool)
    many, few = int(truth.sum()), int((~truth).sum())
    caught, blocked = int((truth & said).sum()), int((~truth & said).sum())
    counts = np.array([caught, many - caught, blocked, few - blocked])
    right = caught + few - blocked
    mcc = Figure(None)
    if many and few:
        drawn = np.random.default_rng(_SEED).multinomial(
            counts.sum(), counts / counts.sum(), size=_DRAWS
        )
        low, high = np.quantile(_mcc(drawn), [0.025, 0.975])
        mcc = Figure(float(_mcc(counts[np.newaxis])[0]), (float(low), float(high)))
    return Figures(
        spam=many,
        ham=few,
        caught=caught,
        blocked=blocked,
        spam_likely=int((truth & sure).sum()),
        ham_likely=int((~truth & sure).sum()),
        accuracy=estimate_share(right, many + few),
        spam_caught=estimate_share(caught, many),
        ham_blocked=estimate_share(blocked, few),
        mcc=mcc,
    )
