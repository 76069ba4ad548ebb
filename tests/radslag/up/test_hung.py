"""What hangs is noticed and replaced, again and again; what waits is not."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy.exc import OperationalError
from uvicorn import Config

from radslag.child import Child
from radslag.cli import main
from radslag.commands.relay import run_relay
from radslag.processes import PROCESSES, SMALL_PROCESSES
from radslag.up.kept import Kept, Patience
from radslag.up.pulse import Pulse, open_signs
from radslag.webserver import beating, resting
from radslag.webserver.bridge import LIVENESS, Bridge
from services.notify.sending import mailing
from shared.config import Settings
from shared.delivery import queues
from shared.delivery.consumer import PatientConsumer
from shared.telemetry import life
from tests.factories import _ENVIRONMENT

# Shows life until somebody stops it.
ALIVE = 'while :; do : > "$RADSLAG_BEAT_FILE"; sleep 0.05; done'


@pytest.fixture
def kept(tmp_path):
    """A process that is to show life, and what was said of it."""
    said: list[str] = []
    pulse = Pulse(tmp_path / "beats" / "web", 0.4)

    def begin():
        env = {"RADSLAG_BEAT_FILE": str(pulse.file), "PATH": os.environ["PATH"]}
        return Child("web", ["/bin/sh", "-c", ALIVE], log=tmp_path / "web.log", env=env)

    patience = Patience(pauses_s=(0.01,), ending_s=0.1, settled_s=0)
    made = Kept("web", begin, said.append, patience, pulse=pulse)
    made.insists = True
    yield made, said
    if made.child is not None:
        made.child.stop(timeout_s=0.1)


def look_until(kept: Kept, question) -> None:
    deadline = time.monotonic() + 60
    while not question():
        assert time.monotonic() < deadline
        kept.look()
        time.sleep(0.02)


def test_a_process_that_stands_still_is_replaced_the_second_time_as_the_first(kept):
    made, said = kept
    for time_number in (1, 2, 3):
        look_until(made, lambda: made.child is not None and made.child.poll() is None)
        hung = made.child
        hung.send(signal.SIGSTOP)
        look_until(made, lambda hung=hung: made.child is not hung)
        assert hung.poll() == -signal.SIGKILL
        assert len(said) == time_number
    assert said[0] == "web showed no life for 0 s and was ended; it starts again in 0.01 s."
    # One that goes on is let be.
    living = made.child
    seen = made.pulse.file.stat().st_mtime_ns
    look_until(made, lambda: made.pulse.file.stat().st_mtime_ns > seen + 600_000_000)
    assert made.child is living


def _refuse(*_given: object, **_more: object) -> None:
    """What touching a file comes to where the disk is full or may only be read."""
    raise OSError(30, "Read-only file system")


class TestPulse:
    @pytest.fixture
    def clock(self, monkeypatch):
        """A monotonic clock that a test moves."""
        now = SimpleNamespace(at=1000.0)
        monkeypatch.setattr("radslag.up.pulse.time.monotonic", lambda: now.at)
        return now

    @pytest.fixture
    def pulse(self, clock, tmp_path):
        made = Pulse(tmp_path / "beats" / "x", 60)
        made.begin()
        assert clock.at
        return made

    def look(self, pulse: Pulse, clock, seconds: int) -> bool:
        """Look every second, and say whether it was gone at the last look."""
        gone = False
        for _second in range(seconds):
            clock.at += 1
            gone = pulse.is_gone()
        return gone

    def show_life(self, pulse: Pulse, clock) -> None:
        os.utime(pulse.file, (1, 1))
        assert not self.look(pulse, clock, 1)

    def test_it_may_be_silent_so_long_and_no_longer(self, pulse, clock):
        self.show_life(pulse, clock)
        assert not self.look(pulse, clock, 60)
        assert self.look(pulse, clock, 1)

    def test_until_its_first_sign_it_has_five_times_as_long(self, pulse, clock):
        assert not self.look(pulse, clock, 300)
        assert self.look(pulse, clock, 1)

    def test_where_we_cannot_touch_a_file_either_its_silence_says_nothing(self, pulse, clock):
        self.show_life(pulse, clock)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "touch", _refuse)
            assert not self.look(pulse, clock, 200)
        assert self.look(pulse, clock, 1)

    def test_each_sign_begins_anew_whatever_the_time_of_day_is(self, pulse, clock):
        for moment in (10_000, 5_000):
            assert not self.look(pulse, clock, 59)
            os.utime(pulse.file, (moment, moment))
        assert not self.look(pulse, clock, 59)

    def test_who_was_away_itself_knows_nothing_of_the_others(self, pulse, clock):
        self.show_life(pulse, clock)
        self.look(pulse, clock, 50)
        clock.at += 300
        assert not pulse.is_gone()
        assert not self.look(pulse, clock, 60)
        assert self.look(pulse, clock, 1)

    def test_a_disk_that_takes_no_signs_ends_nobody(self, clock, tmp_path):
        (tmp_path / "file").write_text("")
        pulse = Pulse(tmp_path / "file" / "x", 60)
        pulse.begin()
        assert not self.look(pulse, clock, 200)

    def test_a_new_process_has_all_its_time(self, pulse, clock):
        self.look(pulse, clock, 61)
        pulse.begin()
        assert not self.look(pulse, clock, 60)


class TestWeb:
    """A loop, a parent and threads as a web has them, with nothing behind."""

    def test_whether_it_lives_is_answered_while_every_thread_waits(self):
        app, wait = Flask("held"), threading.Event()
        app.config["MAX_CONTENT_LENGTH"] = 100
        app.add_url_rule("/slow", "slow", lambda: str(wait.wait(30)))
        app.add_url_rule(LIVENESS, "live", lambda: "ok")
        with ExitStack() as opened:
            port = opened.enter_context(_served(Bridge(app, 1)))
            slow, live = (
                opened.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=30)))
                for _each in range(2)
            )
            slow.request("GET", "/slow")
            live.request("GET", LIVENESS)
            assert live.getresponse().read() == b"ok"
            assert not wait.is_set()
            wait.set()
            assert slow.getresponse().read() == b"True"

    def test_its_parent_shows_life_each_time_it_looks_after_its_children(self, monkeypatch):
        done: list[str] = []
        monkeypatch.setattr(life, "show_life", lambda: done.append("life"))
        arbiter = SimpleNamespace(murder_workers=lambda: done.append("children"))
        beating.show_life_of(arbiter)
        arbiter.murder_workers()
        arbiter.murder_workers()
        assert done == ["life", "children"] * 2


@contextmanager
def _served(app: Bridge) -> Iterator[int]:
    """Serve an application as a web's process does, and give its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = Config(app, lifespan="off", ws="none", log_config=None)  # type: ignore[arg-type]
    config.load()

    async def beat() -> None:
        pass

    server = resting.RestingServer(config, beat, 10)
    server.lifespan = config.lifespan_class(config)

    async def serve() -> None:
        await server.startup(sockets=[listening])
        await server.main_loop()
        await server.shutdown(sockets=[listening])

    serving = threading.Thread(target=lambda: asyncio.run(serve()))
    serving.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        server.handle_exit(signal.SIGTERM, None)
        serving.join(30)


