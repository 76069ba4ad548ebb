"""The outbox from both sides of each rule: who may claim, finish and give back what, and when."""

from datetime import timedelta
from itertools import count

import psycopg
import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from shared import db
from shared.clock import utcnow
from shared.delivery import events, failed_jobs, hooks, outbox, queues, relay
from shared.delivery.events import IdeaChecked, IdeaDecided, IdeaSubmitted, ReceiptAction
from shared.delivery.queues import Consumer
from shared.ids import new_id
from shared.models import (
    DecisionKind,
    FailedJob,
    OutboxDelivery,
    OutboxEvent,
    ReceiptVerb,
)

NOW = utcnow().replace(microsecond=0)
INSTANT = timedelta(microseconds=1)
DECIDED = DecisionKind.KEEP
# One consumer for each plan of tries that there is.
SCHEDULES = (queues.CHECK, queues.MEANING, queues.LETTER)


@pytest.fixture
def database_url(one_database):
    """One database for all of these; each test finds its outbox empty."""
    with psycopg.connect(one_database, autocommit=True) as connection:
        for table in ("failed_jobs", "outbox_deliveries", "outbox_events"):
            connection.execute(f"DELETE FROM {table}")
    return one_database


@pytest.fixture(autouse=True)
def still():
    """Time stands still until a test moves it."""
    with travel(NOW, tick=False) as traveller:
        yield traveller


def an_event(consumer: Consumer = queues.CHECK) -> events.Event:
    """An event that this consumer hears, and nobody else."""
    return {
        queues.CHECK: IdeaSubmitted(new_id(), 1),
        queues.RECEIPT: ReceiptAction(new_id(), ReceiptVerb.RE_REVIEW),
        queues.LETTER: IdeaDecided(new_id(), new_id(), DECIDED),
        queues.ANSWER: events.IdeaAnswered(new_id(), new_id()),
        queues.ACCOUNT: events.AccountLinkMade(new_id(), events.LinkKind.RESET),
        queues.UNSUBSCRIBE: events.DigestUnsubscribed(new_id()),
        queues.BOUNCE: events.LetterBounced(new_id(), events.BounceKind.PERMANENT),
    }[consumer]


def arrange(**values: object) -> None:
    with db.Session.begin() as session:
        session.execute(update(OutboxDelivery).values(**values))


def rows(session: SqlSession) -> list[OutboxDelivery]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(OutboxDelivery).order_by(OutboxDelivery.id)))


def row(session: SqlSession) -> OutboxDelivery:
    [found] = rows(session)
    return found


def finish(batch, deliveries) -> None:
    with db.Session.begin() as session:
        outbox.done(session, batch, deliveries)


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
        slow = outbox.claim(first)
        still.shift(60)
        [second] = post.offer()
        quick = outbox.claim(second)
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
        slow = outbox.claim(first)
        still.shift(60)
        post.offer()
        with pytest.raises(outbox.StaleBatchError):
            finish(first, slow)

    def test_a_worker_over_its_time_may_finish_what_nobody_else_was_offered(
        self, session, post, tell, still
    ):
        tell(an_event())
        [batch] = post.offer()
        slow = outbox.claim(batch)
        still.shift(3600)
        finish(batch, slow)
        assert row(session).done_at is not None

    def test_nothing_is_finished_twice(self, post, tell):
        tell(an_event())
        [batch] = post.offer()
        mine = outbox.claim(batch)
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
        slow = outbox.claim(batch)
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
        mine = outbox.claim(batch)
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
        mine = outbox.claim(batch)
        finish(batch, mine[:1])
        assert [each.done_at is None for each in rows(session)] == [False, True]

    def test_a_success_forgets_the_error_of_an_earlier_try(self, session, post, tell):
        tell(an_event())
        arrange(error="ValueError at x.py:1", attempts=1)
        [batch] = post.offer()
        finish(batch, outbox.claim(batch))
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
            [claimed] = outbox.claim(batch)
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
        assert len(outbox.claim(batch)) == 2
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
        assert [each.id for each in outbox.claim(batch)] == [rows(session)[1].id]
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
        claimed = outbox.claim(batch)
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
        assert len(outbox.claim(batch)) == 1
        assert post.offer() == []


