"""What a header says is data: whatever it is, nothing breaks, and an idea is stored."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import func, select

from radslag.desk import create_app as create_desk
from services.submission import create_app as create_public
from services.submission.limits import place_of_request
from shared.config import Settings
from shared.db import Session
from shared.models import Idea
from tests.factories import a_council, an_idea

PLACES = [
    *("192.0.2.7:4711", "[2001:db8::1]:4711", "[2001:db8::1]", "2001:db8::1%eth0", "unknown"),
    *("_hidden", "", " ", ",", ",,,", "192.0.2.7,", ",192.0.2.7", "[", "]", "[]", ":", "::", "%"),
    *("1.2.3.4.5", "999.1.1.1", "-1", "a" * 5000, "192.0.2.7, " * 10_000, "\xff\xfe", "\x00"),
    *(
        '"',
        "'; DROP TABLE ideas; --",
        "::ffff:192.0.2.7",
        "0x7f.1",
        "١.٢.٣.٤".encode().decode("latin-1"),
    ),
]
# fmt: off
ODD = [
    *("", " ", "\x00", "\xff" * 40, "a" * 5000, ",", ";", "=", "[", "]", "[::1", "]:80", "://"),
    *("http://[", "http://[::1", "//", "///", "http://a b/", "http://\xff", "http://a:b", "%"),
    *("http://localhost:8001/%0d%0ax", "javascript:alert(1)", "a;b=c;d", "q=1;q=x", "*;q=1e999"),
    *("text/html;q=", "text/html;charset=nowhere", "application/json;charset=\xff", "text/\x00"),
    *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data;boundary=\xff"),
    *("bytes=0-", "bytes=-1", "bytes=9-1", "bytes=a-b", "bytes=0-0,-1", "bytes=" + "0-1," * 2000),
    *('W/"', '"', '"a", W/"b', "*", "Thu, 99 Foo 99999 99:99:99 GMT", "x:99999"),
    *("Basic ====", "Bearer ", "Bearer \xff", "sv-\xff, *;q=z", "åäö".encode().decode("latin-1")),
    "for=unknown;host=\"a", "session=.\xff.\xff; radslag_desk=a.b.c; radslag_lang=\xff",
]  # fmt: skip
OF_PUBLIC = (
    *("/", "/councils/motesplatser", "/councils/motesplatser/ideas.json", "/metrics", "//x"),
    *("/static/shared/base.css", "/api/openapi.json", "/receipts/x"),
)
OF_DESK = ("/", "/login", "/login/forgotten", "/metrics", "//x", "/welcome/x", "/login/code")
NAMES = [
    *("Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-Ip"),
    *("Host", "Origin", "Referer", "Accept", "Accept-Language", "Accept-Encoding", "User-Agent"),
    *("Content-Type", "Range", "If-Range", "If-Modified-Since", "If-Unmodified-Since"),
    *("If-None-Match", "If-Match", "Cookie", "Authorization", "Idempotency-Key", "X-CSRFToken"),
    *("Last-Event-ID", "Transfer-Encoding", "Content-Encoding", "X-HTTP-Method-Override"),
]


@pytest.fixture(scope="module")
def settings_behind(module_settings: Settings) -> Settings:
    return replace(module_settings, trusted_proxies=1, metrics_token="", bounce_secret="x" * 20)


@pytest.fixture(scope="module")
def public(module_database: None, settings_behind: Settings) -> Iterator[Flask]:
    with Session.begin() as session:
        council = a_council(session, slug="motesplatser", title="Mötesplatser")
        an_idea(session, council)
    made = create_public(settings_behind)
    yield made
    made.extensions["submit_limits"].close()


@pytest.fixture(scope="module")
def desk(module_database: None, settings_behind: Settings) -> Flask:
    return create_desk(settings_behind)


def environ(name: str, value: str) -> dict[str, str]:
    """A header as a server hands it over, with whatever came."""
    known = name.upper().replace("-", "_")
    return {known if known == "CONTENT_TYPE" else f"HTTP_{known}": value}


def stored() -> int:
    with Session() as session:
        return session.scalar(select(func.count()).select_from(Idea)) or 0


@pytest.mark.parametrize("said", PLACES, ids=lambda said: ascii(said)[:30])
def test_wherever_an_idea_says_it_comes_from_it_is_stored(public, said):
    before, client = stored(), public.test_client()
    headers = environ("X-Forwarded-For", said)
    sent = client.post(
        "/councils/motesplatser/ideas", data={"text": "Fler bänkar"}, environ_overrides=headers
    )
    assert sent.status_code == 303
    sent = client.post(
        "/api/v1/ideas",
        json={"council": "motesplatser", "text": "Fler bänkar"},
        environ_overrides=headers,
    )
    assert sent.status_code == 202
    assert stored() == before + 2
    assert client.get("/metrics", environ_overrides=headers).status_code in {200, 403}


def test_what_cannot_be_read_is_counted_as_one_place(public):
    places = set()
    for said in ("unknown", "_hidden", "a" * 5000, "[", "1.2.3.4.5"):
        with public.test_request_context("/", environ_overrides={"REMOTE_ADDR": said}) as context:
            places.add(place_of_request(context.request, "a key"))
    assert len(places) == 1


@pytest.mark.parametrize("name", NAMES)
def test_no_header_breaks_a_page(public, desk, name):
    """Each value of each header at some page; all pages have their turn."""
    at_desk = desk.config["SETTINGS"].desk_url
    resident, staff = public.test_client(), desk.test_client()
    ways = (
        *(partial(resident.get, path) for path in OF_PUBLIC),
        *(partial(staff.get, path, base_url=at_desk) for path in OF_DESK),
        partial(resident.post, "/hooks/bounces", data=b"{}"),
        partial(staff.post, "/login", data={"email": "a@b.se"}, base_url=at_desk),
    )
    broken = []
    for turn, value in enumerate(ODD, NAMES.index(name)):
        ask = ways[turn % len(ways)]
        with ask(environ_overrides={"HTTP_ORIGIN": at_desk, **environ(name, value)}) as got:
            broken += [(ask.args, value)] if got.status_code >= 500 else []
    assert broken == []


def test_no_header_costs_an_idea(public):
    """Of those that say nothing about the body."""
    client = public.test_client()
    says_nothing = sorted(set(NAMES) - {"Content-Type", "Idempotency-Key", "Transfer-Encoding"})
    for turn, value in enumerate(ODD * 2):
        name = says_nothing[turn % len(says_nothing)]
        sent = client.post(
            "/councils/motesplatser/ideas",
            data={"text": "Fler bänkar"},
            environ_overrides=environ(name, value),
        )
        assert sent.status_code in {201, 202, 303}, (name, value)
