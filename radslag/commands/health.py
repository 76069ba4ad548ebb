"""Ask one process of the system whether it works: the health check of a container.

Asked every half minute of every process, so it imports little and reads one row.
"""

import http.client
import sys
from pathlib import Path

import click
import psycopg

from radslag.environment import NoSystemError, RefusedError, data_option, make_environment
from radslag.processes import BY_NAME, Process, name_here, who_does
from shared.config import Settings, SettingsError

# Six beats may be missed: a worker's main process waits for nothing long.
LATE_S = 30
_AGE = "SELECT extract(epoch FROM now() - at) FROM heartbeats WHERE name = %s"


def is_web_answering(host: str, port: int, *, timeout_s: float = 3) -> bool:
    """Whether a web answers GET /healthz with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_process_beating(process: Process, database_url: str) -> bool:
    """Whether a process on this machine has said lately that it works."""
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            row = connection.execute(_AGE, [name_here(process.name)]).fetchone()
    except psycopg.Error:
        return False
    return row is not None and row[0] < LATE_S


@click.command("health")
@click.argument("name", type=click.Choice(sorted(BY_NAME)))
@data_option
def command(name: str, data: Path | None) -> None:
    """Say whether one process on this machine works; the exit code is 0 or 1."""
    process = BY_NAME[name]
    if process.health == "http":
        well = is_web_answering("127.0.0.1", process.port or 0)
    else:
        try:
            settings = Settings.from_env(make_environment(data))
        except (NoSystemError, SettingsError) as error:
            raise RefusedError(str(error)) from None
        # Itself, or in a small system the one that does its work.
        does_it = who_does(name, settings.size)
        well = any(is_process_beating(each, settings.database_url) for each in (process, does_it))
    click.echo("ok" if well else "no sign of life")
    sys.exit(0 if well else 1)
