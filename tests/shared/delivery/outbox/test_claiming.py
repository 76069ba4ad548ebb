"""Who may claim, finish and give back a batch."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from shared import db
from shared.delivery import outbox, queues
from shared.delivery.events import IdeaSubmitted
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


def an_error() -> ValueError:
    try:
        int("Ada Hemlig")
    except ValueError as error:
        return error
    raise AssertionError


class TestFinishing:
    def test_a_late_worker_cannot_finish_first_what_someone_else_has_now(
        self, session, post, tell, still
    ):
        tell(an_event())
        [first] = post.offer()
        slow = outbox.claim_batch(first)
        still.shift(60)
        [second] = post.offer()
        quick = outbox.claim_batch(second)
        with pytest.raises(outbox.StaleBatchError):
            finish(first, slow)
        assert row(session).done_at is None
        finish(second, quick)
        assert row(session).done_at is not None

    def test_a_late_worker_cannot_finish_what_is_offered_anew_and_nobody_has_yet(
        self, post, tell, still
    ):
        tell(an_event())
        [first] = post.offer()
        slow = outbox.claim_batch(first)
        still.shift(60)
        post.offer()
        with pytest.raises(outbox.StaleBatchError):
            finish(first, slow)

    def test_a_worker_over_its_time_may_finish_what_nobody_else_was_offered(
        self, session, post, tell, still
    ):
        tell(an_event())
        [batch] = post.offer()
        slow = outbox.claim_batch(batch)
        still.shift(3600)
        finish(batch, slow)
        assert row(session).done_at is not None

    def test_nothing_is_finished_twice(self, post, tell):
        tell(an_event())
        [batch] = post.offer()
        mine = outbox.claim_batch(batch)
        finish(batch, mine)
        with pytest.raises(outbox.StaleBatchError):
            finish(batch, mine)

    @pytest.mark.parametrize("has_last_word", [True, False])
    def test_what_was_given_up_is_not_finished_by_who_was_late(
        self, session, post, tell, still, has_last_word
    ):
        tell(an_event())
        arrange(attempts=2)
        [batch] = post.offer()
        slow = outbox.claim_batch(batch)
        still.shift(60)
        said = {queues.CHECK.name: lambda *_about: None} if has_last_word else {}
        assert post.offer(said) == []
        before = row(session)
        with pytest.raises(outbox.StaleBatchError):
            finish(batch, slow)
        after = row(session)
        assert (after.done_at is not None, after.failed_at is None) == (has_last_word,) * 2
        assert (after.done_at, after.failed_at) == (before.done_at, before.failed_at)

    def test_one_that_is_another_s_spoils_the_whole_batch(self, session, post, tell):
        tell(an_event(), an_event())
        [batch] = post.offer()
        mine = outbox.claim_batch(batch)
        with db.Session.begin() as other:
            other.execute(
                update(OutboxDelivery).where(OutboxDelivery.id == mine[1].id).values(batch=new_id())
            )
        with pytest.raises(outbox.StaleBatchError):
            finish(batch, mine)
        assert [each.done_at for each in rows(session)] == [None, None]

    def test_some_of_a_batch_can_be_finished_and_the_rest_is_left(self, session, post, tell):
        tell(an_event(), an_event())
        [batch] = post.offer()
        mine = outbox.claim_batch(batch)
        finish(batch, mine[:1])
        assert [each.done_at is None for each in rows(session)] == [False, True]

    def test_a_success_forgets_the_error_of_an_earlier_try(self, session, post, tell):
        tell(an_event())
        arrange(error="ValueError at x.py:1", attempts=1)
        [batch] = post.offer()
        finish(batch, outbox.claim_batch(batch))
        assert row(session).error is None


class TestClaiming:
    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_a_claim_lasts_as_long_as_the_task_may_run_and_a_little(self, session, tell, consumer):
        tell(an_event())
        for attempts in range(len(consumer.tries)):
            batch = new_id()
            arrange(
                consumer=consumer.name,
                batch=batch,
                attempts=attempts,
                started_at=None,
                lease_until=None,
            )
            [claimed] = outbox.claim_batch(batch)
            assert claimed.attempts == attempts + 1
            found = row(session)
            assert found.attempts == attempts + 1
            assert found.started_at == NOW
            limit_s = consumer.tries[attempts][1]
            assert found.lease_until == NOW + timedelta(seconds=limit_s + 2)

    def test_the_one_tried_most_says_how_long_a_batch_may_take(self, session, tell):
        tell(an_event(), an_event())
        batch = new_id()
        arrange(batch=batch, attempts=OutboxDelivery.id % 2)
        assert len(outbox.claim_batch(batch)) == 2
        limit_s = queues.CHECK.tries[1][1]
        assert {each.lease_until for each in rows(session)} == {
            NOW + timedelta(seconds=limit_s + 2)
        }

    @pytest.mark.parametrize(
        "state",
        [
            {"started_at": NOW},
            {"done_at": NOW},
            {"failed_at": NOW},
            {"batch": new_id()},
            {"batch": None},
        ],
        ids=lambda state: next(iter(state)),
    )
    def test_what_is_begun_done_given_up_or_another_s_is_not_claimed(
        self, session, post, tell, state
    ):
        tell(an_event(), an_event())
        [batch] = post.offer()
        first = rows(session)[0].id
        with db.Session.begin() as other:
            other.execute(update(OutboxDelivery).where(OutboxDelivery.id == first).values(**state))
        assert [each.id for each in outbox.claim_batch(batch)] == [rows(session)[1].id]
        assert [each.attempts for each in rows(session)] == [0, 1]

    def test_a_claim_tells_what_happened_to_whom_in_the_order_of_events(self, session, post, tell):
        told = [IdeaSubmitted(new_id(), version) for version in (1, 7, 3)]
        tell(*told)
        # As tables are after updates: in no order of their own.
        for each in (1, 0):
            with db.Session.begin() as other:
                moved = rows(session)[each].id
                other.execute(
                    update(OutboxDelivery).where(OutboxDelivery.id == moved).values(error="x")
                )
        [batch] = post.offer()
        claimed = outbox.claim_batch(batch)
        assert [each.id for each in claimed] == sorted(each.id for each in claimed)
        assert [(each.subject_id, each.payload) for each in claimed] == [
            (event.idea_id, {"idea_id": str(event.idea_id), "text_version": event.text_version})
            for event in told
        ]

    def test_a_message_that_comes_late_claims_what_nobody_was_offered_meanwhile(
        self, post, tell, still
    ):
        tell(an_event())
        [batch] = post.offer()
        still.shift(3600)
        assert len(outbox.claim_batch(batch)) == 1
        assert post.offer() == []


class TestGivingBack:
    def test_a_late_worker_does_not_give_back_what_someone_else_has(
        self, session, post, tell, still
    ):
        tell(an_event())
        [first] = post.offer()
        outbox.claim_batch(first)
        still.shift(60)
        [second] = post.offer()
        outbox.claim_batch(second)
        before = row(session).lease_until
        outbox.release_batch(first, an_error())
        after = row(session)
        assert (after.lease_until, after.error) == (before, None)
        assert post.offer() == []

    @pytest.mark.parametrize("state", ["done_at", "failed_at"])
    def test_what_is_over_is_not_given_back(self, session, post, tell, state):
        tell(an_event())
        [batch] = post.offer()
        outbox.claim_batch(batch)
        arrange(**{state: NOW})
        before = row(session).lease_until
        outbox.release_batch(batch, an_error())
        assert (row(session).lease_until, row(session).error) == (before, None)

    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_each_pause_is_twice_the_one_before(self, session, tell, consumer):
        tell(an_event())
        batch = new_id()
        pauses = []
        for attempts in range(1, len(consumer.tries) + 1):
            arrange(consumer=consumer.name, batch=batch, attempts=attempts)
            outbox.release_batch(batch, an_error())
            pauses.append((row(session).lease_until - NOW).total_seconds())
        assert pauses == [consumer.pause_s * 2**n for n in range(len(consumer.tries))]

    def test_one_never_begun_is_given_back_after_the_first_pause(self, session, tell):
        tell(an_event(queues.LETTER))
        batch = new_id()
        arrange(batch=batch, attempts=0)
        outbox.release_batch(batch, an_error())
        assert row(session).lease_until == NOW + timedelta(seconds=queues.LETTER.pause_s)

    def test_it_is_offered_again_when_its_pause_is_over_and_not_before(self, post, tell, still):
        tell(an_event(queues.LETTER))
        [batch] = post.offer()
        outbox.claim_batch(batch)
        outbox.release_batch(batch, an_error())
        still.shift(queues.LETTER.pause_s)
        assert post.offer() == []
        still.shift(INSTANT)
        assert len(post.offer()) == 1

    def test_who_gives_back_does_not_wait_for_who_hangs(self, session, post, tell):
        tell(an_event(), an_event())
        [batch] = post.offer()
        outbox.claim_batch(batch)
        held, _free = rows(session)
        lease = held.lease_until
        with db.Session.begin() as hanging:
            hanging.get(OutboxDelivery, held.id, with_for_update=True)
            outbox.release_batch(batch, an_error())
        still_held, given = rows(session)
        assert (still_held.lease_until, still_held.error) == (lease, None)
        assert given.lease_until == NOW
        assert given.error is not None
