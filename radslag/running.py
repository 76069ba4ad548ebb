"""Which system a command speaks to: the one in the environment, or the one in the data folder."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from radslag.data_folder import running_settings
from shared import db, log
from shared.config import Settings, SettingsError, data_folder

DATABASE_URL = "RADSLAG_DATABASE_URL"


class NoSystemError(Exception):
    """Nothing runs and nothing is named; the text is one sentence that says what to do."""


def environment(data: Path | None = None) -> dict[str, str]:
    """Return the environment with the settings of the system.

    The settings already there win over those of the data folder. Raises NoSystemError.
    """
    own = dict(os.environ)
    if own.get(DATABASE_URL) and data is None:
        return own
    folder = data or data_folder()
    running = running_settings(folder)
    if running is None:
        raise NoSystemError(
            f"No Rådslag runs with the data folder {folder.absolute()}: start it with "
            f"`radslag up`, or name your servers in the settings ({DATABASE_URL} and the others)."
        )
    return {**own, **running} if data is not None else {**running, **_named(own)}


def _named(env: dict[str, str]) -> dict[str, str]:
    """Leave out what is set to nothing."""
    return {name: value for name, value in env.items() if value or not name.startswith("RADSLAG_")}


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--data`."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        help="The data folder of the system (else RADSLAG_DATA, else var/ here).",
    )(function)


@contextmanager
def system(data: Path | None) -> Iterator[Settings]:
    """Give the settings of the system, with `shared.db` ready to be used.

    A family of commands may have been given the folder before the command. Without a system, or
    with a wrong setting, the command ends with a sentence and code 2.
    """
    data = data or click.get_current_context().find_object(Path)
    try:
        settings = Settings.from_env(environment(data))
    except (NoSystemError, SettingsError) as error:
        raise click.UsageError(str(error)) from None
    log.configure("warning")
    db.configure(settings)
    try:
        yield settings
    finally:
        db.close()


def with_system(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option `--data` and the argument `settings`, as `system` says."""

    @data_option
    @wraps(function)
    def wrapped(*args: Any, data: Path | None = None, **kwargs: Any) -> Any:
        with system(data) as settings:
            return function(*args, settings=settings, **kwargs)

    return wrapped
