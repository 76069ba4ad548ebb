"""What the server in front of both webs does with heads and bodies that are no honest HTTP/1.1."""

import runpy
import time

import pytest

from radslag.webserver import protocol
from tests.radslag.webserver.test_webserver import (
    CHUNKED,
    SOON_S,
    Served,
    Visitor,
    as_new,
    ask,
    chunked,
    get,
    head,
    served,
)

__all__ = ["as_new", "served"]

JAVA = "Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
WEBSOCKET = "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


def status(heard: bytes) -> int:
    return int(heard.split(b" ", 2)[1])


@pytest.mark.parametrize("wish", [JAVA, WEBSOCKET])
def test_who_wishes_for_another_protocol_is_answered_in_this_one(served: Served, wish):
    visitor = Visitor(served)
    visitor.say(f"POST /1 HTTP/1.1\r\n{wish}Content-Length: 4\r\n\r\nab")
    time.sleep(0.02)
    visitor.say(f"cdGET /2 HTTP/1.1\r\n{wish}\r\n")
    visitor.say(f"POST /3 HTTP/1.1\r\n{wish}Transfer-Encoding: chunked\r\n\r\n")
    visitor.say(chunked(b"ef", b"") + head("GET", "/4", Connection="close").encode())
    heard = visitor.hear()
    assert heard.count(b"HTTP/1.1 200") == 4
    assert served.asked == ["1", "2", "3", "4"]
    assert b'"body":"abcd"' in heard
    assert b'"body":"ef"' in heard
    assert b'"upgrade"' not in heard


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (protocol.MOST_FIELDS - 2, 200),
        (protocol.MOST_FIELDS - 1, 431),
        (10_000, 431),
    ],
)
def test_a_head_has_so_many_fields_at_most(served: Served, fields, expected):
    # Host and Connection are two of them.
    many = "".join(f"X-{n}: y\r\n" for n in range(fields))
    heard = ask(served, f"GET /x HTTP/1.1\r\nHost: h\r\n{many}Connection: close\r\n\r\n")
    assert status(heard) == expected
    assert served.asked == (["x"] if expected == 200 else [])


@pytest.mark.parametrize("where", ["/" + "a" * protocol.HEAD_BYTES, "/x"])
def test_a_head_that_comes_at_once_has_the_same_size(served: Served, where):
    fields = {} if len(where) > 2 else {"Cookie": "a" * protocol.HEAD_BYTES}
    assert status(get(served, where, **fields)) == 431
    assert served.asked == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET /\r\n\r\n", 505),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501),
        ("FROB / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde", 400),
        ("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nabcde", 400),
        ("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ٥\r\n\r\nabcde", 400),
        ("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc", 501),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            400,
        ),
    ],
)
def test_what_others_could_read_differently_is_refused(served: Served, words, expected):
    assert status(ask(served, words.encode())) == expected
    assert served.asked == []
    assert status(get(served)) == 200


@pytest.mark.parametrize(
    "pieces",
    [
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"2\r\nabcde\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nab",
    ],
)
def test_pieces_that_lie_about_their_size_are_refused(served: Served, pieces):
    assert status(ask(served, CHUNKED.encode() + pieces)) == 400
    assert served.asked == []


def test_what_follows_a_body_is_no_field_of_its_head(served: Served):
    trailer = b"2\r\nab\r\n0\r\nX-Role: admin\r\nCookie: a=1\r\n\r\n"
    heard = ask(served, CHUNKED.encode() + trailer)
    assert status(heard) == 200
    assert b"admin" not in heard
    assert b"a=1" not in heard


@pytest.mark.parametrize("around", [b"2;x=", b"2\r\nab\r\n0\r\nX: "])
def test_what_stands_around_a_body_has_a_size(served: Served, around):
    visitor = Visitor(served).say(CHUNKED).say(around)
    try:
        for _ in range(100):
            visitor.say(b"y" * 60_000)
    except OSError:
        pass
    answer = visitor.hear()
    assert answer == b"" or status(answer) == 400
    assert served.asked == []


def test_pieces_of_one_byte_are_a_body_like_any_other(served: Served):
    letters = [b"a"] * 500
    assert b'"' + b"a" * 500 + b'"' in ask(served, CHUNKED.encode() + chunked(*letters, b""))


def test_the_clock_of_a_body_stands_while_an_earlier_request_is_answered(served: Served):
    """It was sent ahead, and nothing of it is read meanwhile."""
    visitor = Visitor(served).say(head("GET", "/slow") + head(path="/2", Content_Length=4) + "a")
    time.sleep(SOON_S)
    visitor.say("b")
    heard = visitor.socket.recv(1 << 16)
    assert status(heard) == 200
    visitor.say("cd" + head("GET", "/3", Connection="close"))
    assert visitor.hear().count(b"HTTP/1.1 200") == 2
    assert served.asked == ["slow", "2", "3"]


def test_a_body_that_was_sent_ahead_has_its_deadline_after_that(served: Served):
    visitor = Visitor(served).say(head("GET", "/slow") + head(path="/2", Content_Length=4) + "a")
    heard = visitor.hear()
    # A whole window of its own, however much of one had passed before.
    assert time.monotonic() - served.slow_ended >= SOON_S
    assert heard.count(b"HTTP/1.1 200") == 1
    assert heard.count(b"HTTP/1.1 408") == 1
    assert served.asked == ["slow"]


def test_a_setting_that_is_missing_is_told_in_one_sentence(monkeypatch):
    monkeypatch.delenv("RADSLAG_SECRET_KEY", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("radslag.webserver.settings")
    assert str(ended.value).startswith("Missing settings: ")
    assert "RADSLAG_SECRET_KEY" in str(ended.value)
