"""A child that is forked from the supervisor, with everything loaded, instead of started anew.

What all processes load is then in the machine's memory once, and a process that died is back before
a new Python would have begun. The supervisor must have a single thread, and no connection that is
open: both would be in the child as well.
"""

import atexit
import ctypes
import gc
import logging
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

from sqlalchemy.orm import configure_mappers

from radslag.child import Child
from radslag.up.title import show_as
from services.moderation.checks import Subject, run_all
from shared import db
from shared.delivery import working
from shared.process import die_with_parent

# What the processes load, but for the modules that read the settings when they are loaded.
_LOADED = (
    *(
        "radslag.public",
        "radslag.judging",
        "radslag.desk",
        "services.moderation.tasks",
        "services.notify.tasks",
    ),
    "services.submission.tasks",
    *("radslag.cli", "radslag.commands.relay", "radslag.commands.clock", "radslag.mailbox.command"),
    *("radslag.webserver.worker", "gunicorn.app.wsgiapp", "uvloop", "httptools", "jinja2.ext"),
    *("celery.apps.worker", "celery.concurrency.prefork", "celery.concurrency.thread"),
    *("celery.app.amqp", "celery.app.control", "celery.app.events", "celery.app.log"),
    *("celery.backends.base", "celery.fixups.django", "celery.worker.autoscale"),
    *("celery.worker.components", "celery.worker.strategy"),
    *("celery.worker.consumer.delayed_delivery", "billiard.pool", "billiard.popen_fork"),
    *("billiard.sharedctypes", "kombu.transport.redis", "kombu.pidbox"),
    *("sqlalchemy.dialects.postgresql.psycopg", "psycopg"),
)
# Long enough for tone and spam, and in no language that is known by its small words alone.
_NEEDS_ALL = "Bygg fler cykelvägar, tack! Wat vindt u van het plein naast molens daar ginds?"
_TOLD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def load_modules() -> None:
    """Load what the processes need; it stays as it is, and nobody counts or collects it again."""
    for name in _LOADED:
        import_module(name)
    configure_mappers()
    # What the checks load at the first text that needs it, and each process would have by itself.
    run_all(Subject(_NEEDS_ALL))
    gc.collect()
    gc.freeze()


class Forked(Child):
    """One child process in a session of its own, which ends when this process ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
    ) -> None:
        """Start `python -m` and the command, as far as anybody can tell."""
        self.name = name
        self.log = log
        self._group_ended = False
        db.give_back_idle()
        with self._open_log() as output:
            self.log_start = output.tell()
            sys.stdout.flush()
            sys.stderr.flush()
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                _live(name, command, parent, output.fileno(), env)
        self._process = Process(pid)


class Process:
    """A forked process, to be asked and told as a `subprocess.Popen` is."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = None
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return how; TimeoutExpired when it does not in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def _live(
    name: str,
    command: Sequence[str],
    parent: int,
    output: int,
    env: Mapping[str, str],
) -> NoReturn:
    """Be that process, to its end: nothing of the supervisor's own goes on here."""
    code = 1
    try:
        _become(name, command, parent, output, env)
        if command[0] == "celery":
            working.run_worker(command)
        else:
            runpy.run_module(command[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as told:
        code = told.code if isinstance(told.code, int) else int(told.code is not None)
    except BaseException:  # noqa: BLE001 - as at the end of any Python program
        traceback.print_exc()
    finally:
        try:
            atexit._run_exitfuncs()  # noqa: SLF001 - what the process would do at its end
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _become(
    name: str,
    command: Sequence[str],
    parent: int,
    output: int,
    env: Mapping[str, str],
) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _TOLD:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    # The lock of the data folder above all: it tells whether the supervisor and its servers live.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    die_with_parent()
    if os.getppid() != parent:
        os._exit(1)
    logging.captureWarnings(False)
    logging.getLogger().handlers.clear()
    os.environ.clear()
    ctypes.CDLL(None).clearenv()
    os.environ.update(env)
    sys.argv = [*command]
    # After the environment has left the place where the kernel shows it.
    show_as(name, [sys.executable, "-m", *command], kept=f"RADSLAG_DATA={env['RADSLAG_DATA']}")
