"""Two units of work at one moment: who comes second passes over, or waits for who came first."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import official_answers
from services.notify.alarms import notices
from services.notify.desk import resending
from services.notify.digests import runs as digests
from services.notify.digests.runs import run_now, run_scheduled
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice, store_choice
from services.notify.letters import answers, arrivals
from services.notify.mail import addresses, letters
from services.notify.mail.incidents import open_or_see
from services.notify.sending import claims
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import outbox, queues
from shared.delivery.events import IdeaChecked
from shared.models import (
    DeadAddress,
    DigestRun,
    Incident,
    IncidentKind,
    LetterState,
    Notice,
    Role,
    Subscription,
)
from tests.factories import a_member_of_staff, an_idea
from tests.notify.conftest import ADDRESS

Act = Callable[[SqlSession], object]


class Second:
    """Somebody else, whose unit of work begins while the first one's is open."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def begins(self, act: Act) -> Future[object]:
        """Let them act, and commit."""

        def do() -> object:
            with Session.begin() as session:
                return act(session)

        return self._pool.submit(do)

    @staticmethod
    def waits() -> None:
        """Return when somebody waits for a lock that another holds."""
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        for _ in range(1000):
            with Session() as look:
                if look.scalar(waiting):
                    return
                look.scalar(text("SELECT pg_sleep(0.01)"))
        raise AssertionError("nobody waits")


@pytest.fixture
def second(database) -> Iterator[Second]:
    with ThreadPoolExecutor(1) as pool:
        yield Second(pool)


def test_a_letter_that_another_has_picked_is_passed_over(desk, session, second):
    for email in ("a@example.org", "b@example.org"):
        each = an_idea(session, email=email, submitted=False)
        desk.wait_for(each)
        desk.publish(each)
    desk.deliver()
    desk.ripen()
    ids = {each.id for each in desk.letters()}
    with Session.begin() as first:
        taken = claims.claim_letter(first).id
        others = second.begins(claims.claim_letter).result(10).id
        assert {taken, others} == ids
        assert second.begins(claims.claim_letter).result(10) is None


def test_who_counts_a_mailbox_waits_for_who_counts_it(desk, session, second):
    for n in range(4):
        idea = an_idea(session, text=f"Nummer {n}.", email=ADDRESS, submitted=False)
        outbox.record_event(session, IdeaChecked(idea.id, 1))
    session.commit()
    batches = [desk.claim(queues.ARRIVAL, slice(n, n + 2)) for n in (0, 2)]
    with Session.begin() as first:
        arrivals.write_arrival_letters(first, *batches[0], desk.settings)
        other = second.begins(
            lambda own: arrivals.write_arrival_letters(own, *batches[1], desk.settings)
        )
        second.waits()
    other.result(10)
    states = [each.state for each in desk.letters()]
    assert (states.count(LetterState.WAITING), states.count(LetterState.CANCELLED)) == (3, 1)


def test_an_undo_waits_to_know_whether_the_letter_was_taken(desk, idea, second):
    decision = desk.publish(idea)
    desk.deliver()
    desk.ripen()
    with Session.begin() as first:
        assert claims.claim_letter(first) is not None
        desk.undo(decision)
        batch = desk.claim(queues.LETTER)
        other = second.begins(
            lambda own: letters.write_decision_letters(own, *batch, desk.settings)
        )
        second.waits()
    other.result(10)
    assert desk.states() == [("published", "claimed"), ("corrected", "waiting")]


def test_taking_an_answer_back_waits_to_know_whether_its_letter_was_taken(desk, idea, second):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    with Session.begin() as own:
        claims.mark_sent(own, claims.claim_letter(own))
    about = {"number": idea.number, "staff_id": desk.staff.id}
    with Session.begin() as own:
        official_answers.write_official_answer(own, **about, seen=0, text="Ja.")
    desk.deliver(queues.ANSWER)
    desk.ripen()
    with Session.begin() as first:
        assert claims.claim_letter(first) is not None
        with Session.begin() as own:
            official_answers.take_back(own, **about, seen=1)
        batch = desk.claim(queues.ANSWER)
        other = second.begins(lambda own: answers.write_answer_letters(own, *batch, desk.settings))
        second.waits()
    other.result(10)
    assert desk.states()[1:] == [("answered", "claimed"), ("answer-withdrawn", "waiting")]


