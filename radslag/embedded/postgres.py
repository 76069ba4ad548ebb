"""PostgreSQL in the data folder, reached through a socket that only we can open."""

import locale
import os
import pwd
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.pq import PGconn, Ping

from radslag.child import Child, ChildError, Life, wait_until_works
from radslag.data_folder import DataFolder, write_if_other
from radslag.embedded.account import (
    Account,
    choose_account,
    hand_over,
    name_of_service,
    own_folder,
)
from radslag.embedded.binaries import find_postgres
from radslag.embedded.preload import write_preload
from radslag.embedded.sockets import (
    make_anew,
    permissions_of,
    seen_standing_in,
    socket_folder,
)
from shared.rights.grants import SERVICES

NAME = "radslag"
# What makes its files may take so long, and what starts may be silent so long.
_START_S = 60.0
_SILENCE_S = 60.0
# Who may connect (pg_hba.conf and pg_ident.conf), in files of ours: the cluster's are left alone.
_HBA = "radslag_hba.conf"
_IDENT = "radslag_ident.conf"
_PRELOAD = "no-rights.so"
# The image in docker-compose.yml gets these too: order and case of characters are then the same
# everywhere, and do not change with the system's libraries.
LOCALE_FLAGS = (
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)
# A failing statement is logged without its text and without the row: both hold residents' words.
SETTINGS: Mapping[str, str] = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "max_connections": "200",
}
# What a small city needs no more of: its whole database has room in this cache for years.
SMALL_SETTINGS: Mapping[str, str] = {
    "shared_buffers": "64MB",
    "io_workers": "1",
    "max_logical_replication_workers": "0",
    # Commits wait for the disk themselves; nothing else is left for the background to do soon.
    "wal_writer_delay": "2s",
    "bgwriter_delay": "2s",
}


