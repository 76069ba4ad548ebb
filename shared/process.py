"""Processes that end when the process that started them ends, however it ended."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import NoReturn

from billiard.process import current_process as current_pool_process

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_POLL_S = 0.5


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
