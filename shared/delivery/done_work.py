"""Events that everybody has acted upon, and jobs that were done again.

An event tells of a change that has rows of its own; once its deliveries are done it is a trace of
work. But what a writer or reader asked for at a receipt is nowhere else: that is kept.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.delivery.events import ReceiptAction
from shared.forgetting.batches import AT_ONCE, forget_some
from shared.models import FailedJob, OutboxEvent

# The books look back less far (`shared.delivery.ledger`).
KEPT = timedelta(days=90)

# Somebody who is still to act, or who acted lately; a job that was given up; the log of webhooks.
_FORGET = text("""
    WITH old AS (
        SELECT e.id FROM outbox_events e
        WHERE e.id < :young AND e.occurred_at < :before AND e.kind <> :kept
          AND NOT EXISTS (
              SELECT FROM outbox_deliveries d LEFT JOIN failed_jobs f ON f.delivery_id = d.id
              WHERE d.event_id = e.id
                AND (d.done_at IS NULL OR d.done_at >= :before OR f.id IS NOT NULL))
          AND NOT EXISTS (SELECT FROM webhook_deliveries w WHERE w.event_id = e.id)
        ORDER BY e.id LIMIT :at_once FOR UPDATE OF e SKIP LOCKED),
    delivered AS (DELETE FROM outbox_deliveries d USING old WHERE d.event_id = old.id)
    DELETE FROM outbox_events e USING old WHERE e.id = old.id RETURNING e.id""")


def forget_done_events(session: SqlSession) -> int:
    """Remove some events, with their deliveries, that were done long ago; return how many."""
    before = utcnow() - KEPT
    gone = session.execute(
        _FORGET,
        {
            "young": _find_young(session, before),
            "before": before,
            "kept": ReceiptAction.__name__,
            "at_once": AT_ONCE,
        },
    )
    return len(gone.all())


def _find_young(session: SqlSession, before: datetime) -> int:
    """Return an id about which events begin to be too young; nothing after it is looked at.

    Ids are in the order of time but for who was slow to commit, and no index is of time: so it is
    found by halving.
    """
    low, high = 0, (session.scalar(select(func.max(OutboxEvent.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = session.execute(
            select(OutboxEvent.id, OutboxEvent.occurred_at)
            .where(OutboxEvent.id >= middle)
            .order_by(OutboxEvent.id)
            .limit(1)
        ).one_or_none()
        if found is None or found.occurred_at >= before:
            high = middle
        else:
            low = found.id + 1
    return low


def forget_replayed_jobs(session: SqlSession) -> int:
    """Remove some jobs that were given up and offered again long ago; return how many."""
    return forget_some(session, FailedJob, FailedJob.replayed_at < utcnow() - KEPT)
