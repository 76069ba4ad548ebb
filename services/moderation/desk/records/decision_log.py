"""The history of all ideas: every decision, newest first, acts on many ideas as one line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.decisions.undoing import LASTING
from services.moderation.settings import log_pages
from shared.models import Decision, DecisionKind, Idea, Rule, Staff


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions to show. With `bulk_id` each idea of one act on many has its own line."""

    kind: DecisionKind | None = None
    by: UUID | None = None
    rule_id: int | None = None
    bulk_id: UUID | None = None
    before: int | None = None

    def as_query(self) -> dict[str, str]:
        """Return the filter, without the place, as the page's address has it."""
        query = {
            "kind": self.kind.value if self.kind else "",
            "by": str(self.by or ""),
            "rule": str(self.rule_id or ""),
            "bulk": str(self.bulk_id or ""),
        }
        return {name: value for name, value in query.items() if value}


@dataclass(frozen=True, slots=True)
class Made:
    """One decision, or one act on `ideas` ideas; `number` is then that of the last of them."""

    id: UUID
    seq: int
    number: str
    kind: DecisionKind
    who: str
    rule: Rule | None
    note: str
    decided_at: datetime
    bulk_id: UUID | None
    ideas: int
    can_undo: bool


def read_log_page(session: SqlSession, wanted: Wanted) -> tuple[list[Made], int | None]:
    """Return a page of decisions, newest first, and where the next page begins, if there is one.

    Two statements, each of which follows an index, however many decisions there are.
    """
    later = aliased(Decision)
    is_latest = ~(
        select(later.id).where(later.idea_id == Decision.idea_id, later.seq > Decision.seq).exists()
    )
    question = (
        select(Decision, Idea.number, Staff.name, Staff.email, Rule, is_latest)
        .join(Idea, Idea.id == Decision.idea_id)
        .outerjoin(Staff, Staff.id == Decision.staff_id)
        .outerjoin(Rule, Rule.id == Decision.rule_id)
    )
    if wanted.bulk_id is None:
        # Of a decision of its own, too: nothing later has no act in common with it.
        last_of_act = ~(
            select(later.id)
            .where(later.bulk_id == Decision.bulk_id, later.seq > Decision.seq)
            .exists()
        )
        question = question.where(last_of_act)
    rows, more = log_pages.read_page(
        session,
        question,
        Decision.seq,
        wanted.before,
        (Decision.kind, wanted.kind),
        (Decision.staff_id, wanted.by),
        (Decision.rule_id, wanted.rule_id),
        (Decision.bulk_id, wanted.bulk_id),
    )
    many: Mapping[UUID | None, int] = {}
    if wanted.bulk_id is None:
        many = _sizes(session, {row[0].bulk_id for row in rows if row[0].bulk_id})
    return [
        Made(
            id=decision.id,
            seq=decision.seq,
            number=number,
            kind=decision.kind,
            who=name or email or "",
            rule=rule,
            note=decision.note or "",
            decided_at=decision.decided_at,
            bulk_id=decision.bulk_id,
            ideas=many.get(decision.bulk_id, 1),
            can_undo=latest and decision.kind not in LASTING and decision.bulk_id not in many,
        )
        for decision, number, name, email, rule, latest in rows
    ], more


def _sizes(session: SqlSession, bulk_ids: set[UUID]) -> dict[UUID | None, int]:
    """Count the decisions of acts on many ideas."""
    if not bulk_ids:
        return {}
    counted = session.execute(
        select(Decision.bulk_id, func.count())
        .where(Decision.bulk_id.in_(bulk_ids))
        .group_by(Decision.bulk_id)
    )
    return dict(counted.all())


def read_rule_version(session: SqlSession, rule_id: int | None) -> Rule | None:
    """Return the version of a rule that the page is about."""
    return session.get(Rule, rule_id) if rule_id else None
