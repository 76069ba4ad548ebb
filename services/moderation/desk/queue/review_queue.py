"""What the queue page reads: its cards, and which idea comes next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.checking.idea_reading import findings_of
from services.moderation.checks import Finding
from services.moderation.desk.queue import queue_walk
from services.moderation.desk.queue.leases import list_lookers
from services.moderation.desk.queue.queue_counts import MOST_COUNTED
from services.moderation.desk.queue.queue_filter import (
    Filter,
    Place,
    chosen_ideas,
    make_after,
    make_conditions,
    place_in,
)
from shared.models import (
    Council,
    Idea,
    IdeaStatus,
    IdeaText,
    Outcome,
    Precision,
    QueueEntry,
    Reason,
    Verdict,
)

PAGE_SIZE = 25
# How many of the ideas behind a card are shown with it.
SHOWN_BEHIND = 5
_SNIPPET = 280
_SHORT_SNIPPET = 140


@dataclass(frozen=True, slots=True)
class Behind:
    """An idea that stands behind a card: a copy, or nearly one, of the idea that shows."""

    number: str
    author: str
    snippet: str
    received_at: datetime
    precision: Precision


@dataclass(slots=True)
class Card:
    """One open entry with what a moderator needs to know at a glance."""

    place: Place
    fold: int
    reason: Reason
    lane: str
    number: str
    version: int
    council: str
    status: IdeaStatus
    received_at: datetime
    precision: Precision
    snippet: str
    author: str
    idea_id: UUID
    outcome: Outcome | None
    unchecked: list[str]
    text: str
    # How many more entries the card stands for; counted no further than MOST_COUNTED.
    others: int
    # Who else looks at the idea right now.
    lookers: list[str]
    findings: list[Finding] = field(default_factory=list)
    behind: list[Behind] = field(default_factory=list)


def read_queue_page(
    session: SqlSession, wanted: Filter, start: Place | None, staff_id: UUID
) -> tuple[list[Card], Place | None]:
    """Return one page of the queue, and where the next one begins, if there is one."""
    if not (wanted.q or wanted.mine):
        # With hundreds of thousands of closed entries PostgreSQL would rather read and sort all
        # that is open, at each step of the walk, than take the next entry from the index that has
        # the order.
        session.execute(sql("SET LOCAL enable_sort = off"))
    rows = session.execute(_cards(wanted, start, staff_id)).all()
    cards = [_card(row) for row in rows if row.shown]
    more = None
    if len(cards) > PAGE_SIZE:
        more = cards[PAGE_SIZE - 1].place
    elif rows and rows[-1].steps >= queue_walk.MOST_STEPS:
        more = _place(rows[-1].QueueEntry)
    cards = cards[:PAGE_SIZE]
    found = findings_of(session, [card.idea_id for card in cards])
    for card in cards:
        card.findings = found.get(card.idea_id, [])
    _look_behind(session, [card for card in cards if card.others])
    return cards, more


# A quarter of the time of a page went into building this statement again each time.
@lru_cache(maxsize=128)
def _cards(wanted: Filter, start: Place | None, staff_id: UUID) -> Select[Any]:
    walk = queue_walk.select_heads(wanted, start, PAGE_SIZE + 1)
    same = aliased(QueueEntry)
    counted = (
        select(same.id)
        .where(same.fold == QueueEntry.fold, same.closed_at.is_(None))
        .limit(MOST_COUNTED + 1)
        .correlate(QueueEntry)
        .subquery()
    )
    return (
        select(
            QueueEntry,
            Idea,
            Council.title,
            IdeaText.text,
            IdeaText.author,
            Verdict.outcome,
            Verdict.unchecked,
            select(func.count()).select_from(counted).scalar_subquery().label("alike"),
            list_lookers(staff_id).label("lookers"),
            walk.c.shown,
            walk.c.steps,
        )
        .select_from(walk)
        .join(QueueEntry, QueueEntry.id == walk.c.id)
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .outerjoin(
            Verdict, and_(Verdict.idea_id == Idea.id, Verdict.text_version == Idea.text_version)
        )
        .where(or_(walk.c.shown, walk.c.steps >= queue_walk.MOST_STEPS))
        .order_by(*place_in(QueueEntry))
    )


def _card(row: Row[Any]) -> Card:
    entry: QueueEntry = row.QueueEntry
    idea: Idea = row.Idea
    text = row.text or ""
    return Card(
        place=_place(entry),
        fold=entry.fold or 0,
        reason=entry.reason,
        lane=entry.lane or "",
        number=idea.number,
        version=idea.version,
        council=row.title,
        status=idea.status,
        received_at=idea.received_at,
        precision=idea.precision,
        snippet=cut_snippet(text),
        author=row.author or "",
        idea_id=idea.id,
        outcome=row.outcome,
        unchecked=row.unchecked or [],
        text=text,
        others=row.alike - 1,
        lookers=row.lookers or [],
    )


def _place(entry: QueueEntry) -> Place:
    return Place(entry.priority, entry.opened_at, entry.id)


def cut_snippet(text: str, most: int = _SNIPPET) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most].rstrip()} …"


def _look_behind(session: SqlSession, cards: Sequence[Card]) -> None:
    """Give the cards that stand for several ideas the next few of them."""
    if not cards:
        return
    folds = (
        func.unnest(literal([card.fold for card in cards], ARRAY(BigInteger)))
        .table_valued("fold")
        .render_derived(name="folds")
    )
    shown = {card.place.entry_id for card in cards}
    members = (
        select(QueueEntry.id, QueueEntry.idea_id, QueueEntry.rank, QueueEntry.opened_at)
        .where(QueueEntry.fold == folds.c.fold, QueueEntry.closed_at.is_(None))
        .order_by(*place_in(QueueEntry))
        .limit(SHOWN_BEHIND + 1)
        .lateral("members")
    )
    rows = session.execute(
        select(folds.c.fold, members.c.id, Idea, IdeaText.author, IdeaText.text)
        .select_from(folds)
        .join(members, true())
        .join(Idea, Idea.id == members.c.idea_id)
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .order_by(folds.c.fold, members.c.rank, members.c.opened_at, members.c.id)
    )
    of_fold = {card.fold: card for card in cards}
    for fold, entry_id, idea, author, text in rows:
        behind = of_fold[fold].behind
        if entry_id not in shown and len(behind) < SHOWN_BEHIND:
            behind.append(
                Behind(
                    idea.number,
                    author or "",
                    cut_snippet(text or "", _SHORT_SNIPPET),
                    idea.received_at,
                    idea.precision,
                )
            )


def place_of(session: SqlSession, number: str) -> Place | None:
    """Return the first place that an idea has in the queue."""
    entry = session.scalar(
        select(QueueEntry)
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .where(Idea.number == number, QueueEntry.closed_at.is_(None))
        .order_by(*place_in(QueueEntry))
        .limit(1)
    )
    return _place(entry) if entry else None


def next_number(session: SqlSession, wanted: Filter, here: Place | None, but: str) -> str | None:
    """Return the number of the idea to look at next: after a place, or else from the front.

    The others of a group come last: who has looked at one of five hundred copies goes on to
    something else.
    """
    question = (
        select(Idea.number)
        .join(QueueEntry, QueueEntry.idea_id == Idea.id)
        .where(*make_conditions(wanted), Idea.number != but)
        .where(*(QueueEntry.idea_id.in_(ideas) for ideas in chosen_ideas(wanted)))
        .order_by(*place_in(QueueEntry))
        .limit(1)
    )
    if here is None:
        return session.scalar(question)
    own = aliased(QueueEntry)
    own_fold = select(own.fold).where(own.id == here.entry_id).scalar_subquery()
    elsewhere = question.where(QueueEntry.fold != own_fold)
    in_turn = (elsewhere.where(make_after(QueueEntry, here)), elsewhere, question)
    first_found: ColumnElement[str | None] = func.coalesce(
        *(each.scalar_subquery() for each in in_turn)
    )
    return session.scalar(select(first_found))
