"""Whom the processes of a system run as, and how they reach what lies where only root may go.

Root starts the processes of each service as a system user of its own, without any capability, and
PostgreSQL lets that user in as the service's role and as no other. Such a process cannot pass the
folders above the code and the data where those are closed, so it is given them open: the modules
(`standing`), the folder of the sockets, and the folder that it stands in. Where it cannot read the
code all the same, it stays root and has nothing but root's files: no capability, and no way to one.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from radslag.child import User
from radslag.embedded.account import (
    Account,
    choose_account,
    choose_service_account,
    give_folder,
)
from radslag.embedded.postgres import NAME
from radslag.up.forked import can_work_as
from radslag.up.plan import Plan
from radslag.up.standing import is_open_to_all, open_folders

_ROOT_S_PORTS = 1024
_CAP_NET_BIND_SERVICE = 10
_HERE = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands, as whom, what it is given open, and what it is told of that."""

    user: User | None = None
    cwd: Path | None = None
    keep_open: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable

    def given(self) -> dict[str, Any]:
        """Return what `Child` and `Forked` are told."""
        return {"user": self.user, "cwd": self.cwd, "keep_open": self.keep_open}


class Places:
    """The places of one system's processes."""

    def __init__(self, plan: Plan, data: Path, *, forks: bool) -> None:
        self._plan = plan
        # What is forked needs no interpreter.
        self._python = None if forks else _find_python()
        self._data = data
        self._goes_down = sys.platform == "linux" and os.geteuid() == 0
        self._users: dict[str, User] = {}
        self._sockets: dict[Path, int] = {}

    def place_of(self, role: str, *, port: int | None = None, cwd: Path | None = None) -> Place:
        """Return the place of a process that works as this role and listens at this port.

        It stands in `cwd`, which is then its own.
        """
        if not self._goes_down:
            if cwd is not None:
                cwd.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Place(cwd=cwd, environment=self._addresses(role, opens=False))
        user = self._user_of(role)
        if port is not None and port < _ROOT_S_PORTS:
            user = replace(user, kept=_CAP_NET_BIND_SERVICE)
        if cwd is not None:
            give_folder(cwd, user)
        addresses = self._addresses(role, opens=user.uid is not None)
        kept = (*open_folders(), *self._sockets.values())
        return Place(user, cwd or Path("/"), kept, addresses, self._python or sys.executable)

    def _user_of(self, role: str) -> User:
        """Return whom it runs as; it is tried once."""
        if role not in self._users:
            user = choose_service_account(role, self._servers()).user
            if user.uid is not None and not self._can_work_as(user):
                user = User(groups=user.groups)
            self._users[role] = user
        return self._users[role]

    def _can_work_as(self, user: User) -> bool:
        # What is started anew looks for its files by paths that some libraries resolve.
        is_closed = self._python is not None and bool(open_folders())
        return not is_closed and can_work_as(user, python=self._python)

    def _servers(self) -> Account:
        postgres = self._plan.postgres
        return choose_account(self._data) if postgres is None else postgres.account

    def _addresses(self, role: str, *, opens: bool) -> dict[str, str]:
        """Return where the servers are that run here; elsewhere they are where they were named."""
        found = {}
        postgres, valkey = self._plan.postgres, self._plan.valkey
        if postgres is not None:
            # Nobody works as the owner of the tables, who may do everything.
            folder = self._reach(postgres.sockets) if opens else postgres.sockets
            found["RADSLAG_DATABASE_URL"] = postgres.url_of(NAME, role, folder=folder)
        if valkey is not None:
            folder = self._reach(valkey.sockets) if opens else valkey.sockets
            found["RADSLAG_BROKER_URL"] = valkey.url_in(folder)
        return found

    def _reach(self, folder: Path) -> Path:
        if folder not in self._sockets:
            self._sockets[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        return _HERE / str(self._sockets[folder])


def _find_python() -> str:
    """Return an interpreter that everybody may run, if there is one.

    That of an environment may lie in a closed folder, while the one that it was made of does not.
    """
    own = Path(sys.executable)
    return sys.executable if is_open_to_all(own.parent) else os.path.realpath(own)
