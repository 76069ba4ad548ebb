"""Digest runs: each entry new exactly once, each person one mail a day, whatever the clock does."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from services.notify.digests import readers
from services.notify.digests import runs as digests
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.db import Session
from shared.models import (
    Digest,
    DigestPosition,
    DigestRun,
    Letter,
    LetterState,
    QueueEntry,
    Reason,
    Role,
    Staff,
    Subscription,
)
from tests.factories import a_member_of_staff, an_idea

MORNING = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)  # 07:00 in Helsingborg


@pytest.fixture
def person(session):
    """A moderator of long standing."""
    made = a_member_of_staff(session, name="Anna", created_at=MORNING - timedelta(days=900))
    session.commit()
    return made


def an_entry(session, **about):
    idea = an_idea(session, submitted=False)
    entry = QueueEntry(**{"idea_id": idea.id, "reason": Reason.NEW} | about)
    session.add(entry)
    session.flush()
    return entry


def run_at(settings, moment):
    with Session.begin() as session:
        return digests.run_scheduled(session, settings, moment)


def numbers(told):
    return [(each.new, each.waiting) for each in told]


def test_who_gets_a_digest(session, settings):
    wants = a_member_of_staff(session, Role.ADMIN)
    a_member_of_staff(session, Role.READER)
    a_member_of_staff(session, disabled_at=utcnow())
    no_thanks = a_member_of_staff(session)
    session.add(Subscription(staff_id=no_thanks.id, wanted=False))
    session.flush()
    assert [reader.id for reader in readers.list_readers(session)] == [wants.id]


def test_new_is_new_once_and_waiting_is_repeated(session, person, settings):
    an_entry(session)
    an_entry(session)
    session.commit()
    assert numbers(run_at(settings, MORNING)) == [(2, 2)]
    with Session.begin() as look:
        look.execute(update(Letter).values(state=LetterState.SENT, sent_at=utcnow()))
    an_entry(session)
    session.commit()
    assert run_at(settings, MORNING + timedelta(hours=5)) == []
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(1, 3)]


def test_an_entry_that_commits_late_is_new_in_the_next_digest(session, person, settings):
    with Session() as late:
        entry = an_entry(late)  # its id is the lower one
        an_entry(session)
        session.commit()
        assert numbers(run_at(settings, MORNING)) == [(1, 1)]
        with Session.begin() as look:
            look.execute(update(Letter).values(state=LetterState.SENT, sent_at=utcnow()))
        late.commit()
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(1, 2)]
    with Session() as look:
        runs = look.scalar(
            select(func.count())
            .select_from(DigestPosition)
            .where(DigestPosition.entry_id == entry.id)
        )
    assert runs == 1


def test_nothing_to_say_is_noted_and_not_sent(session, person, settings):
    assert numbers(run_at(settings, MORNING)) == [(0, 0)]
    assert session.scalar(select(func.count()).select_from(Letter)) == 0
    assert session.scalar(select(Digest.slot)) == "2026-11-23T07"


def test_an_outage_of_days_is_caught_up_in_one_mail(session, person, settings, server):
    an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    for day in (1, 2):
        an_entry(session)
        session.commit()
        # No mail server: what was not sent is told by the next one.
        assert numbers(run_at(settings, MORNING + timedelta(days=day))) == [(day + 1, day + 1)]
    states = session.scalars(select(Letter.state).order_by(Letter.created_at)).all()
    assert states == [LetterState.CANCELLED, LetterState.CANCELLED, LetterState.WAITING]
    # The clock stood still for a week.
    an_entry(session)
    session.commit()
    assert numbers(run_at(settings, MORNING + timedelta(days=9, hours=3))) == [(4, 4)]
    assert send_due(settings) == 1
    assert len(server.taken) == 1


def test_interrupted_it_may_have_left_and_is_not_repeated(session, person, desk, settings, server):
    an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    server.to_data = ["drop"]
    assert send_due(settings) == 0
    (letter,) = [each for each in desk.letters() if each.staff_id == person.id]
    assert (letter.state, letter.error) == (LetterState.FAILED, "interrupted")
    assert send_due(settings) == 0
    told = run_at(settings, MORNING + timedelta(days=1))
    assert (0, 1) in numbers(told)


def test_a_worker_killed_with_a_digest_in_its_hands_sends_it_at_most_once(
    session, person, desk, settings, server
):
    an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    with Session.begin() as look:
        look.execute(
            update(Letter).values(
                state=LetterState.CLAIMED, claimed_until=utcnow() - timedelta(seconds=1)
            )
        )
    assert send_due(settings) == 0
    assert {(each.state.value, each.error) for each in desk.letters()} == {
        ("failed", "interrupted")
    }


def test_a_refused_digest_was_not_told(session, person, settings, server):
    an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    server.to_recipient[person.email] = "550 no such user"
    send_due(settings)
    assert numbers(run_at(settings, MORNING + timedelta(days=1))) == [(1, 1)]


def test_two_clocks_make_one_run(session, person, settings):
    an_entry(session)
    session.commit()
    told: list[object] = []
    threads = [
        threading.Thread(target=lambda: told.extend(run_at(settings, MORNING))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert session.scalar(select(func.count()).select_from(DigestRun)) == 1
    assert session.scalar(select(func.count()).select_from(Letter)) == 1


def test_whoever_came_after_the_hour_waits_until_tomorrow(session, settings):
    a_member_of_staff(session, created_at=MORNING + timedelta(minutes=1))
    session.commit()
    noon = MORNING + timedelta(hours=5)
    assert readers.list_due(session, settings.timezone, noon) == []
    assert len(readers.list_due(session, settings.timezone, noon + timedelta(days=1))) == 1


@pytest.mark.parametrize(
    ("night", "hour"),
    [
        (datetime(2027, 3, 28, tzinfo=UTC), 2),  # 02:00–03:00 does not exist
        (datetime(2027, 10, 31, tzinfo=UTC), 2),  # 02:00–03:00 comes twice
        (datetime(2027, 10, 31, tzinfo=UTC), 3),
        (datetime(2027, 3, 28, tzinfo=UTC), 0),
        (datetime(2026, 12, 24, tzinfo=UTC), 23),
    ],
)
def test_one_digest_each_day_of_summer_time_and_winter_time(session, person, settings, night, hour):
    session.add(Subscription(staff_id=person.id, hour=hour))
    an_entry(session)
    start = night - timedelta(days=1, hours=2)
    person.created_at = start
    session.commit()
    times = []
    for minutes in range(0, 72 * 60, 20):
        moment = start + timedelta(minutes=minutes)
        if run_at(settings, moment):
            times.append(moment.astimezone(settings.timezone))
    days = [moment.date() for moment in times]
    assert len(set(days)) == len(days)
    assert {night.date(), night.date() - timedelta(days=1)} <= set(days)
    usual = [moment.hour for moment in times if moment.date() != night.date()]
    assert all(each == hour for each in usual[1:])
    # The hour that does not exist is told when the clock has gone past it.
    (that_night,) = [moment.hour for moment in times if moment.date() == night.date()]
    assert that_night == (3 if (night.month, hour) == (3, 2) else hour)


def test_a_digest_asked_for_now_goes_to_everybody_and_the_days_own_comes_nevertheless(
    session, person, settings
):
    an_entry(session)
    session.commit()
    with Session.begin() as look:
        assert numbers(digests.run_now(look, settings)) == [(1, 1)]
    with Session.begin() as look:
        look.execute(update(Letter).values(state=LetterState.SENT, sent_at=utcnow()))
    assert numbers(run_at(settings, MORNING)) == [(0, 1)]


def test_what_the_digest_says_is_what_its_run_saw(session, person, settings, server):
    with time_machine.travel(MORNING, tick=False):
        an_entry(session, opened_at=utcnow() - timedelta(days=3), priority=200)
        an_entry(session, reason=Reason.REPORT, opened_at=utcnow() - timedelta(hours=2))
        closed = an_entry(session)
        session.commit()
        run_at(settings, MORNING)
        closed.closed_at = utcnow()
        an_entry(session)  # for tomorrow's
        session.commit()
        assert send_due(settings) == 1
    (mail,) = server.taken
    assert mail["To"] == person.email
    assert mail["List-Id"] == "<digest.radslag.stad.example>"
    assert mail["Subject"] == "Rådslag: 2 väntar, nya sedan sist: 2"
    body = " ".join(mail.get_body(("plain",)).get_content().split())
    assert "Det äldsta har väntat i 3 dygn." in body
    assert re.search(r"- Anmäld av läsare · R-\S+ · Ett invånarråd · 2 timmar · ny\b", body)
    assert "En bänk" not in mail.as_string()


def test_when_all_is_decided_before_it_leaves_it_is_not_sent(session, person, settings, server):
    entry = an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    entry.closed_at = utcnow()
    session.commit()
    assert send_due(settings) == 0
    assert session.scalar(select(Letter.error)) == "nothing waits"


def test_who_has_left_gets_no_letter(session, person, settings, server):
    an_entry(session)
    session.commit()
    run_at(settings, MORNING)
    with Session.begin() as look:
        look.get_one(Staff, person.id).disabled_at = utcnow()
    assert send_due(settings) == 0
    assert session.scalar(select(Letter.error)) == "account closed"


def test_the_command_makes_a_run_and_says_who_gets_what(session, person, command):
    an_entry(session)
    session.commit()
    assert person.email in command("digest", "--now", "--dry-run")
    assert session.scalars(select(Letter)).all() == []
    assert "a letter" in command("digest", "--now")
    assert session.scalars(select(Letter.template)).all() == ["digest"]
