"""How the clock asks: when, how often, and what an outage does. Time is the test's own."""

import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from kombu.exceptions import OperationalError
from sqlalchemy.exc import SQLAlchemyError
from time_machine import travel

from radslag import alarms
from radslag.alarms import Beside
from radslag.commands import clock
from radslag.commands.clock import Asker, Chore, do_chores
from radslag.until_told import until_told
from shared.config import Settings
from shared.delivery import queues
from tests.factories import _ENVIRONMENT

SETTINGS = Settings.from_env(_ENVIRONMENT)


class Broker:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, object]]] = []

    def send_task(self, name: str, **about: object) -> None:
        self.sent.append((name, about))


@contextmanager
def nobody():
    """A unit of work in which nothing is asked."""
    yield None


@pytest.fixture(autouse=True)
def now(monkeypatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: moment[0])
    return moment


class TestAsker:
    @pytest.fixture
    def seen(self) -> list[object]:
        return [None]

    @pytest.fixture
    def broker(self) -> Broker:
        return Broker()

    @pytest.fixture
    def asker(self, broker, seen) -> Asker:
        return Asker(broker, "task", lambda _session: seen[0])  # type: ignore[arg-type]

    def test_it_asks_for_nothing_while_there_is_nothing(self, asker, broker):
        asker.ask()
        assert broker.sent == []

    def test_a_message_goes_to_the_clock_s_queue_and_is_short_lived(self, asker, broker, seen):
        seen[0] = "a letter"
        asker.ask()
        assert broker.sent == [("task", {"queue": "clock", "expires": 10, "retry": False})]

    def test_it_asks_at_each_look_while_something_moves(self, asker, broker, seen):
        for number in range(5):
            seen[0] = number
            asker.ask()
        assert len(broker.sent) == 5

    def test_while_nothing_moves_it_waits_twice_as_long_each_time_and_half_a_minute_at_most(
        self, asker, broker, seen, now
    ):
        seen[0] = "stuck"
        at = []
        for _ in range(4000):
            before = len(broker.sent)
            asker.ask()
            if len(broker.sent) > before:
                at.append(now[0] - 1000)
            now[0] += 0.25
        pauses = [later - earlier for earlier, later in pairwise(at)]
        assert pauses[:7] == [1, 2, 4, 8, 16, 30, 30]
        assert set(pauses[7:]) == {30}

    def test_what_moves_again_is_asked_for_at_once(self, asker, broker, seen, now):
        seen[0] = "stuck"
        for _ in range(100):
            asker.ask()
            now[0] += 1
        before = len(broker.sent)
        seen[0] = "moved"
        asker.ask()
        assert len(broker.sent) == before + 1
        now[0] += 0.99
        asker.ask()
        assert len(broker.sent) == before + 1
        now[0] += 0.01
        asker.ask()
        assert len(broker.sent) == before + 2

    def test_what_was_gone_and_is_back_moves(self, asker, broker, seen):
        for seen[0] in ("x", None, "x"):
            asker.ask()
        assert len(broker.sent) == 2


class TestTick:
    def test_each_chore_has_its_own_pace(self):
        done = []
        due = [Chore(1, lambda: done.append("often")), Chore(3, lambda: done.append("seldom"))]
        for moment in (10, 10.99, 11, 12.5, 13, 13.5):
            do_chores(due, moment)
        assert done == ["often", "seldom", "often", "often", "seldom", "often"]

    @pytest.mark.parametrize(
        "error", [SQLAlchemyError(), OperationalError(), OSError(), ConnectionError()]
    )
    def test_an_outage_stops_no_other_chore_and_is_said_once(self, caplog, error):
        done = []

        def fail() -> None:
            raise error

        due = [Chore(1, fail), Chore(1, fail), Chore(1, lambda: done.append(1))]
        for moment in range(5):
            do_chores(due, moment)
        assert len(done) == 5
        assert len(caplog.records) == 1
        assert [chore.failing for chore in due] == [True, True, False]

    def test_an_outage_that_comes_again_is_said_again(self, caplog):
        broken = [True]

        def do() -> None:
            if broken[0]:
                raise OSError

        due = [Chore(1, do)]
        for moment, broken[0] in enumerate([True, True, False, True]):
            do_chores(due, moment)
        assert len(caplog.records) == 2

    def test_a_fault_of_ours_is_no_outage(self):
        def fail() -> None:
            raise KeyError

        with pytest.raises(KeyError):
            do_chores([Chore(1, fail)], 0)


