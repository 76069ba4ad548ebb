"""Failed jobs: what was given up, and offering it again once its cause is gone."""

from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.models import FailedJob, OutboxDelivery

_SHOWN = 200
_SHOWN_AGAIN = 20
_AT_ONCE = 1000


def open_jobs(session: SqlSession, limit: int = _SHOWN) -> list[FailedJob]:
    """Return the jobs given up and not replayed, newest first."""
    return list(
        session.scalars(
            select(FailedJob)
            .where(FailedJob.replayed_at.is_(None))
            .order_by(FailedJob.failed_at.desc(), FailedJob.id.desc())
            .limit(limit)
        )
    )


def replayed_jobs(session: SqlSession, limit: int = _SHOWN_AGAIN) -> list[FailedJob]:
    """Return the newest of the jobs that were offered again."""
    return list(
        session.scalars(
            select(FailedJob)
            .where(FailedJob.replayed_at.is_not(None))
            .order_by(FailedJob.id.desc())
            .limit(limit)
        )
    )


def count_open(session: SqlSession) -> int:
    """Count the jobs given up and not replayed."""
    counted = select(func.count()).select_from(FailedJob).where(FailedJob.replayed_at.is_(None))
    return session.scalar(counted) or 0


def replay_jobs(session: SqlSession, ids: Collection[int] | None) -> int:
    """Offer jobs again from their first try (None: all of them); return how many.

    Repeating work is harmless: every consumer looks at what is already there.
    """
    chosen = update(FailedJob).where(FailedJob.replayed_at.is_(None)).values(replayed_at=utcnow())
    if ids is not None:
        chosen = chosen.where(FailedJob.id.in_(ids))
    deliveries = session.scalars(chosen.returning(FailedJob.delivery_id)).all()
    # In pieces: a statement holds at most 65 535 values, and an outage can leave more jobs.
    for first in range(0, len(deliveries), _AT_ONCE):
        some = deliveries[first : first + _AT_ONCE]
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.id.in_(some))
            .values(attempts=0, done_at=None, failed_at=None, lease_until=None, batch=None)
        )
    return len(deliveries)
