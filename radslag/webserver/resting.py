"""uvicorn's server without its ten looks a second: it is told when there is something to do."""

import asyncio
from types import FrameType

from uvicorn import Server

# How often it tells gunicorn that it lives, and writes the date for its answers.
_TICK_S = 1.0
_TICKS_OF_UVICORN = 10


class RestingServer(Server):
    """Ticks once a second, and at once when it shall end."""

    async def main_loop(self) -> None:
        """Tick until told to end."""
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        counter = 0
        while not await self.on_tick(counter):
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
