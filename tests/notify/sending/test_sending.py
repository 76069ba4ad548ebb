"""Sending through a real SMTP server that also refuses, closes and goes away."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from radslag.ports import free_port
from services.notify.sending import claims
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.db import Session
from shared.models import Contact, LetterState
from tests.factories import an_idea
from tests.notify.conftest import ADDRESS

SENDER = """
from services.notify.sending.mailing import send_due
from shared import db
from shared.config import Settings
settings = Settings.from_env()
db.configure_sessions(settings)
send_due(settings)
"""


@pytest.fixture
def published(desk, idea):
    """An idea whose letter is due."""
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    return idea


def start_worker(environment):
    return subprocess.Popen(
        [sys.executable, "-c", SENDER], env={**os.environ, **environment}, text=True
    )


def test_held_letters_are_not_claimed(published, desk, server, settings):
    held = dataclasses.replace(settings, hold_letters=True)
    assert send_due(held) == 0
    assert desk.states() == [("published", "waiting")]


def test_killed_between_sending_and_marking_it_is_sent_again_with_the_same_message_id(
    published, desk, server, settings, environment
):
    worker = start_worker(environment)
    server.before_reply = lambda: os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait(60) == -signal.SIGKILL
    server.before_reply = None
    assert desk.states() == [("published", "claimed")]
    assert send_due(settings) == 0
    desk.expire()
    assert send_due(settings) == 1
    first, second = server.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert desk.states() == [("published", "sent")]


def test_a_lost_answer_is_tried_again_with_the_same_message_id(published, desk, server, settings):
    server.to_data = ["drop"]
    assert send_due(settings) == 0
    assert [letter.error for letter in desk.letters()] == ["SMTPServerDisconnected"]
    desk.ripen()
    assert send_due(settings) == 1
    assert len({mail["Message-ID"] for mail in server.taken}) == 1


@pytest.mark.parametrize("answer", ["451 later", "421 closing", "452 full"])
def test_a_passing_refusal_waits_longer_each_time(published, desk, server, settings, answer):
    server.to_data = [answer] * 2
    pauses = []
    for _ in range(2):
        desk.ripen()
        assert send_due(settings) == 0
        (letter,) = desk.letters()
        pauses.append(round((letter.due_at - utcnow()).total_seconds(), -1))
        assert (letter.state, letter.error) == (LetterState.WAITING, answer[:3])
    assert pauses == [30, 60]
    desk.ripen()
    assert send_due(settings) == 1
    (letter,) = desk.letters()
    assert (letter.attempts, letter.error) == (3, None)


def test_a_lasting_refusal_fails_at_once_with_its_code(published, desk, server, settings):
    server.to_recipient[ADDRESS] = "550 no such user"
    assert send_due(settings) == 0
    (letter,) = desk.letters()
    assert (letter.state, letter.error, letter.attempts) == (LetterState.FAILED, "550", 1)


def test_one_bad_address_does_not_harm_the_others(published, desk, server, settings, session):
    other = an_idea(session, email="bra@example.org", submitted=False)
    desk.wait_for(other)
    desk.publish(other)
    desk.deliver()
    desk.ripen()
    server.to_recipient[ADDRESS] = "550 no such user"
    assert send_due(settings) == 1
    assert [state for _template, state in desk.states()] == ["failed", "sent"]
    assert server.connections == 1


def test_without_a_server_letters_wait(published, desk, settings, server):
    away = dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{free_port()}")
    assert send_due(away) == 0
    (letter,) = desk.letters()
    assert (letter.state, letter.error) == (LetterState.WAITING, "ConnectionRefusedError")
    desk.ripen()
    assert send_due(settings) == 1


def test_after_days_of_trying_it_is_given_up_and_seen(published, desk, server, settings):
    with Session.begin() as session:
        (letter,) = desk.letters()
        letter = session.merge(letter)
        letter.attempts = claims.MIN_ATTEMPTS
        letter.created_at -= claims.GIVE_UP_AFTER + timedelta(hours=1)
    server.to_data = ["451 later"]
    send_due(settings)
    (letter,) = desk.letters()
    assert (letter.state, letter.error) == (LetterState.FAILED, "451")


def test_a_letter_that_cannot_be_composed_waits_and_the_others_leave(
    published, desk, server, settings, session
):
    with Session.begin() as look:
        (letter,) = desk.letters()
        look.merge(letter).template = "no-such-template"
    other = an_idea(session, email="bra@example.org", submitted=False)
    desk.wait_for(other)
    desk.publish(other)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    broken = desk.letters()[0]
    assert broken.state is LetterState.WAITING
    assert broken.error.startswith("TemplateNotFound")


def test_a_letter_to_no_address_is_refused_and_the_others_leave(
    published, desk, server, settings, session
):
    # No address like this is stored today; one of yesterday must not end every run.
    with Session.begin() as look:
        look.execute(update(Contact).values(email="anna\r\nRCPT@example.org"))
    other = an_idea(session, email="bra@example.org", submitted=False)
    desk.wait_for(other)
    desk.publish(other)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert [mail["To"] for mail in server.taken] == ["bra@example.org"]
    broken = desk.letters()[0]
    assert (broken.state, broken.error) == (LetterState.FAILED, "bad address")


def test_what_does_not_arrive_is_reported_to_the_address_for_that(
    published, desk, server, settings
):
    told = dataclasses.replace(settings, bounce_address="studsar@stad.example")
    assert send_due(told) == 1
    assert server.senders == ["studsar@stad.example"]
    assert "radslag@stad.example" in server.taken[0]["From"]


def test_many_workers_send_each_letter_once_over_one_connection_each(
    desk, server, settings, session
):
    for count in range(30):
        each = an_idea(session, email=f"nr{count}@example.org", submitted=False)
        desk.wait_for(each)
        desk.publish(each)
    desk.deliver()
    desk.ripen()
    threads = [threading.Thread(target=send_due, args=(settings,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(mail["To"] for mail in server.taken) == sorted(
        f"nr{count}@example.org" for count in range(30)
    )
    assert server.connections <= 4


def test_a_domain_with_swedish_letters_goes_out_as_dns_has_it(desk, server, settings, session):
    each = an_idea(session, email="anna@räksmörgås.example", submitted=False)
    desk.wait_for(each)
    desk.publish(each)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert server.taken[0]["To"] == "anna@xn--rksmrgs-5wao1o.example"


def test_no_address_reaches_a_log(published, desk, server, settings, caplog):
    caplog.set_level("DEBUG")
    server.to_data = ["drop", f"451 {ADDRESS} later"]
    for _ in range(3):
        desk.ripen()
        send_due(settings)
    server.to_recipient[ADDRESS] = f"550 {ADDRESS} unknown"
    ours = [record for record in caplog.records if record.name.startswith(("services", "shared"))]
    assert ours
    for record in ours:
        assert ADDRESS not in f"{record.getMessage()} {record.__dict__}"
    assert all(ADDRESS not in (letter.error or "") for letter in desk.letters())
