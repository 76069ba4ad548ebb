"""How much waits in each lane, and since when.

Counted on the spot and no further than MOST_COUNTED: "1 000+" says enough, costs a fixed number of
steps along an index, and is never wrong. A table of counters kept by a trigger would be one row for
each lane that every decision and every batch of checks had to wait for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, Uuid, bindparam, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.desk import ways
from services.moderation.desk.queue import queue_filter
from services.moderation.desk.queue.queue_filter import Filter, make_conditions
from shared.lanes import Lane
from shared.models import Council, QueueEntry, SavedFilter

MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait, and since when the oldest does; `is_more` than were counted."""

    count: int
    is_more: bool
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class NamedFilter:
    """One of somebody's own filters: its name, and the parameters of the queue's address."""

    name: str
    query: dict[str, str]


@dataclass(frozen=True, slots=True)
class Around:
    """What waits in each lane; slug and title of every council, newest first; one's own filters.

    And slug and title of every form of another tool.
    """

    lanes: dict[Lane, Waiting]
    councils: list[tuple[str, str]]
    filters: list[NamedFilter]
    forms: list[tuple[str, str]]


def count_around(session: SqlSession, council: str | None, staff_id: UUID | None = None) -> Around:
    """Count what waits in each lane, of one council or of all, for somebody. One statement."""
    rows = session.execute(_lanes(council), {"staff_id": staff_id}).all()
    found = {
        Lane(row.lane): Waiting(
            min(row.number, MOST_COUNTED), row.number > MOST_COUNTED, row.oldest
        )
        for row in rows
    }
    return Around(
        {lane: found[lane] for lane in Lane},
        [(slug, title) for slug, title in rows[0].councils or []],
        [NamedFilter(name, query) for name, query in rows[0].filters or []],
        [(slug, title) for slug, title in rows[0].forms or []],
    )


# Built once: that took longer than running it.
@lru_cache(maxsize=128)
def _lanes(council: str | None) -> Select[Any]:
    named = (
        func.unnest(literal([lane.value for lane in Lane], ARRAY(String)))
        .table_valued("lane")
        .render_derived(name="lanes")
    )
    entry, first = aliased(QueueEntry), aliased(QueueEntry)
    counted = (
        select(entry.opened_at)
        .where(*make_conditions(Filter(council=council), entry), entry.lane == named.c.lane)
        .limit(MOST_COUNTED + 1)
        .correlate(named)
        .lateral("counted")
    )
    oldest = (
        select(first.opened_at)
        .where(*make_conditions(Filter(council=council), first), first.lane == named.c.lane)
        .order_by(first.opened_at)
        .limit(1)
        .correlate(named)
        .scalar_subquery()
    )
    pair = func.jsonb_build_array(Council.slug, Council.title)
    councils = select(func.jsonb_agg(aggregate_order_by(pair, Council.id.desc()))).scalar_subquery()
    own = func.jsonb_build_array(SavedFilter.name, SavedFilter.query)
    by_name = (func.lower(SavedFilter.name), SavedFilter.id)
    filters = (
        select(func.jsonb_agg(aggregate_order_by(own, *by_name)))
        .where(SavedFilter.staff_id == bindparam("staff_id", type_=Uuid))
        .scalar_subquery()
    )
    return (
        select(
            named.c.lane,
            func.count(counted.c.opened_at).label("number"),
            oldest.label("oldest"),
            councils.label("councils"),
            filters.label("filters"),
            ways.select_forms().label("forms"),
        )
        .select_from(named)
        .outerjoin(counted, true())
        .group_by(named.c.lane)
    )


def add_lanes(waiting: Sequence[Waiting]) -> Waiting:
    """Add lanes up."""
    return Waiting(
        sum(each.count for each in waiting),
        any(each.is_more for each in waiting),
        min((each.oldest for each in waiting if each.oldest), default=None),
    )


def count_found(session: SqlSession, words: str) -> Waiting:
    """Count the ideas that a search finds, in all lanes."""
    most = queue_filter.MOST_FOUND
    ideas = queue_filter.select_found(words, most + 1).subquery()
    number = session.scalar(select(func.count()).select_from(ideas)) or 0
    return Waiting(min(number, most), number > most, None)
