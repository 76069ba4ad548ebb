"""A learned spam model: one weight for each of 2^18 hashed features, added up to a logit.

The file format is a compressed npz without pickled objects: where the weights stand, the weights as
16-bit whole numbers with one scale, and a JSON text about the model (how it was made, its figures).
A model holds no words.
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import exp
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from services.moderation.checks.finding import Span, join_spans
from services.moderation.checks.learned_spam.spam_features import (
    FEATURES_VERSION,
    Features,
    Keys,
    Word,
    own_keys,
    read_features,
)
from shared.reading import read_text

BITS = 18
_MASK = np.uint32((1 << BITS) - 1)
# What those were taught that do not say it.
_TAUGHT = ("en", "sv")
# Smaller weights than the so-many greatest say next to nothing.
_KEPT = 60_000
_WHOLE = 32_767
_LARGEST_FILE = 4 * 1024 * 1024

SHIPPED = Path(__file__).parent / "data" / "spam_model.npz"
SHIPPED_VERSION = 0

# The least logit at which a model may be as sure as `likely_spam` asks: a probability of .95.
LEAST_SURE = 3.0
SURE_SCORE = 0.75
_LEAST_SCORE = 0.15
_MOST_SCORE = 0.95
_MOST_WORDS = 6

Weights = npt.NDArray[np.float32]


class ModelError(ValueError):
    """Bytes that are no model, or one that this version cannot use."""


@dataclass(frozen=True, slots=True, eq=False)
class SpamModel:
    """Weights by feature, what is added to their sum, and how sure is sure.

    `sure` is the logit above which at most 2 in 1000 good texts were, when each was judged by a
    model that had not been trained on it. `about` says how the model was made; figures and codes.
    """

    weights: Weights
    bias: float
    sure: float
    version: int = SHIPPED_VERSION
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it has seen enough spam and enough else in (ISO 639-1)."""
        return frozenset(self.about.get("languages", _TAUGHT))

    def logit_of(self, found: Features) -> float:
        """Return how much more likely spam is than not, as the logarithm of the odds."""
        return float(self.weights[place_features(found.keys)] @ found.values) + self.bias

    def logit(self, text: str) -> float:
        """Return the logit of a text."""
        return self.logit_of(read_features(read_text(text).text))

    def score(self, logit: float) -> float:
        """Return what a logit alone speaks for spam, 0 to 1.

        0 up to even odds, from there .15 and evenly on to SURE_SCORE where the model is sure, and
        never more than .95.
        """
        if logit <= 0:
            return 0.0
        if logit < self.sure:
            return _LEAST_SCORE + (SURE_SCORE - _LEAST_SCORE) * logit / self.sure
        return _MOST_SCORE - (_MOST_SCORE - SURE_SCORE) * exp((self.sure - logit) / 2)

    def telling_words(self, found: Features, words: Sequence[Word]) -> tuple[Span, ...]:
        """Return where the words stand that weighed most for spam, six at most.

        A feature that several words share counts for each; a pair counts half for either word.
        """
        value = dict(zip(found.keys.tolist(), found.values.tolist(), strict=True))
        weighed: dict[str, float] = {}
        edges = ["^", *(word.seen for word in words), "$"]
        heaviest: list[tuple[float, Span]] = []
        for place, word in enumerate(words):
            if not word.quotable:
                continue
            trio = (edges[place], word.seen, edges[place + 2])
            known = "\0".join(trio)
            if known not in weighed:
                runs, itself, pairs = own_keys(word, trio[0], trio[2])
                weighed[known] = (
                    self._sum(runs, value) + self._sum(itself, value) + self._sum(pairs, value) / 2
                )
            heaviest.append((weighed[known], word.span))
        top = sorted(heaviest, key=lambda each: (-each[0], each[1]))[:_MOST_WORDS]
        least = top[0][0] / 4 if top else 0.0
        return join_spans(span for weight, span in top if weight > max(least, 0.0))

    def _sum(self, keys: Keys, value: Mapping[int, float]) -> float:
        counts = np.array([value.get(key, 0.0) for key in keys.tolist()], np.float32)
        return float(self.weights[place_features(keys)] @ counts)

    def to_bytes(self) -> bytes:
        """Return the model as a file; reading it back gives the same weights but for rounding."""
        size = np.abs(self.weights)
        kept = np.sort(np.argsort(-size, kind="stable")[:_KEPT])
        kept = kept[size[kept] > 0]
        scale = float(size.max()) / _WHOLE or 1.0
        about = {
            **self.about,
            "features": FEATURES_VERSION,
            "bits": BITS,
            "bias": self.bias,
            "sure": self.sure,
            "scale": scale,
        }
        file = io.BytesIO()
        np.savez_compressed(
            file,
            # Distances take fewer bytes than places.
            steps=np.diff(kept, prepend=0).astype(np.uint32),
            weights=np.round(self.weights[kept] / scale).astype(np.int16),
            about=np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, version: int = SHIPPED_VERSION) -> Self:
        """Read a model.

        Raises ModelError for bytes that are none, or were made for other features.
        """
        if len(data) > _LARGEST_FILE:
            raise ModelError("too large to be a spam model")
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as held:
                kept = np.cumsum(held["steps"], dtype=np.int64)
                whole = held["weights"]
                about = json.loads(held["about"].tobytes())
            if (about["features"], about["bits"]) != (FEATURES_VERSION, BITS):
                raise ModelError("a spam model for other features")
            weights = np.zeros(1 << BITS, np.float32)
            weights[kept] = whole * np.float32(about["scale"])
            bias, sure = float(about["bias"]), float(about["sure"])
        except (OSError, EOFError, KeyError, IndexError, TypeError, zipfile.BadZipFile) as error:
            raise ModelError("not a spam model") from error
        except ValueError as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError("not a spam model") from error
        if not np.isfinite(weights).all() or not np.isfinite([bias, sure]).all():
            raise ModelError("not a spam model")
        return cls(weights, bias, sure, version, about)

    def numbered(self, version: int) -> Self:
        """Return the same model as another version."""
        return replace(self, version=version)


def place_features(keys: Keys) -> npt.NDArray[np.intp]:
    """Return where in the weights features stand; a few share a place, which does little harm."""
    return (keys & _MASK).astype(np.intp)


def compute_percent(logit: float) -> int:
    """Return a logit as a probability in percent, 1 to 99: a model is never certain."""
    return min(99, max(1, round(100 / (1 + exp(-max(-50.0, min(50.0, logit)))))))


@cache
def load_shipped_model() -> SpamModel:
    """Return the model that the project ships (docs/spam-model-card.md)."""
    return SpamModel.from_bytes(SHIPPED.read_bytes())
