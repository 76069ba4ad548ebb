"""Failed jobs as people read them: what work it was, and about which idea."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.delivery import queues
from shared.i18n import gettext as _
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
            error=job.error,
            failed_at=job.failed_at,
            replayed_at=job.replayed_at,
        )
        for job in jobs
    ]


def name_work(consumer: str) -> str:
    """Name the work; what is not known here keeps its own name."""
    known = {
        queues.CHECK.name: _("Kontrollera en idé"),
        queues.RECEIPT.name: _("Göra det skribenten bad om"),
        queues.MEANING.name: _("Leta efter samma önskan med andra ord"),
        queues.FORM.name: _("Göra en idé av det ett formulär har skickat"),
        queues.IMPORT.name: _("Hämta in en gammal sida"),
        queues.LETTER.name: _("Skriva ett brev till skribenten"),
        queues.ARRIVAL.name: _("Skriva ett brev om att idén har kommit in"),
        queues.ANSWER.name: _("Skriva brev om stadens svar"),
        "notify.account": _("Skriva ett brev om ett konto"),
        queues.UNSUBSCRIBE.name: _("Stänga av sammanfattningarna via mejl för någon"),
        queues.BOUNCE.name: _("Ta hand om ett brev som kom tillbaka"),
        queues.HOOK.name: _("Tala om för andra system vad som hände"),
    }
    return known.get(consumer, consumer)
