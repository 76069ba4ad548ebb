"""A service that failed three times in a row is left alone for a minute."""

import time
from collections.abc import Callable
from threading import Lock

FAILURES = 3
REST_S = 60.0


class Breaker:
    """Counts failures in a row; while it is open nobody asks. Each process has its own.

    After the rest one question is let through: its answer closes the breaker, its failure begins
    the next rest. Safe to use from several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._rests_until = 0.0

    def lets_through(self) -> bool:
        """Tell whether to ask now; who is told yes must report how it went."""
        with self._lock:
            if self._failures < FAILURES:
                return True
            now = self._clock()
            if now < self._rests_until:
                return False
            # Others wait until this one has come back.
            self._rests_until = now + REST_S
            return True

    def answered(self) -> None:
        """Report an answer."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Report a failure."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._rests_until = self._clock() + REST_S
