"""Lanes: copies of the tree, each with servers of its own, in which one mutant after another lives.

The working tree is never touched. A mutant of what makes the database, or of how it is reached,
starts servers of its own; all others share those of their lane.
"""

import compileall
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from py_compile import PycInvalidationMode

import psycopg

from bench.mutants.operators import Mutant
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from shared import migrate

_LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "var", "build", "__pycache__", ".*_cache")
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_OWN_SERVERS = ("shared/migrat*", "shared/db.py", "radslag/embedded/*", "radslag/data_folder.py")
# Beside the time of the tests: starting, and the one test that hangs.
_START_S = 60
_HANGS_S = 120
_JOURNEYS_S = 900
_QUIETLY = ["-p", "bench.mutants.watching", "-p", "no:cacheprovider", "-q", "--no-header"]
_QUIETLY += ["--tb=line", "-rfE", f"--timeout={_HANGS_S}", "-m", "not slow and not browser"]
NOTICED, SURVIVED, HUNG, BROKE = "noticed", "survived", "hung", "broke"


@dataclass(frozen=True)
class Outcome:
    """What the tests said about a mutant; `by` is the test that noticed it."""

    outcome: str
    by: str = ""
    ran: int = 0
    # Whether the time was up before all tests had run.
    cut: bool = False


