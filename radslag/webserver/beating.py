"""Signs of life of a web: of its parent to whoever watches it, of its loop into the database."""

import logging
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from radslag.processes import name_here
from radslag.webserver.bridge import Threads
from shared import heartbeat
from shared.telemetry import life

log = logging.getLogger(__name__)

# In ticks of the loop, which are seconds: webs have several processes under one name.
BEAT_TICKS = 10


class Beating:
    """Writes into the database that the loop of a web goes on, in a thread of its own."""

    def __init__(self, process: str) -> None:
        self._name = name_here(process)
        self._thread = Threads(1)
        self._is_down = False

    async def beat(self) -> None:
        """Write it once, without holding up the loop."""
        await self._thread.run(self._write)

    def _write(self) -> None:
        try:
            heartbeat.beat_alone(self._name)
        except SQLAlchemyError as error:
            if not self._is_down:
                log.warning("the database does not answer the web", exc_info=error)
            self._is_down = True
        else:
            self._is_down = False


def show_life_of(arbiter: Any) -> None:
    """Let gunicorn's parent show that it looks after its children.

    It ends those whose loop stands still (`timeout`); nobody but whoever watches it ends it.
    """
    look_after = arbiter.murder_workers

    def look() -> None:
        life.show_life()
        look_after()

    arbiter.murder_workers = look
