"""Submission's tasks: unpack the message, open the unit of work, call one function."""

from uuid import UUID

from celery import current_app, shared_task

from services.submission.hooks import inbox
from services.submission.imports import runs
from shared.db import Session
from shared.delivery import doorbell, outbox, queues
from shared.delivery.worker import BatchTask


@shared_task(name=queues.FORM.task, base=BatchTask)
def map_deliveries(batch: str) -> None:
    """Make ideas of what form tools delivered."""
    batch_id = UUID(batch)
    deliveries = outbox.claim_batch(batch_id)
    if not deliveries:
        return
    with Session.begin() as session:
        inbox.map_deliveries(session, batch_id, deliveries, current_app.conf.radslag_settings)
    # The ideas' events were written by the database, which rings no bell.
    doorbell.ring_doorbell()


@shared_task(name=queues.IMPORT.task, base=BatchTask)
def bring_in(batch: str) -> None:
    """Do the next piece of what administrators import. Only in a worker that has the tools."""
    batch_id = UUID(batch)
    deliveries = outbox.claim_batch(batch_id)
    if not deliveries:
        return
    conf = current_app.conf
    with Session.begin() as session:
        runs.work_on(
            session, batch_id, deliveries, conf.radslag_settings, conf.radslag_import_tools
        )
