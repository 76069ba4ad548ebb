"""The page of letters at the desk."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from flask import Flask, Response

from services.notify.desk.letter_views import make_pages
from services.notify.digests import runs
from services.notify.sending.mailing import send_due
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.models import QueueEntry, Reason, Role
from tests.factories import an_idea
from tests.notify.conftest import ADDRESS


def a_desk(guard):
    """What the desk is to the page: one for readers, who change nothing."""
    return SimpleNamespace(
        frame="base.html",
        guard={Role.READER: guard}.__getitem__,
        requires={Role.ADMIN: lambda view: view}.__getitem__,
        person=lambda: SimpleNamespace(may={Role.ADMIN: False}.__getitem__),
        link_to_idea="/ideas/{}".format,
    )


@pytest.fixture
def app(settings):
    app = Flask("desk")
    web.init_app(app, settings)
    app.register_blueprint(make_pages(a_desk(lambda: None)))
    return app


@pytest.fixture
def client(app):
    return app.test_client()


def page_of(response):
    assert response.status_code == 200
    return BeautifulSoup(response.text, "html.parser")


def test_an_empty_ledger_says_so(client, desk):
    page = page_of(client.get("/letters"))
    assert "Här finns inga brev." in page.get_text()
    assert "Inget brev än, nästa" in " ".join(page.li.get_text().split())


def test_the_ledger_shows_states_and_codes_and_no_address(client, desk, idea, server, settings):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    server.to_recipient[ADDRESS] = "550 no such user"
    send_due(settings)
    response = client.get("/letters")
    page = page_of(response)
    cells = [" ".join(cell.get_text().split()) for cell in page.tbody.find_all("td")]
    assert [cells[0], cells[1], cells[2], cells[4]] == [
        idea.number,
        "Publicerad",
        "Gick inte fram: adressen finns inte, eller tar inte emot brev 550",
        "1",
    ]
    assert ADDRESS not in response.text
    assert page_of(client.get("/letters?state=sent")).tbody is None
    assert page_of(client.get("/letters?state=failed")).tbody is not None


def test_each_person_sees_the_last_and_the_next_digest(client, desk, session, settings, server):
    desk.staff.name = "Anna"
    desk.staff.created_at = utcnow() - timedelta(days=9)
    waiting = an_idea(session, submitted=False)
    session.add(QueueEntry(idea_id=waiting.id, reason=Reason.NEW))
    session.commit()
    with Session.begin() as run:
        runs.run_now(run, settings)
    send_due(settings)
    line = " ".join(page_of(client.get("/letters")).li.get_text().split())
    assert line.startswith("Anna: Skickad ")
    assert ", 1 idé, nästa " in line


@pytest.mark.parametrize("query", ["state=no", "before=no"])
def test_a_wrong_question_is_refused(client, desk, query):
    assert client.get(f"/letters?{query}").status_code == 400


def test_the_guard_is_asked(settings, database):
    app = Flask("desk")
    web.init_app(app, settings)
    app.register_blueprint(make_pages(a_desk(lambda: Response("who are you?", 401))))
    assert app.test_client().get("/letters").status_code == 401
