"""The relay process: drains the outbox until it is told to stop."""

import logging
import signal
import threading
import time
from collections.abc import Mapping
from types import FrameType

import click
from sqlalchemy.exc import SQLAlchemyError

from radslag.processes import name_here
from radslag.speech import Spoken
from services.moderation.checking import verdicts
from services.moderation.semantic import outcomes
from shared import db, heartbeat, log
from shared.config import Settings
from shared.delivery import doorbell, queues, relay
from shared.delivery.worker import make_celery
from shared.telemetry import life, reporting, tracing
from shared.telemetry.counting import configure_counting

_log = logging.getLogger(__name__)

# When nobody rings: what is offered again, and what was written while the broker was away.
POLL_S = 1.0
# So that what comes in a crowd travels together.
GATHER_S = 0.1
# After an error of the database: it is restarting, or gone for a while.
PAUSE_S = 1.0

# What each consumer says when its work is given up; the others leave a failed job alone.
GIVE_UP: Mapping[str, relay.GiveUp] = {
    queues.CHECK.name: verdicts.give_up,
    queues.MEANING.name: outcomes.give_up,
}


def run_relay(settings: Settings, stop: threading.Event) -> None:
    """Offer what is not done, at once when somebody rings and every second, until `stop` is set.

    Outages of the database and the broker are waited out.
    """
    celery = make_celery("relay", [], settings)
    ear = doorbell.Ear(settings.broker_url)
    next_beat = 0.0
    while not stop.is_set():
        try:
            if time.monotonic() >= next_beat:
                life.show_life()
                heartbeat.beat_alone(name_here("relay"))
                next_beat = time.monotonic() + heartbeat.BEAT_S
            offered = relay.relay_once(celery, GIVE_UP)
        except SQLAlchemyError as error:
            _log.warning("the database does not answer; the relay waits", exc_info=error)
            stop.wait(PAUSE_S)
            continue
        if offered:
            stop.wait(GATHER_S)
        else:
            ear.wait(POLL_S, stop)
    ear.close()


@click.command("relay", cls=Spoken, example="radslag run relay", speaks=False, hidden=True)
def command() -> None:
    """Offer every event to its consumers until they have acted on it."""
    settings = Settings.from_env(without=["secret_key", "smtp_url"])
    log.configure_log(settings.log_level)
    configure_counting(settings.metrics_folder)
    tracing.start_tracing(settings, "radslag-relay")
    reporting.start_reporting(settings)
    db.configure_sessions(settings)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    run_relay(settings, stop)
