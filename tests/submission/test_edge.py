"""What a header says is data: whatever it is, nothing breaks, and an idea is stored."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import delete, func, select
from time_machine import travel

from radslag.desk import create_app as create_desk
from services.submission import create_app as create_public
from services.submission.limits import place_of_request
from shared import heartbeat, proxies
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.models import Heartbeat, Idea
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


@pytest.fixture
def unaware(module_database: None, settings_behind: Settings, monkeypatch) -> Iterator[list[Flask]]:
    """Both webs, told of no proxy; nobody has noticed one yet."""
    monkeypatch.setattr(proxies, "_noted_at", -proxies._AGAIN_AFTER_S)
    with Session.begin() as session:
        session.execute(delete(Heartbeat))
    settings = replace(settings_behind, trusted_proxies=0)
    made = create_public(settings)
    yield [made, create_desk(settings)]
    made.extensions["submit_limits"].close()


FORWARDING = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-Ip"]


@pytest.mark.parametrize("name", FORWARDING)
@pytest.mark.parametrize("web", [0, 1])
def test_a_proxy_that_a_web_was_not_told_of_is_noticed_and_said(unaware, caplog, name, web):
    client = unaware[web].test_client()
    assert "warnings" not in client.get("/readyz").json
    for _ in range(3):
        client.get("/static/shared/base.css", headers={name: "192.0.2.7"}).close()
    # Once, however many come.
    assert caplog.text.count("RADSLAG_TRUSTED_PROXIES is 0") == 1
    for each in unaware:
        answer = each.test_client().get("/readyz")
        assert (answer.status_code, answer.json["warnings"]) == (200, ["unknown-proxy"])
    told = replace(unaware[0].config["SETTINGS"], trusted_proxies=1)
    with Session() as session:
        assert not proxies.is_unknown_one_there(session, told)
        # It is no process that went silent.
        assert heartbeat.find_silent(session, utcnow() + timedelta(hours=2)) == []
    with travel(utcnow() + timedelta(hours=2)):
        assert "warnings" not in client.get("/readyz").json


def test_to_those_behind_such_a_proxy_the_numbers_are_not_open(unaware):
    for each in unaware:
        client = each.test_client()
        assert client.get("/metrics").status_code == 200
        for name in FORWARDING:
            assert client.get("/metrics", headers={name: "127.0.0.1"}).status_code == 403


@pytest.fixture(scope="module")
def secure(module_database: None, settings_behind: Settings) -> Iterator[list[Flask]]:
    settings = replace(
        settings_behind,
        trusted_proxies=0,
        public_url="https://dialog.stad.example",
        desk_url="https://radslag.stad.example",
    )
    made = create_public(settings)
    yield [made, create_desk(settings)]
    made.extensions["submit_limits"].close()


def test_over_https_cookies_are_bound_to_the_host_and_nothing_else_is_used(secure, public, desk):
    resident, staff = (each.test_client() for each in secure)
    at_desk = "https://radslag.stad.example"
    chosen = resident.get("/?lang=en")
    signing_in = staff.get("/login?lang=en", base_url=at_desk)
    for answer in (chosen, signing_in):
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, *attributes = (part.strip() for part in cookie.split(";"))
            assert name.startswith("__Host-radslag_")
            assert {"Secure", "HttpOnly", "Path=/"} <= set(attributes)
            assert not [each for each in attributes if each.startswith("Domain")]
    assert len(signing_in.headers.getlist("Set-Cookie")) == 2
    # The cookie is read by the name it was given.
    resident.set_cookie("__Host-radslag_lang", "en")
    assert '<html lang="en"' in resident.get("/").text
    plain = public.test_client().get("/")
    assert "Strict-Transport-Security" not in plain.headers
    at_plain_desk = desk.config["SETTINGS"].desk_url
    assert "Strict-Transport-Security" not in (
        desk.test_client().get("/login", base_url=at_plain_desk).headers
    )


def test_no_host_of_a_request_is_where_somebody_is_sent(public, desk):
    moved = 0
    for client in (public.test_client(), desk.test_client()):
        for path in ("//councils//motesplatser", "/councils//x", "///evil.example//", "//login"):
            for host in ("evil.example", "localhost:8001"):
                asked = {"PATH_INFO": path, "HTTP_HOST": host}
                answer = client.get("/", environ_overrides=asked)
                where = answer.headers.get("Location", "/")
                assert where.startswith(("/", "http://localhost:8001/")), path
                assert not where.startswith("//")
                moved += answer.status_code == 308
    assert moved


@pytest.mark.parametrize(
    "line_end", ["%0d%0aX-Evil:1", "%0a", "%0d", "%00", "%e2%80%a8", "%5c%5cx"]
)
def test_no_line_end_in_an_address_is_one_in_an_answer(desk, line_end):
    client, at_desk = desk.test_client(), desk.config["SETTINGS"].desk_url
    for base in (at_desk, "http://elsewhere.example"):
        for path in (
            f"/{line_end}",
            f"/x?next=/{line_end}",
            f"/login?next=/{line_end}",
            "/login?%0d",
        ):
            for ask in (client.get, client.post):
                answer = ask(path, base_url=base, headers={"Origin": at_desk})
                assert answer.status_code < 500, (base, path)
                assert "X-Evil" not in answer.headers
                assert not set("\r\n") & set(answer.headers.get("Location", ""))


@pytest.mark.parametrize("deep", ["[" * 50_000, '{"a":' * 30_000, "[" * 20_000 + "]" * 20_000])
def test_json_a_thousand_levels_deep_is_no_fault_of_ours(public, desk, deep):
    at_desk = desk.config["SETTINGS"].desk_url
    page = desk.test_client()
    token = re.search(r'csrf_token" value="([^"]*)', page.get("/login", base_url=at_desk).text)
    assert token is not None
    headers = {"Origin": at_desk, "X-CSRFToken": token[1], "Content-Type": "application/json"}
    answer = page.post("/login", data=deep, base_url=at_desk, headers=headers)
    assert answer.status_code == 400
    answer = public.test_client().post("/api/v1/ideas", data=deep, content_type="application/json")
    assert answer.status_code in {400, 413, 422}
    answer = public.test_client().post(
        "/hooks/bounces",
        data=deep,
        headers={"Authorization": f"Bearer {'x' * 20}", "Content-Type": "application/json"},
    )
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000, "9" * 18, "٣" * 5000])
def test_no_number_in_an_address_is_too_long_to_be_read(public, desk, digits):
    """Python refuses to make one of thousands of digits; PostgreSQL has room for nineteen."""
    at_desk = desk.config["SETTINGS"].desk_url
    for path in (f"/statistik/{digits}", f"/statistik/{digits}.csv"):
        assert public.test_client().get(path).status_code == 404
    for path in (f"/pictures/{digits}", f"/supervision/{digits}.csv", f"/samples/{digits}"):
        answer = desk.test_client().get(path, base_url=at_desk)
        assert answer.status_code == (404 if len(digits) > 18 else 303)
