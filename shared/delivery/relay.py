"""The relay: offers every delivery that is not done, grouped into batches, until it is done.

It looks at the outbox again and again, and at once when somebody rings (`doorbell`). It runs no
checks and no letters itself, so nothing poisonous can kill it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from celery import Celery
from sqlalchemy import distinct, func, insert, or_, select, text, update
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.db import Session, run_alone
from shared.delivery import queues
from shared.delivery.broker_errors import BROKER_ERRORS
from shared.delivery.queues import Consumer
from shared.delivery.work_words import DIED
from shared.ids import new_id
from shared.models import FailedJob, OutboxDelivery, OutboxEvent
from shared.telemetry import metrics, request_ids

log = logging.getLogger(__name__)

# A backlog is never sent whole: this many batches of one queue are under way at the most.
MAX_IN_FLIGHT = 50
# Of new work, batches that could hold more are sent only while fewer than this many are under way:
# when much comes, the next ones wait here and fill instead of queueing small, each with its own
# fixed cost. As many as keep the workers of one machine busy.
MAX_PARTIAL_IN_FLIGHT = 8
# How long a message may wait for a worker before its deliveries are offered again.
SENT_LEASE_S = 20
BROKER_PAUSE_S = 2

# Mostly there is nothing, and one journey says so: in which queues there is something that nobody
# has yet, or that whoever had it has lost. The first is one entry of an index; the second looks at
# what is under way, which is never much.
_LOOK = text("""
    SELECT queue, new, again
    FROM unnest(CAST(:queues AS text[])) AS queue,
    LATERAL (SELECT EXISTS (
        SELECT FROM outbox_deliveries d WHERE d.queue = queue.queue
        AND d.done_at IS NULL AND d.failed_at IS NULL AND d.batch IS NULL) AS new) AS one,
    LATERAL (SELECT EXISTS (
        SELECT FROM outbox_deliveries d WHERE d.queue = queue.queue
        AND d.done_at IS NULL AND d.failed_at IS NULL AND d.batch IS NOT NULL
        AND d.lease_until < :now) AS again) AS two
    """)

# What a consumer writes when its work is given up; ideas become `unchecked`, for one.
GiveUp = Callable[[SqlSession, UUID, Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class Offer:
    """A message to send: the batch, and the limit its task gets."""

    batch: UUID
    consumer: Consumer
    queue: str
    limit_s: int


def relay_once(celery: Celery, give_up: Mapping[str, GiveUp]) -> int:
    """Give up what was tried enough, offer what waits, and return how many offers were made.

    Marks, commits, then sends: a message lost on the way is offered again when its lease ends.
    """
    waiting = run_alone(_LOOK, {"queues": list(queues.ALL), "now": utcnow()})
    if any(row.again for row in waiting):
        _give_up(give_up)
    offers: list[Offer] = []
    for queue in (row.queue for row in waiting if row.new or row.again):
        with Session.begin() as session:
            offers += _regroup(session, queue)
    unsent: list[Offer] = []
    for offer in offers:
        if unsent or not _send(celery, offer):
            unsent.append(offer)
    if unsent:
        log.warning("the broker does not answer; offers wait", extra={"offers": len(unsent)})
        with Session.begin() as session:
            session.execute(
                update(OutboxDelivery)
                .where(OutboxDelivery.batch.in_([offer.batch for offer in unsent]))
                # What arrived all the same and was begun keeps its worker's lease.
                .where(OutboxDelivery.started_at.is_(None))
                .values(lease_until=utcnow() + timedelta(seconds=BROKER_PAUSE_S))
            )
    return len(offers) - len(unsent)


def _send(celery: Celery, offer: Offer) -> bool:
    try:
        celery.send_task(
            offer.consumer.task,
            kwargs=queues.make_message(offer.batch),
            queue=offer.queue,
            time_limit=offer.limit_s,
            retry=False,
        )
    except BROKER_ERRORS:
        return False
    return True


def _regroup(session: SqlSession, queue: str) -> list[Offer]:
    """Put what waits in a queue into new batches, as many as there is room for."""
    now = utcnow()
    open_here = (
        OutboxDelivery.queue == queue,
        OutboxDelivery.done_at.is_(None),
        OutboxDelivery.failed_at.is_(None),
    )
    waiting = (
        select(OutboxDelivery.id, OutboxDelivery.consumer, OutboxDelivery.attempts)
        .where(*open_here)
        .where(or_(OutboxDelivery.lease_until.is_(None), OutboxDelivery.lease_until < now))
        .order_by(OutboxDelivery.id)
        .with_for_update(skip_locked=True)
    )
    in_flight = session.scalar(
        select(func.count(distinct(OutboxDelivery.batch))).where(
            *open_here, OutboxDelivery.batch.is_not(None), OutboxDelivery.lease_until >= now
        )
    )
    room = MAX_IN_FLIGHT - (in_flight or 0)
    if room <= 0:
        return []
    rows = session.execute(waiting.limit(room * 100)).all()
    offers: list[Offer] = []
    for consumer, attempts, ids in list(_batches(rows))[:room]:
        is_partial = attempts == 0 and len(ids) < consumer.size(attempts)
        if is_partial and (in_flight or 0) + len(offers) >= MAX_PARTIAL_IN_FLIGHT:
            continue
        batch = new_id()
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.id.in_(ids))
            .values(
                batch=batch,
                sent_at=now,
                started_at=None,
                lease_until=now + timedelta(seconds=SENT_LEASE_S),
            )
        )
        offers.append(Offer(batch, consumer, queue, consumer.limit_s(attempts)))
    return offers


def _batches(
    rows: Sequence[tuple[int, str, int]],
) -> Iterator[tuple[Consumer, int, list[int]]]:
    """Group deliveries by consumer and attempts: 100 that are new, 10 at a second try, then one.

    Those never tried come first, so that one bad idea does not hold up the good ones.
    """
    groups: dict[tuple[int, str], list[int]] = {}
    for delivery_id, consumer_name, attempts in rows:
        groups.setdefault((attempts, consumer_name), []).append(delivery_id)
    for (attempts, name), ids in sorted(groups.items()):
        consumer = queues.CONSUMERS[name]
        if consumer.gives_up(attempts):
            continue  # its lease ended just now; the next round writes it off
        size = consumer.size(attempts)
        for start in range(0, len(ids), size):
            yield consumer, attempts, ids[start : start + size]


def _give_up(handlers: Mapping[str, GiveUp]) -> None:
    """Write off what has used all its tries: a failed job, and what its consumer says instead."""
    for consumer in queues.CONSUMERS.values():
        tried = (
            select(OutboxDelivery.id)
            .where(
                OutboxDelivery.queue.in_(queues.ALL),
                OutboxDelivery.done_at.is_(None),
                OutboxDelivery.failed_at.is_(None),
                # What was tried was offered, and of that there is never much.
                OutboxDelivery.batch.is_not(None),
                OutboxDelivery.consumer == consumer.name,
                OutboxDelivery.attempts >= len(consumer.tries),
                OutboxDelivery.lease_until < utcnow(),
            )
            .limit(100)
        )
        with Session() as session:
            ids = session.scalars(tried).all()
        for delivery_id in ids:
            with Session.begin() as session:
                _write_off(session, consumer, delivery_id, handlers.get(consumer.name))


def _write_off(
    session: SqlSession, consumer: Consumer, delivery_id: int, handler: GiveUp | None
) -> None:
    delivery = session.execute(
        select(OutboxDelivery)
        .where(
            OutboxDelivery.id == delivery_id,
            OutboxDelivery.done_at.is_(None),
            OutboxDelivery.failed_at.is_(None),
            OutboxDelivery.attempts >= len(consumer.tries),
            OutboxDelivery.lease_until < utcnow(),
        )
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()
    if delivery is None:
        return
    event = session.get_one(OutboxEvent, delivery.event_id)
    session.execute(
        insert(FailedJob).values(
            delivery_id=delivery.id,
            consumer=consumer.name,
            subject_id=event.subject_id,
            attempts=delivery.attempts,
            error=delivery.error or DIED,
        )
    )
    if handler is None:
        delivery.failed_at = utcnow()
    else:
        with request_ids.on_behalf_of(event.payload.get(request_ids.KEY, "")):
            handler(session, event.subject_id, event.payload)
        delivery.done_at = utcnow()
    metrics.DELIVERIES.add(consumer.name, "given_up")
    with request_ids.on_behalf_of(event.payload.get(request_ids.KEY, "")):
        log.error(
            "work given up",
            extra={"consumer": consumer.name, "subject": str(event.subject_id)},
        )
