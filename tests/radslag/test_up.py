"""`radslag up`: refuses with a sentence, runs everything, mends what dies, leaves nothing."""

import contextlib
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis
import requests

from radslag.commands.health import is_process_beating
from radslag.embedded.account import SYSTEM_USER
from radslag.ports import free_port
from radslag.processes import PROCESSES

_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("RADSLAG_")}


def radslag(*arguments: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "radslag", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**_CLEAN, **env},
        check=False,
    )


def processes_of(data: Path) -> list[int]:
    """Return every process of the system in this folder: they carry its path."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if os.fsencode(data) in told and state != "Z" and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


def eventually(question: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not question():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@dataclass
class System:
    """A running system and its terminal."""

    data: Path
    ports: list[int]
    process: subprocess.Popen[str]
    terminal: Path

    @property
    def said(self) -> str:
        return self.terminal.read_text(encoding="utf-8")

    def settings(self) -> dict[str, str]:
        answer = radslag("env", "--json", "--data", self.data)
        assert answer.returncode == 0, answer.stderr
        settings: dict[str, str] = json.loads(answer.stdout)
        return settings

    def pids(self, *words: str) -> list[int]:
        """Return its processes whose command line has all these as arguments or programs."""
        whole = [re.compile(rf"(?:^|[/\0 ]){re.escape(word)}(?:$|[\0 ])") for word in words]
        lines = {}
        for pid in processes_of(self.data):
            with contextlib.suppress(OSError):
                lines[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        return [pid for pid, line in lines.items() if all(word.search(line) for word in whole)]


def start(
    folder: Path,
    *more: str,
    meanwhile: Callable[[System], None] = lambda _system: None,
    **settings: str,
) -> System:
    ports = [free_port() for _ in range(3)]
    options = zip(("--public-port", "--desk-port", "--mail-port"), ports, strict=True)
    terminal = folder / "terminal.txt"
    data = folder / "data å"
    with terminal.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "radslag", "up", "--data", str(data)),
                *(str(part) for option in options for part in option),
                *more,
            ],
            stdout=output,
            stderr=output,
            env={**_CLEAN, **settings},
        )
    system = System(data, ports, process, terminal)
    meanwhile(system)
    eventually(
        lambda: "Ctrl-C" in system.said or process.poll() is not None, "no greeting", timeout_s=120
    )
    assert process.poll() is None, system.said
    return system


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for the tests that leave it running."""
    running = start(tmp_path_factory.mktemp("hela systemet"))
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        assert running.process.wait(60) == 0, running.said


def test_a_taken_port_is_named_with_its_option(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        answer = radslag("up", "--data", tmp_path / "data", "--desk-port", port)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert f"Port {port}" in answer.stderr
    assert "--desk-port" in answer.stderr


def test_two_webs_on_one_port_are_refused(tmp_path):
    port = str(free_port())
    answer = radslag("up", "--data", tmp_path / "data", "--public-port", port, "--desk-port", port)
    assert answer.returncode == 2
    assert "choose two ports" in answer.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "en fil").write_text("")
    answer = radslag("up", "--data", tmp_path / "en fil" / "data")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "en fil/data" in answer.stderr


def test_a_wrong_setting_is_named(tmp_path):
    ports = [f"--{name}-port={free_port()}" for name in ("public", "desk", "mail")]
    answer = radslag("up", "--data", tmp_path / "data", *ports, RADSLAG_TIMEZONE="Europe/Ankeborg")
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "RADSLAG_TIMEZONE" in answer.stderr


def test_without_a_system_commands_say_so(tmp_path):
    answer = radslag("env", "--data", tmp_path)
    assert answer.returncode == 1
    assert "No Rådslag runs" in answer.stderr
    answer = radslag("ledger", RADSLAG_DATA=str(tmp_path))
    assert answer.returncode == 2
    assert "No Rådslag runs" in answer.stderr


