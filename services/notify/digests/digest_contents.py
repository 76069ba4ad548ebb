"""What a digest says: counts, reasons, councils, ages and links; never a resident's words.

What people share is read once: the counts of a run, and for each part of the queue that somebody
wants what stands first in it. Kept for a few seconds, so that a digest is never staler than that.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar, cast

from babel.dates import format_timedelta
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import digest_week, positions
from services.notify.digests.digest_decided import Decided, decided_since
from services.notify.digests.digest_week import Day
from services.notify.digests.positions import AT_RUN, EARLIER, Group, Known
from services.notify.digests.readers import Wanted
from shared import check_words, i18n, lanes
from shared.clock import utcnow
from shared.config import Settings
from shared.lanes import Lane
from shared.models import Council, Digest, DigestRun, Reason

# A digest is a summary: so many of the most urgent entries are named.
SHOWN = 10
FRESH = timedelta(seconds=15)
_MOST_KEPT = 256
# What colleagues decided is told of so many days, to somebody who gets their first digest.
_FIRST_LOOKS_BACK = timedelta(days=7)

T = TypeVar("T")
_kept: dict[Hashable, tuple[datetime, object]] = {}

_IS_WANTED = """
    AND (CAST(:councils AS integer[]) IS NULL OR p.council_id IS NULL
         OR p.council_id = ANY(CAST(:councils AS integer[])))
    AND (CAST(:lanes AS text[]) IS NULL OR p.lane IS NULL
         OR p.lane = ANY(CAST(:lanes AS text[])))"""
# The first of each group of alike ideas, as the queue shows them.
_HEADS = text(f"""
    SELECT i.number, h.reason, h.lane, h.council_id, h.opened_at, h.fold,
           (SELECT array_agg(f.code) FROM findings f
            WHERE f.idea_id = i.id AND f.text_version = i.text_version
              AND f.severity IN ('medium', 'high')) AS codes
    FROM (
        SELECT DISTINCT ON (q.fold) q.fold, q.rank, q.opened_at, q.id, q.idea_id, q.reason,
               p.lane, p.council_id
        FROM {AT_RUN} AND q.closed_at IS NULL {_IS_WANTED}
        ORDER BY q.fold, q.rank, q.opened_at, q.id) h
    JOIN ideas i ON i.id = h.idea_id
    ORDER BY h.rank, h.opened_at, h.id LIMIT :shown""")  # noqa: S608 - constants
_OF_FOLDS = text(f"""
    SELECT q.fold, p.council_id, p.lane, q.reason, p.run_id, {EARLIER}, count(*), min(q.opened_at)
    FROM {AT_RUN} AND q.closed_at IS NULL AND q.fold = ANY(CAST(:folds AS bigint[])) {_IS_WANTED}
    GROUP BY 1, 2, 3, 4, 5, 6""")  # noqa: S608 - put together from constants


@dataclass(frozen=True, slots=True)
class Line:
    """One lane or one council: how much of it is new, how much waits, since when; and its page."""

    label: str
    new: int
    waiting: int
    oldest: str
    path: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line at the head of the queue: an entry, and `alike` more that stand behind it."""

    number: str
    reason: str
    council: str
    age: str
    new: int
    alike: int = 0
    is_urgent: bool = False
    # What kinds of things were found, the worst first; words of ours, never the writer's.
    kinds: Sequence[str] = ()
    lane: str = ""

    @property
    def what(self) -> str:
        """Say in a word or two why a person should look."""
        return ", ".join(self.kinds) or self.reason


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a digest says. `gone` of what is new had been decided before this was written."""

    new: int
    waiting: int
    oldest: str
    lanes: Sequence[Line]
    councils: Sequence[Line]
    first: Sequence[Item]
    decided: Decided = Decided()  # noqa: RUF009 - frozen
    week: Sequence[Day] = ()
    gone: int = 0
    urgent: int = 0

    def groups(self) -> list[tuple[str, list[Item]]]:
        """Return what stands first by lane, in the order of the most urgent of each."""
        lanes_of: dict[str, list[Item]] = {}
        for item in self.first:
            lanes_of.setdefault(item.lane, []).append(item)
        return list(lanes_of.items())


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands first in a part of the queue, and who stands behind it."""

    number: str
    reason: Reason
    lane: str | None
    council_id: int | None
    opened_at: datetime
    codes: Sequence[str]
    behind: Sequence[Group]


def write_age(since: datetime, now: datetime) -> str:
    """Write an age in words: "3 dagar", whole minutes at the least."""
    return format_timedelta(
        max(now - since, timedelta(minutes=1)), granularity="minute", locale=i18n.get_language()
    )


