"""The command `radslag up`."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from sqlalchemy.exc import OperationalError

from radslag import first_start
from radslag.child import ChildError
from radslag.data_folder import DataFolder, DataFolderError
from radslag.embedded.binaries import NotInstalledError
from radslag.embedded.preload import NoPreloadError
from radslag.mailbox.entrance import PASSWORD
from radslag.ports import PortError
from radslag.processes import DESK_PORT, PUBLIC_PORT
from radslag.speech import Spoken, say_line, translate_text
from radslag.up.notifying import tell_systemd
from radslag.up.plan import MAIL_PORT, Options, Plan, make_plan
from radslag.up.supervisor import Supervisor
from shared import db, log, migrate
from shared.config import SettingsError, data_folder
from shared.migrate import MigrationError
from shared.rights.grants import GrantsError

_PORT = click.IntRange(1, 65535)


def _port_option(name: str, usual: int, what: str) -> Callable[[Any], Any]:
    return click.option(name, type=_PORT, default=usual, show_default=True, help=what)


class _ToldToEndError(Exception):
    """Ctrl-C during the start."""


class _Signals:
    """Remembers that somebody asked us to end, and breaks off a start at once.

    While we are stopping, asking again changes nothing.
    """

    def __init__(self) -> None:
        self.told = False
        self.starting = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self.told = True
        if self.starting:
            self.starting = False
            raise _ToldToEndError


@click.command("up", cls=Spoken, example="radslag up --data var --desk-port 9001", speaks=False)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where everything is kept (else RADSLAG_DATA, else var/ here).",
)
@_port_option("--public-port", PUBLIC_PORT, "Where residents reach it.")
@_port_option("--desk-port", DESK_PORT, "Where staff reach it.")
@_port_option("--mail-port", MAIL_PORT, "Where its letters are read.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the webs listen.")
@click.option("--empty", is_flag=True, help="Do not create the four sample councils.")
@click.option("--hold-letters", is_flag=True, help="Letters wait for an administrator.")
@click.option("--let-letters-go", is_flag=True, help="They no longer wait after a restore.")
def command(
    data: Path | None,
    public_port: int,
    desk_port: int,
    mail_port: int,
    host: str,
    empty: bool,
    hold_letters: bool,
    let_letters_go: bool,
) -> None:
    """Run the whole system on this machine until Ctrl-C; a second start continues."""
    options = Options(
        data=data or data_folder(),
        host=host,
        public_port=public_port,
        desk_port=desk_port,
        mail_port=mail_port,
        empty=empty,
        hold_letters=hold_letters,
    )
    signals = _Signals()
    try:
        folder = DataFolder(options.data)
    except DataFolderError as error:
        _refuse(error)
    if let_letters_go:
        folder.let_letters_go()
    try:
        plan = make_plan(options, folder, os.environ)
    except (PortError, SettingsError, NotInstalledError, NoPreloadError, DataFolderError) as error:
        folder.release()
        _refuse(error)
    sys.exit(_run(plan, folder, signals))


def _refuse(error: Exception) -> NoReturn:
    say_line(str(error), err=True)
    sys.exit(2)


def _say(line: str) -> None:
    _write(f"  {time.strftime('%H:%M:%S')}  {translate_text(line)}", err=True)


def _write(line: str, *, err: bool = False) -> None:
    """Say a line. Where nobody can read it (a full disk, a closed pipe) the system runs on."""
    with contextlib.suppress(OSError):
        say_line(line, err=err)


def _run(plan: Plan, folder: DataFolder, signals: _Signals) -> int:
    log.configure_log("warning")
    supervisor = Supervisor(plan, folder, _say)
    code = 0
    try:
        signals.starting = not signals.told
        _say("Starting the database and the broker …")
        supervisor.start_servers()
        supervisor.do_with_servers(lambda: _prepare(plan))
        # Before the webs: whoever sees one answer can use every command.
        folder.write_state(plan.shown())
        _say("Starting the webs and the workers …")
        supervisor.start_processes()
        link = supervisor.do_with_servers(lambda: first_start.administrator_link(plan.settings))
        _greet(plan, link)
        signals.starting = False
        tell_systemd("READY=1")
        supervisor.watch(lambda: signals.told)
        _write("Stopping …")
    except _ToldToEndError:
        _write("Stopping …")
    except (ChildError, MigrationError, GrantsError, OSError) as error:
        signals.starting = False
        _write(str(error), err=True)
        code = 1
    except OperationalError:
        # What it would print names the server, and may name its user.
        signals.starting = False
        _write("The database does not answer (RADSLAG_DATABASE_URL).", err=True)
        code = 1
    finally:
        signals.starting = False
        tell_systemd("STOPPING=1")
        db.close_connections()
        supervisor.stop()
        folder.release()
    return code


def _prepare(plan: Plan) -> None:
    migrate.upgrade_database(plan.settings.database_url)
    db.configure_sessions(plan.settings)
    first_start.seed_system(plan.settings, councils=not plan.options.empty)


def _greet(plan: Plan, link: str | None) -> None:
    _write("Rådslag runs. Ctrl-C stops it; nothing is lost.")
    _write(f"  For residents   {plan.settings.public_url}")
    _write(f"  For staff       {plan.settings.desk_url}")
    if plan.mail_url:
        _write(f"  The letters     {plan.mail_url}")
        if plan.mail_host != plan.options.host:
            _write(f"                  (on this machine only; set {PASSWORD} for others)")
    if plan.settings.hold_letters:
        _write(f"  Letters wait for an administrator: {plan.settings.desk_url}/letters")
        _write("                  (after a restore, `radslag up --let-letters-go` ends that)")
    if link:
        _write(f"\nNobody is administrator yet. This link makes the first one, once:\n  {link}")
