"""Where entries were when digests looked: what makes "new since last" exact.

Each run notes for every committed entry that waits in which council and lane it stays, and ends the
stay of one that was decided or has moved. A person was told of an entry if a digest of theirs that
left looked at one of its stays. So an entry is new once to each person who should have it, however
late it committed, whatever they choose to hear of, and wherever it moves.

A drawn sample has no place here, as it has none in the queue: that would say which decision it is.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests.readers import Wanted
from shared.clock import utcnow
from shared.forgetting.batches import forget_some
from shared.models import DigestPosition, DigestRun, QueueEntry, Reason

# Where something waits: council and lane; None for an entry that an older version noted.
Cell = tuple[int | None, str | None]
# So long a digest may wait for its letter to leave, and a decision to be undone.
KEPT = timedelta(days=90)

_END_STAYS = text("""
    UPDATE digest_positions p SET until_run_id = :run FROM queue_entries q
    WHERE p.until_run_id IS NULL AND q.id = p.entry_id
      AND (q.closed_at IS NOT NULL OR q.lane IS DISTINCT FROM p.lane
           OR q.council_id IS DISTINCT FROM p.council_id)""")
_BEGIN_STAYS = text("""
    INSERT INTO digest_positions (entry_id, run_id, council_id, lane, is_moved)
    SELECT q.id, :run, q.council_id, q.lane,
           EXISTS (SELECT FROM digest_positions e WHERE e.entry_id = q.id)
    FROM queue_entries q
    WHERE q.closed_at IS NULL AND q.reason <> 'sample'
      AND NOT EXISTS (SELECT FROM digest_positions p
                      WHERE p.entry_id = q.id AND p.until_run_id IS NULL)""")

# What stays somewhere when a run looks, `p`, and the entry, `q`.
AT_RUN = """
    digest_positions p JOIN queue_entries q ON q.id = p.entry_id AND q.reason <> 'sample'
    WHERE p.run_id <= :run AND (p.until_run_id IS NULL OR p.until_run_id > :run)"""
EARLIER = """
    CASE WHEN p.is_moved THEN (
        SELECT jsonb_agg(jsonb_build_array(e.council_id, e.lane, e.run_id, e.until_run_id)
                         ORDER BY e.run_id)
        FROM digest_positions e WHERE e.entry_id = p.entry_id AND e.run_id < p.run_id) END"""
_GROUPS = text(f"""
    SELECT p.council_id, p.lane, q.reason, q.closed_at IS NULL, p.run_id, {EARLIER},
           count(*), min(q.opened_at)
    FROM {AT_RUN} GROUP BY 1, 2, 3, 4, 5, 6""")  # noqa: S608 - put together from constants

# A digest, `d`, that has left or may have: what it looked at was told.
TOLD = """
    FROM digests d JOIN letters l ON l.digest_id = d.id
    WHERE d.staff_id = s.id AND d.run_id < :run AND NOT d.is_test
      AND (l.state = 'sent' OR l.error = 'interrupted')"""
_LOOKED_THERE = """
    AND (d.council_ids IS NULL OR k.council_id IS NULL OR k.council_id = ANY(d.council_ids))
    AND (d.lanes IS NULL OR k.lane IS NULL OR k.lane = ANY(d.lanes))"""
_LAST_TOLD = text(f"""
    SELECT s.id, t.run_id, t.made_at, t.read_at, t.council_ids, t.lanes
    FROM unnest(CAST(:people AS uuid[])) s(id) CROSS JOIN LATERAL (
        SELECT d.run_id, d.made_at, d.read_at, d.council_ids, d.lanes {TOLD}
        ORDER BY d.run_id DESC LIMIT 1) t""")  # noqa: S608 - put together from constants
_MARKS = text(f"""
    SELECT s.id, k.council_id, k.lane, (
        SELECT d.run_id {TOLD} {_LOOKED_THERE} ORDER BY d.run_id DESC LIMIT 1)
    FROM unnest(CAST(:people AS uuid[]), CAST(:councils AS integer[]), CAST(:lanes AS text[]))
         s(id, council_id, lane)
    CROSS JOIN LATERAL (SELECT s.council_id, s.lane) k""")  # noqa: S608 - constants
_KNOWN_STAYS = text(f"""
    SELECT s.id, k.n
    FROM unnest(CAST(:people AS uuid[])) s(id)
    CROSS JOIN unnest(CAST(:councils AS integer[]), CAST(:lanes AS text[]),
                      CAST(:begins AS bigint[]), CAST(:ends AS bigint[]))
               WITH ORDINALITY k(council_id, lane, begins, ends, n)
    WHERE EXISTS (
        SELECT {TOLD} {_LOOKED_THERE} AND d.run_id >= k.begins AND d.run_id < k.ends
    )""")  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class Stay:
    """Where an entry was from one run until another."""

    council_id: int | None
    lane: str | None
    run_id: int
    until_run_id: int


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that are alike in all that a digest counts; `earlier` is where they were before."""

    council_id: int | None
    lane: str | None
    reason: Reason
    # Decided since the run looked, when it does not.
    waits: bool
    run_id: int
    earlier: tuple[Stay, ...]
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Last:
    """A person's latest digest that left."""

    run_id: int
    made_at: datetime
    read_at: datetime
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Known:
    """What a person has been told: of which run last, in each place; and of which earlier stays."""

    everywhere: int = 0
    places: Mapping[Cell, int] = field(default_factory=dict)
    stays: frozenset[Stay] = frozenset()

    def has(self, group: Group) -> bool:
        """Whether the person has been told of these entries."""
        told = self.places.get((group.council_id, group.lane), self.everywhere)
        return group.run_id <= told or not self.stays.isdisjoint(group.earlier)

    @property
    def key(self) -> tuple[object, ...]:
        """What is the same for people who know the same."""
        return (self.everywhere, frozenset(self.places.items()), self.stays)


