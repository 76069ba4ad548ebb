"""Real processes: relay, clock and worker, killed while letters go out."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from shared.db import Session
from shared.models import Heartbeat, LetterState
from tests.factories import an_idea

LETTERS = 20
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
def test_killed_workers_and_an_emptied_broker_lose_no_letter_and_all_end_when_told(
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
    clock = start("radslag", "clock")
    worker = start(*WORKER)
    # Every message that was on its way is gone; the rows are not.
    until(lambda: len(desk.letters()) > 0)
    with redis.Redis.from_url(broker_url) as broker:
        broker.flushall()
    until(lambda: len(desk.letters()) == LETTERS)
    desk.ripen()
    until(lambda: len(server.taken) >= 5)
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
    assert len(server.taken) <= LETTERS + 1
    with Session() as reading:
        assert reading.get(Heartbeat, "clock") is not None
    for process in (clock, worker):
        process.send_signal(signal.SIGTERM)
    for process in (clock, worker):
        assert process.wait(30) in {0, -signal.SIGTERM}
