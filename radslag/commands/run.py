"""Run one process of the system in the foreground, as a container does."""

import os
import sys

import click

from radslag.processes import BY_NAME
from radslag.speech import Spoken
from shared.config import PREFIX


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
    arguments = process.command(host=host, port=port)
    # Nobody else ends it when it hangs; who ends is started again.
    os.environ.setdefault(f"{PREFIX}LONGEST_SILENCE", str(process.silence_s))
    # This process becomes that one, so that signals reach it.
    os.execv(sys.executable, [sys.executable, "-m", *arguments, *more])  # noqa: S606 - this very program
