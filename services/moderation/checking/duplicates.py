"""Near-duplicates in the database: who is the same as whom, and who was first.

The scheme is the one that was measured. Two identical ideas that
arrive at the same instant and are checked by two workers must still be linked, so:

1. `search_copies` notes the newest batch and searches what is stored, without any lock;
2. `settle_groups` takes one global lock, asks again for exact copies, compares with the batches
   that committed since `search_copies`, links everything, and writes this batch for those who come
   after.

The lock is held until the caller commits, and covers milliseconds: numbers of batches are drawn
under it, so they commit in order and nothing falls between the two steps.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import candidates, everyday
from services.moderation.checking.groups import Groups, Known
from services.moderation.checks import duplicates as texts
from services.moderation.checks.copies.common import EVERYDAY, Common
from shared.clock import utcnow
from shared.forgetting.batches import forget_some
from shared.models import FingerprintBatch

_LOCK = 7_261_993_002
EXACT = "exact"
# Of one group so many are enough to know that an idea is one more of it.
_OF_A_GROUP = 2
# A batch is read by those who looked before it committed; none of them works for so long.
BATCHES_KEPT = timedelta(days=1)

_BY_SEQ = text("""
    SELECT i.id, i.seq, i.number, i.received_at, t.folded, l.original_id, t.text
    FROM ideas i
    JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
    LEFT JOIN duplicate_links l ON l.idea_id = i.id
    WHERE i.seq = ANY(:seqs) AND i.status <> 'withdrawn' AND t.folded IS NOT NULL
""")

# The two earliest copies of a text: one of them may be the idea that asks.
_EARLIEST = text("""
    SELECT u.hash, x.id, x.seq, x.number, x.received_at, l.original_id,
           EXISTS (SELECT FROM verdicts v WHERE v.idea_id = x.id) AS checked
    FROM unnest(CAST(:hashes AS bigint[])) u(hash)
    CROSS JOIN LATERAL (
        SELECT i.id, i.seq, i.number, i.received_at FROM ideas i
        WHERE i.fold_hash = u.hash AND i.status <> 'withdrawn' AND i.destroyed_at IS NULL
        ORDER BY i.received_at, i.id LIMIT 2) x
    LEFT JOIN duplicate_links l ON l.idea_id = x.id
    ORDER BY u.hash, x.received_at, x.id
