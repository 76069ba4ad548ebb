"""A real HTTP or HTTPS server that takes webhooks, well or badly."""

import random
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread

from standardwebhooks import Webhook, WebhookVerificationError

# What a mood answers with, beside the status that it is named by.
_MORE = {"302": {"Location": "http://127.0.0.1:1/elsewhere"}}


@dataclass
class Heard:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers.get("webhook-id", "")


@dataclass
class Receiver:
    """The server. `mood` says what becomes of a request: a status, or silent, drip, drop, huge."""

    url: str = ""
    mood: Callable[[], str] = lambda: "200"
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    took: list[str] = field(default_factory=list)
    stop: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)
    # How many it is answering now, and the most it ever was.
    at_once: int = 0
    most_at_once: int = 0

    def always(self, mood: str) -> None:
        self.mood = lambda: mood

    def at_random(self, *moods: str, seed: int = 7) -> None:
        chance = random.Random(seed)

        def one() -> str:
            with self.lock:
                return chance.choice(moods)

        self.mood = one

    @property
    def ids(self) -> list[str]:
        return [each.webhook_id for each in self.heard]


def verified(heard: Heard, secret: str) -> bool:
    """Whether the library's own verification takes a request."""
    try:
        Webhook(secret).verify(heard.body, heard.headers)
    except WebhookVerificationError:
        return False
    return True


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver
    timeout = 30

    def do_POST(self) -> None:
        receiver = self.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        heard = Heard(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        with receiver.lock:
            receiver.heard.append(heard)
            receiver.at_once += 1
            receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
        try:
            self._behave(receiver.mood(), heard)
        finally:
            with receiver.lock:
                receiver.at_once -= 1

    def _behave(self, mood: str, heard: Heard) -> None:
        if mood == "silent":
            self.receiver.stop.wait(30)
        elif mood == "drip":
            while not self.receiver.stop.wait(0.1):
                self.wfile.write(b"H")
                self.wfile.flush()
        elif mood == "drop":
            self.connection.close()
        elif mood == "huge":
            self._answer(200, b"x" * 5_000_000)
        elif mood == "pause":
            self.receiver.stop.wait(0.05)
            self._answer(200, b"")
        else:
            if mood.startswith("2"):
                with self.receiver.lock:
                    self.receiver.took.append(heard.webhook_id)
            self._answer(int(mood), b"ok", _MORE.get(mood, {}))

    def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**self.receiver.headers, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        # The other side hangs up on a slow server: nothing to report.
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_arguments: object) -> None:
        pass


@contextmanager
def receiving(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Let a receiver listen on a port of its own; with a context it speaks TLS."""
    receiver = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    server = _Server((host, 0), handler)
    scheme = "http"
    if context is not None:
        scheme = "https"
        server.socket = context.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{scheme}://{host}:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
