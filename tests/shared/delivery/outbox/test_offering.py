"""What the relay offers, in which order, and what it does without a broker."""

from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select, update

from shared import db
from shared.delivery import outbox, queues, relay
from shared.ids import new_id
from shared.models import OutboxDelivery
from tests.shared.delivery.outbox.given import (
    INSTANT,
    NOW,
    SCHEDULES,
    an_event,
    arrange,
    finish,
    row,
    rows,
)


class TestOffering:
    @pytest.mark.parametrize(
        ("lease", "is_offered"),
        [(None, True), (-INSTANT, True), (timedelta(0), False), (INSTANT, False)],
    )
    def test_only_what_nobody_is_trusted_with_any_more_is_offered(
        self, post, tell, lease, is_offered
    ):
        tell(an_event())
        arrange(lease_until=None if lease is None else NOW + lease)
        assert len(post.offer()) == is_offered

    @pytest.mark.parametrize("state", ["done_at", "failed_at"])
    def test_what_is_over_is_not_offered(self, post, tell, state):
        tell(an_event())
        arrange(**{state: NOW})
        assert post.offer() == []

    def test_an_offer_is_trusted_for_twenty_seconds(self, session, post, tell, still):
        tell(an_event())
        arrange(started_at=NOW - timedelta(hours=1), lease_until=NOW - INSTANT)
        [batch] = post.offer()
        found = row(session)
        assert (found.batch, found.sent_at, found.started_at) == (batch, NOW, None)
        assert found.lease_until == NOW + timedelta(seconds=20)
        still.shift(20)
        assert post.offer() == []
        still.shift(INSTANT)
        [again] = post.offer()
        assert again != batch
        assert row(session).attempts == 0

    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_each_consumer_s_work_travels_to_its_task_and_queue_in_its_sizes(
        self, post, tell, consumer
    ):
        tell(*[an_event() for _ in range(12)])
        for attempts, (size, limit_s) in enumerate(consumer.tries):
            arrange(
                consumer=consumer.name,
                queue=consumer.queue,
                attempts=attempts,
                lease_until=None,
                batch=None,
            )
            post.sent.clear()
            post.offer()
            assert len(post.sent) == -(-12 // size)
            for name, about in post.sent:
                assert name == consumer.task
                assert about["queue"] == consumer.queue
                assert about["time_limit"] == limit_s
                assert about["retry"] is False
                assert set(about["kwargs"]) == {"batch"}
            with db.Session() as session:
                held = session.scalars(
                    select(func.count(OutboxDelivery.id)).group_by(OutboxDelivery.batch)
                ).all()
            assert sum(held) == 12
            assert max(held) == min(size, 12)

    def test_those_never_tried_come_before_those_that_failed(
        self, session, post, tell, monkeypatch
    ):
        monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 1)
        tell(an_event(), an_event())
        tried, new = rows(session)
        with db.Session.begin() as other:
            other.get_one(OutboxDelivery, tried.id).attempts = 1
        [batch] = post.offer()
        assert [each.id for each in outbox.claim_batch(batch)] == [new.id]

    def test_tries_and_consumers_do_not_share_a_batch(self, session, post, tell):
        tell(*[an_event() for _ in range(6)])
        numbers = count()
        for each in rows(session):
            number = next(numbers)
            with db.Session.begin() as other:
                found = other.get_one(OutboxDelivery, each.id)
                found.attempts = number % 2
                found.consumer = (queues.CHECK, queues.MEANING, queues.LETTER)[number // 2].name
        assert len(post.offer()) == 6

    def test_deliveries_of_a_batch_are_the_oldest(self, session, post, tell, monkeypatch):
        monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 1)
        tell(*[an_event() for _ in range(130)])
        # In no order of their own, as tables and plans may have it.
        engine = db._engines[0]
        sqlalchemy_event.listen(
            engine,
            "begin",
            lambda opened: opened.exec_driver_sql(
                "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off"
            ),
        )
        with db.Session.begin() as other:
            first = rows(session)[0].id
            other.execute(
                update(OutboxDelivery).where(OutboxDelivery.id == first).values(error="x")
            )
        [batch] = post.offer()
        ids = [each.id for each in rows(session)]
        assert [each.id for each in outbox.claim_batch(batch)] == ids[:100]

    @pytest.mark.parametrize(
        ("flying", "offered"),
        [
            ({"lease_until": NOW}, 1),
            ({"lease_until": NOW + INSTANT}, 1),
            ({"lease_until": NOW, "done_at": NOW}, 3),
            ({"lease_until": NOW, "failed_at": NOW}, 3),
            ({"lease_until": NOW, "queue": queues.BULK}, 3),
        ],
    )
    def test_what_is_in_flight_leaves_room_for_the_rest(
        self, session, post, tell, monkeypatch, flying, offered
    ):
        monkeypatch.setattr(relay, "MAX_IN_FLIGHT", 3)
        tell(an_event(), an_event(), an_event())
        # Two batches, of which one holds two deliveries.
        for each, batch in zip(rows(session), (a := new_id(), a, new_id()), strict=True):
            with db.Session.begin() as other:
                other.execute(
                    update(OutboxDelivery)
                    .where(OutboxDelivery.id == each.id)
                    .values(batch=batch, **flying)
                )
        tell(*[an_event() for _ in range(4)])
        with db.Session.begin() as other:
            other.execute(
                update(OutboxDelivery)
                .where(OutboxDelivery.lease_until.is_(None))
                .values(attempts=2)
            )
        assert len(post.offer()) == offered
        if offered == 1:
            assert post.offer() == []

    def test_fifty_batches_of_a_queue_are_under_way_at_the_most(self, post, tell):
        tell(*[an_event() for _ in range(52)])
        arrange(attempts=2)
        assert len(post.offer()) == 50
        assert post.offer() == []
        finish(post.batches[0], outbox.claim_batch(post.batches[0]))
        assert len(post.offer()) == 1

    def test_a_second_relay_passes_over_what_the_first_holds(self, session, post, tell):
        tell(an_event(), an_event())
        held, free = rows(session)
        with db.Session.begin() as first:
            first.get(OutboxDelivery, held.id, with_for_update=True)
            [batch] = post.offer()
            assert [each.id for each in outbox.claim_batch(batch)] == [free.id]


