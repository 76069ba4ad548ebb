"""Every process of the system, in one table for each size.

`docker-compose.yml` runs those of the large one, and so does `radslag up` where it is asked to.
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from shared.config import PREFIX, SECRETS, SMALL
from shared.delivery import queues
from shared.rights.grants import MODERATION_ROLE, NOTIFY_ROLE, SUBMISSION_ROLE
from shared.rights.passwords import ADDRESSES

PUBLIC_PORT = 8000
DESK_PORT = 8001

# `http`: answers GET /healthz at its port. `heartbeat`: writes its name into `heartbeats`.
Health = Literal["http", "heartbeat"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process: a Python module and its arguments, the queues it serves, and how it shows life.

    In the arguments `{host}` and `{port}` stand for where it listens. Where it shares a machine
    with the webs it steps aside for them by `nice`.
    """

    name: str
    arguments: tuple[str, ...]
    health: Health
    queues: tuple[str, ...] = ()
    port: int | None = None
    nice: int = 0
    # What it is told where the environment says nothing else.
    environment: Mapping[str, str] = field(default_factory=dict)
    # As whom it asks the database (`shared.rights.grants`).
    role: str = MODERATION_ROLE
    # Of what is secret among the settings, what it needs beside the database and the broker.
    secrets: tuple[str, ...] = ()
    # Whose work it does besides, in a small system.
    also: tuple[str, ...] = ()

    @property
    def silence_s(self) -> int:
        """How long it may show no life before it is taken for hung.

        Webs and workers wait for nothing in the place where they show it; the relay and the clock
        wait for the database, 30 seconds for a statement at the most.
        """
        return 60 if self.queues or self.health == "http" else 120

    def command(self, *, host: str = "", port: int | None = None) -> list[str]:
        """Return what follows `python -m`."""
        bracketed = f"[{host}]" if ":" in host else host
        values = {"host": bracketed, "port": str(port or self.port or "")}
        return [argument.format_map(values) for argument in self.arguments]

    def environment_from(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return what it is told of an environment: no secret that only others need."""
        return {**self.environment, **keep_back(environment, *_OF_ALL, *self.secrets)}

    @property
    def does_without(self) -> tuple[str, ...]:
        """Return what is required of others and not of it."""
        return tuple(name for name in ("secret_key", "smtp_url") if name not in self.secrets)


def keep_back(environment: Mapping[str, str], *needed: str) -> dict[str, str]:
    """Return an environment without the secrets that are not needed, nor the files that hold them.

    What is needed is named as in `shared.config.Settings`.
    """
    own = {f"{PREFIX}{name.upper()}" for name in needed}
    kept = {name for name in EVERY_SECRET if name not in own}
    kept |= {f"{name}_FILE" for name in kept}
    return {name: value for name, value in environment.items() if name not in kept}


def list_secrets(environment: Mapping[str, str]) -> set[str]:
    """Return every secret that an environment holds."""
    return {value for name in EVERY_SECRET if (value := environment.get(name, ""))}


# Secrets that every process needs.
_OF_ALL = ("database_url", "broker_url", "queue_url")
# What stands in the same file as the settings where one file has all of them (`.env`): the other
# services' addresses, the passwords of the owner and the broker, and that of the local letters.
EVERY_SECRET: tuple[str, ...] = (
    *SECRETS,
    *ADDRESSES.values(),
    *("POSTGRES_PASSWORD", f"{PREFIX}BROKER_PASSWORD", f"{PREFIX}MAIL_PASSWORD"),
)


def _web(name: str, factory: str, port: int, *secrets: str, role: str = MODERATION_ROLE) -> Process:
    return Process(
        name,
        (
            *("gunicorn", "--config", "python:radslag.webserver.settings"),
            *("--bind", "{host}:{port}", f"{factory}()"),
        ),
        health="http",
        port=port,
        role=role,
        secrets=("secret_key", "metrics_token", *secrets),
    )


def _worker(
    name: str,
    app: str,
    children: int | str,
    *served: str,
    pool: str = "prefork",
    nice: int = 0,
    secrets: tuple[str, ...] = (),
    also: tuple[str, ...] = (),
) -> Process:
    """Make a worker; `children` are so many, or as many as needed, "most,fewest"."""
    return Process(
        name,
        (
            *("celery", "-A", app, "worker", "-Q", ",".join(served)),
            "--autoscale" if isinstance(children, str) else "-c",
            str(children),
            *("-n", f"{name}@%h", "--pool", pool, "--loglevel", "warning"),
            # Workers have nothing to say to one another; silence costs the broker nothing.
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        health="heartbeat",
        queues=served,
        nice=nice,
        role=_ROLES.get(app, MODERATION_ROLE),
        secrets=secrets,
        also=also,
    )


# Of a core that the webs want as well: a quarter, and a tenth.
_NICE_CHECKS, _NICE_BULK = 5, 10
_MODERATION = "services.moderation.worker"
_BULK = "radslag.bulk_worker"
_NOTIFY = "services.notify.worker"
_SUBMISSION = "services.submission.worker"
_ROLES: Mapping[str, str] = MappingProxyType({_NOTIFY: NOTIFY_ROLE, _SUBMISSION: SUBMISSION_ROLE})
# Who makes a receipt, signs for another system or draws by lot needs the key; who mails, a server.
_KEY = ("secret_key",)
_MAILS = ("secret_key", "smtp_url")
_LOOKS_UP = ("akismet_key",)

PROCESSES: tuple[Process, ...] = (
    _web(
        *("public-web", "radslag.public:create_app", PUBLIC_PORT),
        *("public_database_url", "bounce_secret"),
        role=SUBMISSION_ROLE,
    ),
    _web("desk", "radslag.desk:create_app", DESK_PORT, "oidc_client_secret", *_LOOKS_UP),
    Process("relay", ("radslag", "relay"), health="heartbeat"),
    _worker(
        *("moderation-worker", _MODERATION, 2, queues.CHECKS),
        nice=_NICE_CHECKS,
        secrets=_LOOKS_UP,
    ),
    _worker(
        *("moderation-bulk", _BULK, 1, queues.BULK),
        nice=_NICE_BULK,
        secrets=(*_KEY, *_LOOKS_UP),
    ),
    _worker("moderation-semantic", _MODERATION, 2, queues.SEMANTIC),
    _worker("moderation-actions", _MODERATION, 1, queues.ACTIONS),
    _worker("submission-worker", _SUBMISSION, 1, queues.FORMS, secrets=_KEY),
    # One may be waiting for a slow mail server; one is left to write down what is owed.
    _worker("notify-worker", _NOTIFY, 2, queues.LETTERS, queues.CLOCK, secrets=_MAILS),
    # Some may all be waiting for slow endpoints; one is left to write down what is owed.
    _worker("notify-webhooks", _NOTIFY, 3, queues.WEBHOOKS, secrets=_KEY),
    # It mails alarms itself.
    Process("clock", ("radslag", "clock"), health="heartbeat", secrets=_MAILS),
)

BY_NAME: Mapping[str, Process] = MappingProxyType({process.name: process for process in PROCESSES})

# A small city's, all on one machine. What only waits shares a process: it needs no core of its own,
# and its waiting ends by itself. What computes has one that can be killed when it never ends. The
# names of those that are not here are in the `also` of those that do their work.
SMALL_PROCESSES: tuple[Process, ...] = (
    replace(BY_NAME["public-web"], environment={"RADSLAG_WEB_PROCESSES": "2"}),
    replace(BY_NAME["desk"], environment={"RADSLAG_WEB_PROCESSES": "1"}),
    BY_NAME["relay"],
    # What residents ask for comes before what is checked, and neither meets an import.
    _worker(
        *("moderation-worker", _MODERATION, "2,1", queues.ACTIONS, queues.CHECKS),
        nice=_NICE_CHECKS,
        secrets=_LOOKS_UP,
        also=("moderation-actions",),
    ),
    _worker(
        *("moderation-bulk", _BULK, "1,0", queues.BULK, queues.SEMANTIC),
        nice=_NICE_BULK,
        secrets=(*_KEY, *_LOOKS_UP),
        also=("moderation-semantic",),
    ),
    # Two may wait for slow endpoints, one for a slow mail server (`services.notify.mail.turns`).
    _worker(
        *("notify-worker", "radslag.small_worker", 6),
        *(queues.FORMS, queues.LETTERS, queues.CLOCK, queues.WEBHOOKS),
        pool="threads",
        secrets=_MAILS,
        also=("notify-webhooks", "submission-worker"),
    ),
    BY_NAME["clock"],
)


def processes_of(size: str) -> tuple[Process, ...]:
    """Return the processes of a size (RADSLAG_SIZE)."""
    return SMALL_PROCESSES if size == SMALL else PROCESSES


def who_does(name: str, size: str) -> Process:
    """Return the process that does the work of this one where the system has this size."""
    processes = processes_of(size)
    return next(process for process in processes if name in (process.name, *process.also))


def name_here(name: str) -> str:
    """Return the name under which a process on this machine beats, `name@host`."""
    return f"{name}@{socket.gethostname()}"
