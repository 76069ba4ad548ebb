"""What stands between people and a web: names that requests use, and proxies unknown to it.

Behind a proxy that is not trusted everybody comes from one place, the proxy's, and counts together.
That cannot be mended here, but it can be seen: proxies say for whom they ask.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as SqlSession

from shared import heartbeat
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session

log = logging.getLogger(__name__)

# What `/readyz` calls it.
WARNING = "unknown-proxy"
_SAID = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)
# Said this often by each process, and believed this long.
_AGAIN_AFTER_S = 600.0
_LASTS = timedelta(hours=1)
_HOST = re.compile(
    r"(?:(?=.{1,253}(?::|$))[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})"
    r"(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?"
)
# RFC 2606: nobody's.
_NO_HOST = "host.invalid"
_SCHEMES = frozenset({"http", "https"})

_Environ = dict[str, Any]


_noted_at = -_AGAIN_AFTER_S


def with_readable_host(app: Any) -> Any:
    """Let an application see a host and a scheme that can be such, whatever a request says."""

    def readable(environ: _Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        if not _HOST.fullmatch(environ.get("HTTP_HOST", _NO_HOST)):
            environ["HTTP_HOST"] = _NO_HOST
        if environ.get("wsgi.url_scheme") not in _SCHEMES:
            environ["wsgi.url_scheme"] = "http"
        answer: Iterable[bytes] = app(environ, start)
        return answer

    return readable


def is_forwarded(environ: Mapping[str, Any]) -> bool:
    """Whether somebody says of a request that they pass it on."""
    return any(name in environ for name in _SAID)


def note_unknown_one() -> None:
    """Write down that a web is behind a proxy that it was not told of; costs nobody their request.

    Whoever sends such a header without a proxy brings no more about than this note.
    """
    global _noted_at  # noqa: PLW0603 - of this process
    if time.monotonic() - _noted_at < _AGAIN_AFTER_S:
        return
    _noted_at = time.monotonic()
    log.warning("requests come through a proxy, and RADSLAG_TRUSTED_PROXIES is 0")
    try:
        with Session.begin() as session:
            heartbeat.note_beat(session, heartbeat.UNKNOWN_PROXY)
    except SQLAlchemyError as error:
        log.warning("the note about the proxy is not kept", exc_info=error)


def is_unknown_one_there(session: SqlSession, settings: Settings) -> bool:
    """Whether a web was behind such a proxy within the hour."""
    if settings.trusted_proxies:
        return False
    seen = heartbeat.read_last_beat(session, heartbeat.UNKNOWN_PROXY)
    return seen is not None and utcnow() - seen < _LASTS
