"""What waits for its writer: ideas whose writer was asked to correct them, and has not yet.

They stand in no lane: they sleep, until the correction comes or the days are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import corrections
from services.moderation.desk.queue.review_queue import cut_snippet
from shared.clock import utcnow
from shared.models import Council, Decision, Idea, IdeaText, Staff

# In the place of a reason, in the address of the queue.
WRITER = "writer"
MOST = 200
# Whose day has come is woken by the clock; as long as it stands, they are still shown.
_LATE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Asleep:
    """An idea that waits for its writer: what it says, what was asked, and when it is back."""

    number: str
    council: str
    author: str
    snippet: str
    reason: str
    who: str
    asked_at: datetime
    wakes_at: datetime


def list_asleep(
    session: SqlSession, days: int, council: str | None = None
) -> tuple[Sequence[Asleep], bool]:
    """Return those that sleep, of one council or of all, the one that wakes next first.

    MOST of them at most; and whether there are more.
    """
    sleeping = corrections.select_sleeping(
        Decision.decided_at > utcnow() - timedelta(days=days) - _LATE
    ).subquery()
    question = (
        select(
            Idea.number,
            Council.title,
            func.coalesce(IdeaText.author, ""),
            func.coalesce(IdeaText.text, ""),
            func.coalesce(Decision.reason_text, ""),
            func.coalesce(func.nullif(Staff.name, ""), Staff.email, ""),
            Decision.decided_at,
        )
        .join(sleeping, sleeping.c.id == Decision.id)
        .join(Idea, Idea.id == Decision.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .outerjoin(Staff, Staff.id == Decision.staff_id)
        .order_by(Decision.decided_at, Idea.number)
        .limit(MOST + 1)
    )
    if council is not None:
        question = question.where(Council.slug == council)
    rows = session.execute(question).all()
    return [
        Asleep(
            number,
            title,
            author,
            cut_snippet(text),
            reason,
            who,
            asked_at,
            asked_at + timedelta(days=days),
        )
        for number, title, author, text, reason, who, asked_at in rows[:MOST]
    ], len(rows) > MOST
