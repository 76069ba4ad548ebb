"""A public web on the test's own database, and a resident who uses it."""

from collections.abc import Iterator
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session as SqlSession
from werkzeug.test import TestResponse

from services.moderation.decisions import deciding
from services.submission import create_app
from shared.config import Settings
from shared.models import Council, Idea
from tests.factories import a_council, an_idea


@pytest.fixture
def app(settings: Settings, database: None) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions["submit_limits"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def council(session: SqlSession) -> Council:
    made = a_council(session, slug="motesplatser", title="Det andra invånarrådet")
    session.commit()
    return made


def published(session: SqlSession, council: Council, **about: Any) -> Idea:
    """An idea that the public can read."""
    idea = an_idea(session, council, **about)
    deciding.publish_by_policy(session, idea)
    session.commit()
    return idea


def soup(response: TestResponse) -> BeautifulSoup:
    """The page, read as a browser would, with what every page must have."""
    page = BeautifulSoup(response.text, "html.parser")
    check_page(page)
    return page


def check_page(page: BeautifulSoup) -> None:
    """What holds for every page: language, title, one h1, labels, unique ids, nothing inline."""
    html = one(page, "html")
    assert html["lang"] in {"sv", "en"}
    assert one(page, "title").text.strip()
    assert len(page.find_all("h1")) == 1
    ids = [each["id"] for each in page.find_all(id=True)]
    assert len(ids) == len(set(ids)), "an id is there twice"
    for control in page.select("input:not([type=hidden]), textarea, select"):
        assert page.select(f"label[for='{control['id']}']"), f"{control['id']} has no label"
    for described in page.select("[aria-describedby]"):
        assert all(page.find(id=each) for each in str(described["aria-describedby"]).split())
    for link in page.select("a[href^='#']"):
        assert page.find(id=str(link["href"])[1:]), f"{link['href']} leads nowhere"
    assert not page.select("script:not([src]), style, [style]"), "the CSP forbids it"
    assert not [each for each in page.find_all(True) for name in each.attrs if name[:2] == "on"]


def one(page: BeautifulSoup | Tag, selector: str) -> Tag:
    """The only element that the selector finds."""
    found = page.select(selector)
    assert len(found) == 1, f"{len(found)} of {selector}"
    return found[0]
