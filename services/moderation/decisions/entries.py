"""Queue entries: why a person should look. One open entry per idea and reason."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, String, Uuid, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from shared.clock import utcnow
from shared.models import Decision, QueueEntry, Reason

# Beside the lanes of `checks.verdict` (100 an ordinary idea, 400 harm to somebody): a reader's
# report comes before personal data that is not public yet, a writer's request before new ideas.
REPORT_PRIORITY = 350
REQUEST_PRIORITY = 260
# Came back by a decision: reopened, or its target left.
RETURNED_PRIORITY = 210


def open_entry(session: SqlSession, idea_id: UUID, reason: Reason, priority: int) -> None:
    """Open an entry; where one is open for that reason already, only its priority may rise."""
    open_entries(session, [(idea_id, reason, priority)])


def open_entries(session: SqlSession, wanted: Sequence[tuple[UUID, Reason, int]]) -> None:
    """Open many entries (idea, reason, priority) in one statement."""
    highest: dict[tuple[UUID, Reason], int] = {}
    for idea_id, reason, priority in wanted:
        highest[idea_id, reason] = max(priority, highest.get((idea_id, reason), priority))
    if not highest:
        return
    # Three arrays: a statement with a list of rows in it is compiled anew for every number of rows,
    # and one statement for each row would wake the triggers that place an entry each time.
    given = (
        func.unnest(
            literal([idea_id for idea_id, _reason in highest], ARRAY(Uuid)),
            literal([reason.value for _idea_id, reason in highest], ARRAY(String)),
            literal(list(highest.values()), ARRAY(Integer)),
        )
        .table_valued("idea_id", "reason", "priority")
        .render_derived(name="given")
    )
    rows = insert(QueueEntry).from_select(
        ["idea_id", "reason", "priority", "opened_at"],
        select(given.c.idea_id, given.c.reason, given.c.priority, literal(utcnow())),
        include_defaults=False,
    )
    session.execute(
        rows.on_conflict_do_update(
            index_elements=["idea_id", "reason"],
            index_where=text("closed_at IS NULL"),
            set_={"priority": func.greatest(QueueEntry.priority, rows.excluded.priority)},
        )
    )


def close_entries(
    session: SqlSession,
    idea_id: UUID,
    *,
    closed_by: UUID | None = None,
    reasons: Collection[Reason] | None = None,
    since: datetime | None = None,
    at: datetime | None = None,
) -> None:
    """Close the idea's open entries: all, those for the reasons named, those opened since then."""
    closing = update(QueueEntry).where(
        QueueEntry.idea_id == idea_id, QueueEntry.closed_at.is_(None)
    )
    if reasons is not None:
        closing = closing.where(QueueEntry.reason.in_(reasons))
    if since is not None:
        closing = closing.where(QueueEntry.opened_at >= since)
    session.execute(closing.values(closed_at=at or utcnow(), closed_by=closed_by))


def close_answered(session: SqlSession, decisions: Sequence[Decision]) -> None:
    """Close all open entries of the ideas that decisions of one act are about."""
    session.execute(
        update(QueueEntry)
        .where(
            QueueEntry.idea_id == Decision.idea_id,
            Decision.id.in_([each.id for each in decisions]),
            QueueEntry.closed_at.is_(None),
        )
        .values(closed_at=utcnow(), closed_by=Decision.id)
        .execution_options(synchronize_session=False)
    )


def reopen_closed_by(session: SqlSession, *decisions: UUID) -> None:
    """Open again what decisions closed, but for reasons that have an open entry meanwhile."""
    newer = aliased(QueueEntry)
    taken = select(newer.id).where(
        newer.idea_id == QueueEntry.idea_id,
        newer.reason == QueueEntry.reason,
        newer.closed_at.is_(None),
    )
    session.execute(
        update(QueueEntry)
        .where(QueueEntry.closed_by.in_(decisions), ~taken.exists())
        .values(closed_at=None, closed_by=None)
    )
