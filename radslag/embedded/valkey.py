"""Valkey in the data folder, reached through a socket that only we can open."""

import os
import signal
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from radslag.child import Child, ChildError, Life, wait_until_works
from radslag.data_folder import DataFolder, write_if_other
from radslag.embedded.account import choose_account, hand_over, own_folder
from radslag.embedded.binaries import find_valkey
from radslag.embedded.sockets import (
    make_anew,
    permissions_of,
    seen_standing_in,
    socket_folder,
)

_SILENCE_S = 60.0
_SOCKET = "valkey.sock"


class Valkey:
    """A Valkey server that keeps what it holds over a restart and never drops a key for room."""

    name = "valkey"
    # It answers this, or that it still reads what it keeps.
    greeting = b"PING\r\n"

    def __init__(self, data: DataFolder) -> None:
        self._folder = data.path / "valkey"
        self._log = data.logs / "valkey.log"
        self._lock = data.lock
        self._account = choose_account(data.path)
        self._program = find_valkey(self._account)
        hand_over(self._folder, self._account)
        self._sockets = socket_folder(data.path, self._account)
        self._child: Child | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._sockets.path / _SOCKET

    @property
    def url(self) -> str:
        """Its address, `unix://<socket>?db=0`."""
        return self.url_in(self._sockets.path)

    def url_in(self, folder: Path) -> str:
        """Its address for whoever reaches the folder of its socket on another way."""
        return f"unix://{quote(str(folder / _SOCKET))}?db=0"

    @property
    def sockets(self) -> Path:
        """The folder of its socket."""
        return self._sockets.path

    @property
    def child(self) -> Child:
        """The running server."""
        if self._child is None:
            raise ChildError("Valkey is not started.")
        return self._child

    def begin(self) -> None:
        """Start it without waiting for it.

        Raises OSError where its files cannot be used.
        """
        own_folder(self._folder, self._account)
        make_anew(self._sockets, self._account)
        config = self._folder / "valkey.conf"
        write_if_other(config, self._config())
        self._child = Child(
            self.name,
            [self._program, seen_standing_in(self._folder, self._account) / config.name],
            log=self._log,
            env={
                "LC_ALL": "C",
                "PATH": os.environ.get("PATH", os.defpath),
                # Tells whoever looks at the machine whose server it is.
                "RADSLAG_DATA": str(self._folder.parent),
            },
            cwd=self._folder,
            user=self._account.user,
            death_signal=signal.SIGTERM,
            keep_open=[self._lock],
        )

    def wait(self) -> None:
        """Wait until it works.

        Raises ChildError when it does not.
        """
        wait_until_works(self.child, self.ask, _SILENCE_S)

    def start(self) -> None:
        """Start it and wait until it works; ChildError when it does not."""
        self.begin()
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Let it write its file and end."""
        if self._child is not None:
            self._child.stop(signal.SIGTERM, timeout_s=15)
            self._child = None

    def _config(self) -> str:
        settings = {
            "port": "0",
            "unixsocket": self._sockets.seen_by_server / _SOCKET,
            "unixsocketperm": permissions_of(self._account),
            "dir": seen_standing_in(self._folder, self._account),
            "daemonize": "no",
            # A title of its own would be written over the environment that names the data folder.
            "set-proc-title": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "loglevel": "notice",
            # Once a second it tidies, instead of ten times.
            "hz": "1",
        }
        lines = [f"{name} {_quoted(str(value))}" for name, value in settings.items()]
        return "\n".join([*lines, 'save ""', ""])

    def ask(self) -> Life:
        """Ask whether it works."""
        client = redis.Redis(
            unix_socket_path=str(self.socket),
            socket_timeout=1,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            return Life.WORKS if client.ping() else Life.SILENT
        except redis.BusyLoadingError:
            return Life.STARTS
        except redis.RedisError:
            return Life.SILENT
        finally:
            client.close()


def _quoted(value: str) -> str:
    """Quote a value of the configuration file."""
    return '"{}"'.format(value.replace("\\", "\\\\").replace('"', '\\"'))
