"""Failed jobs: what was given up, and offering it again once its cause is gone."""

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.models import FailedJob, OutboxDelivery

_SHOWN = 200


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


def replay(session: SqlSession, ids: Collection[int] | None) -> int:
    """Offer jobs again from their first try (None: all of them); return how many.

    Repeating work is harmless: every consumer looks at what is already there.
    """
    chosen = select(FailedJob).where(FailedJob.replayed_at.is_(None)).with_for_update()
    if ids is not None:
        chosen = chosen.where(FailedJob.id.in_(ids))
    jobs = session.scalars(chosen).all()
    for job in jobs:
        job.replayed_at = utcnow()
    session.execute(
        update(OutboxDelivery)
        .where(OutboxDelivery.id.in_([job.delivery_id for job in jobs]))
        .values(attempts=0, done_at=None, failed_at=None, lease_until=None, batch=None)
    )
    return len(jobs)
