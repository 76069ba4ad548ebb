"""Processes that end when the process that started them ends, however it ended."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from billiard.process import current_process as current_pool_process

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_POLL_S = 0.5
_NICEST = 19
_SESSION_WAIT_S = 1.0


def die_with_parent() -> None:
    """End this process by SIGKILL as soon as its parent is gone.

    For children that a server forks by itself (a web worker, a pool process): they hold the port
    or a task, and nobody else knows them. What they were doing is offered again by the database.

    Linux tells us by prctl(2) PR_SET_PDEATHSIG; elsewhere a thread asks twice a second. Calling it
    again, or in a process without such a parent, does no harm.
    """
    expected = _parent_at_birth() or os.getppid()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl PR_SET_PDEATHSIG")
    else:
        threading.Thread(target=_watch, args=(expected,), daemon=True).start()
    # It may have died before we asked.
    if os.getppid() != expected:
        _end()


def lower_priority(pid: int, by: int) -> None:
    """Let others go before a child of this process, and before what that child starts later.

    Where Linux groups processes by session (sched(7), "The autogroup feature"), niceness counts
    only inside of a group: the child's whole session steps aside, once it leads one of its own.

    Raises OSError when there is no such process; a kernel without such groups is none.
    """
    niceness = min(os.getpriority(os.PRIO_PROCESS, 0) + by, _NICEST)
    os.setpriority(os.PRIO_PROCESS, pid, niceness)
    until = time.monotonic() + _SESSION_WAIT_S
    while os.getsid(pid) != pid:
        if time.monotonic() > until:
            return
        time.sleep(0.001)
    # Refused (EAGAIN) when it is asked too often by others than root; the niceness is set then.
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parent_at_birth() -> int | None:
    """Say who started this process, if multiprocessing or Celery's pool did."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        return parent.pid
    pool_parent: int | None = getattr(current_pool_process(), "_parent_pid", None)
    return pool_parent


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    _end()


def _end() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(1)
