"""The outbox: the event beside the change, and the consumer's side of a delivery.

`record_event` writes an event in the caller's transaction. The relay (`shared.delivery.relay`)
groups deliveries into batches and sends their ids. A task takes its batch with `claim_batch` (its
attempt is committed before work starts) and calls `mark_done` in the transaction of its effect.
What is not done is offered again.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Insert,
    Text,
    bindparam,
    column,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.db import Session
from shared.delivery import doorbell, hooks, queues
from shared.delivery.events import Event
from shared.delivery.queues import Consumer
from shared.errors import place_of
from shared.models import Base, OutboxDelivery, OutboxEvent, Webhook
from shared.telemetry import metrics, request_ids

log = logging.getLogger(__name__)

# How much longer than the task's own limit its lease lasts: time to kill it and to commit.
LEASE_MARGIN_S = 2
# In the `info` of a session: it has written deliveries that are not committed yet.
_WRITTEN = "deliveries"
# And has marked so many done, by their consumer.
_DONE = "done"


class StaleBatchError(Exception):
    """The batch was offered to someone else while this task worked; its effect is rolled back."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One claimed delivery: what happened, to whom, and how often it has been tried."""

    id: int
    subject_id: UUID
    payload: dict[str, Any]
    attempts: int


def record_event(session: SqlSession, event: Event, *, queue: str | None = None) -> None:
    """Write an event and a delivery for each consumer, in the caller's transaction.

    `queue` moves the deliveries to another queue than their consumer's own (imports use `bulk`).
    """
    record_all(session, [event], queue=queue)


def payload_of(event: Event) -> dict[str, Any]:
    """Return what is stored of an event, with the request that it belongs to."""
    request = request_ids.find_request(event.subject_id)
    return {**event.payload(), **({request_ids.KEY: request} if request else {})}


def record_all(
    session: SqlSession,
    events: Sequence[Event],
    *,
    queue: str | None = None,
    without: Sequence[Consumer] = (),
) -> None:
    """Write many events, in their order, in two statements.

    Consumers named in `without` are not told of them. Other systems are told of those that an
    endpoint wants, and of none that goes to another `queue`: an import is no news.
    """
    if not events:
        return
    ids = session.scalars(
        insert(OutboxEvent).returning(OutboxEvent.id, sort_by_parameter_order=True),
        [
            {
                "kind": type(event).__name__,
                "version": event.version,
                "subject_id": event.subject_id,
                "payload": payload_of(event),
            }
            for event in events
        ],
    ).all()
    deliveries = [
        (event_id, *recipient)
        for event_id, event in zip(ids, events, strict=True)
        for recipient in _recipients(type(event).__name__, queue, without)
    ]
    if deliveries:
        columns = zip(*deliveries, strict=True)
        names = ("event_ids", "consumers", "queues", "heard_as")
        session.execute(_deliver(), dict(zip(names, map(list, columns), strict=True)))
        session.info[_WRITTEN] = True


@listens_for(Session, "after_commit")
def _ring(session: SqlSession) -> None:
    """Let the relay look at what is there to be seen now, and count what is done."""
    if session.in_nested_transaction():
        return
    if session.info.pop(_WRITTEN, None):
        doorbell.ring_doorbell()
    for consumer, number in session.info.pop(_DONE, {}).items():
        metrics.DELIVERIES.add(consumer, "done", by=number)


@listens_for(Session, "after_rollback")
def _forget_done(session: SqlSession) -> None:
    """What was marked done is not."""
    session.info.pop(_DONE, None)


@cache
def _deliver() -> Insert:
    """Write deliveries, those with a public name only where some endpoint wants it.

    One statement for all of them, so that asking for endpoints costs an idea no journey of its own.
    Built once: it takes longer to write down than to answer.
    """
    new = (
        func.unnest(
            bindparam("event_ids", type_=ARRAY(BigInteger)),
            bindparam("consumers", type_=ARRAY(Text)),
            bindparam("queues", type_=ARRAY(Text)),
            bindparam("heard_as", type_=ARRAY(Text)),
        )
        .table_valued(
            column("event_id", BigInteger),
            *(column("consumer", Text), column("queue", Text), column("heard_as", Text)),
        )
        .render_derived("new")
    )
    return insert(Base.metadata.tables[OutboxDelivery.__tablename__]).from_select(
        ["event_id", "consumer", "queue"],
        select(new.c.event_id, new.c.consumer, new.c.queue).where(
            or_(new.c.heard_as.is_(None), Webhook.some_wants(new.c.heard_as))
        ),
        include_defaults=False,
    )


