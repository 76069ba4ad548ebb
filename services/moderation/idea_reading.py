"""What the pages read about ideas: findings, similar ones, reasons to look, history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks import Finding, worst_first
from services.moderation.verdicts import from_row
from shared.models import (
    Decision,
    DuplicateLink,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    Precision,
    QueueEntry,
    Reason,
    Rule,
    Staff,
)


def findings_of(session: SqlSession, idea_ids: Sequence[UUID]) -> dict[UUID, list[Finding]]:
    """Return the findings in the ideas' current texts, worst first."""
    rows = session.scalars(
        select(FindingRow)
        .join(
            Idea, and_(Idea.id == FindingRow.idea_id, Idea.text_version == FindingRow.text_version)
        )
        .where(FindingRow.idea_id.in_(idea_ids))
    )
    found: dict[UUID, list[Finding]] = {}
    for row in rows:
        found.setdefault(row.idea_id, []).append(from_row(row))
    return {idea_id: list(worst_first(each)) for idea_id, each in found.items()}


def open_reasons(session: SqlSession, idea_id: UUID) -> list[Reason]:
    """Return why people should look at an idea now, the most urgent first."""
    return list(
        session.scalars(
            select(QueueEntry.reason)
            .where(QueueEntry.idea_id == idea_id, QueueEntry.closed_at.is_(None))
            .order_by(QueueEntry.priority.desc(), QueueEntry.opened_at, QueueEntry.id)
        )
    )


@dataclass(frozen=True, slots=True)
class Similar:
    """Another idea that this one was found to be like, with the text that stands."""

    number: str
    status: IdeaStatus
    author: str
    text: str
    received_at: datetime
    precision: Precision
    council_id: int


def similar_to(session: SqlSession, findings: Sequence[Finding]) -> list[Similar]:
    """Return the earlier ideas that findings point at."""
    ids = {finding.similar_to for finding in findings if finding.similar_to}
    if not ids:
        return []
    return _similar(session, Idea.id.in_(ids))


def copies_of(session: SqlSession, idea_id: UUID, most: int = 5) -> tuple[int, list[Similar]]:
    """Return how many later ideas are linked to this one, and the first few of them."""
    linked = select(DuplicateLink.idea_id).where(DuplicateLink.original_id == idea_id)
    count = session.scalar(select(func.count()).select_from(linked.subquery())) or 0
    return count, _similar(session, Idea.id.in_(linked), most) if count else []


def _similar(session: SqlSession, which: ColumnElement[bool], most: int = 5) -> list[Similar]:
    rows = session.execute(
        select(Idea, IdeaText)
        .join(
            IdeaText,
            and_(
                IdeaText.idea_id == Idea.id,
                IdeaText.version == func.coalesce(Idea.public_version, Idea.text_version),
            ),
        )
        .where(which, Idea.destroyed_at.is_(None))
        .order_by(Idea.received_at, Idea.id)
        .limit(most)
    )
    return [
        Similar(
            idea.number,
            idea.status,
            version.author or "",
            version.text or "",
            idea.received_at,
            idea.precision,
            idea.council_id,
        )
        for idea, version in rows
    ]


def history(session: SqlSession, idea_id: UUID) -> list[tuple[Decision, str, Rule | None]]:
    """Return the decisions about an idea, newest first, with who made them and by which rule."""
    rows = session.execute(
        select(Decision, Staff.name, Staff.email, Rule)
        .outerjoin(Staff, Staff.id == Decision.staff_id)
        .outerjoin(Rule, Rule.id == Decision.rule_id)
        .where(Decision.idea_id == idea_id)
        .order_by(Decision.seq.desc())
    )
    return [(decision, name or email or "", rule) for decision, name, email, rule in rows]