class Lane:
    """A copy of the tree with servers."""

    def __init__(self, tree: Path, folder: Path) -> None:
        # Its name has a blank and an å, as the house of the tests has.
        self.copy = folder / "radslag"
        self._told = folder / "tests.txt"
        self._said = folder / "said.txt"
        shutil.copytree(tree, self.copy, ignore=_LEFT_OUT, symlinks=True)
        beside = tree.parent / "shared"
        if beside.exists():
            (folder / "shared").symlink_to(beside.resolve())
        # Files change within a second and keep their size.
        checked = PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(self.copy, quiet=2, invalidation_mode=checked)
        self._data = DataFolder(folder / "servers")
        self._postgres = Postgres(self._data, settings=_HASTY)
        self._valkey = Valkey(self._data)
        self._starter: subprocess.Popen[bytes] | None = None
        self._running: int | None = None

    def start(self) -> None:
        """Start its servers and migrate the database that others are copied from."""
        self._valkey.begin()
        self._postgres.start()
        self._valkey.wait()
        migrate.upgrade_database(self._postgres.url)
        here = {"PYTHONPATH": str(self.copy), "PYTHONDONTWRITEBYTECODE": "1"}
        self._starter = subprocess.Popen(
            [sys.executable, "-m", "bench.mutants.forking"],
            cwd=self.copy,
            env={**os.environ, **here},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def give_up(self) -> None:
        """End the tests that run; whoever waits for them goes on."""
        if self._running is not None:
            _end(self._running)

    def stop(self) -> None:
        """End its servers."""
        if self._starter is not None:
            self._starter.kill()
            self._starter.wait()
        self._postgres.stop()
        self._valkey.stop()
        self._data.release()

    def try_out(
        self, mutant: Mutant, tests: Sequence[str], seconds: float, *, journeys: bool = False
    ) -> Outcome:
        """Put a mutant in, ask the tests, take it out; what survives goes on journeys if told."""
        path = self.copy / mutant.file
        text = path.read_text("utf-8")
        path.write_text(mutant.apply(text), "utf-8")
        lend = not any(fnmatch(mutant.file, pattern) for pattern in _OWN_SERVERS)
        try:
            found = self.ask(tests, seconds, lend=lend, more=["-x"]) if tests else Outcome(SURVIVED)
            if journeys and found.outcome == SURVIVED:
                long = self._long()
                more = ["-x", "-m", "slow or browser", "--timeout=600"]
                found = self.ask(long, _JOURNEYS_S, lend=lend, more=more)
            return found
        finally:
            path.write_text(text, "utf-8")

    def _long(self) -> list[str]:
        """Files with tests that start whole systems or browsers."""
        marks = re.compile(r"mark\.(slow|browser)")
        found = (self.copy / "tests").rglob("test_*.py")
        long = [path for path in found if marks.search(path.read_text("utf-8"))]
        return sorted(path.relative_to(self.copy).as_posix() for path in long)

    def ask(
        self, tests: Sequence[str], seconds: float, *, lend: bool = True, more: Sequence[str] = ()
    ) -> Outcome:
        """Run tests in the copy as it is."""
        self._told.write_text("\n".join(tests), "utf-8")
        named = dict.fromkeys(test.split("::")[0] for test in tests)
        files = [file for file in named if (self.copy / file).exists()]
        arguments = [*_QUIETLY, *more, *files]
        try:
            code = self._run(arguments, self._environment(seconds, lend=lend), seconds)
        finally:
            self._clear()
        return read(code, self._said.read_text("utf-8", errors="replace"))

    def _run(
        self, arguments: Sequence[str], environment: Mapping[str, str], seconds: float
    ) -> int | None:
        """Return how pytest ended, or None when it had to be ended."""
        assert self._starter is not None
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        asked = {
            "arguments": arguments,
            "environment": environment,
            "said": str(self._said),
        }
        self._starter.stdin.write(json.dumps(asked).encode() + b"\n")
        self._running = int(self._starter.stdout.readline())
        patience_s = seconds + _START_S + _HANGS_S
        ended, _, _ = select.select([self._starter.stdout], [], [], patience_s)
        if not ended:
            _end(self._running)
        code = int(self._starter.stdout.readline())
        _end(self._running)  # what it has started and left
        self._running = None
        return code if ended else None

    def _environment(self, seconds: float, *, lend: bool) -> Mapping[str, str]:
        told = {"MUTANTS_TESTS": str(self._told), "MUTANTS_SECONDS": str(seconds)}
        if lend:
            told["MUTANTS_POSTGRES"] = self._postgres.url_of("{}")
            told["MUTANTS_VALKEY"] = str(self._valkey.socket)
        return told

    def _clear(self) -> None:
        """Drop the databases that an ended process has left."""
        with psycopg.connect(self._postgres.url_of("postgres"), autocommit=True) as connection:
            left = "SELECT datname FROM pg_database WHERE datname LIKE 'test%'"
            for (name,) in connection.execute(left).fetchall():
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def lanes(tree: Path, count: int) -> Iterator[list[Lane]]:
    """Lanes that run, and are gone afterwards; in memory where there is room."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > count << 31
    with tempfile.TemporaryDirectory(prefix="mutants å ", dir=memory if roomy else None) as path:
        opened = [Lane(tree, Path(path) / str(number)) for number in range(count)]
        Path(path).chmod(0o711)  # root's servers run as somebody else, who must be able to pass
        try:
            for lane in opened:
                lane.start()
            yield opened
        finally:
            for lane in opened:
                lane.stop()


def _end(leader: int) -> None:
    """End a process and all of its group that is left."""
    for number, patience_s in ((signal.SIGTERM, 3), (signal.SIGKILL, 30)):
        until = time.monotonic() + patience_s
        try:
            os.killpg(leader, number)
            while time.monotonic() < until:
                time.sleep(0.02)
                os.killpg(leader, 0)
        except (ProcessLookupError, PermissionError):
            return


def read(code: int | None, said: str) -> Outcome:
    """Understand what pytest said."""
    ran = sum(int(count) for count in re.findall(r"(\d+) (?:passed|failed|error)", said))
    noticed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", said, re.MULTILINE)
    by = noticed[1] if noticed else ""
    if code is None or "Timeout (>" in said:
        return Outcome(HUNG, by, ran)
    if code == 0:
        return Outcome(SURVIVED, "", ran, cut="MUTANTS: the time is up" in said)
    if code == 5:
        return Outcome(SURVIVED)
    if code == 1 and ran:
        return Outcome(NOTICED, by, ran)
    return Outcome(BROKE, by or said.strip()[-200:], ran)
