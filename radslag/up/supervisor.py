"""Starts everything in order, starts again what dies, stops everything in order."""

import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from radslag.child import Child, ChildError
from radslag.commands.health import is_web_answering
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from radslag.ports import reached_at
from radslag.processes import Process, keep_back, list_secrets, name_here, processes_of
from radslag.up import forked
from radslag.up.kept import Kept, Patience, Say
from radslag.up.knock import Knock
from radslag.up.logs import Tail, make_room
from radslag.up.notifying import tell_systemd
from radslag.up.places import Place, Places
from radslag.up.plan import Plan
from radslag.up.pulse import Pulse, open_signs
from shared import db, heartbeat
from shared.clock import utcnow
from shared.config import SMALL
from shared.db import Session
from shared.process import lower_priority
from shared.rights.grants import NOTIFY_ROLE

# What ends is seen at once; warnings that somebody wrote down, and a start that is due, so soon.
_TICK_S = 1.0
_START_S = 90.0
# Webs finish their requests and workers their tasks; what is longer is offered again next time.
_STOP_S = 12.0
# What needs the database at the start is tried so often while nothing is wrong with the servers.
_TRIES = 5
_REPEAT_S = 60.0
# Of the mailbox; the others say it themselves.
_SILENCE_S = 60
# The mailbox ends last: a worker may be sending to it.
_ENDS_FIRST = ("public-web", "desk", "relay", "clock")
_ENDS_LAST = ("mailbox",)
_T = TypeVar("_T")


