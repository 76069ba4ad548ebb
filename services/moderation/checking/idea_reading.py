"""What the pages read about ideas: findings with how right their kind has been, similar ideas."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, and_, cast, func, select, true, union
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking.verdicts import from_row
from services.moderation.checks import Finding, worst_first
from services.moderation.decisions import track_record
from shared.models import (
    CheckOutcome,
    DuplicateLink,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    Precision,
)

# A campaign may link a hundred thousand copies; beyond this "many" is all that matters.
MOST_COUNTED = 1000
# Joins an idea with the text that stands: the public one, or else the one under decision.
STANDS = and_(
    IdeaText.idea_id == Idea.id,
    IdeaText.version == func.coalesce(Idea.public_version, Idea.text_version),
)
_COPIES_SHOWN = 5
_SIMILAR_SHOWN = 5


def findings_of(session: SqlSession, idea_ids: Sequence[UUID]) -> dict[UUID, list[Finding]]:
    """Return the findings in the ideas' current texts, worst first."""
    rows = session.scalars(
        select(FindingRow)
        .join(
            Idea, and_(Idea.id == FindingRow.idea_id, Idea.text_version == FindingRow.text_version)
        )
        # Said of both: a planner that has to guess would read one of the tables from end to end.
        .where(Idea.id.in_(idea_ids), FindingRow.idea_id.in_(idea_ids))
    )
    found: dict[UUID, list[Finding]] = {}
    for row in rows:
        found.setdefault(row.idea_id, []).append(from_row(row))
    return {idea_id: list(worst_first(each)) for idea_id, each in found.items()}


@dataclass(frozen=True, slots=True)
class Measured:
    """A finding, and how often people agreed with its kind: `right` of the last `seen`."""

    finding: Finding
    right: int
    seen: int


def read_findings(session: SqlSession, idea: Idea) -> list[Measured]:
    """Return what the checks found in the idea's current text, worst first."""
    latest = (
        select(CheckOutcome.agreed)
        .where(
            CheckOutcome.check_name == FindingRow.check_name, CheckOutcome.code == FindingRow.code
        )
        .order_by(CheckOutcome.decision_seq.desc())
        .limit(track_record.LATEST)
        .correlate(FindingRow)
        .lateral()
    )
    record = (
        select(func.count().filter(latest.c.agreed).label("right"), func.count().label("seen"))
        .select_from(latest)
        .lateral("record")
    )
    rows = session.execute(
        select(FindingRow, record.c.right, record.c.seen)
        .join(record, true())
        .where(FindingRow.idea_id == idea.id, FindingRow.text_version == idea.text_version)
    )
    measured = [Measured(from_row(row), right, seen) for row, right, seen in rows]
    by_finding = {id(each.finding): each for each in measured}
    return [by_finding[id(each)] for each in worst_first(each.finding for each in measured)]


@dataclass(frozen=True, slots=True)
class Similar:
    """Another idea, with the text that stands. `later`: it was linked to this one as a copy."""

    number: str
    status: IdeaStatus
    author: str
    text: str
    received_at: datetime
    precision: Precision
    council_id: int
    later: bool


def read_similar(
    session: SqlSession, idea: Idea, found: Sequence[Measured]
) -> tuple[list[Similar], list[Similar], int]:
    """Return the earlier ideas that findings point at, the first later copies, and their number.

    The number is counted up to `MOST_COUNTED` and one more.
    """
    earlier = list({each.finding.similar_to for each in found if each.finding.similar_to})
    linked = (
        select(DuplicateLink.idea_id)
        .where(DuplicateLink.original_id == idea.id)
        .limit(MOST_COUNTED + 1)
        .cte("linked")
    )
    # Ids are in the order of time.
    first_copies = select(linked.c.idea_id).order_by(linked.c.idea_id).limit(_COPIES_SHOWN)
    rows = session.execute(
        select(
            Idea,
            IdeaText,
            Idea.id.not_in(earlier),
            select(func.count()).select_from(linked).scalar_subquery(),
        )
        .join(IdeaText, STANDS)
        .where(
            # One list of ids: two conditions joined by "or" would scan the table.
            Idea.id.in_(union(select(func.unnest(cast(earlier, ARRAY(Uuid)))), first_copies)),
            Idea.destroyed_at.is_(None),
        )
        .order_by(Idea.received_at, Idea.id)
    ).all()
    told = [_similar(each, version, later=later) for each, version, later, _count in rows]
    return (
        [each for each in told if not each.later][:_SIMILAR_SHOWN],
        [each for each in told if each.later],
        rows[0][3] if rows else 0,
    )


def _similar(idea: Idea, version: IdeaText, *, later: bool) -> Similar:
    return Similar(
        idea.number,
        idea.status,
        version.author or "",
        version.text or "",
        idea.received_at,
        idea.precision,
        idea.council_id,
        later,
    )
