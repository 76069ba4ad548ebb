"""A loop that ends in order when the process is told to end."""

import signal
import threading
from collections.abc import Callable
from types import FrameType


def until_told(do: Callable[[], None], *, pause_s: float) -> None:
    """Do something again and again, with a pause between, until SIGTERM or SIGINT.

    What is being done when the signal comes is done to its end.
    """
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    while not stop.is_set():
        do()
        stop.wait(pause_s)
