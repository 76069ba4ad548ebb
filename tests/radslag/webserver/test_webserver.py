"""The server in front of both webs: whole requests, deadlines, and nothing that a slow one holds.

A real server on a real socket; only its clocks are shorter than in life.
"""

import asyncio
import contextvars
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from flask import Flask, Response, request

from radslag.webserver import bridge, protocol, worker
from radslag.webserver.bridge import Bridge
from radslag.webserver.protocol import PatientProtocol

LIMIT = 1000
LARGER = 5000
SOON_S = 0.3
WAIT_S = 20
_told: contextvars.ContextVar[str] = contextvars.ContextVar("told", default="nothing")


class Served:
    """An application behind the server, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.closed = threading.Event()
        self.gate_is_open = True
        self.slow_ended = 0.0
        self.port = 0
        self.app = Flask(__name__)
        self.app.config.update(
            MAX_CONTENT_LENGTH=LIMIT,
            LARGER_BODIES={"/larger": LARGER},
            GATE=lambda _environ: self.gate_is_open,
        )
        self.app.add_url_rule("/long", view_func=self.long)
        self.app.add_url_rule("/empty", view_func=lambda: Response(status=204))
        self.app.add_url_rule("/broken", view_func=self.broken)
        self.app.add_url_rule("/slow", view_func=self.slow)
        rule = "/<path:path>"
        self.app.add_url_rule(rule, view_func=self.show, methods=["GET", "POST", "PUT"])

    def show(self, path: str) -> dict[str, object]:
        """Say what arrived."""
        self.asked.append(path)
        if path.startswith("larger"):
            request.max_content_length = LARGER
        body = request.get_data()
        return {
            "path": path,
            "body": body.decode(),
            "headers": {name.lower(): value for name, value in request.headers},
            "cookies": request.cookies,
            "from": request.remote_addr,
            "query": request.query_string.decode(),
        }

    def long(self) -> Response:
        """Answer with more than any buffer on the way holds, a piece at a time."""
        self.asked.append("long")

        def pieces() -> Iterator[bytes]:
            token = _told.set("everything")
            try:
                for number in range(60):
                    assert _told.get() == "everything"
                    yield bytes([number]) * bridge.PIECE_BYTES
            finally:
                _told.reset(token)
                self.closed.set()

        return Response(pieces(), mimetype="text/plain")

    def slow(self) -> dict[str, object]:
        """Take longer than a body may stand still."""
        time.sleep(2.5 * SOON_S)
        self.slow_ended = time.monotonic()
        return self.show("slow")

    def broken(self) -> Response:
        """Begin an answer and fail."""

        def pieces() -> Iterator[bytes]:
            yield b"x" * bridge.PIECE_BYTES
            raise RuntimeError

        return Response(pieces())


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "HEAD_S", SOON_S)
        patch.setattr(protocol, "WINDOW_S", SOON_S)
        patch.setattr(protocol, "BODY_S", 6 * SOON_S)
        found = Served()
        config = uvicorn.Config(
            Bridge(found.app, threads=1),
            log_config=None,
            **worker.WebWorker.CONFIG_KWARGS,
        )
        assert config.http is PatientProtocol
        listening = socket.create_server(("127.0.0.1", 0))
        found.port = listening.getsockname()[1]
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=lambda: asyncio.Runner(loop_factory=config.get_loop_factory()).run(
                server.serve(sockets=[listening])
            )
        )
        thread.start()
        yield found
        server.should_exit = True
        thread.join()


@pytest.fixture(autouse=True)
def as_new(served: Served) -> None:
    served.asked.clear()
    served.closed.clear()
    served.gate_is_open = True


class Visitor:
    """A connection of somebody who may be slow, or worse."""

    def __init__(self, served: Served, *, buffer: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(WAIT_S)
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.connect(("127.0.0.1", served.port))

    def say(self, words: str | bytes) -> "Visitor":
        self.socket.sendall(words.encode() if isinstance(words, str) else words)
        return self

    def hear(self) -> bytes:
        """Read until the other side ends."""
        heard = bytearray()
        while True:
            try:
                came = self.socket.recv(1 << 20)
            except ConnectionResetError:
                came = b""
            if not came:
                self.socket.close()
                return bytes(heard)
            heard += came

    def leave(self) -> None:
        self.socket.close()


def head(method: str = "POST", path: str = "/x", **headers: object) -> str:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *lines, "", ""])


def ask(served: Served, words: str | bytes) -> bytes:
    """Send a whole request whose connection ends with the answer."""
    return Visitor(served).say(words).hear()


def get(served: Served, path: str = "/x", **headers: object) -> bytes:
    return ask(served, head("GET", path, Connection="close", **headers))


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


CHUNKED = head(Transfer_Encoding="chunked", Connection="close")
WAYS_TO_STAND_IN_THE_DOOR = {
    "no word": "",
    "half a head": "POST /x HT",
    "half a body": head(Content_Length=9),
    "half a body and some": head(Content_Length=9) + "abc",
    "a body in pieces that stops": head(Transfer_Encoding="chunked") + "5\r\nab",
}


@pytest.mark.parametrize("words", WAYS_TO_STAND_IN_THE_DOOR.values(), ids=WAYS_TO_STAND_IN_THE_DOOR)
def test_fifty_who_stand_in_the_door_keep_nobody_out_and_are_sent_away(served, words):
    standing = [Visitor(served).say(words) for _ in range(50)]
    assert get(served).startswith(b"HTTP/1.1 200")
    answers = {visitor.hear().split(b"\r\n")[0] for visitor in standing}
    assert answers == ({b"HTTP/1.1 408 Request Timeout"} if words else {b""})
    assert served.asked == ["x"]


def drip(visitor: Visitor, piece: bytes, every_s: float) -> bytes:
    """Send a piece again and again until the other side has had enough."""
    for _ in range(200):
        try:
            visitor.say(piece)
        except OSError:
            break
        time.sleep(every_s)
    return visitor.hear()


@pytest.mark.parametrize(
    "words",
    ["GET /x HTTP/1.1\r\n", head(Content_Length=LIMIT)],
    ids=["head", "body"],
)
def test_who_drips_is_sent_away(served, words):
    began = time.monotonic()
    answer = drip(Visitor(served).say(words), b"a", SOON_S / 10)
    assert b" 408 " in answer or answer == b""
    assert time.monotonic() - began < WAIT_S / 2
    assert served.asked == []


def test_a_body_above_the_floor_gets_through_though_it_takes_many_windows(served, monkeypatch):
    monkeypatch.setattr(protocol, "_LEAST", 10)
    visitor = Visitor(served).say(head(Content_Length=60, Connection="close"))
    for _ in range(20):
        visitor.say(b"a" * 3)
        time.sleep(SOON_S / 5)
    assert b'"' + b"a" * 60 + b'"' in visitor.hear()


def test_a_body_below_the_floor_does_not(served, monkeypatch):
    monkeypatch.setattr(protocol, "_LEAST", 100)
    answer = drip(Visitor(served).say(head(Content_Length=LIMIT)), b"a" * 5, SOON_S / 5)
    assert b" 408 " in answer or answer == b""
    assert served.asked == []


def test_no_body_gets_more_time_than_there_is(served, monkeypatch):
    monkeypatch.setattr(protocol, "_LEAST", 1)
    monkeypatch.setattr(protocol, "BODY_S", 2 * SOON_S)
    answer = drip(Visitor(served).say(head(Content_Length=LIMIT)), b"a", SOON_S / 5)
    assert b" 408 " in answer or answer == b""
    assert served.asked == []


def test_a_head_has_a_size(served):
    usual = "a" * (protocol.HEAD_BYTES // 2)
    assert get(served, Cookie=usual).startswith(b"HTTP/1.1 200")
    visitor = Visitor(served).say("GET /x HTTP/1.1\r\n")
    try:
        for number in range(40):
            visitor.say(f"X-{number}: {'a' * 2000}\r\n")
            time.sleep(0.001)
    except OSError:
        pass
    answer = visitor.hear()
    assert b" 431 " in answer or answer == b""
    assert served.asked == ["x"]


def test_many_requests_travel_on_one_connection_at_their_ease(served):
    visitor = Visitor(served)
    for number in range(3):
        visitor.say(head(path=f"/{number}", Content_Length=2)).say(b"ab")
        time.sleep(SOON_S / 3)
    visitor.say(head("GET", "/last", Connection="close"))
    assert visitor.hear().count(b"HTTP/1.1 200") == 4
    assert served.asked == ["0", "1", "2", "last"]


def test_what_is_sent_ahead_is_answered_in_turn(served):
    ahead = head("GET", "/1") + head(path="/2", Content_Length=1) + "x"
    heard = ask(served, ahead + head("GET", "/3", Connection="close"))
    assert heard.count(b"HTTP/1.1 200") == 3
    assert served.asked == ["1", "2", "3"]


def test_who_takes_nothing_of_a_long_answer_holds_no_thread_and_is_dropped(served):
    reader = Visitor(served, buffer=4096).say(head("GET", "/long"))
    while not served.asked:
        time.sleep(0.01)
    # The only thread is free for somebody else meanwhile.
    assert get(served).startswith(b"HTTP/1.1 200")
    assert served.closed.wait(WAIT_S)
    reader.leave()


def test_who_takes_it_slowly_but_steadily_gets_all_of_it(served):
    reader = Visitor(served, buffer=65536).say(head("GET", "/long", Connection="close"))
    heard = 0
    while came := reader.socket.recv(1 << 20):
        heard += len(came)
        time.sleep(0.01)
    reader.leave()
    assert heard > 60 * bridge.PIECE_BYTES
    assert served.closed.is_set()


def test_what_the_application_holds_is_given_back_when_the_reader_leaves(served):
    reader = Visitor(served, buffer=4096).say(head("GET", "/long"))
    reader.socket.recv(10)
    reader.leave()
    assert served.closed.wait(WAIT_S)


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(served):
    heard = get(served, "/broken")
    assert heard.count(b"x") >= bridge.PIECE_BYTES
    assert not heard.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("path", "most"), [("/x", LIMIT), ("/larger", LARGER), ("/larger/still", LARGER)]
)
@pytest.mark.parametrize("over", [0, 1, 400_000])
def test_a_body_has_a_size_however_it_comes(served, path, most, over):
    body = b"a" * (most + over)
    status = b"413" if over else b"200"
    declared = head(path=path, Content_Length=len(body), Connection="close")
    assert ask(served, declared.encode() + body).split()[1] == status
    pieces = CHUNKED.replace("/x", path).encode() + chunked(body[:700], body[700:], b"")
    heard = ask(served, pieces)
    assert heard.split()[1] == status
    if not over:
        assert heard.count(b"a" * most) == 1


def test_a_body_beyond_all_measure_is_not_even_listened_to(served):
    length = bridge.FORGOTTEN_BYTES + 1
    visitor = Visitor(served).say(head(Content_Length=length, Expect="100-continue"))
    heard = visitor.hear()
    assert heard.split()[1] == b"413"
    assert b"100 Continue" not in heard
    endless = Visitor(served).say(CHUNKED)
    try:
        for _ in range(60):
            endless.say(chunked(b"a" * 60_000))
    except OSError:
        pass
    answer = endless.hear()
    assert answer == b"" or answer.split()[1] == b"413"


def test_who_asks_before_sending_is_told_to_go_on(served):
    visitor = Visitor(served).say(head(Content_Length=2, Expect="100-continue", Connection="close"))
    assert visitor.socket.recv(1000).startswith(b"HTTP/1.1 100 Continue")
    assert b'"body":"ab"' in visitor.say(b"ab").hear()


def test_what_the_gate_refuses_is_answered_before_its_body_comes(served):
    served.gate_is_open = False
    heard = Visitor(served).say(head(Content_Length=9)).hear()
    assert b"HTTP/1.1 200" in heard
    assert b'"body":""' in heard
    assert served.asked == ["x"]
    assert get(served, "/without-body").startswith(b"HTTP/1.1 200")


def test_who_leaves_before_all_is_said_is_not_answered(served):
    Visitor(served).say(head(Content_Length=9) + "abc").leave()
    assert get(served, "/after").startswith(b"HTTP/1.1 200")
    assert served.asked == ["after"]


def test_the_application_sees_what_was_sent(served):
    words = (
        "GET /b%C3%A4nk%20vid%2Fsj%C3%B6n?q=%C3%A5&q=2 HTTP/1.1\r\n"
        "Host: here\r\nConnection: close\r\n"
        "X-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 6.6.6.6\r\nX-Twice: a\r\nX-Twice: b\r\n"
        "Cookie: a=1\r\nCookie: b=2\r\n\r\n"
    )
    body = ask(served, words).partition(b"\r\n\r\n")[2]
    seen = json.loads(body)
    assert seen["path"] == "bänk vid/sjön"
    assert seen["query"] == "q=%C3%A5&q=2"
    assert seen["from"] == "127.0.0.1"
    assert seen["headers"]["x-forwarded-for"] == "1.2.3.4"
    assert seen["headers"]["x-twice"] == "a,b"
    assert seen["cookies"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "words",
    [
        "GET / HTTP/1.1\r\nHost here\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["a header without colon", "two lengths", "two ways", "a length below zero", "TLS"],
)
def test_what_is_no_request_is_refused_and_reaches_nobody(served, words):
    assert ask(served, words.encode("latin-1")).startswith(b"HTTP/1.1 400")
    assert served.asked == []


def test_answers_without_a_body_have_none(served):
    heard = ask(served, head("HEAD", Connection="close"))
    assert heard.startswith(b"HTTP/1.1 200")
    assert heard.endswith(b"\r\n\r\n")
    heard = get(served, "/empty")
    assert heard.startswith(b"HTTP/1.1 204")
    assert heard.endswith(b"\r\n\r\n")
