"""Say which code this is."""

import json

import click

from radslag.speech import Spoken, translate_text
from shared import version


@click.command("version", cls=Spoken, example="radslag version --json", speaks=False)
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def command(*, as_json: bool) -> None:
    """Say which version this is, of which commit, and for which schema."""
    known = version.read_version()
    if as_json:
        click.echo(json.dumps(known))
        return
    for name, value in known.items():
        click.echo(f"{name:8} {value or translate_text('not known')}")
