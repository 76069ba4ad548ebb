"""A real HTTP server that speaks Akismet's and StopForumSpam's protocols, well or badly."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SPAM = "akismet-guaranteed-spam"
KNOWN = "0bc83cb571cd1c50ba6f3e8a78ef1346"  # MD5 of myemailaddress@example.com


@dataclass
class Asked:
    """A request as it arrived: what came over the wire, in full."""

    method: str
    path: str
    fields: dict[str, str]
    raw: str
    headers: dict[str, str]


@dataclass
class Nearby:
    """The server. `behaviour`: well, slow, trickle, drop, garbage, huge, 500, 302, invalid.

    Under `/hang` it is always slow.
    """

    url: str = ""
    behaviour: str = "well"
    hosts: str = "evil.example\n"
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    stop: Event = field(default_factory=Event)


def _akismet(asked: Asked) -> tuple[str, dict[str, str]]:
    if asked.path.endswith("/verify-key"):
        return ("valid" if asked.fields.get("api_key") == "rätt" else "invalid"), {}
    if asked.fields.get("api_key") != "rätt":
        return "invalid", {"X-akismet-debug-help": "no such key"}
    if SPAM in asked.fields.get("comment_content", ""):
        tip = {"X-akismet-pro-tip": "discard"} if "värst" in asked.fields["comment_content"] else {}
        return "true", tip
    return "false", {}


def _stopforumspam(asked: Asked) -> tuple[str, dict[str, str]]:
    known = asked.fields.get("emailhash") == KNOWN
    about: dict[str, Any] = {"frequency": 0, "appears": 0}
    if known:
        about = {"frequency": 255, "appears": 1, "confidence": 99.95}
    return json.dumps({"success": 1, "emailhash": about}), {}


class _Handler(BaseHTTPRequestHandler):
    nearby: Nearby

    def do_GET(self) -> None:
        self._take("")

    def do_POST(self) -> None:
        self._take(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _take(self, body: str) -> None:
        nearby = self.nearby
        parts = urlsplit(self.path)
        fields = dict(parse_qsl(body or parts.query, keep_blank_values=True))
        asked = Asked(self.command, parts.path, fields, self.path + body, dict(self.headers))
        nearby.asked.append(asked)
        misbehave = {
            "slow": lambda: nearby.stop.wait(30),
            "trickle": self._trickle,
            "drop": self._drop,
            "garbage": lambda: self._answer(200, b"\xff\xfe<html>Welcome to the portal</html>"),
            "huge": lambda: self._answer(200, b"x" * 200_000),
            "500": lambda: self._answer(500, b"true"),
            "302": lambda: self._answer(302, b"true", {"Location": f"{nearby.url}/elsewhere"}),
            "invalid": lambda: self._answer(200, b"invalid"),
        }
        behaviour = "slow" if parts.path.startswith("/hang") else nearby.behaviour
        misbehave.get(behaviour, lambda: self._well(asked))()

    def _trickle(self) -> None:
        self._answer(200, b"", length=1000)
        while not self.nearby.stop.wait(0.1):
            self.wfile.write(b"x")
            self.wfile.flush()

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _well(self, asked: Asked) -> None:
        if asked.path == "/list.txt":
            tag = f'"{hash(self.nearby.hosts)}"'
            if asked.headers.get("If-None-Match") == tag:
                self._answer(304, b"")
            else:
                self._answer(200, self.nearby.hosts.encode(), {"ETag": tag})
            return
        speak = _akismet if asked.path.startswith("/1.1/") else _stopforumspam
        text, headers = speak(asked)
        self._answer(200, text.encode(), headers)

    def _answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int = -1
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        self.nearby.connections += 1
        # The other side hangs up on a slow server: nothing to report.
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    block_on_close = False

    def shutdown_request(self, request: Any) -> None:
        try:
            super().shutdown_request(request)
        except OSError:
            return


@contextmanager
def running() -> Iterator[Nearby]:
    """Serve on a free port of this machine."""
    nearby = Nearby()
    handler = type("Handler", (_Handler,), {"nearby": nearby})
    server = _Server(("127.0.0.1", 0), handler)
    nearby.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield nearby
    finally:
        nearby.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
