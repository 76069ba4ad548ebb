"""Supervision never gives up: each way of starting again, at its second and at its tenth try."""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy.exc import OperationalError

from radslag import speech
from radslag.child import Child, ChildError, Life, _list_started
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from radslag.ports import free_port
from radslag.up.command import _say
from radslag.up.kept import Kept, Patience
from radslag.up.knock import Knock
from radslag.up.plan import Options, make_plan
from radslag.up.supervisor import Supervisor
from shared import db

_QUICK = Patience(pauses_s=(0.01, 0.02), ending_s=0.1)
Script = Iterator[bool]


@dataclass
class Servers:
    """A supervisor of both servers, what it said, and what it does while a script goes on."""

    supervisor: Supervisor
    postgres: Postgres
    valkey: Valkey
    folder: Path
    said: list[str] = field(default_factory=list)

    def play(self, script: Script) -> None:
        """Supervise until the script is at its end; it looks at each step of the supervision."""
        del self.said[:]
        for kept in self.supervisor._servers.values():
            # As if they had run for a while.
            kept.deaths = 0
            kept._said.clear()
        self.supervisor.watch(lambda: next(script, True))
        with speech.speak_to({"RADSLAG_LANG": "sv"}):
            untold = [line for line in self.said if speech.translate_text(line) == line]
        assert untold == []

    def tries(self, word: str) -> int:
        return sum(word in line for line in self.said)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tillsyn å ", dir=memory) as path:
        folder = DataFolder(Path(path) / "data")
        names = ("public_port", "desk_port", "mail_port")
        options = Options(data=folder.path, **{name: free_port() for name in names})
        plan = make_plan(options, folder, {})
        said: list[str] = []
        assert plan.postgres is not None
        assert plan.valkey is not None
        supervisor = Supervisor(plan, folder, said.append, _QUICK)
        try:
            supervisor.start_servers()
            assert said == []
            with psycopg.connect(plan.postgres.url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
            yield Servers(supervisor, plan.postgres, plan.valkey, folder.path, said)
        finally:
            supervisor.stop()
            folder.release()


def until(question: Callable[[], bool]) -> Script:
    """Let the supervision go on until something is so."""
    deadline = time.monotonic() + 60
    while not question():
        assert time.monotonic() < deadline, "it never came"
        yield False


def works(server: Postgres | Valkey) -> Callable[[], bool]:
    return lambda: server.child.poll() is None and server.ask() is Life.WORKS


@contextmanager
def moved_away(path: Path) -> Iterator[Callable[[], None]]:
    """Take a file or folder away, and give what puts it back."""
    away = path.with_name(f"{path.name} away")
    path.rename(away)

    def put_back() -> None:
        if away.exists():
            if path.is_dir():
                path.rmdir()
            path.unlink(missing_ok=True)
            away.rename(path)

    try:
        yield put_back
    finally:
        put_back()


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        # The server ends at once; its files are gone, as a disk that is not mounted any more; what
        # we write before a start cannot be written.
        ("postgres/postgresql.conf", "could not access the server configuration file"),
        ("postgres", "its files are not in "),
        ("postgres/radslag_hba.conf", "Is a directory"),
    ],
)
def test_postgres_is_tried_until_what_hinders_it_is_gone(servers, missing, reason):
    path = servers.folder / missing

    def script() -> Script:
        with moved_away(path) as put_back:
            if reason == "Is a directory":
                path.mkdir()
            servers.postgres.child.send(signal.SIGKILL)
            yield from until(lambda: supervised(servers).deaths >= 11)
            put_back()
            yield from until(works(servers.postgres))
            yield from until(lambda: bool(servers.tries("postgres works again, after")))

    servers.play(script())
    # The death itself, and why it does not start; what goes on is said once in a minute.
    assert servers.said[0] == "postgres ended (signal SIGKILL); it starts again in 0.01 s."
    assert servers.tries(reason) == 1, servers.said
    assert all("\n" not in line for line in servers.said)
    with psycopg.connect(servers.postgres.url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


@pytest.fixture
def impatient(servers) -> Iterator[float]:
    """For once PostgreSQL may be silent for a short while only."""
    kept = supervised(servers)
    before, kept.patience = kept.patience, replace(kept.patience, silence_s=1.5)
    with knocked_at(kept, every_s=0.2, silence_s=1.3):
        yield 1.5
    kept.patience = before


@contextmanager
def knocked_at(kept: Kept, *, every_s: float, silence_s: float) -> Iterator[None]:
    """Knock more often, and wait for less long."""
    knock = kept.pulse
    assert isinstance(knock, Knock)
    before = knock.every_s, knock.silence_s
    knock.every_s, knock.silence_s = every_s, silence_s
    yield
    knock.every_s, knock.silence_s = before


def supervised(servers: Servers, name: str = "postgres") -> Kept:
    return servers.supervisor._servers[name]


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_that_is_killed_as_soon_as_it_starts_comes_back_in_the_end(servers, name):
    server = getattr(servers, name)

    def script() -> Script:
        for _ in range(10):
            before = server.child.pid
            server.child.send(signal.SIGKILL)
            yield from until(lambda before=before: server.child.pid != before)
        yield from until(works(server))

    servers.play(script())
    assert servers.tries(f"{name} ended (signal SIGKILL)") >= 2


def test_valkey_is_tried_until_its_files_can_be_read(servers):
    kept = servers.folder / "valkey" / "appendonlydir"
    with redis.Redis.from_url(servers.valkey.url) as client:
        client.set("kept", "1")

    def script() -> Script:
        servers.valkey.child.stop(signal.SIGTERM)
        with moved_away(kept) as put_back:
            kept.write_text("no folder")
            yield from until(lambda: supervised(servers, "valkey").deaths >= 11)
            put_back()
            yield from until(works(servers.valkey))

    servers.play(script())
    with redis.Redis.from_url(servers.valkey.url) as client:
        assert client.get("kept") == b"1"


def test_a_recovery_may_take_as_long_as_it_takes(servers, impatient):
    """It says that it is on its way, for longer than a server may be silent."""
    data = servers.folder / "postgres"
    before = (data / "postgresql.auto.conf").read_bytes()
    pids = set()
    began = time.monotonic()

    def script() -> Script:
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write("restore_command = 'sleep 0.8; false'\n")
        (data / "recovery.signal").touch()
        old = servers.postgres.child.pid
        servers.postgres.child.send(signal.SIGKILL)
        yield from until(lambda: servers.postgres.child.pid != old)
        while not supervised(servers).works:
            pids.add(servers.postgres.child.pid)
            yield False

    servers.play(script())
    (data / "postgresql.auto.conf").write_bytes(before)
    assert time.monotonic() - began > impatient
    assert len(pids) == 1
    assert not servers.tries("said nothing")


def test_a_server_that_says_nothing_is_started_anew(servers, impatient):
    def script() -> Script:
        hung = servers.postgres.child.pid
        servers.postgres.child.send(signal.SIGSTOP)
        # Somebody who needs it gets no answer.
        supervised(servers).doubt()
        yield from until(lambda: bool(servers.tries("said nothing for")))
        yield from until(works(servers.postgres))
        assert servers.postgres.child.pid != hung

    servers.play(script())


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_that_stands_still_is_noticed_by_nobody_s_need_and_each_time(
    servers, name, monkeypatch
):
    """With all that it has started, which would keep the next one from its memory."""
    monkeypatch.setattr("radslag.up.supervisor._TICK_S", 0.05)
    server = getattr(servers, name)

    def script() -> Script:
        yield from until(lambda: kept.works)
        for _time in (1, 2, 3):
            hung = server.child.pid
            for pid in (hung, *_list_started(hung)):
                os.kill(pid, signal.SIGSTOP)
            yield from until(lambda hung=hung: kept.works and server.child.pid != hung)
        # One that answers, again and again, is let be.
        knock.silence_s = 60
        living = server.child.pid
        for _time in range(3):
            heard = knock._heard
            yield from until(lambda heard=heard: knock._heard > heard)
        assert server.child.pid == living

    kept = supervised(servers, name)
    knock = kept.pulse
    assert isinstance(knock, Knock)
    with knocked_at(kept, every_s=0.1, silence_s=0.4):
        servers.play(script())
    assert servers.tries(f"{name} showed no life for 0 s and was ended; it starts again") >= 2
    assert not servers.tries("pre-existing shared memory")


def test_a_server_whose_socket_was_swept_away_gets_a_new_one(servers):
    """With the folder, as whoever tidies a machine's temporary folders may do it."""

    def script() -> Script:
        folder = servers.postgres.socket.parent
        assert servers.valkey.socket.parent == folder
        shutil.rmtree(folder)
        yield from until(works(servers.valkey))
        yield from until(works(servers.postgres))

    with (
        knocked_at(supervised(servers), every_s=0.1, silence_s=0.3),
        knocked_at(supervised(servers, "valkey"), every_s=0.1, silence_s=0.3),
    ):
        servers.play(script())
    with psycopg.connect(servers.postgres.url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


def test_what_needs_the_database_at_the_start_is_done_again_when_that_went_away(servers):
    """Two times killed under it; what fails for another reason is not hidden."""
    asked = []

    def work() -> int:
        asked.append(1)
        if len(asked) <= 2:
            servers.postgres.child.send(signal.SIGKILL)
            servers.postgres.child.wait(10)
        engine = db.make_engine(servers.postgres.url)
        try:
            with engine.connect() as connection:
                return int(connection.exec_driver_sql("SELECT one FROM kept").scalar_one())
        finally:
            engine.dispose()

    assert servers.supervisor.do_with_servers(work) == 1
    assert len(asked) == 3

    def fail() -> None:
        asked.append(1)
        engine = db.make_engine(servers.postgres.url_of("nowhere"))
        engine.connect()

    del asked[:]
    with pytest.raises(OperationalError):
        servers.supervisor.do_with_servers(fail)
    assert len(asked) == 5


@dataclass
class Many:
    """A child that ends as soon as it is started, and what was said of it."""

    kept: Kept
    said: list[str]

    def look_until_deaths(self, deaths: int) -> None:
        deadline = time.monotonic() + 60
        while self.kept.deaths < deaths:
            assert time.monotonic() < deadline
            self.kept.look()
            time.sleep(0.001)


@pytest.fixture
def make_many(tmp_path: Path) -> Callable[..., Many]:
    def make(code: str, log: Path | None = None, **more: float) -> Many:
        said: list[str] = []

        def begin() -> Child:
            command = ["/bin/sh", "-c", code]
            return Child("web", command, log=log or tmp_path / "web.log", env={})

        patience = Patience(**{"pauses_s": (0.01, 0.02, 0.03), **more})  # type: ignore[arg-type]
        return Many(Kept("web", begin, said.append, patience), said)

    return make


def test_a_process_that_ends_again_and_again_is_started_ever_more_seldom_and_said_less(make_many):
    many = make_many("exit 3")
    many.kept.insists = True
    many.look_until_deaths(10)
    assert many.said == [
        f"web ended (code 3); it starts again in {pause} s." for pause in ("0.01", "0.02", "0.03")
    ]
    assert many.kept.restart_at is not None
    # It goes on, and it is said again after a while.
    many.kept.patience = Patience(pauses_s=(0.01, 0.02, 0.03), repeat_s=0)
    many.look_until_deaths(11)
    assert len(many.said) == 4


def test_what_lived_for_a_while_begins_anew_with_short_pauses(make_many):
    many = make_many("exit 3", settled_s=0)
    many.kept.insists = True
    many.look_until_deaths(1)
    deadline = time.monotonic() + 30
    while len(many.said) < 3:
        assert time.monotonic() < deadline
        many.kept.look()
    assert set(many.said) == {"web ended (code 3); it starts again in 0.01 s."}


def test_a_process_that_cannot_even_be_started_is_tried_again(make_many, tmp_path):
    """Its log cannot be written: the disk is full, or read-only."""
    (tmp_path / "file").write_text("")
    many = make_many("sleep 60", log=tmp_path / "file" / "web.log")
    with pytest.raises(ChildError, match=r"web cannot be started: .*: "):
        many.kept.look()
    many.kept.insists = True
    many.look_until_deaths(10)
    assert "web cannot be started" in many.said[0]
    (tmp_path / "file").unlink()
    while not many.kept.works:
        many.kept.look()
    assert many.kept.child is not None
    assert many.kept.child.poll() is None
    many.kept.child.stop()


def test_a_first_start_that_cannot_succeed_is_told_and_one_that_was_killed_is_tried_again(
    make_many,
):
    with pytest.raises(ChildError, match=r"^web ended at its start: no such setting$"):
        make_many("echo no such setting; exit 2").look_until_deaths(1)
    make_many("kill -9 $$").look_until_deaths(3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_where_nobody_can_read_what_is_said_nothing_ends(monkeypatch):
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        with pytest.raises(OSError, match="No space left"):
            sys.stderr.write("å\n")
        _say("å")
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
