"""A page posted after its person signed in anew elsewhere: nothing happens, all typed is kept."""

import pytest
from sqlalchemy import func, select

from services.moderation.people import invitations
from shared.models import Note, OfficialAnswer, Staff
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.test_desk import decide, waiting


@pytest.mark.parametrize(
    ("where", "field", "table"),
    [("notes", "note_text", Note), ("official-answer", "official_text", OfficialAnswer)],
)
def test_shows_what_was_typed_and_that_it_is_not_saved(desk, session, where, field, table):
    idea = waiting(session)
    decide(desk, idea, "publish")
    fields = {field: "Vi bygger.", "seen_answer": 0}
    answer = desk.post(f"/ideas/{idea.number}/{where}", **fields, csrf_token="stale")
    page = Desk.page(answer)
    assert answer.status_code == 400
    assert "inget är sparat" in page.text
    assert page.select_one(f"[name={field}]").text.strip() == "Vi bygger."
    assert session.scalar(select(func.count()).select_from(table)) == 0


def test_of_what_has_no_page_of_its_own_says_to_load_it_again(desk):
    nobody = "00000000-0000-0000-0000-000000000000"
    for path in (f"/decisions/{nobody}/undo", f"/official-answers/{nobody}/undo"):
        answer = desk.post(path, csrf_token="stale")
        assert answer.status_code == 400
        assert "Ladda om den" in Desk.page(answer).text


@pytest.mark.parametrize(
    ("path", "fields", "kept"),
    [
        ("/login", {"email": "moa@example.org", "next": "/history"}, ("email", "next")),
        ("/login/forgotten", {"email": "moa@example.org"}, ("email",)),
    ],
)
def test_the_doors_show_their_form_again_with_the_address(app, settings, path, fields, kept):
    stranger = Desk(app, settings)
    stranger.csrf = stranger.token()
    answer = stranger.post(path, **fields, password="hemlig mening 17", csrf_token="stale")
    page = Desk.page(answer)
    assert answer.status_code == 400
    assert "för länge, så inget har hänt" in page.select_one("main").text
    form = page.select_one("main form:has([name=email])")
    assert {name: form.select_one(f"[name={name}]")["value"] for name in kept} == fields
    assert "hemlig mening" not in answer.text
    # What it shows can be sent.
    stranger.csrf = form.select_one("[name=csrf_token]")["value"]
    again = stranger.post(path, **fields, password=PASSWORD)
    assert again.status_code in {200, 303, 401}


def test_a_stale_invitation_keeps_all_but_the_password(app, settings, session):
    token = invitations.invite_first_admin(session)
    session.commit()
    stranger = Desk(app, settings)
    stranger.csrf = stranger.token()
    typed = {"name": "Bo Ek", "email": "bo@example.org", "password": "hemlig mening 17"}
    answer = stranger.post(f"/welcome/{token}", **typed, csrf_token="stale")
    page = Desk.page(answer)
    assert answer.status_code == 400
    assert "inget har hänt" in page.text
    assert page.select_one("#name")["value"] == "Bo Ek"
    assert page.select_one("#email")["value"] == "bo@example.org"
    assert "hemlig" not in answer.text
    assert session.scalar(select(func.count()).select_from(Staff)) == 0


def test_a_stale_sign_in_enters_nobody(desk, app, settings):
    stranger = Desk(app, settings)
    stranger.csrf = stranger.token()
    stranger.post("/login", email="moa@example.org", password=PASSWORD, csrf_token="stale")
    assert stranger.client.get("/", base_url=stranger.base).status_code == 303
