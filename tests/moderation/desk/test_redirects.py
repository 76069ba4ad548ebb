"""Where people are led: what a request names as the next page is only ever a page of the desk."""

import ast
import re

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from radslag.desk import create_app
from services import submission
from services.moderation.desk import next_page
from services.moderation.people import accounts
from shared.config import Settings
from shared.models import Role
from tests.conftest import PROJECT
from tests.factories import _ENVIRONMENT, a_council, a_rule, an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import browser

DESK = _ENVIRONMENT["RADSLAG_DESK_URL"]

HOSTILE = (
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//evil.example:8001/x",
    "//localhost:8001@evil.example/",
    "//evil.example\\@localhost:8001/",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/x\\..\\..\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "/\r\n/evil.example",
    "/x\r\nSet-Cookie: a=b",
    "/x\nLocation: //evil.example",
    "\t//evil.example",
    " //evil.example",
    "\n/x",
    "/\x00/evil.example",
    "/\x0b/evil.example",
    "/x\x7f",
    "https://evil.example",
    "http://evil.example",
    "HTTPS://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "http:\\\\evil.example",
    "ftp://evil.example",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "evil.example/x",
    "@evil.example",
    ":8001",
    ".",
    "..",
    "?next=/x",
    "#x",
    "%2f%2fevil.example",
    "%2Fevil.example",
    "／／evil.example",
    "⁄⁄evil.example",
    f"{DESK}/x",
    f"{DESK}.evil.example/",
    "http://localhost:8000/",
    "",
)
OWN = (
    "/",
    "/history",
    "/ideas/R-2026-000001?reason=new",
    "/?council=väla&after=1_2_3",
    "/decisions/bulk?number=R-2026-000001&number=R-2026-000002",
    "/history?next=//evil.example",
    "/ideas/R-2026-000001#colleagues",
    "/a//b",
    "/.well-known/x",
    "/%2F/x",
    "/@evil.example",
    "/https://evil.example",
    "/:8001",
    "/a b",
)
_PIECES = (
    *("/", "//", "\\", "\t", "\n", "\r", "\r\n", " ", "\x00", "\x0b", "\x7f", "\x85", "\u2028"),
    *("evil.example", "localhost:8001", "history", "x", "å", "／", "。", "@", ":", ";", "?", "#"),
    *("%2f", "%5c", "%09", "%0d%0a", ".", "..", "https:", "http:", "javascript:", "data:"),
)


def leads_to(location: str, base: str = DESK) -> str:
    """Return the origin that a browser goes to, by the URL Standard: what it strips comes first."""
    seen = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(0x21)))))
    seen = seen.replace("\\", "/")
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", seen)
    if scheme and scheme[1].lower() not in {"http", "https"}:
        return scheme[0].lower()
    own = base.partition(":")[0]
    if scheme:
        slashes = re.match(r"/*", rest := seen[scheme.end() :])
        assert slashes is not None
        host = re.split(r"[/?#]", rest[slashes.end() :])[0]
        return f"{scheme[1].lower()}://{host.rpartition('@')[2]}"
    if seen.startswith("//"):
        return f"{own}://{re.split(r'[/?#]', seen.lstrip('/'))[0].rpartition('@')[2]}"
    return base


@pytest.fixture(scope="module")
def unbound() -> Flask:
    """A desk that asks no database."""
    return create_app(Settings.from_env(_ENVIRONMENT))


def wanted(app: Flask, value: str) -> str:
    with app.test_request_context("/login", query_string={"next": value}):
        return next_page.read_wanted_page()


@pytest.mark.parametrize(
    ("location", "origin"),
    [
        ("/x", DESK),
        ("x", DESK),
        ("///evil.example/x", "http://evil.example"),
        ("/\t/evil.example", "http://evil.example"),
        ("/\\evil.example", "http://evil.example"),
        ("https:evil.example", "https://evil.example"),
        ("//localhost:8001@evil.example", "http://evil.example"),
        (f"{DESK}/x", DESK),
        (f"{DESK}.evil.example/", f"{DESK}.evil.example"),
        ("javascript:alert(1)", "javascript:"),
    ],
)
def test_the_judge_reads_addresses_as_browsers_do(location, origin):
    assert leads_to(location) == origin


@pytest.mark.parametrize("value", HOSTILE)
def test_no_hostile_page_is_the_wanted_one(unbound, value):
    assert wanted(unbound, value) == ""


@pytest.mark.parametrize("value", OWN)
def test_a_page_of_the_desk_is_the_wanted_one(unbound, value):
    assert wanted(unbound, value) == value


@given(st.one_of(st.lists(st.sampled_from(_PIECES), max_size=6).map("".join), st.text()))
def test_whatever_is_wanted_the_browser_stays_at_the_desk(unbound, value):
    found = wanted(unbound, value)
    assert found in {"", value}
    assert leads_to(found or "/") == DESK
    assert not re.search(r"[\x00-\x1f\x7f]", found)


