"""A system that another city begins says nothing of the sample's: every page, letter and feed.

Both webs are walked through in both languages, empty and with a little in them, from every address
that needs nothing and along every link.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from radslag import first_start
from radslag.desk import create_app as create_desk
from services.moderation.decisions import deciding, entries
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.people import accounts
from services.submission import create_app as create_public
from shared import db, i18n
from shared.config import Settings
from shared.models import (
    AnswerTemplate,
    Council,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    Reason,
    Role,
    Rule,
    Verdict,
)
from tests.factories import a_council, an_idea
from tests.moderation.conftest import PASSWORD, Desk, light_hasher
from tests.notify.mail.test_rendering import CASES, letter

CITY = "Exempelkommun"
_LINK = re.compile(r' href="([^"]*)"')
# The sample's city and what belongs to it.
FOREIGN = re.compile("helsingborg|tryckeriet|kontaktcenter|invanarrad-1|pizza-och", re.IGNORECASE)
# So many pages of one kind: the thousandth idea says nothing that the third does not.
_MOST_ALIKE = 3

__all__ = ["light_hasher"]


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    """The settings of a city that has set its name, and no contact."""
    named = {"RADSLAG_AUTHORITY": CITY}
    own = Settings.from_env(
        {
            **named,
            "RADSLAG_DATABASE_URL": module_settings.database_url,
            "RADSLAG_BROKER_URL": module_settings.broker_url,
            "RADSLAG_SMTP_URL": module_settings.smtp_url,
            "RADSLAG_SECRET_KEY": module_settings.secret_key,
            "RADSLAG_PUBLIC_URL": module_settings.public_url,
            "RADSLAG_DESK_URL": module_settings.desk_url,
            "RADSLAG_SUBMIT_LIMIT": "off",
        }
    )
    assert own.contact == ""
    return own


@pytest.fixture(scope="module")
def begun(settings: Settings, module_database: None) -> None:
    """The system as `radslag up --empty` begins it, and its first administrator."""
    first_start.seed_system(settings, councils=False)
    with db.Session.begin() as session:
        accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD, name="Ada")


@pytest.fixture(scope="module")
def public(settings: Settings, begun: None) -> Iterator[Flask]:
    app = create_public(settings)
    yield app
    app.extensions["submit_limits"].close()


@pytest.fixture(scope="module")
def desk(settings: Settings, begun: None) -> Desk:
    app = create_desk(settings)
    app.config["TESTING"] = True
    signed_in = Desk(app, settings)
    signed_in.sign_in("ada@example.org")
    return signed_in


def fill(session: SqlSession) -> None:
    """Put in a little of everything: what waits, is public, was refused, is to be cleaned up."""
    ada = accounts.find_account(session, "ada@example.org")
    council = a_council(session, slug="torget", title="Torget", theme="Torget i mitten")
    session.add(AnswerTemplate(title="Reklam", text="Vi tar inte emot det.", language="sv"))

    def waits(text: str) -> Idea:
        idea = an_idea(session, council, text=text, status=IdeaStatus.WAITING)
        session.add(
            Verdict(
                idea_id=idea.id,
                text_version=1,
                outcome="attention",
                unchecked=[],
                priority=100,
                ruleset=1,
            )
        )
        session.add(
            FindingRow(
                idea_id=idea.id,
                text_version=1,
                check_name="personal_data",
                check_version=1,
                code="phone",
                severity="high",
                score=0.9,
                field="text",
                spans=[[0, 2]],
                params={},
            )
        )
        entries.open_entry(session, idea.id, Reason.NEW, 100)
        session.flush()
        return idea

    for text, kind, more in (
        ("Fler bänkar", DecisionKind.PUBLISH, {"acknowledged": frozenset({"phone"})}),
        ("Köp hos oss", DecisionKind.REJECT, {"rule_code": "off-topic"}),
        ("Fler träd", None, {}),
    ):
        idea = waits(text)
        if kind is not None:
            session.refresh(idea)
            deciding.decide_idea(
                session,
                DecisionRequest(kind=kind, staff_id=ada.id, **more),
                number=idea.number,
                seen_version=idea.version,
            )


def starts(app: Flask) -> list[str]:
    """Give every address that needs nothing, but files and what operators ask."""
    found = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and "static" not in rule.endpoint
    ]
    assert len(found) > 5
    return [*found, "/no/such/page"]


def walk(client: FlaskClient, base: str, first: list[str], language: str) -> dict[str, str]:
    """Read pages along their links; give what each says, by its address."""
    own = urlsplit(base).netloc
    waiting, seen, alike, read = list(first), set(first), Counter(), {}
    while waiting:
        path = waiting.pop(0)
        parts = urlsplit(path)
        query = {**dict(parse_qsl(parts.query)), "lang": language}
        shape = re.sub(r"\d[\w-]*", "0", parts.path)
        alike[shape] += 1
        if alike[shape] > _MOST_ALIKE or parts.path.startswith("/static/"):
            continue
        answer = client.get(f"{parts.path}?{urlencode(query)}", base_url=base)
        assert answer.status_code < 500, (path, answer.status_code)
        read[f"{base}{path} {language}"] = f"{answer.text}\n{answer.headers}"
        answer.close()
        found = [answer.location] if answer.location else []
        if answer.mimetype == "text/html":
            found += map(html.unescape, _LINK.findall(answer.text))
        for link in found:
            whole = urlsplit(urljoin(f"{base}{path}", link))
            # The other language is walked through by itself.
            query = {name: said for name, said in parse_qsl(whole.query) if name != "lang"}
            went = whole.path + (f"?{urlencode(query)}" if query else "")
            if whole.netloc == own and went not in seen:
                seen.add(went)
                waiting.append(went)
    return read


def walk_both(public: Flask, desk: Desk, settings: Settings) -> dict[str, str]:
    read = {}
    for language in i18n.LANGUAGES:
        client = public.test_client()
        read |= walk(client, settings.public_url, starts(public), language)
        read |= walk(desk.client, desk.base, starts(desk.client.application), language)
    return read


def foreign(read: dict[str, str]) -> dict[str, list[str]]:
    """Return where something of the sample's stands, and what."""
    return {path: found for path, said in read.items() if (found := FOREIGN.findall(said))}


