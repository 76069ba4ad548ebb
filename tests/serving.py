"""An app that answers real browsers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Silent(WSGIRequestHandler):
    """Says nothing of each request: what a failed test shows stays readable."""

    def log_request(self, code="-", size="-") -> None:
        pass


def at_once(app: "WSGIApplication") -> "WSGIApplication":
    """Read and close each answer before it is sent.

    This server forgets to close what it sends to a page that has just left, and an open file that
    nobody closes fails whichever test runs next.
    """

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> list[bytes]:
        parts = app(environ, start)
        try:
            return [b"".join(parts)]
        finally:
            getattr(parts, "close", bool)()

    return answer


@contextmanager
def serving(app: Flask, url: str) -> Iterator[None]:
    """Let an app answer at an address of this machine."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 60
    server = make_server(
        "127.0.0.1",
        int(url.rpartition(":")[2]),
        at_once(app),
        threaded=True,
        request_handler=Silent,
    )
    # A page that closes still says goodbye; the database must not be gone by then.
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
