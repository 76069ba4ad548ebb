"""How much may come from one place. Counters live in the broker, or in this process without it.

A counter must never cost a resident their idea: the broker gets a tenth of a second and no second
try, and after a failure it is left alone for a while.
"""

import hmac
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from limits import parse_many
from limits.storage import MemoryStorage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from werkzeug.wrappers import Request

from shared.addresses import places
from shared.config import Settings
from shared.process import count_cores

log = logging.getLogger(__name__)

# Above RADSLAG_SUBMIT_LIMIT an idea is still stored: a room of forty shares one address.
REFUSED_AT = 10
_BROKER_TIMEOUT_S = 0.1
_LEAVE_BROKER_ALONE_S = 5
_HASH_BYTES = 16
_MINUTE_S = 60
# What is counted, each by itself: whoever looks at a draft has sent nothing yet, and a program with
# a key that has run out marks no idea of those who share its address.
SUBMIT, LOOK, REFUSED = "submit", "look", "refused"
# Counts one more in each window, and tells how many came and how many seconds are left.
_COUNT = """
local found = {}
for i, key in ipairs(KEYS) do
  found[2 * i - 1] = redis.call('INCR', key)
  if found[2 * i - 1] == 1 then redis.call('EXPIRE', key, ARGV[i]) end
  found[2 * i] = redis.call('TTL', key)
end
return found
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """Seconds to wait, 0 when it may pass, and how many came from there when they are many."""

    wait_s: int = 0
    burst: int = 0


@dataclass(frozen=True, slots=True)
class _Window:
    """So many may come in so many seconds, before they are refused."""

    most: int
    seconds: int

    def judge(self, came: int, left_s: int, processes: int = 1) -> Counted:
        """Say what it means that so many came, to one of so many processes that count apart."""
        most = -(-self.most // processes)
        return Counted(
            wait_s=max(1, left_s) if came > most else 0,
            burst=min(came, most) if came > most // REFUSED_AT else 0,
        )


class SubmitLimits:
    """Counts what each place sends, and says when that is far too much."""

    def __init__(self, settings: Settings) -> None:
        limit = settings.submit_limit
        self._windows = tuple(
            _Window(each.amount * REFUSED_AT, each.get_expiry())
            for each in (() if limit == "off" else parse_many(limit))
        )
        self._here = MemoryStorage()
        self._processes = settings.web_processes or count_cores()
        self._broker = ConnectionPool.from_url(
            settings.broker_url,
            socket_timeout=_BROKER_TIMEOUT_S,
            socket_connect_timeout=_BROKER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._broker_again_at = 0.0

    def close(self) -> None:
        """Give the connections to the broker back."""
        self._broker.close()

    def wait_s(self, place: bytes) -> int:
        """Count one more from this place; return 0, or the seconds to wait when it is refused."""
        return self.count(place).wait_s

    def count(self, place: bytes, what: str = SUBMIT) -> Counted:
        """Count one more of something from this place, and say what that means.

        Above RADSLAG_SUBMIT_LIMIT it is a burst; above ten times as much it is refused.
        """
        if not self._windows:
            return Counted()
        return self._count(f"{what}:{place.hex()}", self._windows)

    def wait_for_token(self, token_id: UUID, per_minute: int) -> int:
        """Count one more request with a token; return 0, or the seconds to wait."""
        window = _Window(per_minute, _MINUTE_S)
        return self._count(f"token:{token_id.hex}", (window,)).wait_s

    def _count(self, what: str, windows: Sequence[_Window]) -> Counted:
        names = [f"{what}:{window.seconds}" for window in windows]
        if time.monotonic() >= self._broker_again_at:
            try:
                judged = self._count_in_broker(names, windows)
            except (RedisError, OSError) as error:
                self._broker_again_at = time.monotonic() + _LEAVE_BROKER_ALONE_S
                log.warning("the broker does not count; counting here", exc_info=error)
                judged = self._count_here(names, windows)
        else:
            judged = self._count_here(names, windows)
        return Counted(max(each.wait_s for each in judged), max(each.burst for each in judged))

    def _count_in_broker(self, names: list[str], windows: Sequence[_Window]) -> list[Counted]:
        """All processes together, in one journey. The script goes along: a new broker has none."""
        connection = self._broker.get_connection()
        try:
            seconds = [window.seconds for window in windows]
            connection.send_command(  # type: ignore[no-untyped-call]
                "EVAL", _COUNT, len(names), *names, *seconds
            )
            found = connection.read_response()
        except BaseException:
            # What it still says would be taken for the answer to the next one's question.
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            self._broker.release(connection)
        return [
            window.judge(came, left_s)
            for window, came, left_s in zip(windows, found[::2], found[1::2], strict=True)
        ]

    def _count_here(self, names: list[str], windows: Sequence[_Window]) -> list[Counted]:
        """Each process counts its share, so that more processes let through no more."""
        judged = []
        for window, name in zip(windows, names, strict=True):
            came = self._here.incr(name, window.seconds)
            left_s = round(self._here.get_expiry(name) - time.time())
            judged.append(window.judge(came, left_s, self._processes))
        return judged


def place_of_request(request: Request, secret_key: str) -> bytes:
    """Return a keyed hash of where a request came from: the address itself is never kept.

    Of an IPv6 address the network counts; those whose address nobody can read count together.
    """
    known = places.place_of(request.remote_addr)
    digest = hmac.digest(secret_key.encode(), f"place {known}".encode(), "sha256")
    return digest[:_HASH_BYTES]
