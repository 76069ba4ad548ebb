"""Starts everything in order, starts again what dies, stops everything in order."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from radslag.child import Child, ChildError
from radslag.commands.health import is_web_answering
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from radslag.ports import reached_at
from radslag.processes import Process, name_here, processes_of
from radslag.up import forked
from radslag.up.logs import Tail, make_room
from radslag.up.plan import Plan
from shared import db, heartbeat
from shared.clock import utcnow
from shared.config import SMALL
from shared.db import Session

# What ends is seen at once; warnings that somebody wrote down, and a start that is due, so soon.
_TICK_S = 1.0
_START_S = 90.0
# Webs finish their requests and workers their tasks; what is longer is offered again next time.
_STOP_S = 12.0
# A child that dies again and again is started ever more seldom.
_BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
_SETTLED_S = 60.0
_REPEAT_S = 60.0
# The mailbox ends last: a worker may be sending to it.
_ENDS_FIRST = ("public-web", "desk", "relay", "clock")
_ENDS_LAST = ("mailbox",)
_NICEST = 19
_NOTHING: Mapping[str, str] = MappingProxyType({})

Say = Callable[[str], None]


@dataclass(slots=True)
class Watched:
    """A child that is kept alive: how to start it, how often it died, when it may start again."""

    name: str
    start: Callable[[], Child]
    child: Child
    tail: Tail
    started_at: float = field(default_factory=time.monotonic)
    deaths: int = 0
    restart_at: float | None = None


class Supervisor:
    """The processes of one system."""

    def __init__(self, plan: Plan, folder: DataFolder, say: Say) -> None:
        self._plan = plan
        self._folder = folder
        self._say = say
        self._watched: dict[str, Watched] = {}
        self._servers: list[Postgres | Valkey] = []
        self._said: dict[str, float] = {}
        self._processes = processes_of(plan.settings.size)
        # Elsewhere the libraries of the system do not stand a fork.
        self._forks = plan.settings.size == SMALL and sys.platform == "linux"
        make_room(folder.logs)

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, at the same time.

        Raises ChildError.
        """
        if self._plan.valkey is not None:
            self._servers.append(self._plan.valkey)
            self._plan.valkey.begin()
        if self._plan.postgres is not None:
            self._servers.append(self._plan.postgres)
            self._plan.postgres.start()
        if self._plan.valkey is not None:
            self._plan.valkey.wait()

    def start_processes(self) -> None:
        """Start every process and wait until each works: first what people look at.

        Raises ChildError when one ends at its start or does not show life in time.
        """
        began = utcnow()
        if self._forks:
            forked.load_modules()
        if self._plan.smtp_port is not None:
            self._add("mailbox", self._mailbox_command(self._plan.smtp_port))
        for process in self._processes:
            if process.health == "http":
                self._add_process(process)
        self._wait(self._silent_webs)
        for process in self._processes:
            if process.health != "http":
                self._add_process(process)
        self._wait(lambda: self._without_heartbeat(began))

    def _wait(self, not_ready: Callable[[], list[str]]) -> None:
        deadline = time.monotonic() + _START_S
        while waited_for := not_ready():
            for watched in self._watched.values():
                if watched.child.poll() is not None:
                    raise ChildError(
                        f"{watched.name} ended at its start: {watched.child.last_words()}"
                    )
            if time.monotonic() > deadline:
                raise ChildError(
                    f"No sign of life from {', '.join(waited_for)} after {_START_S:.0f} s; "
                    f"see {self._folder.logs}."
                )
            time.sleep(0.1)

    def watch(self, stop: Callable[[], bool]) -> None:
        """Keep everything alive until told to stop."""
        db.give_back_idle()
        with signals_heard() as wait:
            while not stop():
                self._watch_servers()
                for watched in self._watched.values():
                    self._watch(watched)
                wait(self._pause_s())

    def _pause_s(self) -> float:
        """Return how long nothing is to be done, unless a signal comes."""
        now = time.monotonic()
        starts = [each.restart_at - now for each in self._watched.values() if each.restart_at]
        return max(0.0, min([_TICK_S, *starts]))

    def stop(self) -> None:
        """End everything: first what brings new work, then the workers, the servers last."""
        names = list(self._watched)
        middle = [name for name in names if name not in (*_ENDS_FIRST, *_ENDS_LAST)]
        for group in (_ENDS_FIRST, middle, _ENDS_LAST):
            self._stop_together([self._watched[name] for name in group if name in names])
        self._watched.clear()
        while self._servers:
            self._servers.pop(0).stop()

    def _add_process(self, process: Process) -> None:
        options = self._plan.options
        ports = {"public-web": options.public_port, "desk": options.desk_port}
        command = process.command(host=options.host, port=ports.get(process.name))
        self._add(process.name, command, nice=process.nice, env=process.environment)

    def _add(
        self, name: str, command: list[str], *, nice: int = 0, env: Mapping[str, str] = _NOTHING
    ) -> None:
        log = self._folder.logs / f"{name}.log"
        whole = {**env, **self._plan.environment}

        def start() -> Child:
            if self._forks:
                child: Child = forked.Forked(name, command, log=log, env=whole)
            else:
                child = Child(name, [sys.executable, "-m", *command], log=log, env=whole)
            if nice:
                # What it starts later is as nice.
                ours = os.getpriority(os.PRIO_PROCESS, 0)
                os.setpriority(os.PRIO_PROCESS, child.pid, min(ours + nice, _NICEST))
            return child

        tail = Tail(log)
        self._watched[name] = Watched(name, start, start(), tail)

    def _mailbox_command(self, smtp_port: int) -> list[str]:
        options = self._plan.options
        return [
            *("radslag", "mailbox", "--smtp-port", str(smtp_port)),
            *("--port", str(options.mail_port), "--host", self._plan.mail_host),
            *("--folder", str(self._folder.path / "mail")),
        ]

    def _silent_webs(self) -> list[str]:
        options = self._plan.options
        webs = {
            "public-web": (options.host, options.public_port),
            "desk": (options.host, options.desk_port),
        }
        if self._plan.smtp_port is not None:
            webs["mailbox"] = (self._plan.mail_host, options.mail_port)
        return [
            name
            for name, (host, port) in webs.items()
            if not is_web_answering(reached_at(host), port)
        ]

    def _without_heartbeat(self, since: datetime) -> list[str]:
        names = [process.name for process in self._processes if process.health == "heartbeat"]
        with Session() as session:
            beats = {name: heartbeat.read_last_beat(session, name_here(name)) for name in names}
        return [name for name, beat in beats.items() if beat is None or beat < since]

    def _watch(self, watched: Watched) -> None:
        now = time.monotonic()
        for line in watched.tail.warnings():
            # An outage is said once in a while, not at every try.
            if now - self._said.get(f"{watched.name}: {line}", -_REPEAT_S) >= _REPEAT_S:
                self._said[f"{watched.name}: {line}"] = now
                self._say(f"{watched.name}: {line}")
        if watched.restart_at is not None:
            if now >= watched.restart_at:
                watched.restart_at = None
                watched.child = watched.start()
                watched.started_at = now
            return
        code = watched.child.poll()
        if code is None:
            return
        if now - watched.started_at > _SETTLED_S:
            watched.deaths = 0
        pause_s = _BACKOFF_S[min(watched.deaths, len(_BACKOFF_S) - 1)]
        watched.deaths += 1
        watched.restart_at = now + pause_s
        self._say(
            f"{watched.name} ended ({describe_exit(code)}); it starts again in {pause_s:g} s."
        )

    def _watch_servers(self) -> None:
        for server in self._servers:
            code = server.child.poll()
            if code is None:
                continue
            self._say(f"{server.child.name} ended ({describe_exit(code)}); it starts again.")
            try:
                server.start()
            except ChildError as error:
                self._say(f"{error} It is tried again.")
                time.sleep(1)

    @staticmethod
    def _stop_together(group: list[Watched]) -> None:
        for watched in group:
            watched.child.send(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for watched in group:
            watched.child.stop(timeout_s=max(0.1, deadline - time.monotonic()))


@contextmanager
def signals_heard() -> Iterator[Callable[[float], bool]]:
    """Give a wait that ends when a child has ended or we are told something, and says whether.

    A signal that comes between two waits ends the next one.
    """
    heard, told = os.pipe()
    for end in (heard, told):
        os.set_blocking(end, False)
    before = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)

    def wait(seconds: float) -> bool:
        if not select.select([heard], [], [], seconds)[0]:
            return False
        os.read(heard, 4096)
        return True

    try:
        yield wait
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, before)
        os.close(heard)
        os.close(told)


def describe_exit(code: int) -> str:
    """Say how a process ended."""
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
