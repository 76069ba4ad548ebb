"""A child process of the supervisor: started, watched, stopped, and never left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from radslag.data_folder import open_folder

# By its own path, whatever the way on which this module was found.
_LAUNCHER = Path(__file__).resolve().with_name("launch.py")


class ChildError(Exception):
    """A child did not start or ended at once; the text says which, and what it said last."""


class Life(Enum):
    """What a server answers when it is asked whether it works."""

    WORKS = "works"
    # It lives and says that it is not ready: it recovers from a crash, or reads what it keeps.
    STARTS = "starts"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class User:
    """Whom a child runs as, without any capability: somebody else or, without ids, ourselves.

    It may be of more groups, and may keep one capability.
    """

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """What `launch.py` is told."""

    parent: int
    death_signal: int
    uid: int | None
    gid: int | None
    groups: tuple[int, ...]
    kept: int | None
    unprivileged: bool


class Started(Protocol):
    """A process of ours, as `subprocess.Popen` has it."""

    pid: int
    stdin: IO[bytes] | None

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return how; TimeoutExpired when it does not in time."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""

    def kill(self) -> None:
        """Kill it."""


class Child:
    """One child process in a session of its own, which ends when this process ends.

    It must be started from a thread that lives as long as this process: to Linux "the parent" is
    the thread.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        user: User | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
        keep_open: Sequence[int] = (),
    ) -> None:
        """Start it in `cwd`, which we enter, not its user.

        With a `user`, neither it nor what it starts has any capability or can gain one.
        """
        self.name = name
        self.log = log
        self._group_ended = False
        launch = Launch(
            parent=os.getpid(),
            death_signal=death_signal,
            uid=user.uid if user else None,
            gid=user.gid if user else None,
            groups=user.groups if user else (),
            kept=user.kept if user else None,
            unprivileged=user is not None,
        )
        command = [sys.executable, "-I", "-S", str(_LAUNCHER), json.dumps(asdict(launch))]
        with self._open_log() as output:
            self.log_start = output.tell()
            self._process: Started = subprocess.Popen(
                [*command, *map(str, arguments)],
                stdin=subprocess.PIPE if sys.platform != "linux" else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                pass_fds=keep_open,
            )

    def _open_log(self) -> BinaryIO:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # The folder may be somebody's for whom we write what we may and they may not.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        folder = open_folder(self.log.parent)
        try:
            descriptor = os.open(self.log.name, flags, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
        stream = os.fdopen(descriptor, "ab")
        stream.seek(0, os.SEEK_END)
        return stream

    @property
    def pid(self) -> int:
        """The process id, also that of its session and process group."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return how it ended (negative: by which signal), or None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._end_group()
        return code

    def last_words(self, lines: int = 4) -> str:
        """Return the end of what it wrote since it was started; nothing where that is gone."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                # Unless it was put aside meanwhile.
                file.seek(self.log_start if self.log_start <= size else 0)
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.strip().splitlines()[-lines:])

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child alone."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within so many seconds."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._end_group()
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout_s: float = 10) -> int:
        """Ask it to end; when it has not after the time, kill it and all it started.

        Returns how it ended.
        """
        self.send(number)
        if not self.wait(timeout_s):
            # Those of PostgreSQL have groups of their own, and keep its next start from its memory
            # as long as they live; who stands still does not see that its parent is gone.
            left = _list_started(self._process.pid)
            self._process.kill()
            self._process.wait()
            self._end_group()
            for each in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(each, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self._process.wait()

    def _end_group(self) -> None:
        """Kill what the child may have left in its process group, once: ids are used again."""
        if self._group_ended:
            return
        self._group_ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _list_started(pid: int) -> list[int]:
    """Return what a process has started and runs, as far as the kernel tells."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:
        return []
    return [int(each) for each in told.split()]


def wait_until_works(child: Child, ask: Callable[[], Life], silence_s: float) -> None:
    """Wait until it works, as long as it says that it is on its way.

    Raises ChildError when it ends first or says nothing for so long.
    """
    heard = time.monotonic()
    while (life := ask()) is not Life.WORKS:
        if child.poll() is not None:
            raise ChildError(f"{child.name} ended at its start: {child.last_words()}")
        if life is Life.STARTS:
            heard = time.monotonic()
        elif time.monotonic() - heard > silence_s:
            raise ChildError(f"{child.name} did not answer in {silence_s:.0f} s; see {child.log}.")
        time.sleep(0.02)
