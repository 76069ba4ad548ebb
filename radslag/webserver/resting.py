"""uvicorn's server without its ten looks a second: it is told when there is something to do."""

import asyncio
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

from uvicorn import Config, Server

# How often it tells gunicorn that it lives, and writes the date for its answers.
_TICK_S = 1.0
_TICKS_OF_UVICORN = 10


class RestingServer(Server):
    """Ticks once a second, and at once when it shall end. Every so many ticks it beats."""

    def __init__(
        self, config: Config, beat: Callable[[], Coroutine[Any, Any, None]], every: int
    ) -> None:
        super().__init__(config)
        self._beat, self._every = beat, every
        self._beating: asyncio.Task[None] | None = None

    async def main_loop(self) -> None:
        """Tick until told to end."""
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        counter = ticks = 0
        while not await self.on_tick(counter):
            # One that still waits for the database is not doubled.
            if ticks % self._every == 0 and (self._beating is None or self._beating.done()):
                self._beating = self._loop.create_task(self._beat())
            ticks += 1
            counter = (counter + _TICKS_OF_UVICORN) % 864_000
            try:
                await asyncio.wait_for(self._told.wait(), _TICK_S)
            except TimeoutError:
                continue

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Remember that it shall end, and let the loop know."""
        super().handle_exit(sig, frame)
        if hasattr(self, "_told"):
            self._loop.call_soon_threadsafe(self._told.set)
