"""The clock: says on the second what it is time for; who is asked looks for what there is to do.

Nothing is planned in the broker. A message that nobody took in time is dropped, because the next
one asks for the same.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import click
from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from radslag.until_told import until_told
from shared import db, heartbeat, log, queues
from shared.config import Settings
from shared.db import Session
from shared.worker import make_celery

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Chore:
    """Something to do every so many seconds of a monotonic clock."""

    every_s: float
    do: Callable[[], None]
    next_at: float = 0.0


def chores(celery: Celery) -> list[Chore]:
    """Return all that the clock does."""
    return [
        Chore(heartbeat.BEAT_S, _beat),
        Chore(2, lambda: _ask(celery, queues.SEND_LETTERS, expires_s=10)),
        Chore(30, lambda: _ask(celery, queues.RUN_DIGESTS, expires_s=60)),
        Chore(3600, _tidy),
    ]


def tick(due: list[Chore], now: float) -> None:
    """Do what is due; an outage of the database or the broker delays it to its next time."""
    for chore in due:
        if now < chore.next_at:
            continue
        chore.next_at = now + chore.every_s
        try:
            chore.do()
        except (SQLAlchemyError, BrokerError, RedisError, OSError) as error:
            _log.warning("a server does not answer the clock", exc_info=error)


def _beat() -> None:
    with Session.begin() as session:
        # The first is what `/readyz` and the desk look at, whatever machine the clock is on.
        heartbeat.beat(session, "clock")
        heartbeat.beat(session, heartbeat.here("clock"))


def _ask(celery: Celery, task: str, *, expires_s: int) -> None:
    celery.send_task(task, queue=queues.CLOCK, expires=expires_s, retry=False)


def _tidy() -> None:
    with Session.begin() as session:
        heartbeat.forget_the_gone(session)


@click.command("clock", hidden=True)
def command() -> None:
    """Say what it is time for: letters, digests, tidying."""
    settings = Settings.from_env()
    log.configure(settings.log_level)
    db.configure(settings)
    due = chores(make_celery("clock", [], settings))
    until_told(lambda: tick(due, time.monotonic()), pause_s=0.5)