def read_contents(session: SqlSession, digest: Digest, settings: Settings) -> Contents:
    """Read what the digest's run saw and what of it still waits, in the language now spoken.

    Entries that came after the run belong to the next one, so each is new exactly once.
    """
    now = utcnow()
    wanted = Wanted.of(digest.council_ids, digest.lanes)
    run = session.get_one(DigestRun, digest.run_id)
    groups = _once((run.slot,), now, lambda: positions.count_groups(session, run.id))
    last = positions.last_told(session, [digest.staff_id], run.id)
    known = positions.read_known(session, {digest.staff_id: wanted}, last, groups, run.id)
    told = last.get(digest.staff_id)
    since = told.read_at if told else run.started_at - _FIRST_LOOKS_BACK
    councils = _once(("councils", run.slot), now, lambda: _councils(session))
    own = known[digest.staff_id]
    heads = _once((run.slot, wanted), now, lambda: _heads(session, run.id, wanted))
    made = _once(
        (run.slot, wanted, own.key, i18n.get_language()),
        now,
        lambda: _contents(groups, heads, wanted, own, councils, now),
    )
    decided = _once(
        (run.slot, "decided", wanted.council_ids, since),
        now,
        lambda: decided_since(session, since, wanted.council_ids),
    )
    week = _once(
        (run.slot, "week", wanted.council_ids),
        now,
        lambda: digest_week.read_week(
            session, run.started_at, settings.timezone, wanted.council_ids
        ),
    )
    return replace(made, decided=decided.by_others_than(digest.staff_id), week=week)


def _once(key: Hashable, now: datetime, read_it: Callable[[], T]) -> T:
    """Return what was read for somebody else a moment ago, or read it."""
    at, found = _kept.get(key, (None, None))
    if at is None or not timedelta() <= now - at < FRESH:
        found = read_it()
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = (now, found)
    return cast("T", found)


def _heads(session: SqlSession, run_id: int, wanted: Wanted) -> list[_Head]:
    asked = {"run": run_id, "shown": SHOWN, **_as_asked(wanted)}
    rows = session.execute(_HEADS, asked).all()
    behind: dict[int, list[Group]] = {}
    folds = session.execute(_OF_FOLDS, asked | {"folds": [row.fold for row in rows]})
    for fold, council, lane, reason, run, earlier, count, oldest in folds:
        behind.setdefault(fold, []).append(
            Group(
                *(council, lane, Reason(reason), True, run),
                positions.read_stays(earlier),
                count,
                oldest,
            )
        )
    return [
        _Head(
            *(row.number, Reason(row.reason), row.lane, row.council_id, row.opened_at),
            row.codes or (),
            behind.get(row.fold, []),
        )
        for row in rows
    ]


def _as_asked(wanted: Wanted) -> dict[str, object]:
    stored = wanted.stored()
    return {"councils": stored["council_ids"], "lanes": stored["lanes"]}


def _councils(session: SqlSession) -> dict[int, tuple[str, str]]:
    rows = session.execute(select(Council.id, Council.title, Council.slug))
    return {row.id: (row.title, row.slug) for row in rows}


def _contents(
    groups: Sequence[Group],
    heads: Sequence[_Head],
    wanted: Wanted,
    known: Known,
    councils: dict[int, tuple[str, str]],
    now: datetime,
) -> Contents:
    """Put together what is the same for all who want the same and know the same."""
    seen = [each for each in groups if wanted.has(each.council_id, each.lane)]
    some = [each for each in seen if each.waits]
    return Contents(
        new=_count(some, known),
        gone=_count([each for each in seen if not each.waits], known),
        waiting=sum(each.count for each in some),
        urgent=sum(each.count for each in some if each.lane == Lane.URGENT),
        oldest=write_age(min((each.oldest for each in some), default=now), now),
        lanes=[
            _line(lanes.name_lane(lane), f"?lane={lane.value}", mine, known, now)
            for lane in Lane
            if (mine := [each for each in some if each.lane == lane.value])
        ],
        councils=[
            _line(title, f"?council={slug}", mine, known, now)
            for council_id, (title, slug) in sorted(councils.items(), key=lambda each: each[1])
            if (mine := [each for each in some if each.council_id == council_id])
        ],
        first=[_item(head, known, councils, now) for head in heads],
    )


def _count(some: Sequence[Group], known: Known) -> int:
    return sum(each.count for each in some if not known.has(each))


def _line(name: str, path: str, some: Sequence[Group], known: Known, now: datetime) -> Line:
    waiting = sum(each.count for each in some)
    oldest = write_age(min(each.oldest for each in some), now)
    return Line(name, _count(some, known), waiting, oldest, path)


def _item(head: _Head, known: Known, councils: dict[int, tuple[str, str]], now: datetime) -> Item:
    title, _slug = councils.get(head.council_id or 0, ("", ""))
    kinds = check_words.kinds_of_findings(head.codes)
    if kinds and head.reason is not Reason.NEW:
        kinds = [lanes.name_reason(head.reason), *kinds]
    return Item(
        number=head.number,
        reason=lanes.name_reason(head.reason),
        council=title,
        age=write_age(head.opened_at, now),
        new=_count(head.behind, known),
        alike=sum(each.count for each in head.behind) - 1,
        is_urgent=head.lane == Lane.URGENT,
        kinds=kinds,
        lane=lanes.name_lane(Lane(head.lane)) if head.lane else "",
    )