class Supervisor:
    """The processes of one system."""

    def __init__(
        self, plan: Plan, folder: DataFolder, say: Say, patience: Patience | None = None
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._say = say
        self._patience = patience or Patience()
        self._servers: dict[str, Kept] = {}
        self._children: dict[str, Kept] = {}
        self._tails: dict[str, Tail] = {}
        self._said: dict[str, float] = {}
        self._processes = processes_of(plan.settings.size)
        # Elsewhere the libraries of the system do not stand a fork.
        self._forks = plan.settings.size == SMALL and sys.platform == "linux"
        self._room_at = 0.0
        self._places = Places(plan, folder.path, forks=self._forks)
        make_room(folder.logs)
        shutil.rmtree(folder.signs, ignore_errors=True)

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, at the same time, and wait until both work.

        As long as one says that it is on its way (it recovers from a crash) it is waited for.
        Raises ChildError when one ends by itself or is silent.
        """
        for server in (self._plan.valkey, self._plan.postgres):
            if server is not None:
                self._keep_server(server)
        self._wait_for_servers()

    def do_with_servers(self, work: Callable[[], _T]) -> _T:
        """Do something that needs the database, again if that went away meanwhile.

        Raises what the work raises when nothing is wrong with our servers.
        """
        tries = 0
        while True:
            try:
                return work()
            except (OperationalError, InterfaceError):
                tries += 1
                if not self._servers or tries == _TRIES:
                    raise
                deaths = sum(kept.deaths for kept in self._servers.values())
                for kept in self._servers.values():
                    kept.doubt()
                self._wait_for_servers()
                if deaths != sum(kept.deaths for kept in self._servers.values()):
                    tries = 0

    def start_processes(self) -> None:
        """Start every process and wait until each works: first what people look at.

        Raises ChildError when one ends at its start or does not show life in time, with nothing
        wrong with the servers.
        """
        began = utcnow()
        if self._forks:
            forked.load_modules()
        if self._plan.smtp_port is not None:
            command = self._mailbox_command(self._plan.smtp_port)
            place = self._places.place_of(
                NOTIFY_ROLE, port=self._plan.options.mail_port, cwd=self._folder.path / "mail"
            )
            # It asks no database and no broker.
            env = keep_back(self._plan.environment, "secret_key", "mail_password")
            self._add("mailbox", command, env, place)
        for process in self._processes:
            if process.health == "http":
                self._add_process(process)
        self._wait(self._silent_webs)
        for process in self._processes:
            if process.health != "http":
                self._add_process(process)
        self._wait(lambda: self._without_heartbeat(began))
        self.do_with_servers(self._forget_others)

    def _forget_others(self) -> None:
        """Nobody misses what another size of this system had."""
        with Session.begin() as session:
            names = [process.name for process in self._processes]
            heartbeat.forget_others(session, socket.gethostname(), names)

    def _keep_server(self, server: Postgres | Valkey) -> None:
        def begin() -> Child:
            server.begin()
            return server.child

        patience = self._patience
        knock = Knock(
            server.socket, server.greeting, every_s=patience.knocks_s, silence_s=patience.silence_s
        )
        self._servers[server.name] = Kept(
            server.name, begin, self._say, patience, ask=server.ask, pulse=knock
        )

    def _wait_for_servers(self) -> None:
        while True:
            self._look_at(self._servers)
            if all(kept.works for kept in self._servers.values()):
                return
            time.sleep(0.02)

    def _wait(self, not_ready: Callable[[], list[str]]) -> None:
        deadline = time.monotonic() + _START_S
        while waited_for := not_ready():
            self._look_at(self._servers)
            if any(kept.deaths for kept in self._servers.values()):
                # Who needs them is not to blame for what it does without them.
                self._insist()
            if not all(kept.works for kept in self._servers.values()):
                deadline = time.monotonic() + _START_S
            self._look_at(self._children)
            if time.monotonic() > deadline:
                raise ChildError(
                    f"No sign of life from {', '.join(waited_for)} after {_START_S:.0f} s; "
                    f"see {self._folder.logs}."
                )
            time.sleep(0.1)

    def watch(self, stop: Callable[[], bool]) -> None:
        """Keep everything alive until told to stop; nothing that fails ends this."""
        db.give_back_idle()
        self._insist()
        with signals_heard() as wait:
            while not stop():
                tell_systemd("WATCHDOG=1")
                self._look_at(self._servers)
                self._look_at(self._children)
                self._pass_on_warnings()
                self._make_room()
                wait(self._pause_s())

    def _make_room(self) -> None:
        if time.monotonic() >= self._room_at:
            make_room(self._folder.logs)
            self._room_at = time.monotonic() + _REPEAT_S

    def _insist(self) -> None:
        for kept in self._children.values():
            kept.insists = True

    @staticmethod
    def _look_at(all_kept: Mapping[str, Kept]) -> None:
        for kept in all_kept.values():
            kept.look()

    def _pause_s(self) -> float:
        """Return how long nothing is to be done, unless a signal comes."""
        every = (*self._servers.values(), *self._children.values())
        due = [seconds for kept in every if (seconds := kept.seconds_until_due()) is not None]
        return min([_TICK_S, *due])

    def stop(self) -> None:
        """End everything: first what brings new work, then the workers, the servers last."""
        names = list(self._children)
        middle = [name for name in names if name not in (*_ENDS_FIRST, *_ENDS_LAST)]
        for group in (_ENDS_FIRST, middle, _ENDS_LAST):
            self._stop_together([self._children[name] for name in group if name in names])
        self._children.clear()
        for server in (self._plan.valkey, self._plan.postgres):
            if server is not None:
                server.stop()
        for kept in self._servers.values():
            if kept.pulse is not None:
                kept.pulse.end()
        self._servers.clear()

    def _add_process(self, process: Process) -> None:
        options = self._plan.options
        ports = {"public-web": options.public_port, "desk": options.desk_port}
        port = ports.get(process.name)
        command = process.command(host=options.host, port=port)
        env = process.environment_from(self._plan.environment)
        place = self._places.place_of(process.role, port=port)
        told = {**env, **place.environment}
        self._add(
            process.name, command, told, place, nice=process.nice, silence_s=process.silence_s
        )

    def _add(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        place: Place,
        *,
        nice: int = 0,
        silence_s: int = _SILENCE_S,
    ) -> None:
        log = self._folder.logs / f"{name}.log"
        pulse = Pulse(self._folder.signs / "beats" / name, silence_s)
        signs = open_signs(self._folder.signs, pulse, opens=place.user is not None)
        env = {**environment, **signs.environment}
        place = replace(place, keep_open=(*place.keep_open, *signs.keep_open))
        # Of what we know: a forked child begins with our memory.
        not_its = list_secrets(self._plan.environment) - set(env.values())

        def start() -> Child:
            if self._forks:
                child: Child = forked.Forked(
                    name, command, log=log, env=env, forgets=not_its, **place.given()
                )
            else:
                line = [place.python, "-m", *command]
                child = Child(name, line, log=log, env=env, **place.given())
            if nice:
                # One that may not be told to step aside, or is gone already, is kept all the same.
                with suppress(OSError):
                    lower_priority(child.pid, nice)
            return child

        self._tails[name] = Tail(log)
        self._children[name] = Kept(name, start, self._say, self._patience, pulse=pulse)
        self._children[name].look()

    def _mailbox_command(self, smtp_port: int) -> list[str]:
        options = self._plan.options
        return [
            *("radslag", "mailbox", "--smtp-port", str(smtp_port)),
            *("--port", str(options.mail_port), "--host", self._plan.mail_host),
            # Where it stands.
            *("--folder", "."),
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
        try:
            with Session() as session:
                beats = {name: heartbeat.read_last_beat(session, name_here(name)) for name in names}
        except SQLAlchemyError:
            for kept in self._servers.values():
                kept.doubt()
            return names
        return [name for name, beat in beats.items() if beat is None or beat < since]

    def _pass_on_warnings(self) -> None:
        now = time.monotonic()
        for name, tail in self._tails.items():
            with suppress(OSError):
                for line in tail.warnings():
                    # An outage is said once in a while, not at every try.
                    said = f"{name}: {line}"
                    if now - self._said.get(said, -_REPEAT_S) >= _REPEAT_S:
                        self._said[said] = now
                        self._say(said)

    @staticmethod
    def _stop_together(group: list[Kept]) -> None:
        children = [kept.child for kept in group if kept.child is not None]
        for child in children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for child in children:
            child.stop(timeout_s=max(0.1, deadline - time.monotonic()))


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
