"""From the event loop to a Flask application: a thread gets a request when all of it is here.

An answer is fetched from the application in bounded pieces, a thread for each piece, so that a slow
reader of a long one holds no thread either.
"""

import asyncio
import contextlib
import contextvars
import io
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from queue import SimpleQueue
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask

from shared.telemetry.requests import WHOLE_AT

# A body beyond the limit is still received, and forgotten, up to here: a browser that is answered
# in the middle of sending shows its own error page instead of ours.
FORGOTTEN_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
LIVENESS = "/healthz"

_Scope = Mapping[str, Any]
_Receive = Callable[[], Any]
_Send = Callable[[dict[str, Any]], Any]
_Environ = dict[str, Any]
_Work = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[[], Any]]


class SenderGoneError(Exception):
    """Whoever sent a request did not wait until all of it was here."""


class Bridge:
    """An ASGI application that gives whole requests to a Flask application, in threads.

    The application says how much it takes: `MAX_CONTENT_LENGTH`, `LARGER_BODIES` (bytes by the
    beginning of a path), and `GATE`, a function of the WSGI environment that says, before a body is
    read, whether it will be wanted; without it every body is.
    """

    def __init__(self, app: Flask, threads: int) -> None:
        self._app = app
        self._threads = Threads(threads)
        # Whether it lives is answered while all the others wait for something.
        self._alone = Threads(1)

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request; do nothing for whoever left before it was whole."""
        if scope["type"] != "http":
            return
        environ = make_environ(scope)
        try:
            closing = await self._fill_body(environ, receive)
        except SenderGoneError:
            return
        environ[WHOLE_AT] = time.perf_counter()
        # One context for all pieces of the answer: what the first one set, the last one unsets.
        context = contextvars.Context()
        answer = Answer(self._app, environ)
        threads = self._alone if environ["PATH_INFO"] == LIVENESS else self._threads
        try:
            piece = await threads.run(partial(context.run, answer.begin))
            headers = [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
            ]
            if closing:
                headers.append((b"connection", b"close"))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            while not answer.complete:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await threads.run(partial(context.run, answer.next_piece))
            await send({"type": "http.response.body", "body": piece, "more_body": False})
        finally:
            if answer.unfinished:
                await threads.run(partial(context.run, answer.close))

    async def _fill_body(self, environ: _Environ, receive: _Receive) -> bool:
        """Put the body into the environment; return whether a rest of it was left unread."""
        limit = self._limit_for(environ["PATH_INFO"])
        declared = declared_length(environ)
        has_body = declared > 0 or "HTTP_TRANSFER_ENCODING" in environ
        if has_body and not self._app.config.get("GATE", _open)(environ):
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ["CONTENT_LENGTH"] = "0"
            return True
        if declared > FORGOTTEN_BYTES:
            return True
        body, length, more = bytearray(), 0, True
        while more and length <= FORGOTTEN_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise SenderGoneError
            piece = message["body"]
            length += len(piece)
            if length <= limit:
                body += piece
            more = message["more_body"]
        # It came in pieces perhaps, and is whole now. Longer than the limit: the length says so,
        # and the application refuses by that alone.
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(length)
        environ["wsgi.input"] = io.BytesIO(body if length <= limit else b"")
        return more

    def _limit_for(self, path: str) -> int:
        larger: Mapping[str, int] = self._app.config.get("LARGER_BODIES", {})
        usual: int = self._app.config["MAX_CONTENT_LENGTH"]
        return max([usual, *(most for start, most in larger.items() if path.startswith(start))])


class Threads:
    """So many threads, which do what an event loop gives them.

    The standard library's pool does the same with two futures and their locks for each piece of
    work, which together cost a fifth of what the loop does for a request.
    """

    def __init__(self, number: int) -> None:
        self._work: SimpleQueue[_Work] = SimpleQueue()
        for place in range(number):
            threading.Thread(target=self._serve, name=f"request_{place}", daemon=True).start()

    async def run(self, function: Callable[[], Any]) -> Any:
        """Let a thread call a function, and return or raise what it did."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._work.put((loop, done, function))
        return await done

    def _serve(self) -> None:
        while True:
            loop, done, function = self._work.get()
            result, error = None, None
            try:
                result = function()
            except BaseException as raised:  # noqa: BLE001 - whoever waits gets it
                error = raised
            # A loop that has ended waits for nothing.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, done, result, error)
            del done, function, result, error


def _settle(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)


class Answer:
    """What the application answers to one request, fetched piece by piece."""

    def __init__(self, app: Flask, environ: _Environ) -> None:
        self._app = app
        self._environ = environ
        self._rest: Iterator[bytes] = iter(())
        self._close: Callable[[], None] | None = None
        self.status = 500
        self.headers: list[tuple[str, str]] = []
        self.complete = False

    @property
    def unfinished(self) -> bool:
        """Whether the application still has something open for this answer."""
        return self._close is not None

    def begin(self) -> bytes:
        """Let the application work, and return the first piece of its answer."""
        found: Iterable[bytes] = self._app(self._environ, self._start)
        self._close = getattr(found, "close", None)
        self._rest = iter(found)
        return self.next_piece()

    def next_piece(self) -> bytes:
        """Return what comes next, at most about PIECE_BYTES; `complete` says when it was all."""
        piece = bytearray()
        for part in self._rest:
            piece += part
            if len(piece) >= PIECE_BYTES:
                return bytes(piece)
        self.complete = True
        self.close()
        return bytes(piece)

    def close(self) -> None:
        """Let the application give back what it held for this answer."""
        close, self._close = self._close, None
        if close is not None:
            close()

    def _start(
        self, status: str, headers: list[tuple[str, str]], _error: object = None
    ) -> Callable[[bytes], object]:
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers
        return _refuse_to_write


def make_environ(scope: _Scope) -> _Environ:
    """Return the WSGI environment (PEP 3333) of a request, without its body.

    A name with an underscore is left out: `X_Forwarded_For` would pass for `X-Forwarded-For`, which
    only a trusted proxy sets.
    """
    host, port = scope["server"] or ("", None)
    address = scope["client"]
    environ: _Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "RAW_URI": scope["raw_path"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or ""),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": address[0] if address else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name = _name_in_environ(raw_name)
        if not name:
            continue
        value = raw_value.decode("latin-1")
        if name in environ:
            value = f"{environ[name]}{';' if name == 'HTTP_COOKIE' else ','}{value}"
        environ[name] = value
    return environ


@lru_cache(maxsize=64)
def _name_in_environ(raw_name: bytes) -> str:
    """Return what a header is called in the environment; empty for one that is left out."""
    if b"_" in raw_name:
        return ""
    name = raw_name.decode("latin-1").upper().replace("-", "_")
    return name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"


def declared_length(environ: Mapping[str, Any]) -> int:
    """Return how long a body is said to be; 0 without a word about it."""
    said: str = environ.get("CONTENT_LENGTH", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _open(_environ: _Environ) -> bool:
    return True


def _refuse_to_write(_data: bytes) -> object:
    raise NotImplementedError("no application here writes around its answer")
