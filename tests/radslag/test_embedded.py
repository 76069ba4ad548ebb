"""The servers of a data folder: they start anywhere, keep what they have, and leave nothing."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from radslag.data_folder import DataFolder, DataFolderError, running_settings
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


@pytest.fixture
def folder() -> Iterator[DataFolder]:
    """A data folder with a path short enough for sockets inside it."""
    with tempfile.TemporaryDirectory(prefix="prov å ") as path:
        yield from _held(Path(path))


def _held(path: Path) -> Iterator[DataFolder]:
    held = DataFolder(path / "data")
    yield held
    held.release()


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


def test_a_failing_statement_leaves_no_row_in_the_log(folder):
    postgres = Postgres(folder)
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE t (word text CHECK (length(word) < 3))")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO t VALUES ('kanariefågel')")
    postgres.stop()
    log = (folder.logs / "postgres.log").read_text(encoding="utf-8")
    assert "violates check constraint" in log
    assert "kanariefågel" not in log


def test_only_the_owner_can_enter_where_the_sockets_are(folder):
    postgres = Postgres(folder)
    postgres.start()
    try:
        sockets = folder.path / "run"
        assert sockets.stat().st_mode & 0o077 == 0
        assert any(sockets.glob(".s.PGSQL.*"))
        with psycopg.connect(postgres.url) as connection:
            listening = connection.execute("SHOW listen_addresses").fetchone()
        assert listening == ("",)
    finally:
        postgres.stop()


def test_works_where_the_path_is_too_long_for_a_socket(tmp_path):
    deep = DataFolder(tmp_path / ("mycket långt ner " * 6).strip() / "data")
    postgres, valkey = Postgres(deep), Valkey(deep)
    assert len(os.fsencode(valkey.socket)) <= 103
    try:
        valkey.start()
        postgres.start()
        with psycopg.connect(postgres.url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("radslag",)
        assert valkey.socket.parent.stat().st_mode & 0o077 == 0
    finally:
        postgres.stop()
        valkey.stop()
        deep.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that nobody else may enter")
def test_root_may_keep_its_data_where_only_root_may_go(tmp_path):
    closed = tmp_path / "stängd"
    closed.mkdir(mode=0o700)
    folder = DataFolder(closed / "data")
    postgres = Postgres(folder)
    postgres.start()
    try:
        status = Path(f"/proc/{postgres.child.pid}/status").read_text(encoding="ascii")
        uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
        assert "0" not in uids
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        postgres.stop()
        folder.release()


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
