"""The API, as a program meets it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from services.submission import create_app
from shared import db
from shared.clock import utcnow
from shared.models import Idea, IdeaText, Original, Source
from tests.factories import a_council

URL = "/api/v1/ideas"
SENT = {
    "council": "motesplatser",
    "text": "Fler bänkar.",
    "author": "Kim",
    "email": "k@example.org",
}


def problem(answer, status: int) -> dict:
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    body = answer.json
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    return body


def test_an_idea_is_answered_202_with_its_receipt(client, session, council):
    answer = client.post(URL, json=SENT)
    assert answer.status_code == 202
    assert answer.headers.getlist("Set-Cookie") == []
    body = answer.json
    assert set(body) == {"id", "number", "status", "receipt_url"}
    idea = session.scalars(select(Idea)).one()
    assert (body["id"], body["number"], body["status"]) == (str(idea.id), idea.number, "received")
    assert idea.source is Source.API
    assert body["receipt_url"].startswith("http://localhost:8000/receipts/")
    path = body["receipt_url"].removeprefix("http://localhost:8000")
    assert client.get(path, headers={"Accept": "application/json"}).json["number"] == idea.number


@pytest.mark.parametrize(
    "absent", [{}, {"author": None, "email": None}, {"author": "", "email": ""}]
)
def test_name_and_address_may_be_absent(client, session, council, absent):
    assert (
        client.post(URL, json={"council": "motesplatser", "text": "En idé"} | absent).status_code
        == 202
    )
    assert session.scalars(select(IdeaText.author)).one() is None


def test_the_original_is_the_body_byte_for_byte(client, session, council):
    body = b'{ "text": "\\u00e5 \\ud83d", "council":"motesplatser", "okant": [1] }'
    assert client.post(URL, data=body, content_type="application/json").status_code == 202
    assert session.scalars(select(Original.body)).one() == body
    assert session.scalars(select(IdeaText.text)).one() == "å \ufffd"


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        ({"council": "motesplatser"}, {"text"}),
        ({"text": "En idé"}, {"council"}),
        ({"council": "finns-inte", "text": "En idé"}, {"council"}),
        ({"council": "a\x00", "text": "En idé"}, {"council"}),
        ({"council": "\ud800", "text": "En idé"}, {"council"}),
        (SENT | {"text": "x" * 2001}, {"text"}),
        (SENT | {"text": 5, "author": []}, {"text", "author"}),
        (SENT | {"text": "", "author": "a\nb", "email": "x"}, {"text", "author", "email"}),
    ],
)
def test_each_wrong_field_has_its_sentence(client, session, council, sent, fields):
    body = problem(client.post(URL, json=sent), 422)
    assert set(body["errors"]) == fields
    assert all(body["errors"].values())
    assert session.scalar(select(func.count()).select_from(Idea)) == 0


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 20_000, b'{"text": NaN'])
def test_what_is_no_json_is_400(client, database, body):
    problem(client.post(URL, data=body, content_type="application/json"), 400)


@pytest.mark.parametrize("body", [b"[]", b"5", b"null", b'"x"'])
def test_what_is_no_object_is_422(client, database, body):
    problem(client.post(URL, data=body, content_type="application/json"), 422)


def test_a_form_is_415_here(client, database):
    problem(client.post(URL, data=SENT), 415)


def test_too_much_is_413(client, database):
    problem(client.post(URL, json=SENT | {"text": "x" * 70_000}), 413)


def test_another_method_is_405(client, database):
    problem(client.get(URL), 405)


def test_a_closed_council_is_403(client, session):
    a_council(session, slug="motesplatser", open_until=utcnow() - timedelta(days=1))
    session.commit()
    problem(client.post(URL, json=SENT), 403)


@pytest.mark.parametrize("body", [SENT, {**SENT, "text": "Något helt annat"}])
def test_two_senders_with_one_key_have_an_idea_each(client, council, body):
    def post(place, sent):
        headers = {"Idempotency-Key": "1"}
        return client.post(URL, json=sent, headers=headers, environ_base={"REMOTE_ADDR": place})

    mine, theirs = post("192.0.2.1", SENT), post("198.51.100.1", body)
    assert (mine.status_code, theirs.status_code) == (202, 202)
    # Neither gets what opens the other's receipt.
    assert mine.json["receipt_url"] != theirs.json["receipt_url"]
    assert post("192.0.2.1", SENT).json == mine.json
    assert post("198.51.100.1", body).json == theirs.json
    # A network of IPv6 is one sender.
    assert post("2001:db8::1", SENT).json == post("2001:db8::2", SENT).json


def test_the_same_key_and_body_give_the_same_answer(client, session, council):
    first, again = (client.post(URL, json=SENT, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert session.scalar(select(func.count()).select_from(Idea)) == 1


def test_the_same_key_with_another_body_is_422_without_details(client, session, council):
    headers = {"Idempotency-Key": "k"}
    first = client.post(URL, json=SENT, headers=headers).json
    body = problem(client.post(URL, json=SENT | {"text": "Något annat"}, headers=headers), 422)
    assert "errors" not in body
    assert first["number"] not in str(body)
    assert first["receipt_url"] not in str(body)


def test_the_same_key_at_the_same_instant_makes_one_idea(app, session, council):
    together = Barrier(5)

    def post(_number: int):
        together.wait()
        return app.test_client().post(URL, json=SENT, headers={"Idempotency-Key": "k"}).json

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(post, range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert session.scalar(select(func.count()).select_from(Idea)) == 1


def test_what_is_taken_at_the_door_says_what_every_answer_says(settings, session, council):
    """The door answers without the framework; nothing that is added to all may be missing there."""
    own = replace(settings, public_url="https://dialog.example.se")
    app = create_app(own)
    client = app.test_client()
    taken, told = client.post(URL, json=SENT), client.post(URL, json={"text": "x"})
    assert (taken.status_code, told.status_code) == (202, 422)
    by_itself = {"Content-Type", "Content-Length", "Cache-Control", "X-Request-Id"}
    headers = [
        {name: value for name, value in answer.headers if name not in by_itself}
        for answer in (taken, told)
    ]
    assert headers[0] == headers[1]
    assert "Strict-Transport-Security" in headers[0]
    assert taken.mimetype == "application/json"
    assert taken.headers["Cache-Control"] == "no-store"
    assert len(taken.headers["X-Request-Id"]) == len(told.headers["X-Request-Id"]) == 16
    assert taken.headers["X-Request-Id"] != told.headers["X-Request-Id"]
    app.extensions["submit_limits"].close()


def test_the_language_asked_for_is_the_ideas_and_the_refusals(client, session, council):
    client.post(URL, json=SENT)
    client.post(f"{URL}?lang=en", json=SENT)
    client.set_cookie("radslag_lang", "en")
    client.post(URL, json=SENT)
    assert session.scalars(select(Idea.language).order_by(Idea.seq)).all() == ["sv", "en", "en"]
    refused = problem(client.post(URL, json={"text": ""}), 422)
    assert refused["detail"] == "Something needs correcting."
    client.delete_cookie("radslag_lang")
    assert problem(client.post(URL, json={}), 422)["detail"] == "Något behöver rättas."


def test_what_is_refused_at_the_door_is_stored_once_at_most(client, session, council, monkeypatch):
    """The application behind explains, and tries nothing again."""
    tried = []

    def fail(statement, parameters):
        tried.append(parameters)
        raise OperationalError(None, None, Exception())

    monkeypatch.setattr(db, "run_alone", fail)
    assert problem(client.post(URL, json=SENT), 503)
    assert len(tried) == 1
    assert session.scalar(select(func.count()).select_from(Idea)) == 0
