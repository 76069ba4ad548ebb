"""Keep a whole system in one file."""

import os
from dataclasses import fields
from pathlib import Path

import click
import psycopg

from radslag.backup import nightly
from radslag.backup.archive import BackupError, Contents, create_backup
from radslag.backup.keeping import keep_system
from radslag.environment import RefusedError, make_environment
from radslag.running import data_option, open_system
from radslag.speech import Spoken, say_line
from radslag.until_told import until_told
from shared.clock import utcnow
from shared.config import PREFIX, SECRETS, Settings, data_folder
from shared.version import read_version

_NOT_NEEDED = ("broker_url", "secret_key")


@click.command("backup", cls=Spoken, example="radslag backup rådslag.backup", speaks=False)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--to", metavar="KEY", help="Seal it with age for this public key (age1…).")
@click.option(
    "--keep",
    type=click.IntRange(1),
    help="FILE is a folder: keep so many of its backups, the newest.",
)
@click.option(
    "--every-day-at",
    "hour",
    type=click.IntRange(0, 23),
    help="Stay, and make one each day at this hour of the city's clock; needs --keep.",
)
@data_option
def command(
    file: Path, to: str | None, keep: int | None, hour: int | None, data: Path | None
) -> None:
    """Keep everything in FILE but the secret key, as it is at this instant; work goes on."""
    if hour is not None and keep is None:
        raise RefusedError("--every-day-at needs --keep.")
    if keep is None and file.is_dir():
        raise RefusedError(f"{file} must be a new file.")
    if keep is not None and not file.is_dir():
        raise RefusedError(f"{file} must be a folder.")
    if hour is not None:
        until_told(lambda: _keep_daily(file, to, keep or 1, hour, data), pause_s=60)
        return
    _keep_now(file, to, keep, data)
    say_line(
        "Not in it: the secret key (RADSLAG_SECRET_KEY, or the file secret_key of the data folder "
        f"{(data or data_folder()).absolute()}) and the other secrets among the settings. Keep the "
        "key in another place: without it staff are signed out, and webhooks and authenticator "
        "apps are to be set up anew."
    )


def _keep_daily(folder: Path, to: str | None, keep: int, hour: int, data: Path | None) -> None:
    """Make the backup of the day if it is due. One that fails is said, and tried in a minute."""
    try:
        with open_system(data, without=_NOT_NEEDED) as settings:
            is_due = nightly.is_due(folder, utcnow().astimezone(settings.timezone), hour)
        if is_due:
            _keep_now(folder, to, keep, data)
    except RefusedError as error:
        say_line(error.message, err=True)
    except OSError as error:
        say_line(f"Cannot write {folder} ({os.strerror(error.errno or 0)}).", err=True)


def _keep_now(file: Path, to: str | None, keep: int | None, data: Path | None) -> None:
    now = utcnow()
    path = file if keep is None else file / nightly.name_backup(now, is_sealed=bool(to))
    if keep is not None:
        # Before there is a new one: they may be what leaves no room for it.
        for gone in nightly.remove_unfinished(file, now):
            say_line(f"Removed, not finished: {gone}")
    with open_system(data, without=_NOT_NEEDED) as settings:
        try:
            with (
                create_backup(path, to=to) as new,
                psycopg.connect(
                    settings.database_url, autocommit=True, connect_timeout=5
                ) as connection,
            ):
                contents = keep_system(
                    connection,
                    new,
                    made_at=now,
                    version=read_version(),
                    settings=_open_settings(make_environment(data)),
                )
        except BackupError as error:
            raise RefusedError(str(error)) from None
        except psycopg.Error as error:
            # Its words may hold a row.
            raise RefusedError(
                f"The database did not let itself be read ({error.sqlstate})."
            ) from None
    say_contents(contents, path)
    if keep is not None:
        # Only after there is a new one.
        for gone in nightly.remove_oldest(file, keep, made=path):
            say_line(f"Removed: {gone}")


def say_contents(contents: Contents, file: Path) -> None:
    """Print what a backup holds."""
    rows = {part.table: part.rows for part in contents.parts}
    say_line(
        f"{file}: {rows['ideas']} ideas, {rows['decisions']} decisions, {rows['letters']} letters, "
        f"{rows['staff']} members of staff; {contents.made_at}, version "
        f"{contents.version['version']}, schema {contents.version['schema']}."
    )


def _open_settings(environment: dict[str, str]) -> dict[str, str]:
    """Return the settings that are no secrets."""
    known = {PREFIX + each.name.upper() for each in fields(Settings)} - set(SECRETS)
    return {name: value for name, value in sorted(environment.items()) if name in known and value}
