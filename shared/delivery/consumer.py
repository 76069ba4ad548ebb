"""What takes messages in a worker, with signs of life while it waits for a broker that is away."""

import logging
from typing import Any

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from shared.telemetry import life

_log = logging.getLogger(__name__)


class PatientConsumer(Consumer):
    """Tries for ever to reach the broker, and lives meanwhile."""

    def __init__(self, *args: Any, worker_options: Any = None, **more: Any) -> None:
        """Tell whoever looks at events that the worker is there, which is silent else."""
        options = dict(worker_options or {})
        if more["app"].conf.worker_send_task_events:
            options["without_heartbeat"] = False
        super().__init__(*args, worker_options=options, **more)

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once it is there."""

        def note_error(error: Exception, _wait_s: float) -> None:
            _log.warning("the broker does not answer; this worker waits", exc_info=error)

        def look_around() -> None:
            life.show_life()
            maybe_shutdown()

        return conn.ensure_connection(note_error, None, callback=look_around)
