"""Say that a process shall not run any more, so that nobody misses it."""

import click

from radslag.environment import RefusedError
from radslag.running import with_system
from radslag.speech import Spoken, say_line
from shared import heartbeat
from shared.config import Settings
from shared.db import Session


@click.command("retire", cls=Spoken, example="radslag retire moderation-semantic")
@click.argument("name")
@with_system
def command(name: str, settings: Settings) -> None:  # noqa: ARG001
    """Say that a process shall not run any more: it is not missed, and its alarm ends.

    One that does run is missed again as soon as it has been heard of.
    """
    with Session.begin() as session:
        number = heartbeat.forget_process(session, name)
    if not number:
        raise RefusedError(f"Nobody has heard of a process {name}.")
    say_line("It is not missed any more.")