def test_the_rules_are_begun_in_the_citys_name(begun):
    with db.Session() as session:
        words = session.scalars(select(Rule).where(Rule.code == "off-topic")).one()
    assert words.title_sv == f"Gäller inte {CITY}"
    assert CITY in words.text_sv
    assert CITY in words.title_en
    assert CITY in words.text_en
    assert not FOREIGN.search(f"{words.title_sv} {words.text_sv} {words.title_en}")


def test_no_page_of_a_new_city_speaks_of_the_sample(public, desk, settings):
    with db.Session() as session:
        assert session.scalars(select(Council)).all() == []
    empty = walk_both(public, desk, settings)
    assert len(empty) > 100
    assert foreign(empty) == {}
    assert CITY in empty[f"{settings.public_url}/ sv"]

    with db.Session.begin() as session:
        fill(session)
    filled = walk_both(public, desk, settings)
    assert len(filled) > len(empty) + 20
    assert {path for path in filled if "feed.atom" in path}
    assert {path for path in filled if path.startswith(f"{desk.base}/ideas/R-")}
    assert foreign(filled) == {}


@pytest.mark.parametrize("contact", ["", "info@exempelkommun.example"])
def test_no_letter_of_another_city_speaks_of_the_sample(settings, contact):
    # The council of the letters' own samples is called by its slug in addresses.
    own = replace(settings, contact=contact)
    for name, language in CASES:
        said = letter(name, language, own)
        words = f"{said.subject}\n{said.text}\n{said.html}"
        assert re.findall("helsingborg|kontaktcenter", words, re.IGNORECASE) == [], name
        if not contact:
            assert not re.search("Har du frågor|skriv till *[.<]", words), name