def test_a_loop_beats_at_its_first_tick_and_every_tenth_and_never_twice_at_once(monkeypatch):
    begun: list[int] = []

    async def run() -> None:
        held = asyncio.Event()

        async def beat() -> None:
            begun.append(ticks)
            if len(begun) == 2:
                await held.wait()

        server = resting.RestingServer(Config(None), beat, 10)  # type: ignore[arg-type]
        ticks = -1

        async def on_tick(_counter: int) -> bool:
            nonlocal ticks
            ticks += 1
            server._told.set()
            await asyncio.sleep(0)
            if ticks == 40:
                held.set()
            return ticks == 55

        async def at_once(_waiting, _seconds) -> None:
            _waiting.close()
            await asyncio.sleep(0)

        monkeypatch.setattr(server, "on_tick", on_tick)
        monkeypatch.setattr(resting.asyncio, "wait_for", at_once)
        await server.main_loop()

    # In a thread of its own: a browser of other tests has a loop that runs in this one.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, run()).result()
    assert begun == [0, 10, 50]


def test_a_worker_lives_while_the_broker_is_away(monkeypatch, caplog):
    shown: list[int] = []
    monkeypatch.setattr(life, "show_life", lambda: shown.append(1))
    tries = iter((ConnectionError("redis://:secret@x"),) * 3)

    class Away:
        """A connection that comes at the fourth try, as kombu asks for it."""

        def ensure_connection(self, errback, max_retries, callback):
            assert max_retries is None
            for error in tries:
                errback(error, 2.0)
                callback()
            return "there"

    assert PatientConsumer.ensure_connected(SimpleNamespace(), Away()) == "there"
    assert len(shown) == 3
    assert "secret" not in "".join(record.getMessage() for record in caplog.records)


