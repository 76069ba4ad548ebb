"""Stored ideas worth comparing with: those that share the rarest keys, a bounded number for each.

A bucket (the ideas with one key) gives its earliest ideas only: the original is always among them,
and a hot bucket costs no more than a cold one. What many of one batch ask for is read once. An idea
counts one over the size of each bucket that it shares, so that rare keys outweigh common ones. The
counting is done here and not in the statement, which took three times as long with a million ideas
stored (bench/duplicates_scale).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

BUCKET_SIZE = 64
# With a million ideas stored the text that was copied was among the first 30 in all but 9 of 4874
# changed copies, among the first 60 in all but 5, among the first 16 in all but 19.
MAX_CANDIDATES = 30
# Of the buckets that one text asks for the smallest are weighed, until they hold so many ideas:
# where thousands share every key of a long text the rest would say the same again.
MAX_WEIGHED = 4096

_BUCKETS = text("""
    SELECT q.key, bucket.size, bucket.seqs
    FROM unnest(CAST(:keys AS int[])) q(key)
    CROSS JOIN LATERAL (
        SELECT count(*) AS size, string_agg(CAST(earliest.seq AS text), ',') AS seqs
        FROM (SELECT f.seq FROM fingerprints f WHERE f.key = q.key
              ORDER BY f.seq LIMIT :most) earliest) bucket
    WHERE bucket.size > 0
""")

_STORED = text("""
    SELECT i.seq, t.folded, t.text, coalesce(l.original_id, i.id) AS root
    FROM ideas i
    JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
    LEFT JOIN duplicate_links l ON l.idea_id = i.id
    WHERE i.seq = ANY(CAST(:seqs AS bigint[])) AND i.status <> 'withdrawn' AND t.folded IS NOT NULL
""")

_Numbers = npt.NDArray[np.int64]


class Near(NamedTuple):
    """What shares keys with each set that was asked for, by `seq`, likeliest first.

    `full` are the keys whose buckets give no more than they hold, each with the last `seq` that is
    given: a later idea stored under one of them would never be read.
    """

    seqs: list[list[int]]
    full: Mapping[int, int]


class Stored(NamedTuple):
    """A stored idea as others are compared with it; `root` leads its group, or is itself."""

    folded: str
    text: str
    root: UUID


def find_candidates(session: SqlSession, queries: Sequence[Collection[int]]) -> Near:
    """Return for each set of keys the `seq` of at most MAX_CANDIDATES ideas, and the full keys."""
    found: list[list[int]] = [[] for _ in queries]
    # In the order of the index: neighbours are read together.
    keys = sorted({key for query in queries for key in query})
    if not keys:
        return Near(found, {})
    read = session.execute(_BUCKETS, {"keys": as_array(keys), "most": BUCKET_SIZE})
    rows = sorted(read.all(), key=lambda row: row.key)
    if not rows:
        return Near(found, {})
    sizes = np.array([row.size for row in rows], dtype=np.int64)
    held = np.array(",".join(row.seqs for row in rows).split(","), dtype=np.int64)
    ends = np.cumsum(sizes)
    askers, buckets = _asked_for(queries, np.array([row.key for row in rows], dtype=np.int64))
    askers, buckets = _smallest(askers, buckets, sizes)
    if len(askers):
        _weigh(found, askers, buckets, sizes, held)
    full = {
        row.key: int(held[end - 1])
        for row, end in zip(rows, ends.tolist(), strict=True)
        if row.size == BUCKET_SIZE
    }
    return Near(found, full)


def _asked_for(queries: Sequence[Collection[int]], keys: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Return who asks for which of the buckets, as two columns."""
    asked = np.array([key for query in queries for key in query], dtype=np.int64)
    askers = np.repeat(np.arange(len(queries)), [len(query) for query in queries])
    places = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    is_there = keys[places] == asked
    return askers[is_there], places[is_there]


def _smallest(askers: _Numbers, buckets: _Numbers, sizes: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Leave out of what each asks for the largest buckets, from MAX_WEIGHED ideas on."""
    order = np.lexsort((buckets, sizes[buckets], askers))
    askers, buckets = askers[order], buckets[order]
    own = sizes[buckets]
    before = np.cumsum(own) - own
    first = np.searchsorted(askers, askers)
    kept = before - before[first] < MAX_WEIGHED
    return askers[kept], buckets[kept]


def _weigh(
    found: list[list[int]],
    askers: _Numbers,
    buckets: _Numbers,
    sizes: _Numbers,
    held: _Numbers,
) -> None:
    """Put the likeliest ideas of all buckets that each asks for into `found`."""
    own = sizes[buckets]
    starts = np.cumsum(sizes) - sizes
    # The places in `held` of every idea of every bucket, one bucket after the other.
    within = np.arange(own.sum()) - np.repeat(np.cumsum(own) - own, own)
    seqs = held[np.repeat(starts[buckets], own) + within]
    askers, weights = np.repeat(askers, own), np.repeat(1 / own, own)
    order = np.lexsort((seqs, askers))
    seqs, askers, weights = seqs[order], askers[order], weights[order]
    # Where another pair of asker and idea begins.
    new = np.append(True, (seqs[1:] != seqs[:-1]) | (askers[1:] != askers[:-1]))
    sums = np.add.reduceat(weights, np.flatnonzero(new))
    seqs, askers = seqs[new], askers[new]
    likeliest = np.lexsort((seqs, -sums, askers))
    seqs, askers = seqs[likeliest], askers[likeliest]
    first = np.searchsorted(askers, np.arange(len(found) + 1))
    for n, (start, end) in enumerate(zip(first[:-1].tolist(), first[1:].tolist(), strict=True)):
        found[n] = seqs[start : min(start + MAX_CANDIDATES, end)].tolist()


def read_stored(session: SqlSession, seqs: Iterable[int]) -> dict[int, Stored]:
    """Return the ideas that stand, by `seq`; what was withdrawn or destroyed is not among them."""
    wanted = sorted(set(seqs))
    if not wanted:
        return {}
    rows = session.execute(_STORED, {"seqs": as_array(wanted)})
    return {row.seq: Stored(row.folded, row.text, row.root) for row in rows.all()}


def as_array(numbers: Iterable[int]) -> str:
    """Return an array as the database writes it: a list of thousands is slow to adapt."""
    return f"{{{','.join(map(str, numbers))}}}"
