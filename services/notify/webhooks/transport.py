"""One POST to an endpoint: the only module that connects to where somebody else said.

A name is resolved once, every address is checked, and the socket is opened to the one that passed;
certificate, SNI and Host stay those of the name. No proxy, no redirect, no second request, and an
end after `WITHIN_S` however slowly the other side talks.
"""

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from http.client import HTTPResponse, RemoteDisconnected
from io import BufferedReader
from ipaddress import ip_address
from threading import Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)

from services.notify.webhooks.addresses import Allowed, Target, permits_address

CONNECT_S = 3.0
READ_S = 8.0
# From the first byte to the last, whatever happens between.
WITHIN_S = 10.0
_AT_MOST_BYTES = 8 * 1024
_AGENT = "Radslag (+webhooks)"

# It names each path, and the path of a chat program's endpoint is its secret.
logging.getLogger("urllib3").setLevel(logging.INFO)

Resolve = Callable[[str, int], list[Any]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, and how long it asks us to wait. Its body is nobody's business."""

    status: int
    retry_after: str = ""


class NoAnswerError(Exception):
    """There was no answer; `code` is what the log of deliveries may hold of the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _ForbiddenError(Exception):
    """No address of this name may be connected to."""


def resolve_host(host: str, port: int) -> list[Any]:
    """Return all that the resolver knows of a host, as `getaddrinfo` has it."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def post_body(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Allowed,
    *,
    resolver: Resolve = resolve_host,
) -> Answer:
    """Post a body and return the answer, whatever its status. Raises NoAnswerError."""
    call = _Call(allowed, target.scheme, resolver)
    end = Timer(WITHIN_S, call.cut)
    end.daemon = True
    end.start()
    try:
        return _exchange(call, target, body, headers)
    except _ForbiddenError:
        raise NoAnswerError("private") from None
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        raise NoAnswerError("timeout" if call.is_cut else _kind(error)) from None
    finally:
        end.cancel()
        call.close()


