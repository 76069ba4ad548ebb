"""Bring the schema of the database up."""

import os
import sys
import tempfile
from pathlib import Path

import click

from radslag import first_start
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.environment import RefusedError
from radslag.running import data_option, open_system
from radslag.speech import Spoken, say_line
from shared import migrate
from shared.config import SECRETS, SettingsError, read_secret_files
from shared.rights.grants import GrantsError
from shared.rights.passwords import ADDRESSES, read_passwords


@click.command("migrate", cls=Spoken, example="radslag migrate --seed", speaks=False)
@click.option("--check", is_flag=True, help="Whether the migrations give what the models say.")
@click.option("--seed", is_flag=True, help="And the four councils, if nobody has used it yet.")
@data_option
def command(check: bool, seed: bool, data: Path | None) -> None:
    """Bring the schema up, and what must be there beside it: roles and what they may do.

    It is safe beside the previous version of the code, also again and again.

    Where the settings name addresses of the services (RADSLAG_SUBMISSION_DATABASE_URL and the
    others), their roles get the passwords that stand in them.

    --check touches no system: it migrates an empty database of its own and compares.
    """
    if check:
        differences = find_drift()
        for difference in differences:
            click.echo(difference)
        sys.exit(1 if differences else 0)
    with open_system(data, without=["broker_url", "secret_key"]) as settings:
        try:
            named = read_secret_files(os.environ, (*SECRETS, *ADDRESSES.values()))
            told = migrate.upgrade_database(settings.database_url, passwords=read_passwords(named))
        except (migrate.MigrationError, GrantsError, SettingsError) as error:
            raise RefusedError(str(error)) from None
        first_start.seed_system(settings, councils=seed)
    for line in (*told, "The schema is up to date."):
        say_line(line)


def find_drift() -> list[str]:
    """Migrate a new database and say what differs from the models."""
    with tempfile.TemporaryDirectory(prefix="radslag-") as temporary:
        folder = DataFolder(Path(temporary) / "data")
        postgres = Postgres(folder)
        try:
            postgres.start()
            migrate.upgrade_database(postgres.url)
            return migrate.find_drift(postgres.url)
        finally:
            postgres.stop()
            folder.release()
