"""Failed jobs as people read them: what work it was, and about which idea."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.delivery.work_words import name_work, say_error
from shared.models import FailedJob, Idea


@dataclass(frozen=True, slots=True)
class Job:
    """A job that was given up; `number` is that of its idea, if it is about one."""

    id: int
    what: str
    number: str
    attempts: int
    error: str
    failed_at: datetime
    replayed_at: datetime | None


def describe_jobs(session: SqlSession, jobs: Sequence[FailedJob]) -> list[Job]:
    """Say what each job was about. One statement."""
    numbers = dict(
        session.execute(
            select(Idea.id, Idea.number).where(Idea.id.in_({job.subject_id for job in jobs}))
        ).all()
    )
    return [
        Job(
            id=job.id,
            what=name_work(job.consumer),
            number=numbers.get(job.subject_id, ""),
            attempts=job.attempts,
            error=say_error(job.error),
            failed_at=job.failed_at,
            replayed_at=job.replayed_at,
        )
        for job in jobs
    ]