@given(st.lists(st.sampled_from(_PIECES), max_size=6).map("".join))
def test_whatever_page_a_form_stood_on_the_browser_stays_at_the_desk(unbound, value):
    """The referrer of a form whose session was lost becomes the page to go on to."""
    for sent_from in (f"{DESK}/{value}", f"{DESK}{value}", value):
        with unbound.test_request_context("/logout", headers={"Referer": _header(sent_from)}):
            asked = next_page.find_page_of_form()
        assert leads_to(wanted(unbound, asked) or "/") == DESK


def _header(value: str) -> str:
    """What can stand in a header at all."""
    return re.sub(r"[\x00\r\n]", "", value).encode("utf-8").decode("latin-1")


def test_signing_in_leads_to_nobody_elses_page(app, settings, session):
    accounts.add_staff(session, "p@example.org", Role.READER, PASSWORD)
    session.commit()
    for value in HOSTILE:
        desk = Desk(app, settings)
        desk.csrf = desk.token()
        sent = desk.post("/login", email="p@example.org", password=PASSWORD, next=value)
        # NUL is refused before anything is asked.
        assert sent.status_code == (400 if "\x00" in value else 303), value
        assert sent.headers.get("Location", "/") == "/", value


# Each redirect whose target is not built by `url_for`; look at it before you add one.
_BY_HAND = {
    "services/moderation/desk/own_address.py": [
        "web.get_settings().desk_url + path",
    ],
    "services/moderation/desk/idea/colleague_views.py": ["url"],
    "services/moderation/desk/people/directory_views.py": ["begun.url", "kept['next'] or '/'"],
    "services/moderation/desk/people/link_views.py": ["'/'"],
    "services/moderation/desk/people/login_views.py": ["next_page.read_wanted_page() or '/'"],
}


def test_every_other_redirect_is_built_by_url_for():
    found: dict[str, list[str]] = {}
    for folder in ("services", "radslag", "shared"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("redirect")):
                    continue
                target = ast.unparse(node.args[0])
                if not target.startswith("url_for("):
                    found.setdefault(str(path.relative_to(PROJECT)), []).append(target)
    assert found == _BY_HAND


# What a careless redirect might read its target from.
_NAMES = (
    "next",
    "back",
    "to",
    "url",
    "return",
    "return_to",
    "redirect",
    "referrer",
    "lang",
    "_host",
)


def test_no_page_of_the_desk_leads_elsewhere_whatever_is_asked(app, settings, session):
    accounts.add_staff(session, "p@example.org", Role.ADMIN, PASSWORD)
    idea = an_idea(session)
    rule = a_rule(session, "spam")
    session.commit()
    desk = browser(app, settings, "p@example.org")
    asked = dict.fromkeys((*_NAMES, "_scheme", "_external", "_anchor"), "//evil.example/x")
    more = asked | {"name": "P", "language": "sv", "q": idea.number, "reason": "new"}
    desk.headers["Referer"] = f"{DESK}//evil.example/x"
    answers = [
        desk.client.get(path, query_string=more, headers=desk.headers, base_url=desk.base)
        for path in ("/", "/login/code", "/login/directory/back", f"/ideas/{idea.number}", "/stats")
    ]
    answers += [
        desk.post(path, **more)
        for path in (
            "/account",
            "/account/sessions/end",
            f"/ideas/{idea.number}/notes?next=//evil.example",
            f"/rules/{rule.code}/new",
            "/supervision",
            "/logout",
        )
    ]
    led = [answer.location for answer in answers if 300 <= answer.status_code < 400]
    assert len(led) >= 5
    for location in led:
        assert leads_to(location) == DESK, location
        assert not location.startswith("//"), location


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:8000"])
@pytest.mark.parametrize("path", ["/login", "/login?next=//evil.example", "/login/forgotten?å=/x"])
def test_an_address_at_another_host_leads_to_the_same_page_of_the_desk(unbound, host, path):
    answer = unbound.test_client().get(path, base_url=f"http://{host}")
    assert answer.status_code == 303
    assert answer.location.startswith(f"{DESK}/login")
    assert ("//evil.example" in path) == answer.location.endswith("?next=//evil.example")


def test_no_public_page_leads_elsewhere_whatever_is_asked(settings, session):
    council = a_council(session)
    session.commit()
    app = submission.create_app(settings)
    client, own = app.test_client(), settings.public_url
    asked = dict.fromkeys(_NAMES, "//evil.example/x")
    headers = {"Referer": "http://evil.example/x", "Origin": "http://evil.example"}
    form = f"/councils/{council.slug}/ideas"
    sent = client.post(form, data=asked | {"text": "En bänk"}, headers=headers, base_url=own)
    receipt = sent.location
    answers = [sent, client.get(form, query_string=asked, headers=headers, base_url=own)]
    answers += [
        client.post(f"{receipt}/{act}", data=asked | {"text": "Två bänkar"}, query_string=asked,
                    headers=headers, base_url=own)
        for act in ("correct", "withdraw")
    ]  # fmt: skip
    answers += [client.get(f"{receipt}/withdraw", query_string=asked, base_url=own)]
    app.extensions["submit_limits"].close()
    assert [answer.status_code for answer in answers] == [303] * 5
    for answer in answers:
        assert answer.location.startswith(("/receipts/", "/councils/")), answer.location
