"""Print the settings of the running system, for psql, valkey-cli and one's own workers."""

import json
import shlex
import sys
from pathlib import Path

import click

from radslag.data_folder import running_settings
from radslag.environment import data_option
from radslag.speech import Spoken, say_line
from shared.config import data_folder


@click.command("env", cls=Spoken, example="export $(radslag env)")
@data_option
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def command(data: Path | None, as_json: bool) -> None:
    """Print how to reach the running system, as settings (`export $(radslag env)` works)."""
    folder = (data or data_folder()).absolute()
    settings = running_settings(folder)
    if settings is None:
        say_line(f"No Rådslag runs with the data folder {folder}.", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(settings, indent=2, ensure_ascii=False))
        return
    for name, value in settings.items():
        click.echo(f"{name}={shlex.quote(value)}")
