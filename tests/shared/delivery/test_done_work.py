"""Which events go, from both sides of each edge; and that nobody waits for who tidies."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from shared.delivery import done_work
from shared.delivery.events import IdeaDecided, ReceiptAction
from shared.forgetting import batches
from shared.ids import new_id
from shared.models import (
    FailedJob,
    Heartbeat,
    OutboxDelivery,
    OutboxEvent,
    Webhook,
    WebhookDelivery,
    WebhookShape,
)
from tests.factories import count

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BEFORE = NOW - done_work.KEPT
TICK = timedelta(microseconds=1)
LONG_AGO = BEFORE - timedelta(days=1)


@pytest.fixture(autouse=True)
def still():
    with travel(NOW, tick=False):
        yield


def happened(
    unit: SqlSession,
    *deliveries: dict[str, Any],
    kind: str = IdeaDecided.__name__,
    at: datetime = LONG_AGO,
) -> OutboxEvent:
    event = OutboxEvent(kind=kind, version=1, subject_id=new_id(), payload={}, occurred_at=at)
    unit.add(event)
    unit.flush()
    for number, about in enumerate(deliveries):
        unit.add(
            OutboxDelivery(event_id=event.id, consumer=f"consumer-{number}", queue="q", **about)
        )
    unit.flush()
    return event


def forgets(unit: SqlSession, event: OutboxEvent) -> bool:
    """Whether the event goes, with its deliveries, and nothing else."""
    before = count(unit, OutboxDelivery)
    its_own = count(unit, OutboxDelivery, OutboxDelivery.event_id == event.id)
    gone = done_work.forget_done_events(unit)
    assert count(unit, OutboxEvent, OutboxEvent.id == event.id) == 1 - gone
    assert count(unit, OutboxDelivery) == before - gone * its_own
    return bool(gone)


DONE = {"done_at": LONG_AGO}


@pytest.mark.parametrize(
    ("deliveries", "about", "goes"),
    [
        ([DONE], {}, True),
        ([DONE, DONE], {}, True),
        # Nobody was to hear of it.
        ([], {}, True),
        ([{"done_at": BEFORE - TICK}], {}, True),
        ([{"done_at": BEFORE}], {}, False),
        ([DONE, {"done_at": BEFORE}], {}, False),
        ([DONE, {}], {}, False),
        ([{"failed_at": LONG_AGO}], {}, False),
        ([], {"at": BEFORE - TICK}, True),
        ([], {"at": BEFORE}, False),
        # What was asked for at a receipt stands nowhere else: a withdrawal hides an idea.
        ([DONE], {"kind": ReceiptAction.__name__}, False),
    ],
)
def test_an_event_goes_when_all_have_acted_upon_it_90_days_ago(unit, deliveries, about, goes):
    assert forgets(unit, happened(unit, *deliveries, **about)) is goes


@pytest.mark.parametrize("replayed_at", [None, BEFORE, BEFORE - TICK])
def test_a_job_that_was_given_up_keeps_its_event_until_it_was_done_again_long_ago(
    unit, replayed_at
):
    event = happened(unit, DONE)
    delivery_id = unit.scalar(select(OutboxDelivery.id).where(OutboxDelivery.event_id == event.id))
    unit.add(
        FailedJob(
            delivery_id=delivery_id,
            consumer="consumer-0",
            subject_id=event.subject_id,
            attempts=5,
            error="ValueError",
            replayed_at=replayed_at,
        )
    )
    unit.flush()
    assert not forgets(unit, event)
    goes = replayed_at == BEFORE - TICK
    assert done_work.forget_replayed_jobs(unit) == int(goes)
    assert forgets(unit, event) is goes


def test_the_log_of_webhooks_keeps_its_events(unit):
    event = happened(unit, DONE)
    webhook = Webhook(
        title="t", host="h", address=b"a", shape=WebhookShape.STANDARD, events=["x"], nonce=b"n"
    )
    unit.add(webhook)
    unit.flush()
    told = WebhookDelivery(webhook_id=webhook.id, event_id=event.id, kind="x", due_at=NOW)
    unit.add(told)
    unit.flush()
    assert not forgets(unit, event)
    unit.delete(told)
    unit.flush()
    assert forgets(unit, event)


def test_what_is_kept_holds_up_nothing_behind_it_and_batches_end(unit, monkeypatch):
    monkeypatch.setattr(done_work, "AT_ONCE", 2)
    kept = [happened(unit, {}).id for _ in range(3)]
    for _ in range(3):
        happened(unit, DONE)
    young = happened(unit, DONE, at=NOW).id
    assert [done_work.forget_done_events(unit) for _ in range(3)] == [2, 1, 0]
    assert list(unit.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id))) == [*kept, young]


@pytest.mark.parametrize("old", range(6))
def test_the_first_young_event_is_found_whatever_ids_are_missing(unit, old):
    ids = {happened(unit, at=LONG_AGO if at < old else NOW).id: at < old for at in range(5)}
    for hole in (0, min(ids), min(ids) + 3):
        unit.execute(delete(OutboxEvent).where(OutboxEvent.id == hole))
        ids.pop(hole, None)
        found = done_work._find_young(unit, BEFORE)
        assert {each: each < found for each in ids} == ids


@pytest.fixture
def beats(module_engine) -> Callable[[], int]:
    """Old signs of life that are committed, and how many there are."""
    with SqlSession(module_engine) as session, session.begin():
        session.add_all(Heartbeat(name=f"old@{n}", at=LONG_AGO) for n in range(5))
    yield lambda: _count_beats(module_engine)
    with SqlSession(module_engine) as session, session.begin():
        session.execute(delete(Heartbeat))


def _count_beats(engine) -> int:
    with SqlSession(engine) as session:
        return count(session, Heartbeat)


def test_a_batch_is_small_and_leaves_what_somebody_holds(unit, module_engine, beats, monkeypatch):
    monkeypatch.setattr(batches, "AT_ONCE", 3)
    unit.execute(select(Heartbeat).where(Heartbeat.name == "old@0").with_for_update())
    for gone, left in ((3, 2), (1, 1), (0, 1)):
        with SqlSession(module_engine) as session, session.begin():
            session.execute(text("SET LOCAL lock_timeout = '1s'"))
            assert batches.forget_some(session, Heartbeat, Heartbeat.at < NOW) == gone
        assert beats() == left
    with SqlSession(module_engine) as session:
        assert batches.forget_some(session, Heartbeat, Heartbeat.at < LONG_AGO) == 0
    unit.rollback()
