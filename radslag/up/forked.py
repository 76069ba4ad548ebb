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
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn

from gunicorn import config as gunicorn_config
from sqlalchemy.orm import configure_mappers

from radslag.child import Child, User
from radslag.launch import go_down
from radslag.up.overwriting import overwrite_secrets
from radslag.up.title import show_as
from services.moderation.checks import Subject, run_all
from shared import db, version
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
    *("billiard.sharedctypes", "billiard.synchronize", "kombu.transport.redis", "kombu.pidbox"),
    *("celery.events.dispatcher", "celery.events.event", "celery.events.receiver", "kombu.mixins"),
    *("shared.delivery.consumer", "services.moderation.decisions.taking_back"),
    *("uvicorn.lifespan.off", "uvicorn.loops.uvloop", "holidays.countries.sweden"),
    *("cffi.cparser", "pycparser.c_parser"),
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
    # Also which migrations there are: Alembic resolves their folder, which may be closed to others.
    version.read_version()
    # What the checks load at the first text that needs it, and each process would have by itself.
    run_all(Subject(_NEEDS_ALL))
    gc.collect()
    # What was freed on the way goes back to the machine, where the C library can do that (glibc).
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
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
        cwd: Path | None = None,
        user: User | None = None,
        keep_open: Sequence[int] = (),
        forgets: Collection[str] = (),
    ) -> None:
        """Start `python -m` and the command, as far as anybody can tell, in `cwd` and as `user`.

        What it `forgets` stands nowhere in the memory that it has of ours.
        """
        self.name = name
        self.log = log
        self._group_ended = False
        db.give_back_idle()
        with self._open_log() as output:
            self.log_start = output.tell()
            sys.stdout.flush()
            sys.stderr.flush()
            parent = os.getpid()
            # What the child is told before it has its own handlers waits until then.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, _TOLD)
            try:
                pid = os.fork()
                if pid == 0:
                    about = (name, command, parent, output.fileno(), env, cwd, user, keep_open)
                    _live(_Birth(*about, mask, forgets))
            finally:
                # Also where there is no room for one more process: we must hear that we shall end.
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
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


@dataclass(frozen=True, slots=True)
class _Birth:
    """What a forked process is to be."""

    name: str
    command: Sequence[str]
    parent: int
    output: int
    env: Mapping[str, str]
    cwd: Path | None
    user: User | None
    keep_open: Sequence[int]
    mask: Collection[int]
    forgets: Collection[str]


def _live(birth: _Birth) -> NoReturn:
    """Be that process, to its end: nothing of the supervisor's own goes on here."""
    code = 1
    try:
        _become(birth)
        if birth.command[0] == "celery":
            working.run_worker(birth.command)
        else:
            runpy.run_module(birth.command[0], run_name="__main__", alter_sys=True)
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


def can_work_as(user: User, *, python: str | None) -> bool:
    """Whether a process of this user can read our code and, where it is started, run Python.

    It is tried: folders above, the files themselves and the machine's own rules all have a say.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.chdir("/")
            go_down(user.uid, user.gid, user.groups, user.kept)
            for name in _READ:
                Path(str(sys.modules[name].__file__)).read_bytes()
            code = int(python is not None and not os.access(python, os.R_OK | os.X_OK))
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


# One module of each folder that modules are loaded from.
_READ = ("shared.config", "celery", "logging")


def _become(birth: _Birth) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _TOLD:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, birth.mask)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (birth.output, 1), (birth.output, 2)):
        os.dup2(source, target)
    # The lock of the data folder above all: it tells whether the supervisor and its servers live.
    _close_but(birth.keep_open)
    if birth.cwd is not None:
        os.chdir(birth.cwd)
    # Before the change of user, after which nobody but root may look at this memory from outside.
    overwrite_secrets(birth.forgets, kept=[*birth.command, *birth.env.values()])
    if birth.user is not None:
        go_down(birth.user.uid, birth.user.gid, birth.user.groups, birth.user.kept)
    # After the change of user, which would undo it.
    die_with_parent()
    if os.getppid() != birth.parent:
        os._exit(1)
    logging.captureWarnings(False)
    logging.getLogger().handlers.clear()
    os.environ.clear()
    ctypes.CDLL(None).clearenv()
    os.environ.update(birth.env)
    # What it took for its defaults when it was loaded, by root and elsewhere.
    for setting, now in (
        (gunicorn_config.Chdir, str(Path.cwd())),
        (gunicorn_config.User, os.geteuid()),
        (gunicorn_config.Group, os.getegid()),
    ):
        setting.default = now
    sys.argv = [*birth.command]
    # After the environment has left the place where the kernel shows it.
    kept = f"RADSLAG_DATA={birth.env['RADSLAG_DATA']}"
    show_as(birth.name, [sys.executable, "-m", *birth.command], kept=kept)


def _close_but(kept: Sequence[int]) -> None:
    first = 3
    for number in sorted(kept):
        os.closerange(first, number)
        first = number + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