class Postgres:
    """A PostgreSQL server with the database and the role `radslag`."""

    name = "postgres"
    # Whether it would speak TLS, which it answers before anything else: also in recovery, without
    # reading a file, and where no connection is left. It writes no line about it.
    greeting = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"

    def __init__(self, data: DataFolder, *, settings: Mapping[str, str] | None = None) -> None:
        self._data = data.path
        self._folder = data.path / "postgres"
        self._log = data.logs / "postgres.log"
        self._lock = data.lock
        self._settings = {**SETTINGS, **(settings or {})}
        self._account = choose_account(data.path)
        self._program = find_postgres(self._account)
        hand_over(self._folder, self._account)
        self._sockets = socket_folder(data.path, self._account)
        self._preload = write_preload(data.path / _PRELOAD) if self._account.root else None
        self._child: Child | None = None
        self._has_files = False

    @property
    def url(self) -> str:
        """Its address: `postgresql:///radslag?host=<folder of the socket>&user=radslag`."""
        return self.url_of(NAME)

    @property
    def child(self) -> Child:
        """The running server."""
        if self._child is None:
            raise ChildError("PostgreSQL is not started.")
        return self._child

    def begin(self) -> None:
        """Start it without waiting for it, making the cluster at the first time.

        Raises ChildError, or OSError where its files cannot be used. Files that were there and are
        gone (a disk that is not mounted any more) are not made anew.
        """
        if not (self._folder / "PG_VERSION").exists():
            if self._has_files:
                raise ChildError(
                    f"its files are not in {self._folder} any more; is the disk there?"
                )
            self._create_cluster()
        self._has_files = True
        # We hold the folder's lock, which every process of an earlier server held too: whatever
        # process now has the id in this file, it is not that server.
        (self._folder / "postmaster.pid").unlink(missing_ok=True)
        make_anew(self._sockets, self._account)
        self._write_access()
        # When we are killed it shuts down in order.
        self._child = Child(
            self.name,
            [self._program, "-D", self._seen(self._folder), *self._flags()],
            log=self._log,
            env=self._environment(),
            cwd=self._folder,
            user=self._account.user,
            death_signal=signal.SIGINT,
            keep_open=[self._lock],
        )

    def start(self) -> None:
        """Start it and wait until it works.

        Raises ChildError when it does not.
        """
        self.begin()
        try:
            wait_until_works(self.child, self.ask, _SILENCE_S)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut it down: roll back what is open, write a checkpoint, end."""
        if self._child is not None:
            self._child.stop(signal.SIGINT, timeout_s=30)
            self._child = None

    def _create_cluster(self) -> None:
        # A half-made cluster of an interrupted first start holds nothing of worth: without
        # PG_VERSION at its place no server has ever run on it.
        making = self._folder.with_name("postgres.new")
        if making.exists():
            shutil.rmtree(making)
        own_folder(making, self._account)
        child = Child(
            "initdb",
            [
                self._program.with_name("initdb"),
                f"--pgdata={self._seen(making)}",
                f"--username={NAME}",
                "--auth-local=peer",
                "--auth-host=reject",
                "--no-instructions",
                *LOCALE_FLAGS,
                f"--lc-ctype={_character_type()}",
            ],
            log=self._log,
            env=self._environment(),
            cwd=making,
            user=self._account.user,
        )
        try:
            child.wait(_START_S)
        finally:
            child.stop()
        if child.poll() != 0:
            raise ChildError(f"PostgreSQL could not make its files: {child.last_words()}")
        making.rename(self._folder)

    def _write_access(self) -> None:
        """Say who may connect: whom the server runs as, and whoever started it.

        Written at every start: earlier versions let in everybody who could open the socket. The
        services of root are let in as their own roles and no other.
        """
        us = pwd.getpwuid(os.geteuid()).pw_name
        names = dict.fromkeys((self._account.name, us))
        services = {role: name_of_service(role) for role in SERVICES} if os.geteuid() == 0 else {}
        for name, lines in {
            _HBA: [f"local {what} all peer map={NAME}" for what in ("all", "replication")],
            _IDENT: [
                *('{} "{}" all'.format(NAME, name.replace('"', '""')) for name in names),
                *(f'{NAME} "{name}" {role}' for role, name in services.items()),
            ],
        }.items():
            write_if_other(self._folder / name, "\n".join([*lines, ""]))

    def _flags(self) -> list[str]:
        quoted = '"{}"'.format(str(self._sockets.seen_by_server).replace('"', '""'))
        settings = {
            **self._settings,
            "listen_addresses": "",
            "unix_socket_directories": quoted,
            "unix_socket_permissions": f"0{permissions_of(self._account)}",
            "hba_file": str(self._seen(self._folder) / _HBA),
            "ident_file": str(self._seen(self._folder) / _IDENT),
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _seen(self, folder: Path) -> Path:
        return seen_standing_in(folder, self._account)

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: PGDATA, PGOPTIONS and the language would change the server.

        But for the data folder, which tells whoever looks at the machine whose server it is.
        """
        kept = ("PATH", "TMPDIR", "TZDIR")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        env |= {"LC_ALL": "C", "RADSLAG_DATA": str(self._data)}
        if self._preload is not None:
            # As seen from the folder of the files: a space in a path would end it.
            env["LD_PRELOAD"] = f"../{self._preload.name}"
        return env

    def ask(self) -> Life:
        """Ask whether it works; its database is made if it is not there."""
        address = self.url_of("postgres")
        try:
            with psycopg.connect(address, connect_timeout=2, autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
                if known.fetchone() is None:
                    connection.execute(f"CREATE DATABASE {NAME}")
        except psycopg.Error:
            starts = PGconn.ping(f"{address}&connect_timeout=2".encode()) == Ping.REJECT
            return Life.STARTS if starts else Life.SILENT
        return Life.WORKS

    def url_of(self, database: str, user: str = NAME, *, folder: Path | None = None) -> str:
        """The address of one of its databases, for one of its roles.

        For whoever reaches the folder of its socket on another way: in that folder.
        """
        host = quote(str(folder or self._sockets.path), safe="")
        return f"postgresql:///{database}?host={host}&user={user}"

    @property
    def sockets(self) -> Path:
        """The folder of its socket."""
        return self._sockets.path

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._sockets.path / ".s.PGSQL.5432"

    @property
    def account(self) -> Account:
        """Whom it runs as."""
        return self._account


def _character_type() -> str:
    """Return the C library's locale of Unicode characters.

    pg_trgm asks the C library which characters are letters, whatever the provider of the locale is:
    under its `C` it drops å, ä and ö without a word.
    """
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "C.utf8", "UTF-8", "en_US.UTF-8"):
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return "C"
