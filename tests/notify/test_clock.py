"""The clock asks while there is something to do, survives outages, and may run twice."""

import dataclasses
import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
import redis
from celery import current_app

from radslag.commands import clock
from radslag.ports import free_port
from services.notify import tasks
from shared import db
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import queues
from shared.delivery.worker import make_celery
from shared.models import Heartbeat, QueueEntry, Reason, Subscription
from tests.factories import a_member_of_staff, an_idea
from tests.notify.conftest import ADDRESS


@pytest.fixture
def broker(broker_url):
    with redis.Redis.from_url(broker_url, decode_responses=True) as client:
        yield client


def asked(broker):
    """The tasks in the clock's queue, newest first."""
    return [json.loads(each)["headers"]["task"] for each in broker.lrange(queues.CLOCK, 0, -1)]


def ticks(settings, count=1):
    due = clock.list_chores(make_celery("clock", [], settings), settings)
    for number in range(count):
        clock.do_chores(due, 1e6 + 2 * number)
    return due


def test_nothing_due_nothing_asked(desk, broker, settings):
    ticks(settings, 3)
    assert asked(broker) == []


def test_a_due_letter_is_asked_for(desk, idea, broker, settings):
    desk.publish(idea)
    desk.deliver()
    ticks(settings)
    assert asked(broker) == []
    desk.ripen()
    ticks(settings)
    assert asked(broker) == [queues.SEND_LETTERS]


def test_while_nobody_works_it_asks_more_seldom_at_least_every_half_minute(
    desk, idea, broker, settings, monkeypatch
):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    seconds = 0
    # Its own watch is ours here: how long this machine takes says nothing.
    monkeypatch.setattr(clock, "time", SimpleNamespace(monotonic=lambda: float(seconds)))
    due = clock.list_chores(make_celery("clock", [], settings), settings)
    asked_at = []
    for seconds in range(62):
        clock.do_chores(due, seconds)
        if len(asked(broker)) > len(asked_at):
            asked_at.append(seconds)
    assert asked_at == [0, 1, 3, 7, 15, 31, 61]


def test_held_letters_are_not_asked_for(desk, idea, broker, settings):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    ticks(dataclasses.replace(settings, hold_letters=True))
    assert asked(broker) == []


def test_a_due_digest_is_asked_for(desk, broker, settings, session):
    reader = a_member_of_staff(session, created_at=utcnow() - timedelta(days=2))
    session.flush()
    session.add(Subscription(staff_id=reader.id, hour=0))
    session.commit()
    ticks(settings)
    assert queues.RUN_DIGESTS in asked(broker)


def test_messages_nobody_takes_expire(desk, idea, broker, settings):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    ticks(settings)
    (message,) = broker.lrange(queues.CLOCK, 0, -1)
    assert json.loads(message)["headers"]["expires"] is not None


def test_it_beats(desk, settings):
    ticks(settings)
    with Session() as session:
        beat = session.get_one(Heartbeat, "clock")
    assert utcnow() - beat.at < timedelta(minutes=1)


def test_without_a_broker_it_beats_on_and_says_so_once(desk, idea, settings, caplog):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    away = dataclasses.replace(settings, broker_url=f"redis://127.0.0.1:{free_port()}")
    ticks(away, 2)
    said = [each for each in caplog.records if each.message == "a server does not answer the clock"]
    assert len(said) == 1
    with Session() as session:
        assert session.get(Heartbeat, "clock") is not None


def test_without_a_database_it_lives_on(desk, settings):
    db.configure_sessions(
        dataclasses.replace(settings, database_url=f"postgresql://127.0.0.1:{free_port()}/none")
    )
    due = ticks(settings, 2)
    assert all(chore.failing for chore in due)
    db.configure_sessions(settings)
    clock.do_chores(due, 2e6)
    assert not any(chore.failing for chore in due)


def test_two_clocks_change_nothing(desk, idea, session, settings, server):
    """Both ask; whoever comes second finds nothing to claim."""
    desk.publish(idea)
    desk.deliver()
    waiting = an_idea(session, submitted=False)
    session.add(QueueEntry(idea_id=waiting.id, reason=Reason.NEW))
    reader = a_member_of_staff(session, created_at=utcnow() - timedelta(days=2))
    session.flush()
    session.add(Subscription(staff_id=reader.id, hour=0))
    session.commit()
    desk.ripen()
    current_app.conf.radslag_settings = settings
    for _ in range(2):
        tasks.run_digests()
        tasks.send_letters()
    assert sorted(mail["To"] for mail in server.taken) == sorted([ADDRESS, reader.email])
