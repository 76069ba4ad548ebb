"""Which entries show on a page of the queue: the first of each fold, in the order of the queue.

Entries with the same `fold` (copies of one text, in one lane) stand in the list as one card. Which
of them shows is decided when a page is read, by walking along an index from card to card and
stepping over those whose fold has been seen: nothing is stored that could hide an entry by being
out of date, and a wave of thousands costs one pass over its index.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    cast,
    func,
    intersect,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, array, distinct_on
from sqlalchemy.orm import aliased

from services.moderation.desk.queue.queue_filter import (
    Entry,
    Filter,
    Place,
    chosen_ideas,
    make_after,
    make_conditions,
    place_in,
    read_values,
)
from shared.models import QueueEntry

# Past so many folds a page ends early, however few cards it has, and the next one goes on.
MOST_STEPS = 400


def select_heads(wanted: Filter, start: Place | None, most: int) -> CTE:
    """Return the entries of a page: `id`, whether it is `shown`, and at which of the `steps`.

    One that is not shown is only the last step of a walk that ended early.
    """
    among = chosen_ideas(wanted)
    return _gathered(wanted, start, among, most) if among else _walked(wanted, start, most)


def _walked(wanted: Filter, start: Place | None, most: int) -> CTE:
    entry, following = aliased(QueueEntry), aliased(QueueEntry)
    first = _next(wanted, start, entry)
    if start is not None:
        first = first.where(make_after(entry, start))
    begin = first.subquery()
    walk = select(
        *begin.c,
        cast(begin.c.shown, Integer).label("found"),
        literal(1).label("steps"),
        cast(array([begin.c.fold]), ARRAY(BigInteger)).label("seen"),
    ).cte("walk", recursive=True)
    step = (
        _next(wanted, start, following)
        .where(tuple_(*place_in(following)) > tuple_(walk.c.rank, walk.c.opened_at, walk.c.id))
        .where(following.fold != func.all(walk.c.seen))
        .lateral("step")
    )
    return walk.union_all(
        select(
            *step.c,
            walk.c.found + cast(step.c.shown, Integer),
            walk.c.steps + 1,
            func.array_append(walk.c.seen, step.c.fold),
        )
        .select_from(walk)
        .join(step, true())
        .where(walk.c.found < most, walk.c.steps < MOST_STEPS)
    )


def _next(wanted: Filter, start: Place | None, entry: Entry) -> Select[Any]:
    return (
        select(*_columns(entry), _is_first(wanted, start, entry).label("shown"))
        .where(*make_conditions(wanted, entry))
        .order_by(*place_in(entry))
        .limit(1)
    )


def _columns(entry: Entry) -> tuple[Any, ...]:
    return (entry.id, entry.rank, entry.opened_at, entry.fold)


def _is_first(wanted: Filter, start: Place | None, entry: Entry) -> ColumnElement[bool]:
    """Whether no entry of the same fold has shown on an earlier page."""
    if start is None:
        return true()
    earlier = aliased(QueueEntry)
    return ~(
        select(earlier.id)
        .where(
            *make_conditions(wanted, earlier),
            earlier.fold == entry.fold,
            ~make_after(earlier, start),
        )
        .correlate(entry)
        .exists()
    )


def _gathered(wanted: Filter, start: Place | None, among: Sequence[Select[UUID]], most: int) -> CTE:
    """Take the first of each fold among ideas that were found by other means than the order."""
    ideas = intersect(*among).subquery()
    entry = aliased(QueueEntry)
    # Idea by idea: nobody can guess how many a search finds, and on a wrong guess all entries would
    # be read for a few. (OFFSET 0 is what keeps the planner from making one join of it.)
    of_idea = (
        select(*_columns(entry))
        .where(*make_conditions(wanted, entry), entry.idea_id == ideas.c.idea_id)
        .offset(0)
        .lateral()
    )
    first = (
        select(*of_idea.c)
        .select_from(ideas)
        .join(of_idea, true())
        .ext(distinct_on(of_idea.c.fold))
        .order_by(of_idea.c.fold, of_idea.c.rank, of_idea.c.opened_at, of_idea.c.id)
        .subquery()
    )
    here = (first.c.rank, first.c.opened_at, first.c.id)
    page = select(*first.c, true().label("shown"), literal(1).label("steps"))
    if start is not None:
        page = page.where(tuple_(*here) > tuple_(*read_values(start)))
    return page.order_by(*here).limit(most).cte("walk")
