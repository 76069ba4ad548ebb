"""Sessions and what is typed: how long they last, and what outlives them."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from radslag.desk import create_app
from services.moderation.app import MAX_BODY_BYTES
from services.moderation.desk.idea import originals
from services.moderation.people import accounts
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.models import Decision, Original, Role, Staff
from tests.conftest import PROJECT
from tests.factories import an_idea
from tests.moderation import doors
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk

_ID = "0197a1b2-0000-7000-8000-000000000001"


@pytest.fixture
def app(settings: Settings, database: None) -> Flask:
    return create_app(settings)


def enter(
    app: Flask, settings: Settings, session: SqlSession, role: Role, email: str = "p@example.org"
) -> Desk:
    accounts.add_staff(session, email, role, PASSWORD)
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in(email)
    return desk


def test_programs_get_problems_not_pages(app, settings):
    nobody = Desk(app, settings)
    answer = nobody.client.post(
        "/ideas/R-2026-999999/decisions",
        json={},
        headers=nobody.headers,
        base_url=nobody.base,
    )
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_another_host_is_led_to_the_desk_and_health_answers_anywhere(app, settings):
    client = app.test_client()
    answer = client.get("/login?next=/x", base_url="http://evil.example")
    assert (answer.status_code, answer.location) == (303, f"{settings.desk_url}/login?next=/x")
    assert client.get("/healthz", base_url="http://10.0.0.7:8001").status_code == 200


@pytest.mark.parametrize(
    ("desk_url", "secure"),
    [
        ("http://localhost:8001", False),
        ("http://127.0.0.1:8001", False),
        ("http://[::1]:8001", False),
        ("http://desk.example.se", True),
        ("https://desk.example.se", True),
        ("https://localhost:8001", True),
    ],
)
def test_the_session_cookie_has_its_own_name_and_its_flags(settings, database, desk_url, secure):
    app = create_app(replace(settings, desk_url=desk_url))
    # What the browser is told; the page with the form begins a session for its token.
    cookie = app.test_client().get("/login", base_url=desk_url).headers["Set-Cookie"]
    over_https = desk_url.startswith("https:")
    assert cookie.startswith("__Host-radslag_desk=" if over_https else "radslag_desk=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert ("Secure" in cookie) == secure


class TestSession:
    def test_ends_after_twelve_hours_however_busy(self, app, settings, session):
        desk = enter(app, settings, session, Role.READER)
        begun = utcnow()
        for hours in (4, 8, 11.9):
            with travel(begun + timedelta(hours=hours), tick=False):
                desk.get("/")
        with travel(begun + timedelta(hours=12.1), tick=False):
            desk.get("/", status=303)

    def test_ends_when_the_person_signs_out(self, app, settings, session):
        desk = enter(app, settings, session, Role.READER)
        assert desk.post("/logout").location == "/login"
        desk.get("/", status=303)

    def test_ends_when_the_person_is_signed_out_everywhere(self, app, settings, session):
        desk = enter(app, settings, session, Role.READER)
        session.execute(Staff.__table__.update().values(session_epoch=Staff.session_epoch + 1))
        session.commit()
        desk.get("/", status=303)

    def test_begins_anew_at_sign_in(self, app, settings, session):
        accounts.add_staff(session, "p@example.org", Role.READER, PASSWORD)
        session.commit()
        desk = Desk(app, settings)
        before = desk.csrf = desk.token()
        desk.post("/login", email="p@example.org", password=PASSWORD)
        # The token of the time before says nothing any more: nobody could have planted it.
        assert desk.post("/logout", csrf_token=before).status_code == 400


def lost_and_back(desk, **form):
    """Post a form after the session has ended, sign in, and return what comes then."""
    desk.client.delete_cookie("radslag_desk", domain="localhost")
    lost = desk.post(**form)
    assert lost.status_code == 401
    login = desk.page(lost).select_one("form:has([name=password])")
    fields: dict[str, list[str]] = {}
    for each in login.select("input[value]"):
        fields.setdefault(each["name"], []).append(each["value"])
    for each in login.select("textarea"):
        fields[each["name"]] = [each.text.removeprefix("\n")]
    desk.csrf = fields.pop("csrf_token")[0]
    signed_in = {"email": "moa@example.org", "password": PASSWORD}
    back = desk.post("/login", **fields | signed_in)
    assert back.status_code == 200
    return desk.page(back)


class TestTypedNote:
    """What somebody typed outlives their session."""

    NOTE = "Ring förvaltningen först. <b>Å</b>"

    @pytest.fixture
    def idea(self, session):
        idea = an_idea(session)
        check(session, idea)
        return idea

    def reject(self, desk, idea):
        desk.headers["Referer"] = f"{desk.base}/ideas/{idea.number}?reason=new"
        return desk.post(
            f"/ideas/{idea.number}/decisions",
            kind="reject",
            rule="spam",
            seen_version=idea.version,
            note=self.NOTE,
            reason="new",
        )

    def test_comes_back_in_the_form_after_signing_in_again(self, desk, idea, session):
        desk.client.delete_cookie("radslag_desk", domain="localhost")
        lost = self.reject(desk, idea)
        assert lost.status_code == 401
        page = desk.page(lost)
        fields = {each["name"]: each.get("value", "") for each in page.select("main input")}
        fields["note"] = page.select_one("textarea[name=note]").text.lstrip("\n")
        assert fields["note"] == self.NOTE
        desk.csrf = fields.pop("csrf_token")
        # A wrong password loses nothing either.
        again = desk.page(desk.post("/login", **fields | {"password": "fel lösenord"}))
        assert again.select_one("textarea[name=note]").text.strip() == self.NOTE
        back = desk.post("/login", **fields | {"email": "moa@example.org", "password": PASSWORD})
        assert back.status_code == 200
        form = desk.page(back).select_one("details[open] form")
        assert form.select_one("textarea[name=note]").text.strip() == self.NOTE
        assert form.select_one("option[selected]")["value"] == "spam"
        assert form.select_one("input[name=reason]")["value"] == "new"
        assert session.scalar(select(func.count()).select_from(Decision)) == 0
        sent = {each["name"]: each["value"] for each in form.select("input")}
        made = desk.post(form["action"], **sent, rule="spam", note=self.NOTE)
        assert made.status_code == 303

    def test_words_chosen_to_be_masked_are_still_chosen(self, desk, session):
        idea = an_idea(session, text="Ring 070-174 06 05 till Bosse på Storgatan 12, tack.")
        check(session, idea)
        page = lost_and_back(
            desk,
            path=f"/ideas/{idea.number}/decisions",
            kind="mask",
            seen_version=idea.version,
            span=["24-29"],
            mask_author="1",
        )
        form = page.select_one("details[open] form:has([name=span])")
        assert [each["value"] for each in form.select("[name=span][checked]")] == ["24-29"]

    def bulk(self, session):
        ideas = [an_idea(session, text=f"Fler bänkar vid torg {n}, tack.") for n in "abc"]
        check(session, *ideas)
        return {
            "path": "/decisions/bulk",
            "listed": [idea.number for idea in ideas],
            "item": [f"{idea.number}:{idea.version}" for idea in ideas[1:]],
            "kind": "reject",
            "rule": "spam",
            "note": self.NOTE,
            "lane": "ordinary",
        }

    def assert_all_stands(self, page, form, session):
        chosen = [box["value"] for box in page.select("[name=item][checked]")]
        assert sorted(chosen) == sorted(form["item"])
        assert len(page.select("[name=item]")) == 3
        assert page.select_one("#rule option[selected]")["value"] == "spam"
        assert page.select_one("[name=note]").text.strip() == self.NOTE
        assert page.select_one("form.bulk [name=lane]")["value"] == "ordinary"
        assert session.scalar(select(func.count()).select_from(Decision)) == 0

    def test_what_was_chosen_for_an_act_on_many_comes_back(self, desk, session):
        form = self.bulk(session)
        page = lost_and_back(desk, **form)
        assert "inloggad igen" in page.select_one("[role=alert]").text
        self.assert_all_stands(page, form, session)

    def test_so_it_does_when_the_token_is_of_an_earlier_session(self, desk, session):
        form = self.bulk(session)
        desk.csrf = "of the session before"
        answer = desk.post(**form)
        assert answer.status_code == 400
        self.assert_all_stands(desk.page(answer), form, session)

    def test_boxes_checked_in_the_queue_lead_on_after_signing_in(self, desk, session):
        numbers = self.bulk(session)["listed"]
        desk.client.delete_cookie("radslag_desk", domain="localhost")
        path = f"/decisions/bulk?number={numbers[0]}&number={numbers[2]}"
        asked = desk.client.get(path, base_url=desk.base)
        login = desk.get(asked.location)
        desk.csrf = login.find("input", {"name": "csrf_token"})["value"]
        wanted = login.find("input", {"name": "next"})["value"]
        back = desk.post("/login", email="moa@example.org", password=PASSWORD, next=wanted)
        assert back.location == path

    def test_stays_when_the_token_is_of_an_earlier_session(self, desk, idea, session):
        desk.csrf = "of the session before"
        answer = self.reject(desk, idea)
        assert answer.status_code == 400
        form = desk.page(answer).select_one("details[open] form")
        assert form.select_one("textarea[name=note]").text.strip() == self.NOTE
        assert session.scalar(select(func.count()).select_from(Decision)) == 0

    def test_leads_back_to_the_page_where_nothing_was_typed(self, desk, idea):
        desk.client.delete_cookie("radslag_desk", domain="localhost")
        desk.headers["Referer"] = f"{desk.base}/ideas/{idea.number}?reason=new"
        lost = desk.page(desk.post("/logout"))
        assert lost.select_one("h1") is not None
        page = desk.page(desk.post(f"/decisions/{_ID}/undo"))
        wanted = page.select_one("input[name=next]")["value"]
        assert wanted == f"/ideas/{idea.number}?reason=new"
        assert not re.search("http", wanted)


@pytest.mark.parametrize("bad", ["\x00", "\ud800"])
def test_what_no_database_can_hold_is_refused_not_an_error(app, settings, session, bad):
    desk = enter(app, settings, session, Role.ADMIN)
    idea = an_idea(session)
    check(session, idea)
    if bad == "\x00":
        for path in ("/?council=%00", "/ideas/%00", "/history?kind=%00", "/?after=%00_1_1"):
            assert desk.client.get(path, base_url=desk.base).status_code in {200, 400, 404}, path
    here = f"/ideas/{idea.number}/decisions"
    seen = {"kind": "reject", "seen_version": idea.version}
    for fields in (
        {"rule": bad},
        {"rule": "spam", "note": f"x{bad}"},
        {"kind": "merge", "into": bad},
    ):
        assert desk.send(here, seen | fields).status_code in {400, 422, 200}, fields
    items = [{"number": bad, "seen_version": 1}]
    bulk = {"items": items, "kind": "publish"}
    assert desk.send("/decisions/bulk", bulk).status_code in {200, 400, 422}
    assert desk.send("/login", {"email": bad, "password": bad}).status_code in {400, 401}
    if bad == "\x00":
        assert desk.post(here, **seen, rule="spam", note=bad).status_code in {303, 409, 422, 400}
        assert desk.post(
            f"/ideas/{idea.number}/original", purpose=f"prov{bad}prov"
        ).status_code in {
            200,
            400,
        }


# Every field that some form of the desk sends.
FIELDS = {
    name
    for folder in ("services/moderation", "services/notify")
    for file in (PROJECT / folder).rglob("*.html")
    for name in re.findall(r'name="([a-z_-]+)"', file.read_text())
} - {"csrf_token"}


# What gets past the lists to choose from, so that the words beside them are read.
CHOICES = {
    "kind": "reject",
    "rule": "spam",
    "language": "sv",
    "role": "reader",
    "list": "insult",
    "match": "exact",
    "weight": "0.6",
    "seen_version": "2",
    "version": "1",
}


def test_no_form_breaks_on_what_no_database_can_hold(app, settings, session):
    desk = enter(app, settings, session, Role.ADMIN)
    idea = an_idea(session)
    check(session, idea)
    paths = [
        path.replace("/ideas/nothing", f"/ideas/{idea.number}")
        for method, _rule, path in doors.real(app)
        if method == "POST" and not path.startswith(("/logout", "/account/sessions"))
    ]
    assert len(paths) > 70
    assert len(FIELDS) > 40
    # As long as it can be without the whole being refused for its size.
    long = "x" * (MAX_BODY_BYTES // (len(FIELDS) + 1) - 30)
    nul, nines, words = (dict.fromkeys(FIELDS, bad) for bad in ("a\x00b", "9" * 30, long))
    for path in paths:
        assert desk.post(path, **nul | CHOICES).status_code == 400, path
        for fields in (nines, nines | CHOICES, words | CHOICES):
            status = desk.post(path, **fields).status_code
            assert status < 500, path
            assert status != 413, path


@pytest.mark.parametrize(
    "place", ["1_nan_1", "1_inf_1", "1_1e99_1", "99999999999_1_1", "x", "1_1_99999999999999999999"]
)
def test_a_place_that_is_none_shows_the_queue_from_its_beginning(app, settings, session, place):
    desk = enter(app, settings, session, Role.READER)
    desk.get(f"/?after={place}")


def test_an_original_is_shown_as_people_read_it_and_as_it_came(app, settings, session):
    desk = enter(app, settings, session, Role.MODERATOR)
    idea = an_idea(session)
    kept = Original(
        idea_id=new_id(),
        body=b"text=Fler+b%C3%A4nkar&author=%3Cb%3EBo%3C%2Fb%3E",
        content_type="application/x-www-form-urlencoded; charset=utf-8",
        sha256=b"",
    )
    assert originals.fields_of(kept) == [("text", "Fler bänkar"), ("author", "<b>Bo</b>")]
    session.commit()
    page = desk.page(desk.post(f"/ideas/{idea.number}/original", purpose="Begäran om utlämnande"))
    assert page.select_one(".sealed").text == "En bänk vid vattnet, tack."


@pytest.mark.parametrize(
    ("body", "content_type", "fields"),
    [
        (b'{"text": "\\u00e5", "n": [1]}', "application/json", [("text", "å"), ("n", "[1]")]),
        (b"[1]", "application/json", []),
        (b"{", "application/json", []),
        (b"[" * 100_000, "application/json", []),
        (b"text=\xff", "application/x-www-form-urlencoded", [("text", "\ufffd")]),
        (b"text=a", "multipart/form-data; boundary=x", []),
        (None, "application/json", []),
    ],
)
def test_fields_of_any_body(body, content_type, fields):
    original = Original(body=body, content_type=content_type)
    assert originals.fields_of(original) == fields
