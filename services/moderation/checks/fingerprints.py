"""Fingerprints of folded texts: texts that share a band key are worth comparing.

MinHash (Broder 1997) over character 4-grams, banded for lookup (Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", section 3.4). Words fail on typing errors in short texts, so the grams
are of characters, word spaces included; the 200 commonest Swedish ones are left out.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from services.moderation.checks.word_lists import read_words

# Raise it whenever the keys of any text change: stored keys are compared only with their own kind.
FINGERPRINT_VERSION = 1

GRAM = 4
# Always this many, also where fewer are used: another number gives other permutations.
_PERMUTATIONS = 96
_SEED = 42
_ROWS = 3
_BANDS = 24
_BANDS_OF_SHORT = 32
_SHORT = 80
# A window may be a bit longer than the short copy that it should meet.
_SHORT_WINDOW = 120

_WINDOWED_FROM = 60
_ENDS = 0.6
_THIRDS = 0.4
_LONG = 500
# Sizes, and how many at most: with the two ends 24 windows.
_WINDOW_SIZES = ((300, 8), (150, 14))

# Odd constants of splitmix64 (Steele, Lea and Flood 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@cache
def _common() -> frozenset[str]:
    return frozenset(gram.replace("_", " ") for gram in read_words("common_grams.txt"))


def make_grams(folded: str) -> list[str]:
    """Return all 4-grams of a folded text with a space at each end, in order."""
    padded = f" {folded} "
    return [padded[i : i + GRAM] for i in range(len(padded) - GRAM + 1)]


class Keys(NamedTuple):
    """The keys of one folded text: those it is stored under, and those its copies are sought by."""

    stored: tuple[int, ...]
    query: frozenset[int]


def keys_of(batch: Sequence[str]) -> list[Keys]:
    """Return the keys of many folded texts, in their order; far cheaper than one by one.

    Stored: 24 signed 32-bit numbers, 32 for a text under 80 characters, none for an empty one. The
    same text has the same keys in every process and release of one FINGERPRINT_VERSION.

    Query: the same, and those of windows in the text, so that a stored text that was pasted into a
    longer one is met: from 60 characters the first and last 60 %, to 500 three of 40 %, from there
    stretches of 300 and 150, 24 windows at most.
    """
    hashes: list[int] = []
    offsets = [0]
    rows: list[tuple[int, int]] = []  # the text of each row, and how many bands of it count
    for number, folded in enumerate(batch):
        features, places = _features(folded)
        if not features:
            continue
        stretches = [(0, len(features), _BANDS_OF_SHORT if len(folded) < _SHORT else _BANDS)]
        for start, end in _windows(len(folded)):
            # The grams that lie inside the window.
            first, last = bisect_left(places, start), bisect_left(places, end - GRAM + 2)
            bands = _BANDS_OF_SHORT if end - start < _SHORT_WINDOW else _BANDS
            stretches.append((first, last, bands))
        for first, last, bands in stretches:
            if last > first:
                hashes += features[first:last]
                offsets.append(len(hashes))
                rows.append((number, bands))
    return _collected(len(batch), rows, _band_keys(hashes, offsets) if rows else [])


def _collected(count: int, rows: list[tuple[int, int]], keys: list[list[int]]) -> list[Keys]:
    """Put rows of keys together by text; the first row of a text is its own, the others windows."""
    stored: list[tuple[int, ...]] = [()] * count
    query: list[set[int]] = [set() for _ in range(count)]
    for (number, bands), row in zip(rows, keys, strict=True):
        if not query[number]:
            stored[number] = tuple(row[:bands])
        query[number].update(row[:bands])
    return [Keys(own, frozenset(sought)) for own, sought in zip(stored, query, strict=True)]


def _windows(length: int) -> list[tuple[int, int]]:
    """Return [start, end) of the windows of a text of this length."""
    if length < _WINDOWED_FROM:
        return []
    end = round(length * _ENDS)
    windows = [(0, end), (length - end, length)]
    if length < _LONG:
        part = round(length * _THIRDS)
        windows += [(start, start + part) for start in (0, (length - part) // 2, length - part)]
    else:
        for size, most in _WINDOW_SIZES:
            # They overlap by half, or less where that would be too many.
            count = min(most, 1 + -(-(length - size) // (size // 2)))
            step = (length - size) / (count - 1)
            windows += [(round(i * step), round(i * step) + size) for i in range(count)]
    return windows


def _features(folded: str) -> tuple[list[int], list[int]]:
    """Return hashes of the grams that say something, in order, and where each begins."""
    every = make_grams(folded) if folded else []
    common = _common()
    places = [place for place, gram in enumerate(every) if gram not in common]
    if not places:
        places = list(range(len(every)))
    telling = [every[place] for place in places]
    return (RMinHash.hash_token_sets([telling])[0] if telling else []), places


def _band_keys(hashes: list[int], offsets: list[int]) -> list[list[int]]:
    """Return 32 keys per stretch of hashes: of each band its three minima and its number, mixed."""
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        np.array(hashes, dtype=np.uint64),
        np.array(offsets, dtype=np.uint64),
        _PERMUTATIONS,
        _SEED,
    )
    minima = np.array(matrix.to_rows(), dtype=np.uint64).reshape(-1, _PERMUTATIONS // _ROWS, _ROWS)
    mixed = np.arange(1, minima.shape[1] + 1, dtype=np.uint64) * _GOLDEN
    for row in range(_ROWS):
        mixed = _mixed(mixed ^ minima[:, :, row])
    keys: list[list[int]] = (mixed >> np.uint64(32)).astype(np.uint32).view(np.int32).tolist()
    return keys


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of splitmix64: every bit of the input moves half the bits of the output."""
    numbers = numbers + _GOLDEN
    numbers = (numbers ^ (numbers >> np.uint64(30))) * _MIX_1
    numbers = (numbers ^ (numbers >> np.uint64(27))) * _MIX_2
    return numbers ^ (numbers >> np.uint64(31))
