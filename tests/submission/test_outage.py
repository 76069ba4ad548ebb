"""The database goes away: nothing is stored, and nothing that a resident wrote is lost."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from services.submission import create_app
from shared import db, migrate
from shared.models import Idea
from tests.factories import a_council
from tests.submission.conftest import one, soup

POST = "/councils/motesplatser/ideas"
SENT = {
    "text": "Kanariefågel å\nrad två",
    "author": "Kim",
    "email": "kim@example.org",
    "form_key": "nyckel",
}


@pytest.fixture
def dead(settings):
    """A web whose database is not there."""
    gone = replace(settings, database_url="postgresql://127.0.0.1:1/radslag")
    db.configure_sessions(gone)
    app = create_app(gone)
    yield app.test_client()
    app.extensions["submit_limits"].close()
    db.close_connections()


def test_the_form_is_503_with_everything_still_in_it(dead, caplog):
    caplog.set_level(logging.DEBUG)
    answer = dead.post(POST, data=SENT)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    page = soup(answer)
    assert one(page, "form")["action"] == POST
    assert one(page, "textarea").text.strip("\n") == SENT["text"]
    for field in ("author", "email", "form_key"):
        assert one(page, f"[name={field}]")["value"] == SENT[field]
    assert "kanarie" not in "\n".join(str(vars(record)) for record in caplog.records).lower()


@pytest.mark.parametrize("path", ["/api/v1/ideas", "/hooks/forms/kontakt"])
def test_machines_get_503_as_a_problem(dead, path):
    answer = dead.post(path, json={"council": "motesplatser", "text": "En idé"})
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("path", ["/", "/councils/motesplatser", "/receipts/x", "/rules"])
def test_pages_say_it_calmly(dead, path):
    answer = dead.get(path)
    assert answer.status_code == 503
    assert one(soup(answer), "h1").text == "Stängt en liten stund"


def test_what_was_sent_during_an_outage_can_be_sent_again(settings, tmp_path: Path):
    folder = DataFolder(tmp_path / "å data")
    postgres = Postgres(folder, settings={"fsync": "off"})
    postgres.start()
    migrate.upgrade_database(postgres.url)
    own = replace(settings, database_url=postgres.url)
    db.configure_sessions(own)
    with db.Session.begin() as session:
        a_council(session, slug="motesplatser")
    app = create_app(own)
    client = app.test_client()
    try:
        assert client.post(POST, data={"text": "Före avbrottet"}).status_code == 303
        postgres.stop()
        page = soup(client.post(POST, data=SENT))
        again = {each["name"]: each.get("value", "") for each in page.select("form input")}
        again["text"] = one(page, "textarea").text
        postgres.start()
        assert client.post(POST, data=again).status_code == 303
        with db.Session() as session:
            assert session.scalar(select(func.count()).select_from(Idea)) == 2
    finally:
        app.extensions["submit_limits"].close()
        db.close_connections()
        postgres.stop()
        folder.release()


def test_a_form_of_another_site_gets_a_key_so_that_sending_again_is_safe(dead):
    page = soup(dead.post(POST, data={"text": "Från en annan sida"}))
    assert len(str(one(page, "[name=form_key]")["value"])) >= 20
