"""What takes messages in a worker, with signs of life while it waits for a broker that is away."""

import logging
from typing import Any

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from shared.telemetry import life

_log = logging.getLogger(__name__)


class PatientConsumer(Consumer):
    """Tries for ever to reach the broker, and lives meanwhile."""

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once it is there."""

        def note_error(error: Exception, _wait_s: float) -> None:
            _log.warning("the broker does not answer; this worker waits", exc_info=error)

        def look_around() -> None:
            life.show_life()
            maybe_shutdown()

        return conn.ensure_connection(note_error, None, callback=look_around)