class TestGivingBack:
    def test_a_late_worker_does_not_give_back_what_someone_else_has(
        self, session, post, tell, still
    ):
        tell(an_event())
        [first] = post.offer()
        outbox.claim(first)
        still.shift(60)
        [second] = post.offer()
        outbox.claim(second)
        before = row(session).lease_until
        outbox.release(first, an_error())
        after = row(session)
        assert (after.lease_until, after.error) == (before, None)
        assert post.offer() == []

    @pytest.mark.parametrize("state", ["done_at", "failed_at"])
    def test_what_is_over_is_not_given_back(self, session, post, tell, state):
        tell(an_event())
        [batch] = post.offer()
        outbox.claim(batch)
        arrange(**{state: NOW})
        before = row(session).lease_until
        outbox.release(batch, an_error())
        assert (row(session).lease_until, row(session).error) == (before, None)

    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_each_pause_is_twice_the_one_before(self, session, tell, consumer):
        tell(an_event())
        batch = new_id()
        pauses = []
        for attempts in range(1, len(consumer.tries) + 1):
            arrange(consumer=consumer.name, batch=batch, attempts=attempts)
            outbox.release(batch, an_error())
            pauses.append((row(session).lease_until - NOW).total_seconds())
        assert pauses == [consumer.pause_s * 2**n for n in range(len(consumer.tries))]

    def test_one_never_begun_is_given_back_after_the_first_pause(self, session, tell):
        tell(an_event(queues.LETTER))
        batch = new_id()
        arrange(batch=batch, attempts=0)
        outbox.release(batch, an_error())
        assert row(session).lease_until == NOW + timedelta(seconds=queues.LETTER.pause_s)

    def test_it_is_offered_again_when_its_pause_is_over_and_not_before(self, post, tell, still):
        tell(an_event(queues.LETTER))
        [batch] = post.offer()
        outbox.claim(batch)
        outbox.release(batch, an_error())
        still.shift(queues.LETTER.pause_s)
        assert post.offer() == []
        still.shift(INSTANT)
        assert len(post.offer()) == 1

    def test_who_gives_back_does_not_wait_for_who_hangs(self, session, post, tell):
        tell(an_event(), an_event())
        [batch] = post.offer()
        outbox.claim(batch)
        held, _free = rows(session)
        lease = held.lease_until
        with db.Session.begin() as hanging:
            hanging.get(OutboxDelivery, held.id, with_for_update=True)
            outbox.release(batch, an_error())
        still_held, given = rows(session)
        assert (still_held.lease_until, still_held.error) == (lease, None)
        assert given.lease_until == NOW
        assert given.error is not None


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
        assert [each.id for each in outbox.claim(batch)] == [new.id]

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
        assert [each.id for each in outbox.claim(batch)] == ids[:100]

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
        finish(post.batches[0], outbox.claim(post.batches[0]))
        assert len(post.offer()) == 1

    def test_a_second_relay_passes_over_what_the_first_holds(self, session, post, tell):
        tell(an_event(), an_event())
        held, free = rows(session)
        with db.Session.begin() as first:
            first.get(OutboxDelivery, held.id, with_for_update=True)
            [batch] = post.offer()
            assert [each.id for each in outbox.claim(batch)] == [free.id]


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
        post.unheard = outbox.claim
        assert post.offer() == []
        limit_s = queues.CHECK.tries[0][1]
        assert row(session).lease_until == NOW + timedelta(seconds=limit_s + 2)

    def test_a_message_that_arrived_unheard_and_is_done_stays_done(self, session, post, tell):
        tell(an_event())
        post.open_for = 0

        def work(batch):
            finish(batch, outbox.claim(batch))

        post.unheard = work
        assert post.offer() == []
        assert row(session).lease_until != NOW + timedelta(seconds=2)