def stamp_positions(session: SqlSession, run_id: int) -> None:
    """Note where every entry waits that is committed and open."""
    session.execute(_END_STAYS, {"run": run_id})
    session.execute(_BEGIN_STAYS, {"run": run_id})


def forget_old_stays(session: SqlSession) -> int:
    """Remove some stays of entries that were closed long ago, and ended in a run as old.

    What waits keeps all of its stays, however old: they say who was told of it.
    """
    before = utcnow() - KEPT
    last_run = select(func.max(DigestRun.id)).where(DigestRun.started_at < before)
    closed = select(QueueEntry.id).where(
        QueueEntry.id == DigestPosition.entry_id, QueueEntry.closed_at < before
    )
    return forget_some(
        session,
        DigestPosition,
        DigestPosition.until_run_id <= last_run.scalar_subquery(),
        closed.exists(),
    )


def count_groups(session: SqlSession, run_id: int) -> list[Group]:
    """Count what a run saw, and say what of it waits still."""
    return [
        Group(council, lane, Reason(reason), waits, run, read_stays(earlier), count, oldest)
        for council, lane, reason, waits, run, earlier, count, oldest in session.execute(
            _GROUPS, {"run": run_id}
        )
    ]


def read_stays(rows: Iterable[tuple[int | None, str | None, int, int]] | None) -> tuple[Stay, ...]:
    """Read earlier stays as `EARLIER` gives them."""
    return tuple(Stay(*row) for row in rows or ())


def last_told(session: SqlSession, people: Collection[UUID], run_id: int) -> dict[UUID, Last]:
    """Return the latest digest before a run that left or may have left, for whom there is one."""
    return {
        staff_id: Last(run, made_at, read_at or made_at, Wanted.of(councils, lanes))
        for staff_id, run, made_at, read_at, councils, lanes in session.execute(
            _LAST_TOLD, {"people": list(people), "run": run_id}
        )
    }


def read_known(
    session: SqlSession,
    wanted: Mapping[UUID, Wanted],
    last: Mapping[UUID, Last],
    some: Collection[Group],
    run_id: int,
) -> dict[UUID, Known]:
    """Return what each person had been told before a run of the entries in these groups."""
    cells = {(group.council_id, group.lane) for group in some}
    places = _places(session, wanted, last, cells, run_id)
    earlier = _known_stays(session, [*wanted], {s for group in some for s in group.earlier}, run_id)
    return {
        staff_id: Known(
            last[staff_id].run_id if staff_id in last else 0,
            places.get(staff_id, {}),
            frozenset(earlier.get(staff_id, ())),
        )
        for staff_id in wanted
    }


def _places(
    session: SqlSession,
    wanted: Mapping[UUID, Wanted],
    last: Mapping[UUID, Last],
    cells: Collection[Cell],
    run_id: int,
) -> dict[UUID, dict[Cell, int]]:
    """Look further back for those who want more than their last digest told of."""
    asked = [
        (staff_id, council, lane)
        for staff_id, want in wanted.items()
        if staff_id in last and not last[staff_id].wanted.has_all_of(want)
        for council, lane in cells
        if want.has(council, lane)
    ]
    found: dict[UUID, dict[Cell, int]] = {}
    if asked:
        people, councils, lanes = (list(column) for column in zip(*asked, strict=True))
        rows = session.execute(
            _MARKS, {"people": people, "councils": councils, "lanes": lanes, "run": run_id}
        )
        for staff_id, council, lane, run in rows:
            found.setdefault(staff_id, {})[council, lane] = run or 0
    return found


def _known_stays(
    session: SqlSession, people: list[UUID], some: Collection[Stay], run_id: int
) -> dict[UUID, set[Stay]]:
    found: dict[UUID, set[Stay]] = {}
    numbered = list(some)
    if not numbered:
        return found
    rows = session.execute(
        _KNOWN_STAYS,
        {
            "people": people,
            "councils": [stay.council_id for stay in numbered],
            "lanes": [stay.lane for stay in numbered],
            "begins": [stay.run_id for stay in numbered],
            "ends": [stay.until_run_id for stay in numbered],
            "run": run_id,
        },
    )
    for staff_id, n in rows:
        found.setdefault(staff_id, set()).add(numbered[n - 1])
    return found
