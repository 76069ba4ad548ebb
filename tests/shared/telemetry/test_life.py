"""A process that hangs is ended where nobody else would, says where it stood, and lives on else."""

import os
import signal
import subprocess
import sys

import pytest

from shared.telemetry import life
from tests.conftest import PROJECT

HANGS = """
import sys, threading
from shared.telemetry import life
life.show_life()
def stand_still():
    threading.Event().wait(20)
stand_still()
"""
# Longer than it may be silent, in short steps; what it forks is not ended with it.
GOES_ON = """
import os, sys, time
from shared.telemetry import life
life.show_life()
child = os.fork()
if child == 0:
    time.sleep(1.3)
    os._exit(7)
for step in range(5):
    time.sleep(0.3)
    life.show_life()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_who_hangs_is_ended_and_says_where_it_stood():
    done = run(HANGS, RADSLAG_LONGEST_SILENCE="1")
    assert done.returncode == -signal.SIGALRM
    assert "in stand_still" in done.stderr


def test_who_goes_on_lives_on_and_so_does_what_it_forked():
    done = run(GOES_ON, RADSLAG_LONGEST_SILENCE="1")
    assert (done.returncode, done.stdout) == (0, "7\n")


@pytest.fixture
def anew(monkeypatch):
    """As in a process that has just begun."""
    monkeypatch.setattr(life, "_pid", 0)
    yield
    life._pid = 0


def test_whoever_started_it_sees_that_it_goes_on(anew, tmp_path, monkeypatch):
    file = tmp_path / "beat"
    monkeypatch.setenv("RADSLAG_BEAT_FILE", str(file))
    life.show_life()
    os.utime(file, (0, 0))
    life.show_life()
    assert file.stat().st_mtime > 0


def test_a_disk_that_takes_nothing_ends_nothing(anew, tmp_path, monkeypatch):
    monkeypatch.setenv("RADSLAG_BEAT_FILE", str(tmp_path / "gone" / "beat"))
    life.show_life()


def test_without_watchers_nothing_is_touched_and_nothing_set(anew, monkeypatch):
    for name in ("RADSLAG_BEAT_FILE", "RADSLAG_LONGEST_SILENCE"):
        monkeypatch.delenv(name, raising=False)
    before = signal.setitimer(signal.ITIMER_REAL, 1000)
    life.show_life()
    left, _every = signal.setitimer(signal.ITIMER_REAL, *before)
    assert left > 900