def test_the_relay_shows_life_while_the_database_is_away(monkeypatch):
    stop, shown = threading.Event(), []

    def show() -> None:
        shown.append(1)
        if len(shown) == 3:
            stop.set()

    monkeypatch.setattr("radslag.commands.relay.PAUSE_S", 0)
    monkeypatch.setattr(life, "show_life", show)
    monkeypatch.setattr("radslag.commands.relay.heartbeat.beat_alone", _raise_away)
    run_relay(Settings.from_env(_ENVIRONMENT), stop)
    assert len(shown) == 3


def _raise_away(_name: str) -> None:
    raise OperationalError("", {}, Exception())


@pytest.mark.parametrize("processes", [PROCESSES, SMALL_PROCESSES], ids=["large", "small"])
def test_somebody_is_left_to_write_letters_while_others_wait_for_the_mail_server(processes):
    [worker] = [each for each in processes if queues.LETTERS in each.queues]
    children = int(worker.arguments[worker.arguments.index("-c") + 1])
    assert queues.CLOCK in worker.queues
    waiting = mailing.SENDERS + (2 if queues.WEBHOOKS in worker.queues else 0)
    assert children > waiting


@pytest.mark.parametrize("process", [*PROCESSES, *SMALL_PROCESSES], ids=lambda each: each.name)
def test_no_process_may_be_silent_for_less_than_it_waits(process):
    """A statement of the relay or the clock may take half a minute, several times."""
    assert process.silence_s == (120 if process.name in {"relay", "clock"} else 60)


def test_a_container_ends_itself_when_it_hangs(monkeypatch):
    begun: list[str] = []

    def begin(_program: str, _arguments: list[str], environment: dict[str, str]) -> None:
        begun.append(environment["RADSLAG_LONGEST_SILENCE"])

    monkeypatch.setattr("radslag.commands.run.os.execve", begin)
    for name in ("desk", "clock"):
        CliRunner().invoke(main, ["run", name], env=_ENVIRONMENT, catch_exceptions=False)
    assert begun == ["60", "120"]


@pytest.mark.parametrize("opens", [False, True])
def test_where_signs_are_given_is_closed_to_others_but_for_those_who_are_given_it(tmp_path, opens):
    pulse = Pulse(tmp_path / "signs" / "beats" / "desk", 60)
    signs = open_signs(tmp_path / "signs", pulse, opens=opens)
    try:
        told = {name: Path(path) for name, path in signs.environment.items()}
        assert told["RADSLAG_METRICS_FOLDER"].samefile(tmp_path / "signs" / "metrics")
        assert told["RADSLAG_BEAT_FILE"].samefile(pulse.file)
        assert (tmp_path / "signs").stat().st_mode & 0o077 == 0
        others = [path.stat().st_mode & 0o002 for path in told.values()]
        assert others == [0o002 if opens else 0] * 2
        assert len(signs.keep_open) == (2 if opens else 0)
    finally:
        for number in signs.keep_open:
            os.close(number)
