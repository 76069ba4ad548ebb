"""Processes that step aside for others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import process
from shared.process import lower_priority

_SLEEPS = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def _group_of(pid: int | str) -> str:
    """The group of sessions in which Linux counts a process, and how nice that is."""
    where = Path(f"/proc/{pid}/autogroup")
    if not where.exists():
        pytest.skip("this kernel does not group processes by session")
    return where.read_text()


@pytest.fixture(params=[True, False], ids=["own session", "our session"])
def child(request) -> Iterator[tuple[int, bool]]:
    with subprocess.Popen(
        _SLEEPS, stdin=subprocess.PIPE, start_new_session=request.param
    ) as started:
        yield started.pid, request.param
        started.kill()


def test_who_steps_aside_is_nicer_by_so_much_and_never_beyond_the_nicest(child):
    pid, _ = child
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    lower_priority(pid, 3)
    assert os.getpriority(os.PRIO_PROCESS, pid) == ours + 3
    lower_priority(pid, 40)
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19


def test_its_whole_session_steps_aside_but_never_ours(child, monkeypatch):
    monkeypatch.setattr(process, "_SESSION_WAIT_S", 0.05)
    pid, leads = child
    ours = _group_of("self")
    lower_priority(pid, 7)
    assert _group_of("self") == ours
    niceness = os.getpriority(os.PRIO_PROCESS, 0) + 7
    assert _group_of(pid).endswith(f"nice {niceness}\n") is leads
