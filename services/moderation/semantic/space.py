"""The space in which vectors are compared: centred, without its commonest directions.

All vectors of this model point nearly the same way, so their plain cosine says little (the same
wish .92, nothing in common .83). Two steps make it tell (Mu and Viswanath 2018,
"All-but-the-Top"): the mean of our own ideas is taken away, and then the few directions in which
ideas differ most, which hold length and manner of writing more than wishes.

The shipped means are those of real ideas and petitions, one for each language (a text belongs to
the nearest one: that is its language far more often than not); `bench/semantic_means.py` made the
file, and it holds figures only. The installation's own ideas pull the means to themselves, as much
as PRIOR ideas hold them back.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from services.moderation.semantic.model import Vectors

# The shipped means weigh as much as this many ideas of our own.
PRIOR = 50
_SHIPPED = Path(__file__).parent / "data" / "means.npz"


@dataclass(frozen=True, slots=True)
class Space:
    """`means`: one row for each language; `common`: orthonormal directions that are left out."""

    means: Vectors
    common: Vectors

    def drawn_to(self, vectors: Vectors) -> "Space":
        """Return the space with its means drawn to these vectors of our own."""
        means = self.means.copy()
        nearest = self.languages(vectors)
        for language in range(len(means)):
            own = vectors[nearest == language]
            total = PRIOR * self.means[language] + own.sum(axis=0)
            means[language] = total / (PRIOR + len(own))
        return Space(means, self.common)

    def placed(self, vectors: Vectors) -> Vectors:
        """Return vectors as they stand in this space, of length 1: their product is likeness."""
        if not len(vectors):
            return vectors
        moved = vectors - self.means[self.languages(vectors)]
        moved -= (moved @ self.common.T) @ self.common
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        placed: Vectors = moved / np.maximum(lengths, 1e-6)
        return placed

    def languages(self, vectors: Vectors) -> npt.NDArray[np.intp]:
        """Return the number of the mean that each vector is nearest to."""
        directions = self.means / np.linalg.norm(self.means, axis=1, keepdims=True)
        nearest: npt.NDArray[np.intp] = np.argmax(vectors @ directions.T, axis=1)
        return nearest


@cache
def load_space() -> Space:
    """Return the space as it is shipped."""
    with np.load(_SHIPPED, allow_pickle=False) as stored:
        return Space(stored["means"].astype(np.float32), stored["common"].astype(np.float32))