class TestDigests:
    @pytest.fixture(autouse=True)
    def due(self, session):
        person = a_member_of_staff(session, created_at=utcnow() - timedelta(days=9))
        session.add(Subscription(staff_id=person.id, hour=0))
        session.commit()
        return person

    def test_a_run_leaves_it_to_the_one_that_is_at_it(self, session, settings, second):
        with Session.begin() as first:
            assert len(run_scheduled(first, settings, utcnow())) == 1
            late = second.begins(lambda own: run_scheduled(own, settings, utcnow()))
            assert late.result(10) == []
        # And finds nothing to do when that has ended.
        assert second.begins(lambda own: run_scheduled(own, settings, utcnow())).result(10) == []
        assert session.scalar(select(func.count()).select_from(DigestRun)) == 1

    @pytest.mark.parametrize("asks", ["now", "test"])
    def test_one_that_a_person_asks_for_waits_for_its_turn(self, session, settings, second, asks):
        def ask(own: SqlSession) -> object:
            if asks == "now":
                return run_now(own, settings)
            return digests.make_test_digest(own, settings, digests.list_readers(own)[0])

        with Session.begin() as first:
            run_scheduled(first, settings, utcnow())
            late = second.begins(ask)
            second.waits()
        late.result(10)
        runs = session.scalars(select(DigestRun.slot).order_by(DigestRun.id)).all()
        assert [each.partition("-")[0] for each in runs] == ["due", asks]


class TestAlarms:
    @pytest.fixture(autouse=True)
    def operator(self, session):
        a_member_of_staff(session, Role.ADMIN)
        session.commit()

    def test_an_incident_that_another_opens_is_seen_when_they_have(self, session, second):
        with Session.begin() as first:
            opened = open_or_see(first, IncidentKind.DEAF, "x")
            late = second.begins(lambda own: open_or_see(own, IncidentKind.DEAF, "x", count=7))
            second.waits()
        assert late.result(10) == opened
        [incident] = session.scalars(select(Incident)).all()
        assert (incident.id, incident.count) == (opened, 7)

    def test_who_tells_leaves_it_to_the_one_that_is_at_it(self, session, settings, second):
        later = utcnow() + timedelta(minutes=2)
        with Session.begin() as own:
            open_or_see(own, IncidentKind.DEAF, "x")
        with Session.begin() as first:
            notices.write_notices(first, settings, later)
            second.begins(lambda own: notices.write_notices(own, settings, later)).result(10)
        assert len(session.scalars(select(Notice)).all()) == 1

    def test_an_address_is_buried_once(self, desk, idea, session, second):
        desk.publish(idea)
        desk.deliver()
        [letter] = desk.letters()
        with Session.begin() as first:
            addresses.bury_address(first, letter, "5.1.1")
            late = second.begins(lambda own: addresses.bury_address(own, letter, "5.1.1"))
            second.waits()
        late.result(10)
        assert session.scalar(select(func.count()).select_from(DeadAddress)) == 1


def test_of_two_who_choose_for_one_person_the_last_counts(desk, session, second):
    def chosen(hour: int) -> Act:
        return lambda own: store_choice(
            own, Choice(desk.staff.id, "", schedule=Schedule(hour=hour))
        )

    with Session.begin() as first:
        chosen(8)(first)
        late = second.begins(chosen(9))
        second.waits()
    late.result(10)
    assert session.scalars(select(Subscription.hour)).all() == [9]


def test_a_letter_is_sent_once_more_by_one_of_two(desk, idea, second):
    desk.publish(idea)
    desk.deliver()
    [letter] = desk.letters()
    desk.session.merge(letter).state = LetterState.FAILED
    desk.session.commit()
    with Session.begin() as first:
        assert resending.resend_letters(first, None) == 1
        late = second.begins(lambda own: resending.resend_letters(own, None))
        second.waits()
    assert late.result(10) == 0
