"""How much may come from one place. Counters live in the broker, or in this process without it.

A counter must never cost a resident their idea: the broker gets a tenth of a second and no second
try, and after a failure it is left alone for a while.
"""

import hmac
import logging
import time
from dataclasses import dataclass

from flask import Request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.addresses import places
from shared.config import Settings

log = logging.getLogger(__name__)

# Above RADSLAG_SUBMIT_LIMIT an idea is still stored: a room of forty shares one address.
REFUSED_AT = 10
_BROKER_TIMEOUT_S = 0.1
_LEAVE_BROKER_ALONE_S = 5
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Counted:
    """Seconds to wait, 0 when it may pass, and how many came from there when they are many."""

    wait_s: int = 0
    burst: int = 0


class SubmitLimits:
    """Counts what each place sends, and says when that is far too much."""

    def __init__(self, settings: Settings) -> None:
        limit = settings.submit_limit
        self._limits = () if limit == "off" else tuple(map(_tenfold, parse_many(limit)))
        self._memory = FixedWindowRateLimiter(MemoryStorage())
        self._storage = RedisStorage(
            # The library's word for a socket; it takes the other addresses as they are.
            settings.broker_url.replace("unix://", "redis+unix://", 1),
            socket_timeout=_BROKER_TIMEOUT_S,
            socket_connect_timeout=_BROKER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # passed on to redis
        )
        self._broker = FixedWindowRateLimiter(self._storage)
        self._broker_again_at = 0.0

    def close(self) -> None:
        """Give the connections to the broker back."""
        self._storage.storage.close()

    def wait_s(self, place: bytes) -> int:
        """Count one more from this place; return 0, or the seconds to wait when it is refused."""
        return self.count(place).wait_s

    def count(self, place: bytes) -> Counted:
        """Count one more from this place, and say what that means.

        Above RADSLAG_SUBMIT_LIMIT it is a burst; above ten times as much it is refused.
        """
        if not self._limits:
            return Counted()
        if time.monotonic() >= self._broker_again_at:
            try:
                return self._count(self._broker, place)
            except (RedisError, OSError) as error:
                self._broker_again_at = time.monotonic() + _LEAVE_BROKER_ALONE_S
                log.warning("the broker does not count; counting here", exc_info=error)
        return self._count(self._memory, place)

    def _count(self, limiter: FixedWindowRateLimiter, place: bytes) -> Counted:
        name = place.hex()
        waits, bursts = [0], [0]
        for limit in self._limits:
            taken = limiter.hit(limit, "submit", name)
            window = limiter.get_window_stats(limit, "submit", name)
            came = limit.amount - window.remaining
            if came > limit.amount // REFUSED_AT:
                bursts.append(came)
            if not taken:
                waits.append(max(1, round(window.reset_time - time.time())))
        return Counted(max(waits), max(bursts))


def _tenfold(limit: RateLimitItem) -> RateLimitItem:
    return type(limit)(limit.amount * REFUSED_AT, limit.multiples)


def place_of_request(request: Request, secret_key: str) -> bytes:
    """Return a keyed hash of where a request came from: the address itself is never kept.

    Of an IPv6 address the network counts; those whose address nobody can read count together.
    """
    known = places.place_of(request.remote_addr)
    digest = hmac.digest(secret_key.encode(), f"place {known}".encode(), "sha256")
    return digest[:_HASH_BYTES]
