"""What the queue page and the idea page read. A fixed number of statements, whatever is stored."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation import idea_reading
from services.moderation.checks import Finding
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
_SNIPPET = 280


@dataclass(frozen=True, slots=True)
class Filter:
    """What a moderator looks at; kept in the URL."""

    reason: Reason | None = None
    council: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what an open entry must fulfil."""
        wanted: list[ColumnElement[bool]] = [QueueEntry.closed_at.is_(None)]
        if self.reason is not None:
            wanted.append(QueueEntry.reason == self.reason)
        if self.council is not None:
            wanted.append(Council.slug == self.council)
        return wanted

    def as_query(self) -> dict[str, str]:
        """Return the filter as the parameters of a URL."""
        named = {"reason": self.reason.value if self.reason else "", "council": self.council or ""}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of the queue: higher priority first, then the oldest."""

    priority: int
    opened_at: datetime
    entry_id: int

    def after(self) -> ColumnElement[bool]:
        """Return the condition for what comes later in the queue."""
        return or_(
            QueueEntry.priority < self.priority,
            and_(QueueEntry.priority == self.priority, QueueEntry.opened_at > self.opened_at),
            and_(
                QueueEntry.priority == self.priority,
                QueueEntry.opened_at == self.opened_at,
                QueueEntry.id > self.entry_id,
            ),
        )

    def could_be(self) -> bool:
        """Tell whether its numbers fit their columns; one that was made up may not."""
        return abs(self.priority) < 1 << 31 and abs(self.entry_id) < 1 << 63

    def __str__(self) -> str:
        return f"{self.priority}_{self.opened_at.timestamp():.6f}_{self.entry_id}"


@dataclass(slots=True)
class Card:
    """One open entry with what a moderator needs to know at a glance."""

    place: Place
    reason: Reason
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
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lane:
    """How many wait for one reason, and since when the oldest does."""

    reason: Reason
    waiting: int
    oldest: datetime


def _ordered() -> tuple[ColumnElement[object], ...]:
    return (QueueEntry.priority.desc(), QueueEntry.opened_at, QueueEntry.id)  # type: ignore[return-value]


def page(
    session: SqlSession, wanted: Filter, after: Place | None = None
) -> tuple[list[Card], Place | None]:
    """Return one page of the queue, and where the next one begins, if there is one."""
    question = (
        select(QueueEntry, Idea, Council.title, IdeaText, Verdict)
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .outerjoin(
            Verdict, and_(Verdict.idea_id == Idea.id, Verdict.text_version == Idea.text_version)
        )
        .where(*wanted.conditions())
        .order_by(*_ordered())
        .limit(PAGE_SIZE + 1)
    )
    if after is not None:
        question = question.where(after.after())
    cards = [_card(*row) for row in session.execute(question)]
    more = cards[PAGE_SIZE - 1].place if len(cards) > PAGE_SIZE else None
    cards = cards[:PAGE_SIZE]
    found = idea_reading.findings_of(session, [card.idea_id for card in cards])
    for card in cards:
        card.findings = found.get(card.idea_id, [])
    return cards, more


def _card(
    entry: QueueEntry, idea: Idea, council: str, version: IdeaText, verdict: Verdict | None
) -> Card:
    text = version.text or ""
    line = " ".join(text.split())
    return Card(
        place=Place(entry.priority, entry.opened_at, entry.id),
        reason=entry.reason,
        number=idea.number,
        version=idea.version,
        council=council,
        status=idea.status,
        received_at=idea.received_at,
        precision=idea.precision,
        snippet=line if len(line) <= _SNIPPET else f"{line[:_SNIPPET].rstrip()} …",
        author=version.author or "",
        idea_id=idea.id,
        outcome=verdict.outcome if verdict else None,
        unchecked=verdict.unchecked if verdict else [],
        text=text,
    )


def lanes(session: SqlSession) -> list[Lane]:
    """Count what waits, by reason."""
    rows = session.execute(
        select(QueueEntry.reason, func.count(), func.min(QueueEntry.opened_at))
        .where(QueueEntry.closed_at.is_(None))
        .group_by(QueueEntry.reason)
    )
    order = list(Reason)
    return sorted((Lane(*row) for row in rows), key=lambda lane: order.index(lane.reason))


def councils(session: SqlSession) -> list[tuple[str, str]]:
    """Return slug and title of every council, the newest first."""
    return [
        (row.slug, row.title)
        for row in session.execute(select(Council.slug, Council.title).order_by(Council.id.desc()))
    ]


def place_of(session: SqlSession, number: str) -> Place | None:
    """Return the first place that an idea has in the queue."""
    row = session.execute(
        select(QueueEntry.priority, QueueEntry.opened_at, QueueEntry.id)
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .where(Idea.number == number, QueueEntry.closed_at.is_(None))
        .order_by(*_ordered())
        .limit(1)
    ).first()
    return Place(*row) if row else None


def next_number(session: SqlSession, wanted: Filter, after: Place | None, but: str) -> str | None:
    """Return the number of the idea to look at next: after a place, or else from the front."""
    question = (
        select(Idea.number)
        .join(QueueEntry, QueueEntry.idea_id == Idea.id)
        .join(Council, Council.id == Idea.council_id)
        .where(*wanted.conditions(), Idea.number != but)
        .order_by(*_ordered())
        .limit(1)
    )
    if after is not None:
        following = session.scalar(question.where(after.after()))
        if following is not None:
            return following
    return session.scalar(question)
