"""From the event loop to a Flask application: a thread gets a request when all of it is here.

An answer is fetched from the application in bounded pieces, a thread for each piece, so that a slow
reader of a long one holds no thread either.
"""

import asyncio
import contextvars
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask

# A body beyond the limit is still received, and forgotten, up to here: a browser that is answered
# in the middle of sending shows its own error page instead of ours.
FORGOTTEN_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024

_Scope = Mapping[str, Any]
_Receive = Callable[[], Any]
_Send = Callable[[dict[str, Any]], Any]
_Environ = dict[str, Any]


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
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request; do nothing for whoever left before it was whole."""
        if scope["type"] != "http":
            return
        environ = make_environ(scope)
        try:
            closing = await self._fill_body(environ, receive)
        except SenderGoneError:
            return
        loop = asyncio.get_running_loop()
        # One context for all pieces of the answer: what the first one set, the last one unsets.
        context = contextvars.Context()
        answer = Answer(self._app, environ)
        try:
            piece = await loop.run_in_executor(self._threads, context.run, answer.begin)
            headers = [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
            ]
            if closing:
                headers.append((b"connection", b"close"))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            while not answer.complete:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await loop.run_in_executor(self._threads, context.run, answer.next_piece)
            await send({"type": "http.response.body", "body": piece, "more_body": False})
        finally:
            if answer.unfinished:
                await loop.run_in_executor(self._threads, context.run, answer.close)

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
        if b"_" in raw_name:
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            name = f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        if name in environ:
            value = f"{environ[name]}{';' if name == 'HTTP_COOKIE' else ','}{value}"
        environ[name] = value
    return environ


def declared_length(environ: Mapping[str, Any]) -> int:
    """Return how long a body is said to be; 0 without a word about it."""
    said: str = environ.get("CONTENT_LENGTH", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _open(_environ: _Environ) -> bool:
    return True


def _refuse_to_write(_data: bytes) -> object:
    raise NotImplementedError("no application here writes around its answer")