class TestGivingUp:
    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_each_is_given_up_after_its_last_try_and_not_before(
        self, session, post, tell, consumer
    ):
        tell(an_event())
        tries = len(consumer.tries)
        arrange(consumer=consumer.name, queue=consumer.queue, attempts=tries - 1)
        assert len(post.offer()) == 1
        assert row(session).failed_at is None
        arrange(attempts=tries, lease_until=NOW - INSTANT)
        assert post.offer() == []
        assert row(session).failed_at == NOW
        [job] = failed_jobs.open_jobs(session)
        assert (job.consumer, job.attempts, job.delivery_id) == (
            consumer.name,
            tries,
            row(session).id,
        )
        assert job.subject_id == session.scalars(select(OutboxEvent.subject_id)).one()

    def test_what_was_tried_enough_is_not_offered_once_more_by_who_looks_at_its_last_instant(
        self, session, tell
    ):
        """Its lease ends between two questions of one look of the relay's."""
        tell(an_event())
        arrange(attempts=3, lease_until=NOW - INSTANT)
        with db.Session.begin() as looking:
            assert relay._regroup(looking, queues.CHECKS) == []
        assert row(session).batch is None

    @pytest.mark.parametrize("lease", [timedelta(0), INSTANT])
    def test_who_still_works_at_the_last_try_is_not_given_up(self, session, post, tell, lease):
        tell(an_event())
        arrange(attempts=3, lease_until=NOW + lease)
        assert post.offer() == []
        assert failed_jobs.count_open(session) == 0

    @pytest.mark.parametrize("state", ["done_at", "failed_at"])
    def test_what_is_over_is_not_given_up(self, session, post, tell, state):
        tell(an_event())
        arrange(**{"attempts": 3, "lease_until": NOW - INSTANT, state: NOW})
        post.offer()
        assert failed_jobs.count_open(session) == 0

    def test_a_last_word_is_given_what_happened_and_is_the_end_of_it(self, session, post, tell):
        event = an_event()
        tell(event)
        arrange(attempts=3, lease_until=NOW - INSTANT, error="ValueError at x.py:1")
        heard = []
        post.offer({queues.CHECK.name: lambda _session, *about: heard.append(about)})
        assert heard == [(event.subject_id, event.payload())]
        found = row(session)
        assert (found.done_at, found.failed_at) == (NOW, None)
        assert failed_jobs.open_jobs(session)[0].error == "ValueError at x.py:1"

    def test_the_last_word_of_another_consumer_is_not_asked_for(self, session, post, tell):
        tell(an_event())
        arrange(attempts=3, lease_until=NOW - INSTANT)

        def wrong(*_about):
            raise AssertionError

        post.offer({queues.MEANING.name: wrong})
        assert row(session).failed_at == NOW

    def test_a_death_without_a_word_has_a_sentence(self, session, post, tell):
        tell(an_event())
        arrange(attempts=3, lease_until=NOW - INSTANT)
        post.offer()
        [job] = failed_jobs.open_jobs(session)
        assert job.error == "the process died or ran out of time"

    def test_a_last_word_that_fails_leaves_everything_as_it_was(self, session, post, tell):
        tell(an_event())
        arrange(attempts=3, lease_until=NOW - INSTANT)

        def broken(opened, *_about):
            opened.execute(update(OutboxEvent).values(version=99))
            raise LookupError

        with pytest.raises(LookupError):
            post.offer({queues.CHECK.name: broken})
        assert row(session).done_at is None
        assert failed_jobs.count_open(session) == 0
        assert session.scalars(select(OutboxEvent.version)).one() == 1

    @pytest.mark.parametrize(
        "meanwhile",
        [
            {"done_at": NOW},
            {"failed_at": NOW},
            {"attempts": 2},
            {"lease_until": NOW},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_one_that_moved_since_it_was_looked_for_is_left_alone(self, session, tell, meanwhile):
        """Another relay gave it up, its worker finished, or somebody offered it again."""
        tell(an_event(), an_event())
        arrange(attempts=3, lease_until=NOW - INSTANT)
        ids = [each.id for each in rows(session)]
        heard = []

        def last_word(_session, subject_id, _payload):
            heard.append(subject_id)
            with db.Session.begin() as other:
                other.execute(
                    update(OutboxDelivery)
                    .where(OutboxDelivery.id.in_(ids))
                    .where(
                        OutboxDelivery.id.in_(
                            select(OutboxDelivery.id)
                            .where(OutboxDelivery.id.in_(ids))
                            .with_for_update(skip_locked=True)
                        )
                    )
                    .values(**meanwhile)
                )

        relay._give_up({queues.CHECK.name: last_word})
        assert len(heard) == 1
        assert failed_jobs.count_open(session) == 1

    def test_one_that_somebody_is_just_finishing_is_not_waited_for(self, session, post, tell):
        tell(an_event(), an_event())
        batch = new_id()
        arrange(attempts=3, lease_until=NOW - INSTANT, batch=batch)
        held, _free = rows(session)
        mine = [outbox.Delivery(held.id, new_id(), {}, 3)]
        with db.Session.begin() as finishing:
            outbox.done(finishing, batch, mine)
            post.offer()
        kept, gone = rows(session)
        assert (kept.done_at is not None, kept.failed_at) == (True, None)
        assert gone.failed_at == NOW
        assert failed_jobs.count_open(session) == 1

    def test_work_given_up_is_logged_by_its_id_only(self, post, tell, caplog):
        event = an_event()
        tell(event)
        arrange(attempts=3, lease_until=NOW - INSTANT)
        post.offer()
        [record] = [each for each in caplog.records if each.name == "shared.delivery.relay"]
        assert (record.getMessage(), record.consumer) == ("work given up", queues.CHECK.name)
        assert record.subject == str(event.subject_id)


class TestRecording:
    def test_who_hears_what(self):
        """Written down a second time on purpose: a route that is lost loses letters."""
        assert {kind: [each.name for each in heard] for kind, heard in queues.ROUTES.items()} == {
            "IdeaSubmitted": ["moderation.check"],
            "IdeaChecked": ["moderation.semantic", "notify.arrival"],
            "IdeaDecided": ["notify.letter"],
            "IdeaAnswered": ["notify.answer"],
            "ReceiptAction": ["moderation.receipt"],
            "AlertRaised": [],
            "AlertResolved": [],
            "AccountLinkMade": ["notify.account"],
            "DigestUnsubscribed": ["notify.unsubscribe"],
            "LetterBounced": ["notify.bounce"],
            "ReportOfNoLetter": [],
        }
        kinds = {
            name
            for name, kind in vars(events).items()
            if isinstance(kind, type) and issubclass(kind, events.Event)
        } - {"Event", "IdeaEvent"}
        assert set(queues.ROUTES) == kinds
        assert set(hooks.NAMES) <= kinds

    def test_each_consumer_has_its_task_its_queue_and_its_patience(self):
        slowly = ((20, 60), (5, 30), *[(1, 30)] * 6)
        assert {
            name: (each.task, each.queue, each.tries, each.pause_s)
            for name, each in queues.CONSUMERS.items()
        } == {
            "moderation.check": (
                *("moderation.check_ideas", "checks"),
                *(((100, 12), (10, 6), (1, 5)), 0),
            ),
            "moderation.receipt": ("moderation.act_on_receipts", "actions", slowly, 2),
            "moderation.semantic": (
                *("moderation.look_for_meaning", "semantic"),
                *(((20, 180), (5, 120), (1, 60)), 5),
            ),
            "notify.letter": ("notify.write_letters", "letters", slowly, 2),
            "notify.arrival": ("notify.confirm_arrivals", "letters", slowly, 2),
            "notify.answer": ("notify.tell_of_answers", "letters", slowly, 2),
            "notify.account": ("notify.write_account_letters", "letters", slowly, 2),
            "notify.unsubscribe": ("notify.turn_off_digests", "letters", slowly, 2),
            "notify.bounce": ("notify.act_on_bounces", "letters", slowly, 2),
            "notify.webhook": ("notify.write_webhooks", "webhooks", slowly, 2),
        }
        assert {each.tries for each in queues.CONSUMERS.values()} == {
            each.tries for each in SCHEDULES
        }

    def test_every_consumer_is_known_has_a_route_and_a_queue_that_is_served(self):
        routed = {each for heard in queues.ROUTES.values() for each in heard}
        assert set(queues.CONSUMERS.values()) == {*routed, queues.HOOK}
        assert all(queues.CONSUMERS[each.name] is each for each in routed)
        assert {each.queue for each in queues.CONSUMERS.values()} <= set(queues.ALL)
        # Nobody waits for advice, and for nothing else that is late.
        assert queues.ADVISERS == ("moderation.semantic",)

    @pytest.mark.parametrize("consumer", SCHEDULES, ids=lambda c: c.name)
    def test_tries_end_with_one_alone_and_beyond_the_last_nothing_changes(self, consumer):
        sizes = [size for size, _limit_s in consumer.tries]
        assert sizes[-1] == 1
        assert sizes == sorted(sizes, reverse=True)
        tries = len(consumer.tries)
        assert [consumer.gives_up(n) for n in (tries - 1, tries, tries + 1)] == [False, True, True]
        for beyond in (tries, tries + 5):
            assert consumer.size(beyond) == consumer.size(tries - 1)
            assert consumer.limit_s(beyond) == consumer.limit_s(tries - 1)

    def test_an_event_has_a_delivery_for_each_of_its_consumers_in_its_own_queue(
        self, session, tell
    ):
        tell(IdeaChecked(new_id(), 1))
        assert {(each.consumer, each.queue) for each in rows(session)} == {
            ("moderation.semantic", "semantic"),
            ("notify.arrival", "letters"),
        }

    def test_those_named_are_not_told(self, session, tell):
        tell(IdeaChecked(new_id(), 1), without=(queues.MEANING,))
        assert [each.consumer for each in rows(session)] == ["notify.arrival"]

    def test_another_queue_takes_all_of_them(self, session, tell):
        tell(an_event(), IdeaChecked(new_id(), 1), queue=queues.BULK)
        assert [each.queue for each in rows(session)] == ["bulk"] * 3

    def test_no_event_is_no_statement(self, session):
        outbox.record_all(session, [])
        assert session.scalars(select(OutboxEvent)).all() == []

    def test_events_are_stored_in_their_order_as_they_are(self, session, tell):
        told = [IdeaDecided(new_id(), new_id(), kind) for kind in DecisionKind]
        tell(*told)
        stored = session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
        assert [each.payload for each in stored] == [each.payload() for each in told]
        assert [each.subject_id for each in stored] == [each.idea_id for each in told]
        assert {(each.kind, each.version) for each in stored} == {("IdeaDecided", 1)}
        assert [each.event_id for each in rows(session)] == [each.id for each in stored]


class TestFailedJobs:
    @pytest.fixture
    def jobs(self, session, tell):
        """Three failed jobs: the middle one failed last, and the others at one instant."""
        tell(an_event(), an_event(), an_event())
        arrange(attempts=3, failed_at=NOW, lease_until=NOW, batch=new_id())
        made = []
        for each, moment in zip(rows(session), (0, 5, 0), strict=True):
            job = FailedJob(
                delivery_id=each.id,
                consumer=each.consumer,
                subject_id=new_id(),
                attempts=3,
                error="x",
                failed_at=NOW + timedelta(seconds=moment),
            )
            session.add(job)
            session.flush()
            made.append(job.id)
        session.commit()
        return made

    def test_open_ones_are_listed_newest_first_and_only_so_many(self, session, jobs):
        first, second, third = jobs
        assert [job.id for job in failed_jobs.open_jobs(session)] == [second, third, first]
        assert [job.id for job in failed_jobs.open_jobs(session, 2)] == [second, third]
        assert failed_jobs.replayed_jobs(session) == []

    def test_those_chosen_are_offered_again_from_their_first_try_and_no_other(
        self, session, jobs, post
    ):
        assert failed_jobs.replay(session, [jobs[1], 10**9]) == 1
        session.commit()
        kept, again, other = rows(session)
        assert (kept.failed_at, other.failed_at) == (NOW, NOW)
        assert (again.attempts, again.done_at, again.failed_at) == (0, None, None)
        assert (again.lease_until, again.batch) == (None, None)
        assert [job.id for job in failed_jobs.open_jobs(session)] == [jobs[2], jobs[0]]
        assert [job.id for job in failed_jobs.replayed_jobs(session)] == [jobs[1]]
        assert failed_jobs.replayed_jobs(session)[0].replayed_at == NOW
        assert failed_jobs.count_open(session) == 2
        [batch] = post.offer()
        assert [each.id for each in outbox.claim(batch)] == [again.id]

    def test_nothing_is_offered_again_twice(self, session, jobs):
        assert failed_jobs.replay(session, jobs[:1]) == 1
        assert failed_jobs.replay(session, jobs[:1]) == 0
        assert failed_jobs.replay(session, None) == 2
        assert failed_jobs.replay(session, None) == 0
        assert [job.id for job in failed_jobs.replayed_jobs(session)] == jobs[::-1]
        assert [job.id for job in failed_jobs.replayed_jobs(session, 1)] == [jobs[2]]

    @pytest.mark.usefixtures("jobs")
    def test_what_had_a_last_word_is_done_anew(self, session):
        arrange(done_at=NOW, failed_at=None)
        assert failed_jobs.replay(session, None) == 3
        session.commit()
        assert {each.done_at for each in rows(session)} == {None}

    @pytest.mark.usefixtures("jobs")
    def test_no_choice_is_not_every_job(self, session):
        assert failed_jobs.replay(session, []) == 0

    @pytest.mark.usefixtures("jobs")
    def test_more_than_one_piece_of_them_is_offered_again(self, session, monkeypatch):
        monkeypatch.setattr(failed_jobs, "_AT_ONCE", 2)
        assert failed_jobs.replay(session, None) == 3
        session.commit()
        assert {each.attempts for each in rows(session)} == {0}
