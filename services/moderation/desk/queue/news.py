"""What an open page asks for every few seconds: one cheap statement, whatever is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk.queue.leases import list_lookers
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, QueueEntry, Staff

# The queue's fingerprint is made of so many of the newest rows. Numbers are drawn before they are
# committed, so the highest alone would hide a row that commits late.
_NEWEST = 100


@dataclass(frozen=True, slots=True)
class QueueNews:
    """Whether the queue moved, and who looks at which of the ideas asked about."""

    fingerprint: str
    lookers: dict[str, list[str]]


def of_queue(session: SqlSession, numbers: Sequence[str], but: UUID) -> QueueNews:
    """Return a fingerprint that changes when an entry opens or something is decided.

    Withdrawals and new priorities do not move it; a page reads its list anew now and then anyway.
    """
    looked_at = (
        select(Idea.number, list_lookers(but).label("names"))
        .where(Idea.number.in_(numbers))
        .subquery()
    )
    row = session.execute(
        select(
            _newest(QueueEntry.id),
            _newest(Decision.seq),
            select(func.jsonb_object_agg(looked_at.c.number, looked_at.c.names))
            .where(looked_at.c.names.is_not(None))
            .scalar_subquery(),
        )
    ).one()
    return QueueNews(f"{row[0]}-{row[1]}", row[2] or {})


def _newest(number: InstrumentedAttribute[int]) -> ColumnElement[int]:
    newest = select(number.label("number")).order_by(number.desc()).limit(_NEWEST).subquery()
    return select(func.coalesce(func.sum(newest.c.number), 0)).scalar_subquery()


@dataclass(frozen=True, slots=True)
class IdeaNews:
    """How an idea stands, for a page that has it open."""

    version: int
    status: IdeaStatus
    lookers: list[str]
    # The decision that made this version and who made it; `by` is empty for the system.
    decided: DecisionKind | None
    by: str


def of_idea(session: SqlSession, number: str, but: UUID) -> IdeaNews | None:
    """Return how an idea stands and who else looks at it; None for an unknown number."""
    name = func.coalesce(func.nullif(Staff.name, ""), Staff.email)
    latest = (
        select(Decision.kind, Decision.seen_version, name.label("by"))
        .outerjoin(Staff, Staff.id == Decision.staff_id)
        .where(Decision.idea_id == Idea.id)
        .order_by(Decision.seq.desc())
        .limit(1)
        .lateral()
    )
    row = session.execute(
        select(Idea.version, Idea.status, list_lookers(but), latest.c.kind, latest.c.by)
        # The writer's correction moves an idea, too: then no decision is what happened last.
        .outerjoin(latest, latest.c.seen_version + 1 == Idea.version)
        .where(Idea.number == number)
    ).first()
    if row is None:
        return None
    version, status, names, kind, by = row
    return IdeaNews(version, status, names or [], kind, by or "")