@pytest.mark.slow
def test_everything_answers_and_can_be_found(system):
    settings = system.settings()
    assert settings["RADSLAG_PUBLIC_URL"] == f"http://127.0.0.1:{system.ports[0]}"
    for name in ("RADSLAG_PUBLIC_URL", "RADSLAG_DESK_URL", "RADSLAG_MAIL_URL"):
        assert requests.get(f"{settings[name]}/healthz", timeout=10).status_code == 200
    ready = requests.get(f"{settings['RADSLAG_PUBLIC_URL']}/readyz", timeout=10).json()
    assert ready["status"] == "ok"
    with psycopg.connect(settings["RADSLAG_DATABASE_URL"]) as connection:
        slugs = {row[0] for row in connection.execute("SELECT slug FROM councils")}
    assert slugs == {"invanarrad-1", "motesplatser", "pizza-och-politik", "miljo-och-klimat"}
    with redis.Redis.from_url(settings["RADSLAG_BROKER_URL"]) as client:
        assert client.ping()
    assert radslag("ledger", "--json", "--data", system.data).returncode == 0
    for process in PROCESSES:
        if process.health == "heartbeat":
            assert radslag("health", process.name, "--data", system.data).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("words", "user"),
    [
        (("gunicorn", "radslag.public:create_app()"), "radslag-submission"),
        (("gunicorn", "radslag.desk:create_app()"), "radslag-moderation"),
        (("celery", "moderation-worker@%h"), "radslag-moderation"),
        (("celery", "notify-worker@%h"), "radslag-moderation"),
        (("radslag", "relay"), "radslag-moderation"),
        (("radslag", "clock"), "radslag-moderation"),
        (("radslag", "mailbox"), "radslag-notify"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_what_root_starts_is_its_service_s_user_without_any_right(system, words, user):
    """Each web and worker, with its children, wherever the code and Python lie."""
    pids = system.pids(*words)
    assert pids
    for pid in pids:
        status = status_of(pid)
        assert set(status["Uid"]) == {str(pwd.getpwnam(user).pw_uid)}
        assert set(status["Gid"]) == {str(pwd.getpwnam(user).pw_gid)}
        # That of the servers, whose sockets it may open.
        assert status["Groups"] == [str(pwd.getpwnam(SYSTEM_USER).pw_gid)]
        held = {status[f"Cap{kind}"][0] for kind in ("Inh", "Prm", "Eff", "Amb")}
        assert held == {"0" * 16}
        assert status["NoNewPrivs"] == ["1"]


def holds(pid: int, word: bytes) -> bool:
    """Whether a word stands in the memory that a process has for itself."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines():
            where, rights, _offset, _device, inode, *_name = line.split(maxsplit=5)
            if rights == "rw-p" and inode == "0":
                start, end = (int(each, 16) for each in where.split("-"))
                with contextlib.suppress(OSError):
                    memory.seek(start)
                    if word in memory.read(end - start):
                        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "is_told"),
    [
        (("radslag", "clock"), True),
        (("radslag", "relay"), False),
        (("celery", "moderation-worker@%h"), False),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_no_process_has_a_key_in_its_memory_that_it_is_not_told(system, words, is_told):
    """All of them are forked from one that knows it."""
    key = (system.data / "secret_key").read_bytes().strip()
    pids = system.pids(*words)
    assert pids
    assert any(holds(pid, key) for pid in pids) == is_told


@pytest.mark.slow
def test_the_link_for_the_first_administrator_is_on_the_terminal_only(system):
    links = re.findall(rf"http://127\.0\.0\.1:{system.ports[1]}/\S+", system.said)
    assert len(links) == 1
    token = links[0].rsplit("/", 1)[1]
    for log in (system.data / "logs").iterdir():
        assert token not in log.read_text(encoding="utf-8", errors="replace")


@pytest.mark.slow
def test_a_second_start_in_the_same_folder_is_refused(system):
    ports = [f"--{name}-port={free_port()}" for name in ("public", "desk", "mail")]
    answer = radslag("up", "--data", system.data, *ports)
    assert answer.returncode == 2
    assert "already runs" in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("gunicorn", "radslag.public:create_app()"),
        ("gunicorn", "radslag.desk:create_app()"),
        ("celery", "moderation-worker@%h"),
        ("radslag", "relay"),
        ("radslag", "clock"),
        ("radslag", "mailbox"),
    ],
    ids=lambda words: words[1],
)
def test_what_is_killed_takes_its_own_children_along_and_starts_again(system, words):
    before = system.pids(*words)
    assert before
    # The main process is the first; what it forked must not keep the port or a task.
    os.kill(min(before), signal.SIGKILL)

    def is_back() -> bool:
        now = system.pids(*words)
        return len(now) == len(before) and not set(now) & set(before)

    eventually(is_back, f"{words} did not come back")
    ports = {"radslag.public:create_app()": 0, "radslag.desk:create_app()": 1, "mailbox": 2}
    if words[1] in ports:
        address = f"http://127.0.0.1:{system.ports[ports[words[1]]]}/healthz"
        eventually(lambda: _answers(address), f"{address} does not answer")


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("server", ["postgres", "valkey-server"])
def test_a_killed_server_comes_back(system, server):
    main = min(system.pids(server))
    os.kill(main, signal.SIGKILL)
    eventually(lambda: bool(system.pids(server)) and main not in system.pids(server), server)
    address = f"http://127.0.0.1:{system.ports[0]}/readyz"
    eventually(lambda: _answers(address), "the web did not find the database again")


@pytest.mark.slow
def test_while_the_database_cannot_start_what_a_resident_wrote_is_kept(system):
    """A file that it needs is away for its second and third try; then everything goes on."""
    needed = system.data / "postgres" / "postgresql.conf"
    address = f"http://127.0.0.1:{system.ports[0]}/councils/motesplatser/ideas"
    answers: set[int] = set()

    def send() -> int:
        form = {"text": "Kanariefågel å\nrad två", "author": "Kim", "form_key": "under avbrottet"}
        answer = requests.post(address, data=form, timeout=30, allow_redirects=False)
        assert answer.status_code in {303, 503}, answer.text
        if answer.status_code == 503:
            assert "Kanariefågel å\nrad två</textarea>" in answer.text
        answers.add(answer.status_code)
        return answer.status_code

    away = needed.with_name("away")
    needed.rename(away)
    try:
        os.kill(min(system.pids("postgres")), signal.SIGKILL)
        eventually(
            lambda: send() == 503 and system.said.count("could not access the server conf") >= 2,
            system.said,
        )
    finally:
        away.rename(needed)
    eventually(lambda: send() == 303, system.said)
    assert answers == {303, 503}
    assert "postgres works again, after" in system.said
    with psycopg.connect(system.settings()["RADSLAG_DATABASE_URL"]) as connection:
        kept = connection.execute("SELECT count(*) FROM originals").fetchone()
    assert kept == (1,)


@pytest.mark.slow
def test_ctrl_c_during_the_start_ends_it_at_once(tmp_path):
    ports = [f"--{name}-port={free_port()}" for name in ("public", "desk", "mail")]
    data = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-m", "radslag", "up", "--data", str(data), *ports],
        env=_CLEAN,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        eventually((data / "logs").is_dir, "nothing was started")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    # A program that initdb was just running ends when it finds its pipe closed.
    eventually(lambda: not processes_of(data), "orphans", timeout_s=10)


@pytest.mark.slow
def test_killed_it_leaves_nothing_and_the_next_start_continues_and_may_be_larger(system):
    """The last one: it ends the system that the others leave running."""
    first = system
    with psycopg.connect(first.settings()["RADSLAG_DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE kept (word text)")
    key = (first.data / "secret_key").read_text()
    assert len(processes_of(first.data)) > 10
    first.process.kill()
    first.process.wait()
    eventually(lambda: not processes_of(first.data), "orphans", timeout_s=30)

    def kill_it_again(starting: System) -> None:
        """Before its first greeting, as soon as the webs and the workers need it."""
        eventually(lambda: "Starting the webs" in starting.said, "nothing was started")
        os.kill(min(starting.pids("postgres")), signal.SIGKILL)

    second = start(first.data.parent, meanwhile=kill_it_again, RADSLAG_SIZE="large")
    database = second.settings()["RADSLAG_DATABASE_URL"]
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert (second.data / "secret_key").read_text() == key
    idea = {"council": "pizza-och-politik", "text": "Och så en idé till, efter natten."}
    address = f"http://127.0.0.1:{second.ports[0]}/api/v1/ideas"
    assert requests.post(address, json=idea, timeout=15).status_code == 202
    for each in PROCESSES:
        if each.health == "heartbeat":
            eventually(lambda each=each: is_process_beating(each, database), f"{each.name} beats")
    with psycopg.connect(database, autocommit=True) as connection:
        waits = "SELECT count(*) FROM ideas WHERE status = 'waiting'"
        eventually(lambda: connection.execute(waits).fetchone() == (1,), "it is checked")
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(60) == 0
    assert "Stopping" in second.said
    assert "Traceback" not in second.said
    assert "postgres works again" in second.said
    assert not processes_of(second.data)
    assert radslag("env", "--data", second.data).returncode == 1