def _recipients(
    kind: str, queue: str | None, without: Sequence[Consumer]
) -> list[tuple[str, str, str | None]]:
    """Return consumer, queue and public name for each who is told of a kind of event.

    One with a public name is told only if an endpoint wants that.
    """
    found: list[tuple[str, str, str | None]] = [
        (each.name, queue or each.queue, None)
        for each in queues.ROUTES[kind]
        if each not in without
    ]
    if queue is None and kind in hooks.NAMES:
        found.append((queues.HOOK.name, queues.HOOK.queue, hooks.NAMES[kind]))
    return found


@cache
def list_recipients(kind: str) -> tuple[str, str, str]:
    """Return who is told of a kind of event: consumers, their queues, and names beside them.

    A name says that the delivery is made only if an endpoint wants events of that name. For the
    database's own function of the intake, so each is an array as PostgreSQL writes it; everybody
    else calls `record_event`.
    """
    consumers, queued, names = zip(*_recipients(kind, None, ()), strict=True)
    return _as_array(consumers), _as_array(queued), _as_array(names)


def _as_array(words: Iterable[str | None]) -> str:
    """Write down an array of names of ours: letters, digits, dots, dashes."""
    return "{" + ",".join(word or "NULL" for word in words) + "}"


def claim_batch(batch: UUID) -> list[Delivery]:
    """Take a batch: count the attempt and commit it before any work starts.

    A message that comes twice, or whose batch was regrouped meanwhile, gets an empty list.
    """
    now = utcnow()
    waits = (
        select(OutboxDelivery.id, OutboxDelivery.consumer, OutboxDelivery.attempts)
        .where(
            OutboxDelivery.batch == batch,
            OutboxDelivery.started_at.is_(None),
            OutboxDelivery.done_at.is_(None),
            OutboxDelivery.failed_at.is_(None),
        )
        .with_for_update()
    )
    with Session.begin() as session:
        rows = session.execute(waits).all()
        if not rows:
            return []
        consumer = queues.CONSUMERS[rows[0].consumer]
        limit_s = consumer.limit_s(max(row.attempts for row in rows))
        # Each row is written once, and where it lies: no index is of what changes here.
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.id.in_([row.id for row in rows]))
            .values(
                started_at=now,
                attempts=OutboxDelivery.attempts + 1,
                lease_until=now + timedelta(seconds=limit_s + LEASE_MARGIN_S),
            )
        )
        found = session.execute(
            select(
                OutboxDelivery.id,
                OutboxEvent.subject_id,
                OutboxEvent.payload,
                OutboxDelivery.attempts,
            )
            .join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
            .where(OutboxDelivery.id.in_([row.id for row in rows]))
            .order_by(OutboxDelivery.id)
        )
        deliveries = [Delivery(*row) for row in found]
    request_ids.begin_batch(
        batch, {each.subject_id: each.payload.get(request_ids.KEY, "") for each in deliveries}
    )
    log.info("batch taken", extra={"consumer": consumer.name, "deliveries": len(deliveries)})
    return deliveries


def mark_done(session: SqlSession, batch: UUID, deliveries: Sequence[Delivery]) -> None:
    """Mark deliveries done in the transaction of their effect.

    Raises StaleBatchError when one of them is no longer this batch's: someone else has it now, or
    it was given up.
    """
    marked = session.execute(
        update(OutboxDelivery)
        .where(
            OutboxDelivery.id.in_([delivery.id for delivery in deliveries]),
            OutboxDelivery.batch == batch,
            OutboxDelivery.done_at.is_(None),
            OutboxDelivery.failed_at.is_(None),
        )
        .values(done_at=func.clock_timestamp(), error=None)
        .returning(OutboxDelivery.id, OutboxDelivery.consumer)
    ).all()
    if len(marked) != len(deliveries):
        raise StaleBatchError
    session.info.setdefault(_DONE, Counter()).update(row.consumer for row in marked)


def release_batch(batch: UUID, error: BaseException) -> None:
    """After a failed try: note the type and place of the error, and let the relay offer again.

    The next try waits for the consumer's pause, doubled for each attempt. Rows that the failed try
    still holds are left to the end of their lease: who releases must not wait for who hangs.
    """
    with Session.begin() as session:
        rows = session.execute(
            select(OutboxDelivery.id, OutboxDelivery.consumer, OutboxDelivery.attempts)
            .where(
                OutboxDelivery.batch == batch,
                OutboxDelivery.done_at.is_(None),
                OutboxDelivery.failed_at.is_(None),
            )
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            pause_s = queues.CONSUMERS[row.consumer].pause_s * 2 ** max(row.attempts - 1, 0)
            session.execute(
                update(OutboxDelivery)
                .where(OutboxDelivery.id == row.id)
                .values(lease_until=utcnow() + timedelta(seconds=pause_s), error=place_of(error))
            )
    for row in rows:
        metrics.DELIVERIES.add(row.consumer, "let_go")
