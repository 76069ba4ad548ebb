"""Moderation's tasks: take a batch, open the unit of work, call one function."""

import logging
import os
import time
from functools import cache
from uuid import UUID

from celery import current_app, shared_task

from services.moderation.checking import batches, switches
from services.moderation.decisions import corrections, receipt_actions
from services.moderation.lookups import batch as lookups
from services.moderation.lookups.service import Access
from services.moderation.samples import drawing
from services.moderation.semantic import looking, model
from services.moderation.spam import spam_learning
from services.moderation.statistics import counting, yearly
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import outbox, queues
from shared.delivery.worker import BatchTask

log = logging.getLogger(__name__)

# Of a core that is wanted by others this takes a tenth of an equal share.
_NICE = 10
# The clock asks again after five minutes; imports wait in the same queue.
_COUNTS_FOR_S = 60


@shared_task(name=queues.CHECK.task, base=BatchTask)
def check_ideas(batch: str) -> None:
    """Check the ideas of a batch."""
    batch_id = UUID(batch)
    deliveries = outbox.claim_batch(batch_id)
    if not deliveries:
        return
    with Session.begin() as session:
        asked = lookups.read_texts(session, deliveries, switches.lookups_on(session))
    looked = lookups.Looked()
    if asked.on:
        # Half of the time before this task is killed: the rest is for everything else.
        limit_s = queues.CHECK.limit_s(max(delivery.attempts for delivery in deliveries) - 1)
        access = Access.of(current_app.conf.radslag_settings)
        looked = lookups.look_up_texts(access, asked, budget_s=limit_s / 2)
    with Session.begin() as session:
        batches.check_batch(session, batch_id, deliveries, looked)


@shared_task(name=queues.RECEIPT.task, base=BatchTask)
def act_on_receipts(batch: str) -> None:
    """Do what writers and readers asked for."""
    batch_id = UUID(batch)
    deliveries = outbox.claim_batch(batch_id)
    if deliveries:
        with Session.begin() as session:
            receipt_actions.act_on_receipts(session, batch_id, deliveries)


@shared_task(name=queues.MEANING.task, base=BatchTask)
def look_for_meaning(batch: str) -> None:
    """Look for ideas that wish the same in other words."""
    batch_id = UUID(batch)
    deliveries = outbox.claim_batch(batch_id)
    if not deliveries:
        return
    _step_aside()
    with Session.begin() as session:
        read = looking.to_read(session, deliveries)
    if read:
        try:
            engine = model.load_model()
        except model.NotAvailableError as error:
            _say_off(str(error))
            read = None
        else:
            made = looking.embed_texts(engine, [each.text for each in read])
            with Session.begin() as session:
                looking.keep_vectors(session, read, made)
    with Session.begin() as session:
        looking.compare_batch(session, batch_id, deliveries, is_on=read is not None)


@shared_task(name=queues.LEARN_SPAM)
def learn_spam() -> None:
    """Learn what is spam from people's decisions, if enough were made since the last time."""
    with Session() as session:
        if not spam_learning.is_due(session):
            return
        lesson = spam_learning.gather_lesson(session)
    # Half a minute of computing, with nothing held open meanwhile.
    learned = spam_learning.learn_lesson(lesson)
    if learned is None:
        return
    with Session.begin() as session:
        row = spam_learning.store_learned(session, learned)
    log.info("spam model learned", extra={"version": row.version, "note": row.note})


@shared_task(name=queues.DRAW_SAMPLES)
def draw_samples() -> None:
    """Draw the decisions that a second person shall judge."""
    with Session.begin() as session:
        drawing.draw_samples(session, current_app.conf.radslag_settings.secret_key)


@shared_task(name=queues.WAKE_ASKED)
def wake_asked() -> None:
    """Bring back to the queue what has waited long enough for its writer's correction."""
    with Session.begin() as session:
        corrections.wake_ideas(session, current_app.conf.radslag_settings.correction_days)


@shared_task(name=queues.COUNT_DAYS)
def count_days() -> None:
    """Count the days that are due, the newest first, each in a transaction of its own.

    A system with years behind it catches up over several turns.
    """
    zone, now = current_app.conf.radslag_settings.timezone, utcnow()
    enough = time.monotonic() + _COUNTS_FOR_S
    with Session() as session:
        due = counting.days_due(session, zone, now)
    for day in due:
        with Session.begin() as session:
            counting.count_day(session, day, zone)
        if time.monotonic() > enough:
            break
    with Session.begin() as session:
        counting.take_stock(session, now.astimezone(zone).date())
    with Session.begin() as session:
        yearly.refresh_years(session, zone, now)


@cache
def _step_aside() -> None:
    """Let every other process of this machine go first; once in each worker process."""
    os.nice(_NICE)


@cache
def _say_off(reason: str) -> None:
    log.warning("the semantic depth is off: %s", reason)
