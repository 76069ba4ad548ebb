"""What a digest does with a person's choices, and what it says of what has moved meanwhile."""

from datetime import timedelta

import time_machine
from sqlalchemy import select, update

from services.notify.digests import runs
from services.notify.digests.runs import count_overdue
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.db import Session
from shared.models import Letter, LetterState, Rhythm, Subscription
from tests.notify.digests.test_digests import MORNING, an_entry, numbers, person, run_at

__all__ = ["person"]


def they_leave():
    with Session.begin() as session:
        session.execute(
            update(Letter)
            .where(Letter.state == LetterState.WAITING)
            .values(state=LetterState.SENT, sent_at=utcnow())
        )


def test_what_moves_into_a_chosen_lane_is_new_and_what_was_told_is_not(session, person, settings):
    session.add(Subscription(staff_id=person.id, lanes=["urgent"]))
    moves = an_entry(session, priority=100)
    stays = an_entry(session, priority=400)
    session.commit()
    assert numbers(run_at(settings, MORNING)) == [(1, 1)]
    they_leave()
    moves.priority = 400
    stays.priority = 300
    session.commit()
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(1, 1)]
    they_leave()
    stays.priority = 400
    session.commit()
    assert numbers(run_at(settings, MORNING + timedelta(days=2))) == [(0, 2)]


def test_who_wants_more_hears_of_what_was_there_already(session, person, settings):
    chosen = Subscription(staff_id=person.id, lanes=["urgent"])
    session.add(chosen)
    an_entry(session, priority=100)
    an_entry(session, priority=400)
    session.commit()
    assert numbers(run_at(settings, MORNING)) == [(1, 1)]
    they_leave()
    chosen.lanes = None
    session.commit()
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(1, 2)]


def test_a_calm_note_comes_once_a_week_to_who_wants_it(session, person, settings):
    session.add(Subscription(staff_id=person.id, calm_note=True))
    session.commit()
    written = []
    for day in range(9):
        [told] = run_at(settings, MORNING + timedelta(days=day))
        written.append(told.is_calm)
        they_leave()
    assert [day for day, was in enumerate(written) if was] == [0, 7]


def test_several_times_a_day_only_the_first_repeats_what_is_known(session, person, settings):
    session.add(
        Subscription(staff_id=person.id, rhythm=Rhythm.HOURS, hour=7, every_hours=1, until_hour=10)
    )
    an_entry(session)
    session.commit()
    written = []
    for hour in (0, 1, 2, 24):
        if hour == 2:
            an_entry(session)
            session.commit()
        [told] = run_at(settings, MORNING + timedelta(hours=hour))
        written.append((told.new, told.is_written))
        they_leave()
    assert written == [(1, True), (0, False), (1, True), (0, True)]


def test_what_was_decided_before_it_left_is_told_as_decided(session, person, settings, server):
    with time_machine.travel(MORNING, tick=False):
        an_entry(session)
        gone = an_entry(session)
        session.commit()
        run_at(settings, MORNING)
        gone.closed_at = utcnow()
        session.commit()
        assert send_due(settings) == 1
    body = server.taken[0].get_body(("plain",)).get_content()
    assert "Dessutom kom 1 ärende som kollegor redan har avgjort." in body
    # Opened again it is nothing new.
    gone.closed_at = None
    session.commit()
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(0, 2)]


def test_while_one_is_being_sent_its_reader_waits(session, person, settings):
    an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    with Session.begin() as look:
        look.execute(
            update(Letter).values(
                state=LetterState.CLAIMED, claimed_until=utcnow() + timedelta(minutes=2)
            )
        )
    assert run_at(settings, MORNING + timedelta(days=1)) == []
    with Session.begin() as look:
        look.execute(update(Letter).values(state=LetterState.FAILED, error="550"))
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(1, 1)]


def test_it_is_overdue_when_a_quarter_of_an_hour_has_passed(session, person, settings):
    person.created_at = MORNING - timedelta(hours=1)
    an_entry(session)
    session.commit()
    assert not count_overdue(session, settings.timezone, MORNING + timedelta(minutes=14))
    assert count_overdue(session, settings.timezone, MORNING + timedelta(minutes=16))
    run_at(settings, MORNING + timedelta(minutes=17))
    assert not count_overdue(session, settings.timezone, MORNING + timedelta(minutes=18))


def test_a_dry_run_leaves_nothing(session, person, settings):
    an_entry(session)
    session.commit()
    with Session() as trying, trying.begin() as transaction:
        assert numbers(runs.run_now(trying, settings)) == [(1, 1)]
        transaction.rollback()
    assert session.scalars(select(Letter)).all() == []
