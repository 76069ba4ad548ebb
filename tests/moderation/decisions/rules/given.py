"""Ideas brought where a test wants them by what people do, and what can be seen of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import receipt_actions
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    OutboxDelivery,
    OutboxEvent,
    QueueEntry,
    Reason,
    Staff,
    TextKind,
)
from shared.text import fold_text
from tests.factories import an_idea
from tests.moderation.decisions.test_decisions import decide, waiting

TEXT = "Ada och Bo vill ha fler bänkar."


def idea_in(
    session: SqlSession,
    council: Council,
    staff: Staff,
    status: IdeaStatus,
    *,
    correction: bool = False,
    child: bool = False,
    **about: Any,
) -> Idea:
    """Return an idea of this status; `correction` waits in it, `child` is merged into it."""
    about.setdefault("text", TEXT)
    if status is IdeaStatus.RECEIVED:
        idea = an_idea(session, council, **about)
    else:
        idea = waiting(session, council, **about)
    if child:
        merged(session, waiting(session, council), idea, staff)
    if status is IdeaStatus.PUBLISHED:
        decide(session, idea, DecisionKind.PUBLISH, staff)
    elif status is IdeaStatus.REJECTED:
        decide(session, idea, DecisionKind.REJECT, staff)
    elif status is IdeaStatus.MERGED:
        merged(session, idea, waiting(session, council), staff)
    elif status is IdeaStatus.WITHDRAWN:
        receipt_actions.withdraw_idea(session, idea)
    if correction:
        corrected(session, idea)
    session.flush()
    return idea


def merged(session: SqlSession, idea: Idea, target: Idea, staff: Staff, **more: Any) -> Decision:
    made = decide(session, idea, DecisionKind.MERGE, staff, into=target.number, **more)
    # Those that followed were changed beside the session's own rows, or may be stale.
    session.flush()
    return made


def text_version(
    session: SqlSession,
    idea: Idea,
    text: str = "Rättat.",
    kind: TextKind = TextKind.CORRECTION,
    author: str | None = None,
) -> int:
    """Store a text version as the receipt does; return its number."""
    newest = session.scalar(select(func.max(IdeaText.version)).where(IdeaText.idea_id == idea.id))
    row = IdeaText(
        idea_id=idea.id,
        version=(newest or 0) + 1,
        kind=kind,
        text=text,
        author=author,
        folded=fold_text(text),
    )
    session.add(row)
    session.flush()
    return row.version


def corrected(session: SqlSession, idea: Idea, text: str = "Rättat.") -> int:
    """Let the writer correct the idea, and moderation hear of it."""
    version = text_version(session, idea, text)
    receipt_actions.correct_idea(session, idea, version)
    session.flush()
    return version


def state(session: SqlSession, *ideas: Idea) -> list[object]:
    """Return all that people see of ideas: their columns (version apart) and their open entries."""
    session.flush()
    found: list[object] = []
    for idea in ideas:
        session.refresh(idea)
        found.append(
            {
                name: getattr(idea, name)
                for name in (
                    "status",
                    "rule_id",
                    "merged_into",
                    "counts_as_support",
                    "text_version",
                    "public_version",
                    "public_text",
                    "public_author",
                    "published_at",
                )
            }
        )
        found.append(open_entries(session, idea))
    return found


def open_entries(session: SqlSession, idea: Idea) -> list[tuple[int, Reason, int]]:
    rows = session.execute(
        select(QueueEntry.id, QueueEntry.reason, QueueEntry.priority)
        .where(QueueEntry.idea_id == idea.id, QueueEntry.closed_at.is_(None))
        .order_by(QueueEntry.id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def told(session: SqlSession, idea: Idea) -> list[str]:
    """Return the decisions about an idea that letters are told of, in their order."""
    return [
        payload["decision_id"]
        for payload in session.scalars(
            select(OutboxEvent.payload)
            .join(OutboxDelivery, OutboxDelivery.event_id == OutboxEvent.id)
            .where(
                OutboxEvent.subject_id == idea.id,
                OutboxEvent.kind == "IdeaDecided",
                OutboxDelivery.consumer == "notify.letter",
            )
            .order_by(OutboxEvent.id)
        )
    ]


def made_about(session: SqlSession, idea: Idea) -> list[Decision]:
    return list(
        session.scalars(select(Decision).where(Decision.idea_id == idea.id).order_by(Decision.seq))
    )


def submitted(session: SqlSession, idea: Idea) -> list[int]:
    """Return which text versions the checks were asked to look at."""
    return [
        payload["text_version"]
        for payload in session.scalars(
            select(OutboxEvent.payload)
            .where(OutboxEvent.subject_id == idea.id, OutboxEvent.kind == "IdeaSubmitted")
            .order_by(OutboxEvent.id)
        )
    ]


def found(
    session: SqlSession,
    idea: Idea,
    code: str,
    *,
    version: int = 1,
    field: str = "text",
    spans: Sequence[tuple[int, int]] = ((0, 3),),
) -> None:
    """Store what a check said about a text."""
    session.add(
        FindingRow(
            idea_id=idea.id,
            text_version=version,
            check_name="a_check",
            check_version=1,
            code=code,
            severity="low",
            score=0.5,
            field=field,
            spans=[list(span) for span in spans],
        )
    )
    session.flush()
