"""Ask one process of the system whether it works: the health check of a container.

Asked every half minute of every process, so it imports little and reads one row.
"""

import http.client
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import psycopg

from radslag.data_folder import running_settings
from radslag.environment import NoSystemError, RefusedError, data_option, make_environment
from radslag.processes import BY_NAME, Process, name_here, who_does
from radslag.speech import Spoken, say_line
from shared.config import Settings, SettingsError, data_folder

# Six beats may be missed: a worker's main process waits for nothing long.
LATE_S = 30
_ADDRESSES = {"public-web": "RADSLAG_PUBLIC_URL", "desk": "RADSLAG_DESK_URL"}
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


def find_place(process: Process, data: Path | None) -> tuple[str, int]:
    """Return where a web listens on this machine, as far as one can know.

    `radslag up` writes down where it was told to; behind a proxy, and in a container, the address
    in the settings says nothing of it.
    """
    running = running_settings(data or data_folder()) or {}
    url = urlsplit(running.get(_ADDRESSES[process.name], ""))
    if url.scheme == "http" and url.hostname and url.port:
        return url.hostname, url.port
    return "127.0.0.1", process.port or 0


def is_process_beating(process: Process, database_url: str) -> bool:
    """Whether a process on this machine has said lately that it works."""
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            row = connection.execute(_AGE, [name_here(process.name)]).fetchone()
    except psycopg.Error:
        return False
    return row is not None and row[0] < LATE_S


@click.command("health", cls=Spoken, example="radslag health desk --port 9001", speaks=False)
@click.argument("name", type=click.Choice(sorted(BY_NAME)))
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The port of a web, where it is not that of its address in the settings.",
)
@data_option
def command(name: str, data: Path | None, port: int | None) -> None:
    """Say whether one process on this machine works; the exit code is 0 or 1."""
    process = BY_NAME[name]
    if process.health == "http":
        host, usual = find_place(process, data)
        well = is_web_answering(host, port or usual)
    else:
        try:
            settings = Settings.from_env(
                make_environment(data), without=["broker_url", "secret_key", "smtp_url"]
            )
        except (NoSystemError, SettingsError) as error:
            raise RefusedError(str(error)) from None
        # Itself, or in a small system the one that does its work.
        does_it = who_does(name, settings.size)
        well = any(is_process_beating(each, settings.database_url) for each in (process, does_it))
    say_line("ok" if well else "no sign of life")
    sys.exit(0 if well else 1)