class TestWithoutABroker:
    def test_after_one_that_could_not_be_sent_no_other_is_tried(self, session, post, tell, still):
        tell(*[an_event() for _ in range(3)])
        arrange(attempts=2)
        post.open_for = 1
        assert len(post.offer()) == 1
        assert post.asked == 2
        found = rows(session)
        assert sorted(each.lease_until for each in found) == [
            NOW + timedelta(seconds=2),
            NOW + timedelta(seconds=2),
            NOW + timedelta(seconds=20),
        ]
        assert {each.attempts for each in found} == {2}
        post.open_for = float("inf")
        still.shift(2)
        assert post.offer() == []
        still.shift(INSTANT)
        assert len(post.offer()) == 2

    def test_a_message_that_arrived_unheard_keeps_the_lease_of_who_claimed_it(
        self, session, post, tell
    ):
        tell(an_event())
        post.open_for = 0
        post.unheard = outbox.claim_batch
        assert post.offer() == []
        limit_s = queues.CHECK.tries[0][1]
        assert row(session).lease_until == NOW + timedelta(seconds=limit_s + 2)

    def test_a_message_that_arrived_unheard_and_is_done_stays_done(self, session, post, tell):
        tell(an_event())
        post.open_for = 0

        def work(batch):
            finish(batch, outbox.claim_batch(batch))

        post.unheard = work
        assert post.offer() == []
        assert row(session).lease_until != NOW + timedelta(seconds=2)
