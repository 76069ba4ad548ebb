"""The doorbell of the relay: whoever has written an event rings, and the relay looks at once.

The outbox is the truth and the relay looks there in any case; the bell only spares the wait. It is
a list of one element in the broker. A broker that is away, hung or emptied costs a ring, never a
request: one thread of each process rings, a few times a second at the most, however much is written
(one NOTIFY of the database per request cost more than half of the intake).
"""

import os
import threading
import time

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.config import Settings

KEY = "radslag.doorbell"
# What is written within this time rings once.
GAP_S = 0.05
_TIMEOUT_S = 1.0
_LEAVE_BROKER_ALONE_S = 5.0


class Doorbell:
    """Rings in a thread of its own, which begins with the first ring."""

    def __init__(self, broker_url: str) -> None:
        self.broker_url = broker_url
        self._asked = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Let the relay know, soon; this returns at once."""
        self._asked.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        broker = _broker(self.broker_url, _TIMEOUT_S)
        while True:
            self._asked.wait()
            self._asked.clear()
            try:
                with broker.pipeline(transaction=False) as both:
                    both.lpush(KEY, 1)
                    both.ltrim(KEY, 0, 0)
                    both.execute()
            except (RedisError, OSError):
                # Nobody waits for it: the relay looks by itself.
                time.sleep(_LEAVE_BROKER_ALONE_S)
            time.sleep(GAP_S)


class Ear:
    """The relay's side: waits until somebody rings, or until the time is up."""

    def __init__(self, broker_url: str) -> None:
        self._broker_url = broker_url
        self._broker: Redis | None = None

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Return when somebody has rung, after so many seconds, or when `stop` is set.

        While the broker does not answer, only time and `stop` count.
        """
        began = time.monotonic()
        try:
            if self._broker is None:
                self._broker = _broker(self._broker_url, seconds + _TIMEOUT_S)
            self._broker.blpop([KEY], timeout=seconds)
        except (RedisError, OSError):
            self.close()
            stop.wait(max(0.0, began + seconds - time.monotonic()))

    def close(self) -> None:
        """Give the connection back; the next wait makes a new one."""
        if self._broker is not None:
            self._broker.close()
            self._broker = None


def configure_doorbell(settings: Settings) -> None:
    """Say where the bell is; called by each process that writes events, at its start."""
    global _doorbell  # noqa: PLW0603 - one for each process, as the engines of `shared.db`
    _doorbell = Doorbell(settings.broker_url)


def ring_doorbell() -> None:
    """Ring after a commit. Without a bell (a command, a test) the relay finds it all the same."""
    if _doorbell is not None:
        _doorbell.ring()


_doorbell: Doorbell | None = None


def _forget_thread() -> None:
    """After a fork: the thread stayed with the parent."""
    global _doorbell  # noqa: PLW0603
    if _doorbell is not None:
        _doorbell = Doorbell(_doorbell.broker_url)


os.register_at_fork(after_in_child=_forget_thread)


def _broker(url: str, timeout_s: float) -> Redis:
    return Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
