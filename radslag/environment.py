"""Which system a command speaks to: the one in the environment, or the one in the data folder."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import click

from radslag.data_folder import running_settings
from radslag.speech import translate_text
from shared.config import data_folder, read_secret_files

DATABASE_URL = "RADSLAG_DATABASE_URL"


class NoSystemError(Exception):
    """Nothing runs and nothing is named; the text is one sentence that says what to do."""


class RefusedError(click.ClickException):
    """Ends a command with one sentence and code 2: wrong use, or a wrong setting."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence and nothing else."""
        click.echo(translate_text(self.format_message()), file=file, err=file is None)


def make_environment(data: Path | None = None) -> dict[str, str]:
    """Return the environment with the settings of the system.

    The settings already there win over those of the data folder. Raises NoSystemError, or
    SettingsError for a file that cannot be read.
    """
    own = read_secret_files(os.environ)
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
