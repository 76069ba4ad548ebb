"""The clock: sees on the second what it is time for, and asks for it.

Nothing is planned in the broker. A message that nobody took in time is dropped, because the clock
asks again for as long as there is something to do. Whoever is asked looks for what that is and
claims it in the database, so two clocks change nothing.

Alarms it does not ask for: it looks, tells and sends them itself (`alarms`).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import click
from celery import Celery
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as SqlSession

from radslag import alarms, tidying
from radslag.processes import name_here
from radslag.speech import Spoken
from radslag.until_told import until_told
from services.moderation.decisions import corrections
from services.moderation.spam import spam_learning
from services.moderation.statistics import counting
from services.notify.digests import digest_watch
from services.notify.sending import claims
from services.notify.webhooks import claiming
from shared import db, heartbeat, log
from shared.clock import utcnow
from shared.config import Settings
from shared.db import LookSession
from shared.delivery import queues
from shared.delivery.broker_errors import BROKER_ERRORS
from shared.delivery.worker import make_celery
from shared.telemetry import life, reporting, tracing
from shared.telemetry.counting import configure_counting

_log = logging.getLogger(__name__)

# What is due: None for nothing; it changes while somebody works on it.
Look = Callable[[SqlSession], object | None]
# A worker that is away must not come back to a heap of messages.
_LONGEST_PAUSE_S = 30.0
_LET_BE = 2
# In the city, when nobody waits for imports and backtests, whose queue it shares.
_LEARNING_HOUR = 3
# The page of statistics says "every five minutes".
_COUNTING_S = 300


@dataclass(slots=True)
class Chore:
    """Something to do every so many seconds of a monotonic clock."""

    every_s: float
    do: Callable[[], None]
    next_at: float = 0.0
    # So that an outage is said when it begins, not at every tick.
    failing: bool = False


class Asker:
    """Asks for a task while there is something for it to do.

    While nothing moves it asks more and more seldom, at least every half minute.
    """

    def __init__(
        self,
        celery: Celery,
        task: str,
        look: Look,
        *,
        queue: str = queues.CLOCK,
        expires_s: int = 10,
    ) -> None:
        self._celery = celery
        self._task = task
        self._look = look
        self._queue = queue
        self._expires_s = expires_s
        self._seen: object | None = None
        self._pause_s = 1.0
        self._ask_at = 0.0

    def ask(self) -> None:
        """Look, and send one message if it is time for one. Raises what the servers raise."""
        with LookSession() as session:
            seen = self._look(session)
        moves, self._seen = seen != self._seen, seen
        now = time.monotonic()
        if seen is None or (not moves and now < self._ask_at):
            return
        self._celery.send_task(self._task, queue=self._queue, expires=self._expires_s, retry=False)
        self._pause_s = 1.0 if moves else min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._ask_at = now + self._pause_s

    @property
    def sees_nothing(self) -> bool:
        """Whether there was nothing at the last look."""
        return self._seen is None


class Seldom:
    """Lets two of three looks be while there is nothing to be seen."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._let_be = 0

    def ask(self) -> None:
        """Look if it is time. Raises what the servers raise."""
        if self._let_be:
            self._let_be -= 1
            return
        self._asker.ask()
        self._let_be = _LET_BE if self._asker.sees_nothing else 0


def list_chores(celery: Celery, settings: Settings) -> list[Chore]:
    """Return all that the clock does but for the alarms: mostly it asks."""

    def due_letters(session: SqlSession) -> object | None:
        return claims.something_due(session, held=settings.hold_letters)

    def due_webhooks(session: SqlSession) -> object | None:
        return None if settings.hold_letters else claiming.something_due(session)

    def ask_to_learn() -> None:
        with LookSession() as session:
            due = spam_learning.is_due(session)
        if due and utcnow().astimezone(settings.timezone).hour == _LEARNING_HOUR:
            celery.send_task(queues.LEARN_SPAM, queue=queues.BULK, expires=1800, retry=False)

    def ask_to_count() -> None:
        with LookSession() as session:
            if not counting.is_anything_there(session):
                return
        # One that nobody took before the next is asked for is dropped.
        for task in (queues.DRAW_SAMPLES, queues.COUNT_DAYS, queues.WAKE_ASKED):
            celery.send_task(task, queue=queues.BULK, expires=_COUNTING_S, retry=False)

    def due_sleepers(session: SqlSession) -> object | None:
        return corrections.is_day_come(session, settings.correction_days)

    # Short-lived: what is owed is written down by the same workers, and must not wait behind them.
    webhooks = Asker(celery, queues.SEND_WEBHOOKS, due_webhooks, queue=queues.WEBHOOKS, expires_s=3)
    return [
        Chore(heartbeat.BEAT_S, _beat),
        Chore(1, Seldom(Asker(celery, queues.SEND_LETTERS, due_letters)).ask),
        Chore(1, Asker(celery, queues.RUN_DIGESTS, digest_watch.Watch(settings.timezone)).ask),
        Chore(1, Seldom(webhooks).ask),
        Chore(10, Asker(celery, queues.WAKE_ASKED, due_sleepers, queue=queues.ACTIONS).ask),
        Chore(tidying.EVERY_S, tidying.Tidier(tidying.list_forgettings(settings)).tidy),
        Chore(1800, ask_to_learn),
        Chore(_COUNTING_S, ask_to_count),
    ]


def alarm_chores(settings: Settings) -> list[Chore]:
    """Return what it does about alarms, without asking anybody."""
    return [
        Chore(alarms.WATCH_S, alarms.Watch(settings).look),
        Chore(alarms.TELL_S, lambda: alarms.write_notices(settings)),
        Chore(alarms.SEND_S, alarms.Beside(lambda: alarms.send_notices(settings)).begin),
    ]


def do_chores(due: list[Chore], now: float) -> None:
    """Do what is due; an outage of the database or the broker delays it to its next time."""
    for chore in due:
        if now < chore.next_at:
            continue
        chore.next_at = now + chore.every_s
        life.show_life()
        try:
            chore.do()
        except (SQLAlchemyError, *BROKER_ERRORS) as error:
            # Once for an outage, not once for each chore that meets it.
            if not any(each.failing for each in due):
                _log.warning("a server does not answer the clock", exc_info=error)
            chore.failing = True
        else:
            chore.failing = False


def _beat() -> None:
    # The first is what `/readyz` and the desk look at, whatever machine the clock is on.
    heartbeat.beat_alone(heartbeat.CLOCK)
    heartbeat.beat_alone(name_here(heartbeat.CLOCK))


@click.command("clock", cls=Spoken, example="radslag run clock", speaks=False, hidden=True)
def command() -> None:
    """Say what it is time for: letters, digests, learning, tidying. Send alarms."""
    settings = Settings.from_env()
    log.configure_log(settings.log_level)
    configure_counting(settings.metrics_folder)
    tracing.start_tracing(settings, "radslag-clock")
    reporting.start_reporting(settings)
    db.configure_sessions(settings)
    due = list_chores(make_celery("clock", [], settings), settings) + alarm_chores(settings)
    until_told(lambda: do_chores(due, time.monotonic()), pause_s=0.5)
