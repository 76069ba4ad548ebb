"""Every process of the system, in one table: `radslag up` and docker-compose.yml both run these."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from shared.delivery import queues

PUBLIC_PORT = 8000
DESK_PORT = 8001

# `http`: answers GET /healthz at its port. `heartbeat`: writes its name into `heartbeats`.
Health = Literal["http", "heartbeat"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process: a Python module and its arguments, the queues it serves, and how it shows life.

    In the arguments `{host}` and `{port}` stand for where it listens.
    """

    name: str
    arguments: tuple[str, ...]
    health: Health
    queues: tuple[str, ...] = ()
    port: int | None = None

    def command(self, *, host: str = "", port: int | None = None) -> list[str]:
        """Return what follows `python -m`."""
        bracketed = f"[{host}]" if ":" in host else host
        values = {"host": bracketed, "port": str(port or self.port or "")}
        return [argument.format_map(values) for argument in self.arguments]


def _web(name: str, factory: str, port: int) -> Process:
    return Process(
        name,
        (
            *("gunicorn", "--config", "python:radslag.webserver.settings"),
            *("--bind", "{host}:{port}", f"{factory}()"),
        ),
        health="http",
        port=port,
    )


def _worker(name: str, app: str, concurrency: int, *served: str) -> Process:
    return Process(
        name,
        (
            *("celery", "-A", app, "worker", "-Q", ",".join(served), "-c", str(concurrency)),
            *("-n", f"{name}@%h", "--pool", "prefork", "--loglevel", "warning"),
            # Workers have nothing to say to one another; silence costs the broker nothing.
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        health="heartbeat",
        queues=served,
    )


_MODERATION = "services.moderation.worker"
_NOTIFY = "services.notify.worker"

PROCESSES: tuple[Process, ...] = (
    _web("public-web", "services.submission:create_app", PUBLIC_PORT),
    _web("desk", "radslag.desk:create_app", DESK_PORT),
    Process("relay", ("radslag", "relay"), health="heartbeat"),
    _worker("moderation-worker", _MODERATION, 2, queues.CHECKS),
    _worker("moderation-bulk", _MODERATION, 1, queues.BULK),
    _worker("moderation-semantic", _MODERATION, 2, queues.SEMANTIC),
    _worker("moderation-actions", _MODERATION, 1, queues.ACTIONS),
    _worker("notify-worker", _NOTIFY, 1, queues.LETTERS, queues.CLOCK),
    # Some may all be waiting for slow endpoints; one is left to write down what is owed.
    _worker("notify-webhooks", _NOTIFY, 3, queues.WEBHOOKS),
    Process("clock", ("radslag", "clock"), health="heartbeat"),
)


def here(name: str) -> str:
    """Return the name under which a process on this machine beats, `name@host`."""
    return f"{name}@{socket.gethostname()}"


BY_NAME: Mapping[str, Process] = MappingProxyType({process.name: process for process in PROCESSES})
