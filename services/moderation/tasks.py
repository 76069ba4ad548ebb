"""Moderation's tasks: take a batch, open the unit of work, call one function."""

from uuid import UUID

from celery import shared_task

from services.moderation import checking, receipt_actions
from shared import outbox, queues
from shared.db import Session
from shared.worker import BatchTask


@shared_task(name=queues.CHECK.task, base=BatchTask)
def check_ideas(batch: str) -> None:
    """Check the ideas of a batch."""
    batch_id = UUID(batch)
    deliveries = outbox.claim(batch_id)
    if deliveries:
        with Session.begin() as session:
            checking.check_batch(session, batch_id, deliveries)


@shared_task(name=queues.RECEIPT.task, base=BatchTask)
def act_on_receipts(batch: str) -> None:
    """Do what writers and readers asked for."""
    batch_id = UUID(batch)
    deliveries = outbox.claim(batch_id)
    if deliveries:
        with Session.begin() as session:
            receipt_actions.act(session, batch_id, deliveries)