""")


@dataclass(frozen=True, slots=True)
class Asked:
    """An idea under check, with its text as written and folded."""

    id: UUID
    seq: int
    number: str
    received_at: datetime
    text: str
    folded: str
    fold_hash: int

    @property
    def known(self) -> Known:
        """The same idea, as another one of its batch sees it."""
        return Known(self.id, self.seq, self.number, self.received_at, self.folded, None, self.text)


@dataclass(frozen=True, slots=True)
class Searched:
    """What `search_copies` saw: the newest batch, and by `seq` each idea's keys and likenesses.

    `full` are keys under which nothing need be stored any more (`candidates.Near`); `common` is
    what everybody says.
    """

    since: int
    keys: Mapping[UUID, frozenset[int]]
    queries: Mapping[UUID, frozenset[int]]
    matches: Mapping[UUID, Mapping[int, texts.Match]]
    full: Mapping[int, int] = field(default_factory=dict)
    common: Common = EVERYDAY


def search_copies(session: SqlSession, asked: Sequence[Asked]) -> Searched:
    """Search what is stored; no lock is held, so this may take its time."""
    since = session.scalar(select(func.coalesce(func.max(FingerprintBatch.seq), 0))) or 0
    found_keys = texts.keys_of([idea.folded for idea in asked])
    keys = {idea.id: frozenset(of.stored) for idea, of in zip(asked, found_keys, strict=True)}
    queries = {idea.id: of.query for idea, of in zip(asked, found_keys, strict=True)}
    near = candidates.find_candidates(session, [queries[idea.id] for idea in asked])
    stored = candidates.read_stored(session, itertools.chain.from_iterable(near.seqs))
    newest = max((idea.seq for idea in asked), default=0)
    common = everyday.read_common(session, newest, [idea.folded for idea in asked])
    matches = {
        idea.id: _search_among(idea, seqs, stored, common)
        for idea, seqs in zip(asked, near.seqs, strict=True)
    }
    return Searched(since, keys, queries, matches, near.full, common)


def _search_among(
    idea: Asked, seqs: Sequence[int], stored: Mapping[int, candidates.Stored], common: Common
) -> dict[int, texts.Match]:
    """Return which stored ideas are confirmed; of a group that it is near a few are enough."""
    matches: dict[int, texts.Match] = {}
    met: Counter[UUID] = Counter()
    for seq in seqs:
        other = stored.get(seq)
        if seq == idea.seq or other is None or met[other.root] >= _OF_A_GROUP:
            continue
        match = texts.confirm_match(idea.folded, other.folded, common)
        if match is None:
            continue
        matches[seq] = match
        if match.kind == "near" and not texts.is_elsewhere(match, idea.text, other.text):
            met[other.root] += 1
    return matches


def take_turn(session: SqlSession) -> None:
    """Wait for whoever else writes of ideas that it has not locked; then it is our turn, to commit.

    A batch of checks does: of ideas whose earlier copies it found. So each who writes findings,
    verdicts or entries of several ideas, or of one in several tables, locks its ideas, then takes
    its turn, then writes. Nobody who has the turn waits for an idea.
    """
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def settle_groups(session: SqlSession, asked: Sequence[Asked], seen: Searched) -> Groups:
    """Link each idea to the earliest of its group, and write the batch. Locks until commit.

    Only links are written here; the caller makes findings of them.
    """
    take_turn(session)
    delta = _batches_since(session, seen.since)
    groups = Groups.of(session, [idea.id for idea in asked])
    earliest = _earliest_copies(session, asked)
    fresh = _reread(session, asked, seen, delta)
    not_exact: list[Asked] = []
    # Which ideas of the batch have a key, by their place in `not_exact` and so the earliest first:
    # not every pair of them is compared.
    holders: dict[int, list[int]] = {}
    held: list[frozenset[int]] = []
    for idea in sorted(asked, key=lambda each: (each.received_at, each.id)):
        first = earliest.get(idea.fold_hash, [])
        if _link_exact(idea, first, groups):
            continue
        near = list(fresh[idea.id])
        for place in _likeliest(seen.queries[idea.id], holders, held):
            _confirm(idea, not_exact[place].known, near, seen.common)
        for key in seen.keys[idea.id]:
            holders.setdefault(key, []).append(len(held))
        held.append(seen.keys[idea.id])
        not_exact.append(idea)
        _link_near(idea, near, groups)
    groups.write()
    _write_batch(session, not_exact, seen)
    return groups


def _likeliest(
    query: frozenset[int], holders: Mapping[int, Sequence[int]], keys: Sequence[frozenset[int]]
) -> list[int]:
    """Return the places in the batch of those that share most keys, in order: a bounded number."""
    others = {place for key in query for place in holders.get(key, ())}
    if len(others) <= candidates.MAX_CANDIDATES:
        return sorted(others)
    best = heapq.nsmallest(
        candidates.MAX_CANDIDATES, others, key=lambda place: (-len(query & keys[place]), place)
    )
    return sorted(best)


def _confirm(
    idea: Asked, known: Known, matches: list[tuple[Known, texts.Match]], common: Common
) -> None:
    if known.id == idea.id:
        return
    match = texts.confirm_match(idea.folded, known.folded, common)
    if match is not None:
        _keep(idea, known, match, matches)


def _keep(
    idea: Asked, known: Known, match: texts.Match, matches: list[tuple[Known, texts.Match]]
) -> None:
    """Add a confirmed match, unless the two wish their thing in different places."""
    if not texts.is_elsewhere(match, idea.text, known.text):
        matches.append((known, match))


def _batches_since(session: SqlSession, since: int) -> dict[int, set[int]]:
    """Return the ideas (by seq) and keys of batches that committed after `search_copies` began."""
    found: dict[int, set[int]] = {}
    rows = session.execute(
        select(FingerprintBatch.idea_seqs, FingerprintBatch.keys).where(
            FingerprintBatch.seq > since
        )
    )
    for idea_seqs, keys in rows:
        seqs = np.frombuffer(idea_seqs, dtype="<i8")
        for seq, key in zip(seqs.tolist(), np.frombuffer(keys, dtype="<i4").tolist(), strict=True):
            found.setdefault(seq, set()).add(key)
    return found


def _earliest_copies(
    session: SqlSession, asked: Sequence[Asked]
) -> dict[int, list[tuple[Known, bool]]]:
    rows = session.execute(_EARLIEST, {"hashes": sorted({idea.fold_hash for idea in asked})})
    copies: dict[int, list[tuple[Known, bool]]] = {}
    for fold_hash, idea_id, seq, number, received_at, original_id, checked in rows:
        known = Known(idea_id, seq, number, received_at, "", original_id)
        copies.setdefault(fold_hash, []).append((known, checked))
    return copies


def _reread(
    session: SqlSession, asked: Sequence[Asked], seen: Searched, delta: Mapping[int, set[int]]
) -> dict[UUID, list[tuple[Known, texts.Match]]]:
    """Return the confirmed matches with today's roots, those of the newest batches among them."""
    new = {idea.id: _newest(delta, seen.queries[idea.id]) for idea in asked}
    seqs = {seq for idea in asked for seq in (*seen.matches[idea.id], *new[idea.id])}
    current: dict[int, Known] = {}
    if seqs:
        rows = session.execute(_BY_SEQ, {"seqs": sorted(seqs)})
        current = {row.seq: Known(*row) for row in rows}
    fresh: dict[UUID, list[tuple[Known, texts.Match]]] = {}
    for idea in asked:
        matches = fresh[idea.id] = []
        confirmed = seen.matches[idea.id]
        for seq, match in confirmed.items():
            if seq in current:
                _keep(idea, current[seq], match, matches)
        for seq in sorted(new[idea.id] - confirmed.keys()):
            if seq in current:
                _confirm(idea, current[seq], matches, seen.common)
    return fresh


