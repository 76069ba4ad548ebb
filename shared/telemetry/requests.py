"""Counting requests, in front of everything else that a web does with them."""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from shared.telemetry import metrics, request_ids

_access = logging.getLogger("radslag.access")

# In the WSGI environment: the rule that the address fits, and when the request was whole.
ROUTE, WHOLE_AT = "radslag.route", "radslag.whole_at"
NO_ROUTE = "none"
# Of the others each is a word that whoever asks made up.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_Environ = dict[str, Any]
_Start = Callable[..., Any]


def count_requests(
    app: Callable[..., Iterable[bytes]], web: str, *, access_log: bool = False
) -> Any:
    """Count each request to an application: its rule, method and class of status, and its time.

    The time counts from when the request was whole, so that waiting for a thread is in it. With an
    access log each is a line of it, without its address: that may be a key.
    """

    def counted(environ: _Environ, start: _Start) -> Iterable[bytes]:
        began = environ.get(WHOLE_AT) or time.perf_counter()
        # It is named further in, and whoever comes next on this thread is another.
        token = request_ids.name_request("")
        status = "5xx"

        def note_status(line: str, *answer: Any) -> Any:
            nonlocal status
            status = f"{line[:1]}xx"
            return start(line, *answer)

        try:
            return app(environ, note_status)
        finally:
            route = environ.get(ROUTE, NO_ROUTE)
            asked = environ["REQUEST_METHOD"]
            method = asked if asked in _METHODS else "other"
            took = time.perf_counter() - began
            metrics.REQUESTS.add(web, route, method, status)
            metrics.REQUEST_SECONDS.observe(took, web, route)
            if access_log:
                told = {"web": web, "route": route, "method": method, "status": status}
                _access.info("request", extra={**told, "ms": round(took * 1000, 1)})
            request_ids.forget_request(token)

    return counted
