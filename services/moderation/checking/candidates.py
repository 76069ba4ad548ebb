"""Stored ideas worth comparing with: those that share the rarest keys, a bounded number for each.

A bucket (the ideas with one key) gives its earliest ideas only: the original is always among them,
and a hot bucket costs no more than a cold one. An idea counts one over the size of each bucket that
it shares, so that rare keys outweigh common ones. The counting is done here and not in the
statement, which took three times as long with a million ideas stored (bench/duplicates_scale).
"""

from collections.abc import Collection, Iterable, Sequence

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

BUCKET_SIZE = 64
# With a million ideas stored the text that was copied was among the first 30 in all but 9 of 4874
# changed copies, among the first 60 in all but 5, among the first 16 in all but 19.
MAX_CANDIDATES = 30

_BUCKETS = text("""
    SELECT q.asked, bucket.size, bucket.seqs
    FROM unnest(CAST(:asked AS int[]), CAST(:keys AS int[])) q(asked, key)
    CROSS JOIN LATERAL (
        SELECT count(*) AS size, string_agg(CAST(earliest.seq AS text), ',') AS seqs
        FROM (SELECT f.seq FROM fingerprints f WHERE f.key = q.key
              ORDER BY f.seq LIMIT :most) earliest) bucket
    WHERE bucket.size > 0
""")

_TEXTS = text("""
    SELECT i.seq, t.folded
    FROM ideas i
    JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
    WHERE i.seq = ANY(CAST(:seqs AS bigint[])) AND i.status <> 'withdrawn' AND t.folded IS NOT NULL
""")


def find_candidates(session: SqlSession, queries: Sequence[Collection[int]]) -> list[list[int]]:
    """Return, for each set of keys, the `seq` of at most MAX_CANDIDATES ideas, likeliest first."""
    found: list[list[int]] = [[] for _ in queries]
    # In the order of the index: neighbours are read together.
    pairs = sorted((key, n) for n, keys in enumerate(queries) for key in keys)
    if not pairs:
        return found
    rows = session.execute(
        _BUCKETS,
        {
            "asked": as_array(n for _key, n in pairs),
            "keys": as_array(key for key, _n in pairs),
            "most": BUCKET_SIZE,
        },
    ).all()
    if not rows:
        return found
    sizes = np.array([row.size for row in rows])
    seqs = np.array(",".join(row.seqs for row in rows).split(","), dtype=np.int64)
    askers = np.repeat(np.array([row.asked for row in rows]), sizes)
    order = np.lexsort((seqs, askers))
    seqs, askers, weights = seqs[order], askers[order], np.repeat(1 / sizes, sizes)[order]
    # Where another pair of asker and idea begins.
    new = np.append(True, (seqs[1:] != seqs[:-1]) | (askers[1:] != askers[:-1]))
    sums = np.add.reduceat(weights, np.flatnonzero(new))
    seqs, askers = seqs[new], askers[new]
    likeliest = np.lexsort((seqs, -sums, askers))
    seqs, askers = seqs[likeliest], askers[likeliest]
    first = np.searchsorted(askers, np.arange(len(queries)))
    for n, start in enumerate(first.tolist()):
        end = first[n + 1] if n + 1 < len(first) else len(seqs)
        found[n] = seqs[start : min(start + MAX_CANDIDATES, end)].tolist()
    return found


def folded_texts(session: SqlSession, seqs: Iterable[int]) -> dict[int, str]:
    """Return the folded texts that stand, by `seq`; what was withdrawn or destroyed has none."""
    wanted = sorted(set(seqs))
    if not wanted:
        return {}
    rows = session.execute(_TEXTS, {"seqs": as_array(wanted)})
    return {row.seq: row.folded for row in rows.all()}


def as_array(numbers: Iterable[int]) -> str:
    """Return an array as the database writes it: a list of thousands is slow to adapt."""
    return f"{{{','.join(map(str, numbers))}}}"
