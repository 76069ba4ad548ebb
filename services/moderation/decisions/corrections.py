"""Corrections: when one waits for a person, and what becomes of an idea whose writer was asked.

Asking closes the entries of the idea: it sleeps. It wakes when the correction has been checked,
which opens an entry of its own, or when the days are over, by `wake_ideas`.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select, update
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.decisions.re_reviews import JUDGEMENTS
from shared.clock import utcnow
from shared.idea_locks import lock_ideas
from shared.models import Decision, Idea, IdeaStatus, IdeaText, QueueEntry, TextKind

# So many are woken in one transaction.
_MOST = 200
# So long after its day an idea is still looked for often.
_JUST = timedelta(minutes=10)


def has_unseen_correction(session: SqlSession, idea: Idea) -> bool:
    """Whether the writer has corrected the text since a person judged it last."""
    undoing = aliased(Decision)
    judged = select(func.max(Decision.text_version)).where(
        Decision.idea_id == idea.id,
        Decision.kind.in_(JUDGEMENTS),
        ~select(undoing.id).where(undoing.undoes == Decision.id).exists(),
    )
    newest = session.scalar(
        select(func.max(IdeaText.version)).where(
            IdeaText.idea_id == idea.id,
            IdeaText.version <= idea.text_version,
            IdeaText.kind == TextKind.CORRECTION,
        )
    )
    is_public = idea.text_version == idea.public_version
    return newest is not None and not is_public and newest > (session.scalar(judged) or 0)


def select_sleeping(*about: ColumnElement[bool]) -> Select[UUID, UUID]:
    """Return the statement for ideas that sleep, and what put each to sleep, the earliest first.

    The index that it reads holds every such decision there ever was: `about` says when.
    """
    later, entry = aliased(Decision), aliased(QueueEntry)
    return (
        select(Decision.idea_id, Decision.id)
        .join(Idea, Idea.id == Decision.idea_id)
        .where(
            # Literally, as in the partial index.
            Decision.kind == literal_column("'ask_correction'"),
            *about,
            Idea.status == IdeaStatus.WAITING,
            ~select(later.id)
            .where(later.idea_id == Decision.idea_id, later.seq > Decision.seq)
            .exists(),
            ~select(entry.id)
            .where(entry.idea_id == Decision.idea_id, entry.closed_at.is_(None))
            .exists(),
        )
        .order_by(Decision.decided_at)
    )


def is_day_come(session: SqlSession, days: int) -> datetime | None:
    """Return when an idea went to sleep whose days have just gone by; None when there is none.

    For a clock that looks often: what it missed while it stood is found by `wake_ideas`.
    """
    came = utcnow() - timedelta(days=days)
    just = select_sleeping(Decision.decided_at.between(came - _JUST, came))
    return session.scalar(just.with_only_columns(Decision.decided_at).limit(1))


def wake_ideas(session: SqlSession, days: int) -> int:
    """Bring back to the queue what has slept for so many days, and say how many that were."""
    entry = aliased(QueueEntry)
    came = utcnow() - timedelta(days=days)
    sleeping = session.execute(select_sleeping(Decision.decided_at <= came).limit(_MOST)).all()
    asked: dict[UUID, UUID] = dict(sleeping)
    lock_ideas(session, Idea.id.in_(asked))
    woken = set()
    for idea_id, decision_id in asked.items():
        # Asked again under the lock: a correction may have woken it meanwhile.
        opened = session.execute(
            update(QueueEntry)
            .where(
                and_(QueueEntry.idea_id == idea_id, QueueEntry.closed_by == decision_id),
                ~select(entry.id)
                .where(entry.idea_id == idea_id, entry.closed_at.is_(None))
                .exists(),
            )
            # It has not waited for the city meanwhile.
            .values(closed_at=None, closed_by=None, opened_at=utcnow())
            .returning(QueueEntry.idea_id)
        )
        woken |= set(opened.scalars())
    return len(woken)
