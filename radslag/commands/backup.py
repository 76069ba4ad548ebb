"""Keep a whole system in one file."""

from dataclasses import fields
from pathlib import Path

import click
import psycopg

from radslag.backup.archive import BackupError, Contents, create_backup
from radslag.backup.keeping import keep_system
from radslag.environment import RefusedError, make_environment
from radslag.running import data_option, open_system
from radslag.speech import Spoken, say_line
from shared.clock import utcnow
from shared.config import PREFIX, SECRETS, Settings, data_folder
from shared.version import read_version


@click.command("backup", cls=Spoken, example="radslag backup rådslag.backup", speaks=False)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@data_option
def command(file: Path, data: Path | None) -> None:
    """Keep everything in FILE but the secret key, as it is at this instant; work goes on."""
    with open_system(data, without=["broker_url", "secret_key"]) as settings:
        try:
            with (
                create_backup(file) as new,
                psycopg.connect(
                    settings.database_url, autocommit=True, connect_timeout=5
                ) as connection,
            ):
                contents = keep_system(
                    connection,
                    new,
                    made_at=utcnow(),
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
    say_contents(contents, file)
    say_line(
        "Not in it: the secret key (RADSLAG_SECRET_KEY, or the file secret_key of the data folder "
        f"{(data or data_folder()).absolute()}) and the other secrets among the settings. Keep the "
        "key in another place: without it staff are signed out, and webhooks and authenticator "
        "apps are to be set up anew."
    )


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
