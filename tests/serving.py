"""An app that answers real browsers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class Silent(WSGIRequestHandler):
    """Says nothing of each request: what a failed test shows stays readable."""

    def log_request(self, code="-", size="-") -> None:
        pass


@contextmanager
def serving(app: Flask, url: str) -> Iterator[None]:
    """Let an app answer at an address of this machine."""
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 60
    server = make_server(
        "127.0.0.1", int(url.rpartition(":")[2]), app, threaded=True, request_handler=Silent
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
