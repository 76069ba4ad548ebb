"""Real processes: relay, clock and worker, killed while letters go out."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from shared.db import Session
from shared.models import Heartbeat, LetterState, QueueEntry, Reason, Staff
from tests.factories import an_idea

LETTERS = 40
WORKER = (
    *("celery", "-A", "services.notify.worker", "worker", "-Q", "letters,clock", "-c", "1"),
    *("--pool", "prefork", "--loglevel", "warning"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


@pytest.fixture
def start(environment):
    """Start a process of the system; all end with the test."""
    running = []

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env={**os.environ, **environment, "RADSLAG_DIE_WITH_PARENT": "1"},
            start_new_session=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(condition, timeout_s=90):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@pytest.mark.slow
def test_killed_workers_and_an_emptied_broker_lose_no_letter(
    desk, session, server, start, environment, broker_url
):
    ideas = [
        an_idea(session, email=f"nr{count}@example.org", submitted=False)
        for count in range(LETTERS)
    ]
    for idea in ideas:
        desk.wait_for(idea)
        desk.publish(idea)
    start("radslag", "relay")
    start("radslag", "clock")
    worker = start(*WORKER)
    # Every message that was on its way is gone; the rows are not.
    until(lambda: len(desk.letters()) > 0)
    with redis.Redis.from_url(broker_url) as broker:
        broker.flushall()
    until(lambda: len(desk.letters()) == LETTERS)
    desk.ripen()
    for taken in (5, 20):
        until(lambda taken=taken: len(server.taken) >= taken)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        worker = start(*WORKER)

    def all_sent():
        desk.expire()
        return all(letter.state is LetterState.SENT for letter in desk.letters())

    until(all_sent)
    ids = {letter.message_id for letter in desk.letters()}
    assert {mail["Message-ID"] for mail in server.taken} == ids
    assert len(ids) == LETTERS
    # At most the one that a killed worker had in its hands has come twice.
    assert len(server.taken) <= LETTERS + 2


@pytest.mark.slow
def test_the_clock_and_the_worker_end_quickly_when_told(start, desk):
    processes = [start("radslag", "clock"), start(*WORKER)]
    until(_clock_beats)
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        assert process.wait(30) in {0, -signal.SIGTERM}


def _clock_beats():
    with Session() as session:
        return session.get(Heartbeat, "clock") is not None


@pytest.mark.slow
def test_the_command_makes_a_run_and_says_who_gets_what(desk, session, environment, server):
    waiting = an_idea(session, submitted=False)
    session.add(QueueEntry(idea_id=waiting.id, reason=Reason.NEW))
    session.commit()

    def digest(*options):
        return subprocess.run(
            [sys.executable, "-m", "radslag", "digest", *options],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    email = session.get_one(Staff, desk.staff.id).email
    assert email in digest("--now", "--dry-run")
    assert desk.letters() == []
    said = digest("--now")
    assert "a letter" in said
    assert [letter.template for letter in desk.letters()] == ["digest"]