class TestChores:
    @pytest.fixture
    def run(self, monkeypatch):
        """Do the chores once; return what was asked for, and with what."""

        def run(settings: Settings = SETTINGS, **looks: object) -> dict[str, dict[str, object]]:
            for target, answer in {
                "radslag.commands.clock.claims.something_due": None,
                "radslag.commands.clock.claiming.something_due": None,
                "radslag.commands.clock.spam_learning.is_due": False,
                "radslag.commands.clock.counting.is_anything_there": False,
                "radslag.commands.clock.corrections.is_day_come": None,
            }.items():
                name = target.removeprefix("radslag.commands.clock.").replace(".", "_")
                said = looks.get(name, answer)
                monkeypatch.setattr(target, lambda *_a, said=said, **_k: said)
            monkeypatch.setattr(clock.digest_watch, "Watch", lambda _zone: lambda _s: None)
            monkeypatch.setattr(clock, "_beat", lambda: None)
            monkeypatch.setattr(clock.tidying.Tidier, "tidy", lambda _self: None)
            broker = Broker()
            do_chores(clock.list_chores(broker, settings), 1.0)  # type: ignore[arg-type]
            return dict(broker.sent)

        return run

    def test_nothing_due_nothing_asked(self, run):
        assert run() == {}

    def test_webhooks_are_asked_for_in_their_own_queue_and_not_while_they_are_held(self, run):
        found = run(claiming_something_due="x")
        assert found == {queues.SEND_WEBHOOKS: {"queue": "webhooks", "expires": 3, "retry": False}}
        assert run(replace(SETTINGS, hold_letters=True), claiming_something_due="x") == {}

    def test_who_sleeps_is_woken_when_the_day_has_come_and_waits_behind_no_import(self, run):
        found = run(corrections_is_day_come="x")
        assert found == {queues.WAKE_ASKED: {"queue": "actions", "expires": 10, "retry": False}}

    def test_numbers_are_counted_once_there_is_something_to_count(self, run):
        asked = {"queue": "bulk", "expires": 300, "retry": False}
        assert run(counting_is_anything_there=True) == {
            queues.DRAW_SAMPLES: asked,
            queues.WAKE_ASKED: asked,
            queues.COUNT_DAYS: asked,
        }

    @pytest.mark.parametrize(
        ("hour", "due", "is_asked"),
        [(3, True, True), (3, False, False), (2, True, False), (4, True, False)],
    )
    def test_learning_is_asked_for_at_three_in_the_city(self, run, hour, due, is_asked):
        # Winter: the city is an hour ahead.
        with travel(datetime(2026, 1, 15, hour - 1, 30, tzinfo=UTC), tick=False):
            found = run(spam_learning_is_due=due)
        expected = {queues.LEARN_SPAM: {"queue": "bulk", "expires": 1800, "retry": False}}
        assert found == (expected if is_asked else {})

    def test_how_often_each_thing_is_looked_at(self):
        paces = [each.every_s for each in clock.list_chores(Broker(), SETTINGS)]  # type: ignore[arg-type]
        assert paces == [5, 1, 1, 1, 10, 2, 1800, 300]
        assert [each.every_s for each in clock.alarm_chores(SETTINGS)] == [15, 5, 2]


class TestAlarms:
    def test_one_kind_that_cannot_be_seen_hides_no_other(self, monkeypatch):
        looked = []

        def watch(_session, kind, _now) -> None:
            looked.append(kind)
            if len(looked) == 1:
                raise SQLAlchemyError

        class Unit:
            begin = staticmethod(nobody)

        monkeypatch.setattr(alarms.watching, "watch_kind", watch)
        monkeypatch.setattr(alarms, "Session", Unit)
        with pytest.raises(SQLAlchemyError):
            alarms.watch_incidents(SETTINGS)
        assert looked == list(alarms.watching.LOOKS)
        looked.append("no more failures")
        alarms.watch_incidents(SETTINGS)

    @pytest.mark.parametrize(("due", "is_sent"), [("x", True), (None, False)])
    def test_notices_are_sent_when_there_are_any(self, monkeypatch, due, is_sent):
        sent = []
        monkeypatch.setattr(alarms, "Session", nobody)
        monkeypatch.setattr(
            alarms.claims, "something_due", lambda _session, **about: due if about["notices"] else 1
        )
        monkeypatch.setattr(
            alarms.mailing, "send_due", lambda _settings, **about: sent.append(about)
        )
        alarms.send_notices(SETTINGS)
        assert sent == ([{"notices": True}] if is_sent else [])

    def test_what_is_done_beside_the_clock_is_not_begun_twice_at_a_time(self):
        go_on, begun = threading.Event(), []

        def slow() -> None:
            begun.append(1)
            go_on.wait(30)

        beside = Beside(slow)
        beside.begin()
        beside.begin()
        assert len(begun) == 1
        go_on.set()
        beside._thread.join()
        beside.begin()
        beside._thread.join()
        assert len(begun) == 2

    def test_what_it_raised_is_raised_at_the_next_time_once_and_it_goes_on(self):
        problems, done = [LookupError("x")], []

        def fails_once() -> None:
            done.append(1)
            if problems:
                raise problems.pop()

        beside = Beside(fails_once)
        beside.begin()
        beside._thread.join()
        with pytest.raises(LookupError):
            beside.begin()
        beside._thread.join()
        beside.begin()
        beside._thread.join()
        assert len(done) == 3


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_what_is_being_done_when_one_is_told_is_done_to_its_end(told):
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    done = []

    def do() -> None:
        done.append("begun")
        if len(done) == 3:
            signal.raise_signal(told)
        done.append("ended")

    try:
        until_told(do, pause_s=0)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert done == ["begun", "ended"] * 2
