"""The doorbell: rung when an event is committed, heard at once, and missed by nobody."""

import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest
import redis

from radslag.commands import relay as relay_process
from radslag.ports import free_port
from services.submission.forms import IdeaForm
from services.submission.intake import Arrival, receive_idea
from shared import db
from shared.delivery import doorbell, outbox
from shared.delivery.events import IdeaDecided
from shared.ids import new_id
from shared.models import DecisionKind, OutboxDelivery, Source
from tests.factories import a_council

# Longer than any test here: who returns earlier was woken.
LONG_S = 120.0


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker_url) as client:
        yield client


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the bell was asked for."""
    rings: list[int] = []

    class Counted(doorbell.Doorbell):
        def ring(self) -> None:
            rings.append(1)

    monkeypatch.setattr(doorbell, "_doorbell", Counted("redis://unused"))
    return rings


def decided() -> IdeaDecided:
    return IdeaDecided(new_id(), new_id(), DecisionKind.KEEP)


def in_a_thread(do) -> Thread:
    thread = Thread(target=do, daemon=True)
    thread.start()
    return thread


def eventually(question) -> None:
    deadline = time.monotonic() + 60
    while not question():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_who_waits_hears_a_ring_of_before_and_one_of_meanwhile(broker_url, broker):
    bell, ear, stop = doorbell.Doorbell(broker_url), doorbell.Ear(broker_url), Event()
    bell.ring()
    ear.wait(LONG_S, stop)
    waiting = in_a_thread(lambda: ear.wait(LONG_S, stop))
    eventually(lambda: broker.client_list() and _blocked(broker))
    bell.ring()
    waiting.join(60)
    assert not waiting.is_alive()
    ear.close()


def _blocked(broker: redis.Redis) -> bool:
    return int(broker.info("clients")["blocked_clients"]) > 0


def test_a_heap_of_rings_is_one_ring(broker_url, broker):
    bell = doorbell.Doorbell(broker_url)
    for _ in range(5):
        bell.ring()
        eventually(lambda: broker.llen(doorbell.KEY) == 1)
        time.sleep(2 * doorbell.GAP_S)
    assert broker.llen(doorbell.KEY) == 1


def test_without_a_broker_ringing_costs_nothing_and_waiting_ends_with_its_time_or_when_told():
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    bell, ear, stop = doorbell.Doorbell(nowhere), doorbell.Ear(nowhere), Event()
    bell.ring()
    began = time.monotonic()
    ear.wait(0.2, stop)
    assert time.monotonic() - began >= 0.19
    waiting = in_a_thread(lambda: ear.wait(LONG_S, stop))
    stop.set()
    waiting.join(60)
    assert not waiting.is_alive()


def test_it_rings_when_what_was_written_can_be_seen(session, rung):
    with db.Session() as writing:
        outbox.record_event(writing, decided())
        with writing.begin_nested():
            outbox.record_event(writing, decided())
        assert rung == []
        writing.commit()
        assert rung == [1]
        outbox.record_event(writing, decided())
        writing.commit()
        assert rung == [1, 1]


def test_what_is_rolled_back_or_tells_nobody_does_not_ring(session, rung):
    with db.Session() as writing:
        outbox.record_event(writing, decided())
        writing.rollback()
    with db.Session.begin() as writing:
        outbox.record_all(writing, [])
    assert rung == []


def test_an_idea_that_comes_in_rings(session, settings, rung):
    council = a_council(session)
    session.commit()
    arrival = Arrival(Source.API, b"{}", "application/json")
    receive_idea(db.run_alone, settings, council.slug, IdeaForm("En bänk vid ån."), arrival)
    assert rung == [1]


def test_the_relay_is_woken_and_looks_by_itself_when_the_ring_was_lost(
    session, settings, broker, broker_url, monkeypatch
):
    """First with a bell and no polling worth the name, then with polling and no bell."""
    looks: list[int] = []
    once = relay_process.relay.relay_once

    def counted(*about):
        looks.append(1)
        return once(*about)

    def offered() -> int:
        with db.Session() as reading:
            return reading.query(OutboxDelivery).where(OutboxDelivery.batch.is_not(None)).count()

    session.close()
    monkeypatch.setattr(relay_process.relay, "relay_once", counted)
    monkeypatch.setattr(relay_process, "POLL_S", LONG_S)
    stop = Event()
    running = in_a_thread(lambda: relay_process.run_relay(settings, stop))
    eventually(lambda: looks and _blocked(broker))
    bell = doorbell.Doorbell(broker_url)
    with db.Session.begin() as writing:
        outbox.record_event(writing, decided())
    bell.ring()
    eventually(lambda: offered() == 1)
    monkeypatch.setattr(relay_process, "POLL_S", 0.05)
    bell.ring()
    with db.Session.begin() as writing:
        outbox.record_event(writing, decided())
    broker.flushall()
    eventually(lambda: offered() == 2)
    stop.set()
    running.join(60)
    assert not running.is_alive()