def _newest(delta: Mapping[int, set[int]], query: frozenset[int]) -> set[int]:
    """Return what of the newest batches shares most keys, and of equals the earliest."""
    shared = {seq: len(keys & query) for seq, keys in delta.items() if not keys.isdisjoint(query)}
    most = candidates.MAX_CANDIDATES
    if len(shared) <= most:
        return set(shared)
    return set(heapq.nsmallest(most, shared, key=lambda seq: (-shared[seq], seq)))


def _link_exact(idea: Asked, copies: Sequence[tuple[Known, bool]], groups: Groups) -> bool:
    """Link exact copies with the earliest of them, and say whether this idea is a later one."""
    others = [(known, checked) for known, checked in copies if known.id != idea.id]
    if not others or not idea.folded:
        # Texts of nothing but signs fold to nothing, and are not copies of each other for that.
        return False
    other, checked = others[0]
    is_copy = other.age < idea.known.age
    # One that came later but was checked first stands alone or leads a group: it joins this one.
    if is_copy or checked:
        groups.join(idea.known, other, EXACT, 1.0)
    return is_copy


def _link_near(idea: Asked, matches: Sequence[tuple[Known, texts.Match]], groups: Groups) -> None:
    """Join the groups of all that is near; what is merely a part joins the best one, at most.

    All, so that the groups do not depend on the order of checking. Not so for parts: a long text
    that holds two ideas would make one of them. A hint is told of, and joins nothing.
    """
    best_first = sorted(matches, key=lambda each: (each[1].kind != "near", -each[1].score))
    near = [each for each in best_first if each[1].kind == "near"]
    for known, match in near or best_first[:1]:
        if match.kind == "contained" and match.score <= texts.HINT:
            groups.hint(idea.known, known, match.score, match.words)
        else:
            groups.join(idea.known, known, match.kind, match.score, match.words)


def _write_batch(session: SqlSession, ideas: Sequence[Asked], seen: Searched) -> None:
    """Store the keys of new texts (exact copies add none), and the batch for those who look now.

    Not stored are keys whose bucket is full of earlier ideas: a flood of near copies would grow the
    table by what nobody ever reads. Those who look now are told of every key.
    """
    pairs = [(key, idea.seq) for idea in ideas for key in sorted(seen.keys[idea.id])]
    if not pairs:
        return
    read = [(key, seq) for key, seq in pairs if seq < seen.full.get(key, seq + 1)]
    session.execute(
        text("""
            INSERT INTO fingerprints (key, seq)
            SELECT * FROM unnest(CAST(:keys AS int[]), CAST(:seqs AS bigint[]))
            ON CONFLICT DO NOTHING"""),
        {
            "keys": candidates.as_array(key for key, _seq in read),
            "seqs": candidates.as_array(seq for _key, seq in read),
        },
    )
    session.execute(
        insert(FingerprintBatch).values(
            idea_seqs=np.array([seq for _key, seq in pairs], dtype="<i8").tobytes(),
            keys=np.array([key for key, _seq in pairs], dtype="<i4").tobytes(),
            at=utcnow(),
        )
    )


def forget_old_batches(session: SqlSession) -> int:
    """Remove some batches that nobody who looks now can have missed; return how many."""
    return forget_some(session, FingerprintBatch, FingerprintBatch.at < utcnow() - BATCHES_KEPT)
