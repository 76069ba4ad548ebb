"""When a delivery is given up, and what is written down of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from shared import db
from shared.delivery import failed_jobs, outbox, queues, relay
from shared.ids import new_id
from shared.models import FailedJob, OutboxDelivery, OutboxEvent
from tests.shared.delivery.outbox.given import INSTANT, NOW, SCHEDULES, an_event, arrange, row, rows


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
        batch = row(session).batch
        with db.Session.begin() as looking:
            assert relay._regroup(looking, queues.CHECKS) == []
        assert row(session).batch == batch

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
            outbox.mark_done(finishing, batch, mine)
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
        assert failed_jobs.replay_jobs(session, [jobs[1], 10**9]) == 1
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
        assert [each.id for each in outbox.claim_batch(batch)] == [again.id]

    def test_nothing_is_offered_again_twice(self, session, jobs):
        assert failed_jobs.replay_jobs(session, jobs[:1]) == 1
        assert failed_jobs.replay_jobs(session, jobs[:1]) == 0
        assert failed_jobs.replay_jobs(session, None) == 2
        assert failed_jobs.replay_jobs(session, None) == 0
        assert [job.id for job in failed_jobs.replayed_jobs(session)] == jobs[::-1]
        assert [job.id for job in failed_jobs.replayed_jobs(session, 1)] == [jobs[2]]

    @pytest.mark.usefixtures("jobs")
    def test_what_had_a_last_word_is_done_anew(self, session):
        arrange(done_at=NOW, failed_at=None)
        assert failed_jobs.replay_jobs(session, None) == 3
        session.commit()
        assert {each.done_at for each in rows(session)} == {None}

    @pytest.mark.usefixtures("jobs")
    def test_no_choice_is_not_every_job(self, session):
        assert failed_jobs.replay_jobs(session, []) == 0

    @pytest.mark.usefixtures("jobs")
    def test_more_than_one_piece_of_them_is_offered_again(self, session, monkeypatch):
        monkeypatch.setattr(failed_jobs, "_AT_ONCE", 2)
        assert failed_jobs.replay_jobs(session, None) == 3
        session.commit()
        assert {each.attempts for each in rows(session)} == {0}
