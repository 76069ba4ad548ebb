"""Make a system of a backup."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psycopg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as SqlSession

from radslag.backup.archive import BackupError, open_backup
from radslag.backup.restoring import restore_system
from radslag.child import ChildError
from radslag.commands.backup import say_contents
from radslag.data_folder import DataFolder, DataFolderError, running_settings
from radslag.embedded.binaries import NotInstalledError
from radslag.embedded.postgres import Postgres
from radslag.embedded.preload import NoPreloadError
from radslag.environment import DATABASE_URL, RefusedError, data_option
from radslag.speech import Spoken, say_line
from shared import db
from shared.config import SettingsError, data_folder, read_secret_files
from shared.delivery import ledger

_HOLD = "RADSLAG_HOLD_LETTERS"


@click.command(
    "restore", cls=Spoken, example="radslag restore rådslag.backup --data var", speaks=False
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
def command(file: Path, data: Path | None) -> None:
    """Restore FILE into an empty system: a new data folder, or the database that is named.

    Letters and webhooks wait afterwards, for the system that was kept may have sent them. The exit
    code is 1 when the books of what was restored do not add up.
    """
    try:
        with open_backup(file) as backup, _target(data) as (database_url, advice):
            restore_system(database_url, backup)
            books = _read_books(database_url)
            contents = backup.contents
    except (BackupError, ChildError, DataFolderError, NotInstalledError, NoPreloadError) as error:
        raise RefusedError(str(error)) from None
    except SettingsError as error:
        raise RefusedError(str(error)) from None
    except (psycopg.Error, SQLAlchemyError):
        # Its words may hold a row.
        raise RefusedError("The database did not take it; nothing was restored.") from None
    say_contents(contents, file)
    say_line("Restored. Everybody signs in anew, and letters and webhooks wait.")
    say_line(advice)
    # What is late was late when the backup was made, or became so since: it is done when all runs.
    broken = [each for each in books.violations if not str(each["rule"]).endswith("in time")]
    for violation in broken:
        say_line(f"In the ledger: {violation['rule']} ({violation['count']})", err=True)
    if not broken:
        say_line("Everything adds up.")
    sys.exit(1 if broken else 0)


@contextmanager
def _target(data: Path | None) -> Iterator[tuple[str, str]]:
    """Give the database to fill, and what to do afterwards. Raises BackupError."""
    own = read_secret_files(os.environ)
    folder = data or data_folder(own)
    running = running_settings(folder)
    if data is None and own.get(DATABASE_URL):
        yield _held(own, "the database that is named"), "Start with the key of before."
    elif running is not None:
        yield _held(running, f"the system in {folder.absolute()}"), "Start it anew."
    else:
        with _started(folder) as database_url:
            yield database_url, _advise(folder.absolute())


def _held(settings: dict[str, str], what: str) -> str:
    """Return the database of a system whose letters wait. Raises BackupError for another one."""
    if settings.get(_HOLD) != "1":
        raise BackupError(
            f"Letters of {what} would leave, though they may have left before: set {_HOLD}=1 for "
            "all of its processes (`radslag up --hold-letters`) until an administrator has looked."
        )
    return settings[DATABASE_URL]


@contextmanager
def _started(path: Path) -> Iterator[str]:
    """Run PostgreSQL of a data folder in which nothing runs, and let its letters wait."""
    folder = DataFolder(path)
    try:
        postgres = Postgres(folder)
        # Before there is anything to send.
        already = folder.holds_letters
        folder.hold_letters()
        try:
            postgres.start()
            yield postgres.url
        except BaseException:
            if not already:
                folder.let_letters_go()
            raise
        finally:
            db.close_connections()
            postgres.stop()
    finally:
        folder.release()


def _advise(folder: Path) -> str:
    key = folder / "secret_key"
    has_key = "has one of its own: put" if key.exists() else "gets a new one unless you put"
    return (
        f"The secret key was not in the backup. This folder {has_key} that of before into {key} "
        "(one line, only for your eyes) before you start it with\n"
        f"  radslag up --data {folder}\n"
        "When an administrator has looked at the letters that wait, start it with --let-letters-go."
    )


def _read_books(database_url: str) -> ledger.Ledger:
    engine = db.make_engine(database_url, statement_timeout_s=3600)
    try:
        with SqlSession(engine) as session:
            return ledger.read_ledger(session)
    finally:
        engine.dispose()
