"""Ask one process of the system whether it works: the health check of a container."""

import http.client
import sys

import click
from sqlalchemy.exc import SQLAlchemyError

from radslag.processes import BY_NAME, Process
from radslag.running import with_system
from shared import heartbeat
from shared.config import Settings
from shared.db import Session

# Six beats may be missed: a worker's main process waits for nothing long.
LATE_S = 30


def answers(host: str, port: int, *, timeout_s: float = 3) -> bool:
    """Whether a web answers GET /healthz with 200."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_well(process: Process) -> bool:
    """Whether a process on this machine works; needs `shared.db` for those that beat."""
    if process.health == "http":
        return answers("127.0.0.1", process.port or 0)
    try:
        with Session() as session:
            age = heartbeat.age_s(session, heartbeat.here(process.name))
    except SQLAlchemyError:
        return False
    return age is not None and age < LATE_S


@click.command("health")
@click.argument("name", type=click.Choice(sorted(BY_NAME)))
@with_system
def command(name: str, settings: Settings) -> None:  # noqa: ARG001
    """Say whether one process on this machine works; the exit code is 0 or 1."""
    well = is_well(BY_NAME[name])
    click.echo("ok" if well else "no sign of life")
    sys.exit(0 if well else 1)