def _exchange(call: "_Call", target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    with requests.Session() as session:
        # Neither proxies nor passwords of this machine's environment.
        session.trust_env = False
        session.mount(f"{target.scheme}://", _Adapter(call))
        with session.post(
            target.url,
            data=body,
            headers={"User-Agent": _AGENT, "Connection": "close", **headers},
            timeout=(CONNECT_S, READ_S),
            allow_redirects=False,
            stream=True,
        ) as response:
            # Read a little, so that the other side need not see us hang up.
            with contextlib.suppress(HTTPError, OSError, ValueError):
                response.raw.read(_AT_MOST_BYTES, decode_content=False)
            return Answer(response.status_code, response.headers.get("Retry-After", ""))


class _Call:
    """One call: where it may connect to, its line while it lasts, and whether it was cut."""

    def __init__(self, allowed: Allowed, scheme: str, resolver: Resolve) -> None:
        self._allowed = allowed
        self._scheme = scheme
        self._resolver = resolver
        self._line: socket.socket | None = None
        self.is_cut = False

    def connect(self, host: str, port: int) -> socket.socket:
        """Resolve once, and connect to the first address that passes and answers.

        Raises _ForbiddenError when none passes, OSError when none answers.
        """
        problem: OSError | None = None
        for family, kind, protocol, _name, place in self._permitted(host, port):
            try:
                return self._dial(socket.socket(family, kind, protocol), place)
            except OSError as error:
                problem = error
        raise problem or OSError("nobody there")

    def cut(self) -> None:
        """End the conversation; whoever reads or writes gets an error."""
        self.is_cut = True
        with contextlib.suppress(OSError):
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the line."""
        if self._line is not None:
            self._line.close()

    def _permitted(self, host: str, port: int) -> list[Any]:
        found = self._resolver(host, port)
        passed = [each for each in found if self._passes(each[4][0], host)]
        if not passed:
            raise _ForbiddenError
        return passed

    def _passes(self, raw: str, host: str) -> bool:
        address = ip_address(raw.partition("%")[0])
        if not permits_address(address, host, self._allowed):
            return False
        # In the clear only to what the operator has opened.
        return self._scheme == "https" or self._allowed.names(host) or self._allowed.holds(address)

    def _dial(self, opened: socket.socket, place: Any) -> socket.socket:
        try:
            opened.settimeout(CONNECT_S)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.connect(place)
            # TLS takes the socket over; through its twin the line can be cut at any moment.
            self._line = opened.dup()
        except BaseException:
            opened.close()
            raise
        if self.is_cut:
            # The name server took all the time there was.
            self.cut()
        return opened


@cache
def make_tls_context() -> ssl.SSLContext:
    """Return what vouches for endpoints: this machine's authorities, the city's own among them.

    Read once: that takes longer than a request.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


class _Lines:
    """Gives the lines of an answer's head, and remembers the last of them."""

    def __init__(self, opened: BufferedReader) -> None:
        self._opened = opened
        self.last = b""

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line; empty where the other side has ended."""
        self.last = self._opened.readline(limit)
        return self.last

    def close(self) -> None:
        """Hear no more."""
        self._opened.close()


class _Whole(HTTPResponse):
    """An answer whose head was heard to its end: the library takes one that breaks off for whole.

    Who hangs up in the middle of it has perhaps not taken anything.
    """

    def begin(self) -> None:
        """Read the head. Raises RemoteDisconnected where the empty line at its end is missing."""
        opened, lines = self.fp, _Lines(self.fp)
        self.fp = lines  # type: ignore[assignment]
        try:
            super().begin()
        finally:
            # A status that cannot be read closes it.
            if self.fp is not None:
                self.fp = opened
        if lines.last not in {b"\r\n", b"\n"}:
            raise RemoteDisconnected("the head broke off")


class _Checked:
    """How both kinds of connection get their socket."""

    call: _Call
    host: str
    port: int

    def _new_conn(self) -> socket.socket:
        connection: Any = self
        try:
            return self.call.connect(self.host.strip("[]"), self.port)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, connection, error) from None
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, "no answer") from error
        except OSError as error:
            raise NewConnectionError(connection, type(error).__name__) from error


class _Plain(_Checked, HTTPConnection):
    response_class = _Whole

    def __init__(self, *args: Any, call: _Call, **options: Any) -> None:
        super().__init__(*args, **options)
        self.call = call


class _Secure(_Checked, HTTPSConnection):
    response_class = _Whole

    def __init__(self, *args: Any, call: _Call, **options: Any) -> None:
        super().__init__(*args, **options)
        self.call = call


class _Adapter(HTTPAdapter):
    """Lets urllib3 make only connections of ours."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, **options: Any) -> None:  # type: ignore[override]
        """Make the pools."""
        options.pop("block", None)
        self.poolmanager = PoolManager(connections, maxsize=maxsize, **options)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_pool, HTTPConnectionPool, _Plain, self._call),
            "https": partial(_pool, HTTPSConnectionPool, _Secure, self._call),
        }

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """Believe the authorities that this machine does; nothing turns that off."""
        conn.cert_reqs = "CERT_REQUIRED"
        if url.startswith("https:"):
            conn.conn_kw["ssl_context"] = make_tls_context()


def _pool(
    kind: type[HTTPConnectionPool],
    connection: type[_Plain | _Secure],
    call: _Call,
    *args: Any,
    **options: Any,
) -> HTTPConnectionPool:
    pool = kind(*args, **options)
    pool.ConnectionCls = partial(connection, call=call)  # type: ignore[assignment]
    return pool


def _kind(error: BaseException | None) -> str:
    """Say what went wrong in a word. The text of an error may quote the address."""
    chain: list[BaseException] = []
    while error is not None and len(chain) < 8:
        chain.append(error)
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else error.__cause__
        first = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error = inner or first or error.__context__
    for kind, code in (
        (_ForbiddenError, "private"),
        (NameResolutionError, "name"),
        (ssl.SSLError, "certificate"),
        (requests.exceptions.SSLError, "certificate"),
        (TimeoutError, "timeout"),
        (requests.exceptions.Timeout, "timeout"),
        (ConnectionRefusedError, "refused"),
        (NewConnectionError, "unreachable"),
    ):
        if any(isinstance(each, kind) for each in chain):
            return code
    return "broken"
