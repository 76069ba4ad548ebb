"""The outbox and the relay, against the real database and the real broker."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
import redis
from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox, queues, relay
from shared.delivery.events import IdeaDecided, ReceiptAction
from shared.delivery.worker import make_celery
from shared.ids import new_id
from shared.models import (
    DecisionKind,
    FailedJob,
    OutboxDelivery,
    OutboxEvent,
    ReceiptVerb,
)
from tests.factories import an_idea


@pytest.fixture
def celery(settings: Settings):
    app = make_celery("test", [], settings)
    yield app
    app.close()


@pytest.fixture
def broker(broker_url: str):
    with redis.Redis.from_url(broker_url) as client:
        yield client


def messages(broker: redis.Redis, queue: str) -> list[dict]:
    """What waits in a queue of the broker: the keyword arguments of each message."""
    waiting = broker.lrange(queue, 0, -1)
    bodies = [json.loads(message)["body"] for message in waiting]
    import base64

    return [json.loads(base64.b64decode(body))[1] for body in bodies]


def batches(broker: redis.Redis, queue: str = queues.CHECKS) -> list[UUID]:
    return [UUID(message["batch"]) for message in messages(broker, queue)]


def expire_leases(session: SqlSession) -> None:
    """Let time pass."""
    session.execute(update(OutboxDelivery).values(lease_until=utcnow() - timedelta(seconds=1)))
    session.commit()


def ideas(session: SqlSession, number: int) -> list[UUID]:
    made = [an_idea(session).id for _ in range(number)]
    session.commit()
    return made


def finish(batch: UUID, deliveries: list[outbox.Delivery]) -> None:
    with db.Session.begin() as session:
        outbox.mark_done(session, batch, deliveries)


def test_a_message_carries_the_id_of_its_batch_and_nothing_else(session, celery, broker):
    ideas(session, 3)
    assert relay.relay_once(celery, {}) == 1
    [message] = messages(broker, queues.CHECKS)
    assert set(message) == {"batch"}


def test_what_waits_travels_together_up_to_a_hundred(session, celery, broker):
    ideas(session, 130)
    relay.relay_once(celery, {})
    sizes = [len(outbox.claim_batch(batch)) for batch in batches(broker)]
    assert sorted(sizes) == [30, 100]


def test_a_batch_is_claimed_once_however_often_its_message_comes(session, celery, broker):
    ideas(session, 2)
    relay.relay_once(celery, {})
    [batch] = batches(broker)
    assert len(outbox.claim_batch(batch)) == 2
    assert outbox.claim_batch(batch) == []


def test_what_is_done_is_never_offered_again(session, celery, broker):
    ideas(session, 2)
    relay.relay_once(celery, {})
    [batch] = batches(broker)
    finish(batch, outbox.claim_batch(batch))
    expire_leases(session)
    assert relay.relay_once(celery, {}) == 0


def test_an_emptied_broker_loses_nothing(session, celery, broker):
    wanted = ideas(session, 5)
    relay.relay_once(celery, {})
    broker.flushall()
    expire_leases(session)
    assert relay.relay_once(celery, {}) == 1
    [batch] = batches(broker)
    assert {delivery.subject_id for delivery in outbox.claim_batch(batch)} == set(wanted)


def test_a_stopped_broker_costs_no_attempt(session, settings, broker):
    ideas(session, 2)
    unreachable = make_celery("test", [], settings)
    unreachable.conf.broker_url = "redis://127.0.0.1:1/0"
    assert relay.relay_once(unreachable, {}) == 0
    unreachable.close()
    session.expire_all()
    waiting = session.scalars(select(OutboxDelivery)).all()
    assert {delivery.attempts for delivery in waiting} == {0}
    assert all(delivery.lease_until < utcnow() + timedelta(seconds=5) for delivery in waiting)


def test_the_attempt_is_committed_before_the_work_begins(session, celery, broker):
    ideas(session, 1)
    relay.relay_once(celery, {})
    [batch] = batches(broker)
    outbox.claim_batch(batch)  # and here the process is killed
    session.expire_all()
    assert session.scalars(select(OutboxDelivery.attempts)).all() == [1]


def test_after_a_death_ten_travel_together_then_one_alone_then_it_is_given_up(
    session, celery, broker
):
    ideas(session, 25)
    sizes = []
    for _ in range(3):
        broker.delete(queues.CHECKS)
        relay.relay_once(celery, {})
        sizes.append(sorted(len(outbox.claim_batch(batch)) for batch in batches(broker)))
        expire_leases(session)
    assert sizes == [[25], [5, 10, 10], [1] * 25]
    given_up: list[UUID] = []

    def give_up(_session, subject_id, _payload):
        given_up.append(subject_id)

    assert relay.relay_once(celery, {queues.CHECK.name: give_up}) == 0
    assert len(given_up) == 25
    jobs = session.scalars(select(FailedJob)).all()
    assert {job.attempts for job in jobs} == {3}
    assert session.scalars(select(OutboxDelivery.done_at)).all().count(None) == 0


def test_work_without_a_last_word_stays_failed_and_visible(session, celery, broker):
    idea = an_idea(session, submitted=False)
    outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.RE_REVIEW))
    session.execute(update(OutboxDelivery).values(attempts=8, batch=new_id(), lease_until=utcnow()))
    session.commit()
    relay.relay_once(celery, {})
    delivery = session.scalars(select(OutboxDelivery)).one()
    assert delivery.failed_at is not None
    assert delivery.done_at is None


def test_a_late_worker_cannot_finish_what_someone_else_has_now(session, celery, broker):
    ideas(session, 1)
    relay.relay_once(celery, {})
    [first] = batches(broker)
    slow = outbox.claim_batch(first)
    expire_leases(session)
    broker.delete(queues.CHECKS)
    relay.relay_once(celery, {})
    [second] = batches(broker)
    quick = outbox.claim_batch(second)
    finish(second, quick)
    with pytest.raises(outbox.StaleBatchError):
        finish(first, slow)


def test_a_failed_try_is_noted_by_type_and_place_and_offered_again(session, celery, broker):
    ideas(session, 1)
    relay.relay_once(celery, {})
    [batch] = batches(broker)
    outbox.claim_batch(batch)
    with pytest.raises(ValueError, match="Ada") as caught:
        int("Ada Hemlig, ada@example.org")
    outbox.release_batch(batch, caught.value)
    session.expire_all()
    noted = session.scalars(select(OutboxDelivery.error)).one()
    assert noted is not None
    assert noted.startswith("ValueError at test_relay.py:")
    assert "Ada" not in noted
    assert relay.relay_once(celery, {}) == 1


def test_at_most_fifty_batches_of_a_queue_are_in_flight(session, celery, broker, monkeypatch):
    monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 3)
    ideas(session, 12)
    session.execute(update(OutboxDelivery).values(attempts=2))
    session.commit()
    assert relay.relay_once(celery, {}) == 3
    assert relay.relay_once(celery, {}) == 0
    assert len(batches(broker)) == 3


def test_new_work_waits_to_fill_a_batch_while_enough_is_under_way(
    session, celery, broker, monkeypatch
):
    monkeypatch.setattr(relay, "MAX_PARTIAL_IN_FLIGHT", 2)
    for _ in range(2):
        ideas(session, 1)
        assert relay.relay_once(celery, {}) == 1
    ideas(session, 99)
    assert relay.relay_once(celery, {}) == 0
    # A full one is sent, what is left waits on.
    ideas(session, 2)
    assert relay.relay_once(celery, {}) == 1
    full, first, _second = batches(broker)
    deliveries = outbox.claim_batch(full)
    assert len(deliveries) == 100
    finish(full, deliveries)
    assert relay.relay_once(celery, {}) == 0
    finish(first, outbox.claim_batch(first))
    assert relay.relay_once(celery, {}) == 1


def test_work_tried_before_does_not_wait_to_fill_a_batch(session, celery, broker, monkeypatch):
    monkeypatch.setattr(relay, "MAX_PARTIAL_IN_FLIGHT", 0)
    ideas(session, 2)
    assert relay.relay_once(celery, {}) == 0
    session.execute(update(OutboxDelivery).values(attempts=1))
    session.commit()
    assert relay.relay_once(celery, {}) == 1


def test_a_backlog_in_one_queue_does_not_hold_up_another(session, celery, broker, monkeypatch):
    monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 1)
    [first, *_rest] = ideas(session, 5)
    session.execute(update(OutboxDelivery).values(attempts=2))
    outbox.record_event(session, IdeaDecided(first, new_id(), DecisionKind.KEEP))
    session.commit()
    assert relay.relay_once(celery, {}) == 2
    assert len(batches(broker, queues.LETTERS)) == 1


def test_two_relays_share_the_work(session, celery, broker):
    ideas(session, 3)
    with db.Session() as other, other.begin():
        other.execute(select(OutboxDelivery).with_for_update()).all()
        assert relay.relay_once(celery, {}) == 0
    assert relay.relay_once(celery, {}) == 1


def test_an_event_is_gone_with_the_change_it_told_of(session):
    an_idea(session)
    session.rollback()
    assert session.scalars(select(OutboxEvent)).all() == []
