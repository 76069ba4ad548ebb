"""Run one process of the system in the foreground, as a container does."""

import os
import sys
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

import click

from radslag.environment import DATABASE_URL, RefusedError
from radslag.processes import BY_NAME, Process
from radslag.speech import Spoken, say_line
from shared.config import PREFIX, Settings, SettingsError
from shared.rights.passwords import ADDRESSES


@click.command(
    "run",
    cls=Spoken,
    example="radslag run moderation-worker -c 4",
    speaks=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("name", type=click.Choice(sorted(BY_NAME)))
@click.option("--host", default="0.0.0.0", show_default=True, help="Where a web listens.")  # noqa: S104 - in a container
@click.option("--port", type=click.IntRange(1, 65535), help="Its port, if not the usual one.")
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def command(name: str, host: str, port: int | None, more: tuple[str, ...]) -> None:
    """Run one process, with the settings of the environment.

    MORE arguments are given to it, such as `-c 4` for a worker with four processes.
    """
    process = BY_NAME[name]
    environment = process.environment_from(os.environ)
    try:
        settings = Settings.from_env(environment, without=process.does_without)
        _refuse_other_file(process, environment, settings)
    except SettingsError as error:
        raise RefusedError(str(error)) from None
    for line in _find_weak(process, settings):
        say_line(line, err=True)
    arguments = process.command(host=host, port=port)
    # Nobody else ends it when it hangs; who ends is started again.
    environment.setdefault(f"{PREFIX}LONGEST_SILENCE", str(process.silence_s))
    # This process becomes that one, so that signals reach it.
    command = [sys.executable, "-m", *arguments, *more]
    os.execve(sys.executable, command, environment)  # noqa: S606 - this very program


def _refuse_other_file(
    process: Process, environment: Mapping[str, str], settings: Settings
) -> None:
    """Raise SettingsError where a file takes the address away that this service was given.

    A file counts before what stands beside it. One with the owner's address, which is older than
    the services' roles, would otherwise let the process work as the owner without anybody's doing.
    """
    named, used = (
        _user_of(each) for each in (environment.get(DATABASE_URL, ""), settings.database_url)
    )
    if named == process.role and used != process.role:
        raise SettingsError(
            f"RADSLAG_DATABASE_URL_FILE names {used or 'nobody named'}, and counts before the "
            f"address of {process.role}: put that one into a file of its own "
            f"({ADDRESSES[process.role]}_FILE)."
        )


def _user_of(address: str) -> str:
    try:
        return unquote(urlsplit(address).username or "")
    except ValueError:
        return ""


def _find_weak(process: Process, settings: Settings) -> Iterator[str]:
    """Say in sentences what works and gives others more than they need."""
    user = _user_of(settings.database_url)
    if user != process.role:
        yield (
            f"{process.name} asks the database as {user or 'nobody named'} and not as "
            f"{process.role}, who may do only what it needs: see docs/database.md."
        )
    broker = urlsplit(settings.broker_url)
    if broker.scheme != "unix" and not broker.password:
        yield (
            "The broker is asked without a password (RADSLAG_BROKER_URL): whoever reaches it can "
            "empty it."
        )
