"""Who gets in, and how: every door as everybody, tokens, origins, sessions, the first link."""

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from radslag.desk import create_app
from services.moderation import access, accounts, originals
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.models import Decision, Invitation, LoginAttempt, Original, Role, Staff
from tests.factories import _ENVIRONMENT, an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.test_checking import check

_ID = "0197a1b2-0000-7000-8000-000000000001"
_VALUES = {
    "number": "R-2026-999999",
    "decision_id": _ID,
    "bulk_id": _ID,
    "staff_id": _ID,
    "job_id": 1,
    "version": 999,
    "entry_id": 1,
    "token": "nothing",
}
# Open to all: the doors themselves, what operators ask, and files without content of anybody's.
OPEN = ("login.", "operators.", "static", "shared.static")
MODERATOR = ("decisions.", "bulk.", "ideas.original")
ADMIN = (
    "admin.staff",
    "admin.invite",
    "admin.disable",
    "admin.replay",
    "checks.",
    "spam_model.",
    "word_lists.",
)


def doors() -> list[tuple[str, str, Role | None]]:
    """Return every method and path of the desk with the role that it asks for."""
    app = create_app(Settings.from_env(_ENVIRONMENT))
    urls = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(OPEN):
            continue
        role = Role.READER
        if rule.endpoint.startswith(MODERATOR):
            role = Role.MODERATOR
        elif rule.endpoint.startswith(ADMIN):
            role = Role.ADMIN
        path = urls.build(rule.endpoint, {name: _VALUES[name] for name in rule.arguments})
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        found += [(method, path, role) for method in sorted(methods)]
    return found


DOORS = doors()
POSTS = [path for method, path, _role in DOORS if method == "POST"]


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


def ask(desk: Desk, method: str, path: str):
    if method == "GET":
        return desk.client.get(path, base_url=desk.base)
    return desk.post(path)


def test_the_walk_meets_every_kind_of_door():
    assert {role for _method, _path, role in DOORS} == set(Role)
    assert len(DOORS) > 12


def test_every_room_of_the_desk_has_a_guard(app):
    unguarded = {name for name in app.blueprints if not app.before_request_funcs.get(name)}
    assert unguarded == {"operators", "shared"}


def test_nobody_enters_without_signing_in(app, settings):
    nobody = Desk(app, settings)
    nobody.csrf = nobody.token()
    for method, path, _role in DOORS:
        answer = ask(nobody, method, path)
        if method == "GET":
            assert answer.status_code == 303, path
            assert answer.location.startswith("/login?next="), path
        else:
            assert answer.status_code == 401, path


@pytest.mark.parametrize("role", list(Role))
def test_everybody_enters_what_their_role_opens_and_nothing_else(app, settings, session, role):
    desk = enter(app, settings, session, role)
    ranks = list(Role)
    for method, path, needed in DOORS:
        status = ask(desk, method, path).status_code
        if ranks.index(role) < ranks.index(needed):
            assert status == 403, (method, path)
        else:
            assert status in {200, 303, 404, 422}, (method, path, status)


def test_a_closed_account_is_out_at_once_everywhere(app, settings, session):
    desk = enter(app, settings, session, Role.ADMIN)
    person = accounts.find(session, "p@example.org")
    accounts.disable(person)
    session.commit()
    for method, path, _role in DOORS:
        assert ask(desk, method, path).status_code in {303, 401}, path
    assert desk.post("/login", email="p@example.org", password=PASSWORD).status_code == 400
    desk.csrf = desk.token()
    assert desk.post("/login", email="p@example.org", password=PASSWORD).status_code == 401


def test_programs_get_problems_not_pages(app, settings):
    nobody = Desk(app, settings)
    answer = nobody.client.post(
        f"/ideas/{_VALUES['number']}/decisions",
        json={},
        headers=nobody.headers,
        base_url=nobody.base,
    )
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


class TestEveryPost:
    """An unsafe request needs the token, the desk's own Origin, and the desk's own Host."""

    @pytest.fixture
    def admin(self, app, settings, session):
        return enter(app, settings, session, Role.ADMIN)

    @pytest.mark.parametrize("token", ["", "wrong"])
    def test_fails_without_its_token(self, admin, token):
        for path in [*POSTS, "/logout", "/login"]:
            # Of an idea that is not there, the page that would keep the typed words is not there.
            assert admin.post(path, csrf_token=token).status_code in {400, 404}, path
            answer = admin.client.post(
                path, json={}, headers={**admin.headers, "X-CSRFToken": token}, base_url=admin.base
            )
            assert answer.status_code == 400, path

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://localhost:8000"},  # the public web: same site, another port
            {"Origin": "https://localhost:8001"},
            {"Origin": "null"},
            {"Origin": "http://localhost:8001.example.org"},
            {"Referer": "http://localhost:8000/councils/x"},
            {"Referer": "http://example.org/http://localhost:8001/"},
            {"Origin": "http://example.org", "Referer": "http://localhost:8001/"},
            {},
        ],
    )
    def test_fails_from_anywhere_else(self, admin, headers):
        admin.headers = headers
        for path in [*POSTS, "/logout", "/login", "/welcome/x"]:
            assert admin.post(path).status_code == 403, path

    def test_may_name_its_origin_in_the_referer(self, admin):
        admin.headers = {"Referer": "http://localhost:8001/ideas/x"}
        assert admin.post("/logout").status_code == 303

    def test_fails_at_another_host(self, admin):
        for path in [*POSTS, "/login"]:
            answer = admin.client.post(
                path,
                data={"csrf_token": admin.csrf},
                headers=admin.headers,
                base_url="http://evil.example:8001",
            )
            assert answer.status_code == 400, path


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
    assert cookie.startswith("radslag_desk=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert ("Secure" in cookie) == secure


def test_no_page_of_the_desk_stays_in_a_cache(app, settings, session):
    desk = enter(app, settings, session, Role.ADMIN)
    for method, path, _role in DOORS:
        if method == "GET":
            assert ask(desk, method, path).headers["Cache-Control"] == "no-store", path


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

    @pytest.mark.parametrize(
        ("wanted", "led_to"),
        [
            ("/ideas/R-2026-000001?reason=new", "/ideas/R-2026-000001?reason=new"),
            ("https://evil.example/", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("", "/"),
        ],
    )
    def test_leads_only_to_pages_of_the_desk(self, app, settings, session, wanted, led_to):
        accounts.add_staff(session, "p@example.org", Role.READER, PASSWORD)
        session.commit()
        desk = Desk(app, settings)
        desk.csrf = desk.token()
        answer = desk.post("/login", email="p@example.org", password=PASSWORD, next=wanted)
        assert answer.location == led_to


class TestSignIn:
    @pytest.fixture
    def desk(self, app, settings, session):
        accounts.add_staff(session, "p@example.org", Role.READER, PASSWORD)
        session.commit()
        desk = Desk(app, settings)
        desk.csrf = desk.token()
        return desk

    def try_with(self, desk, password, email="p@example.org", source="192.0.2.1"):
        return desk.client.post(
            "/login",
            data={"email": email, "password": password, "csrf_token": desk.csrf},
            headers=desk.headers,
            base_url=desk.base,
            environ_base={"REMOTE_ADDR": source},
        )

    def test_by_json(self, desk):
        body = {"email": "P@Example.org ", "password": PASSWORD}
        assert desk.send("/login", body).json == {"ok": True}
        desk.get("/")

    @pytest.mark.parametrize("body", [[], "x", None, {"email": 3, "password": ["x"]}])
    def test_by_nonsense_is_refused(self, desk, body):
        assert desk.send("/login", body).status_code in {400, 401}

    def test_says_the_same_of_unknown_addresses_and_wrong_passwords(self, desk):
        wrong = self.try_with(desk, "fel lösenord", email="p@example.org")
        unknown = self.try_with(desk, "fel lösenord", email="q@example.org")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.text.replace("p@example.org", "q@example.org") == unknown.text

    def test_a_password_is_the_same_however_its_letters_are_composed(self, desk):
        decomposed = PASSWORD.replace("å", "a\u030a").replace("ö", "o\u0308")
        assert decomposed != PASSWORD
        assert self.try_with(desk, decomposed).status_code == 303

    def test_waits_after_five_failures_even_with_the_right_password(self, desk, session):
        for _ in range(5):
            assert self.try_with(desk, "fel lösenord").status_code == 401
        refused = self.try_with(desk, PASSWORD)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "900"
        # A stranger's failures do not lock the person out elsewhere.
        assert self.try_with(desk, PASSWORD, source="192.0.2.2").status_code == 303
        session.execute(LoginAttempt.__table__.update().values(at=utcnow() - timedelta(minutes=16)))
        session.commit()
        desk.csrf = desk.token("/login")
        assert self.try_with(desk, PASSWORD).status_code == 303

    def test_waits_when_one_source_tries_many_accounts(self, desk, monkeypatch):
        monkeypatch.setattr(accounts, "MOST_FROM_ONE_SOURCE", 6)
        answers = [
            self.try_with(desk, "fel", email=f"nr{number}@example.org").status_code
            for number in range(accounts.MOST_FROM_ONE_SOURCE + 2)
        ]
        assert answers == [401] * accounts.MOST_FROM_ONE_SOURCE + [429] * 2

    def test_success_forgets_the_failures(self, desk, session):
        for _ in range(4):
            self.try_with(desk, "fel lösenord")
        assert self.try_with(desk, PASSWORD).status_code == 303
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 0

    @pytest.mark.usefixtures("desk")
    def test_attempts_at_the_same_instant_are_all_counted(self, settings):
        allowed = []
        start = threading.Barrier(12)

        def attempt() -> None:
            start.wait()
            with db.Session.begin() as own:
                allowed.append(accounts.count_attempt(own, settings, "p@example.org", "::1"))

        threads = [threading.Thread(target=attempt) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(allowed) == [False] * 7 + [True] * 5

    def test_neither_address_nor_source_is_kept(self, desk, session):
        self.try_with(desk, "fel lösenord", source="192.0.2.77")
        kept = session.execute(select(LoginAttempt.email_hash, LoginAttempt.source_hash)).one()
        assert all(b"192.0.2.77" not in hashed and b"example" not in hashed for hashed in kept)
        assert all(len(hashed) == 32 for hashed in kept)

    def test_old_attempts_are_cleaned_away(self, desk, session):
        old = utcnow() - timedelta(days=1)
        session.add_all(LoginAttempt(email_hash=b"a", source_hash=b"b", at=old) for _ in range(15))
        session.commit()
        self.try_with(desk, "fel lösenord")
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 1

    def test_renews_a_hash_that_was_made_with_less_effort(self, desk, session):
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
        session.execute(Staff.__table__.update().values(password_hash=weak))
        session.commit()
        assert self.try_with(desk, PASSWORD).status_code == 303
        renewed = session.scalar(select(Staff.password_hash))
        assert renewed != weak
        assert self.try_with(desk, PASSWORD).status_code in {303, 400}

    def test_an_account_without_password_lets_nobody_in(self, desk, session):
        session.add(Staff(email="ny@example.org", role=Role.ADMIN))
        session.commit()
        assert self.try_with(desk, "", email="ny@example.org").status_code == 401


class TestFirstAdministrator:
    def link(self, session, settings):
        link = access.first_admin_link(session, settings)
        session.commit()
        return link

    def fields(self, **more):
        return {"email": "chef@example.org", "name": "Chefen", "password": PASSWORD} | more

    def test_is_made_by_a_link_that_looking_does_not_use_up(self, app, settings, session):
        link = self.link(session, settings)
        path = link.removeprefix(settings.desk_url)
        desk = Desk(app, settings)
        for _ in range(3):  # a mail scanner, a preview, the person
            desk.csrf = desk.token(path)
        assert desk.post(path, **self.fields()).location == "/"
        assert desk.client.get("/staff", base_url=desk.base).status_code == 200
        desk.get(path, status=410)
        assert accounts.find(session, "chef@example.org").role is Role.ADMIN
        assert self.link(session, settings) is None

    def test_link_works_once_even_for_two_at_the_same_time(self, app, settings, session):
        path = self.link(session, settings).removeprefix(settings.desk_url)
        statuses = []

        def accept(email: str) -> None:
            desk = Desk(app, settings)
            desk.csrf = desk.token(path)
            statuses.append(desk.post(path, **self.fields(email=email)).status_code)

        threads = [threading.Thread(target=accept, args=(f"{n}@example.org",)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) in ([303, 410], [303, 500])
        assert session.scalar(select(func.count()).select_from(Staff)) == 1

    def test_link_ends_after_a_day_and_when_a_newer_one_is_made(self, app, settings, session):
        desk = Desk(app, settings)
        older = self.link(session, settings).removeprefix(settings.desk_url)
        newer = self.link(session, settings).removeprefix(settings.desk_url)
        desk.get(older, status=410)
        desk.get(newer)
        session.execute(Invitation.__table__.update().values(expires_at=utcnow()))
        session.commit()
        desk.get(newer, status=410)

    def test_only_the_hash_of_the_link_is_kept(self, settings, session):
        token = self.link(session, settings).rpartition("/")[2]
        kept = session.scalar(select(Invitation.sha256))
        assert token.encode() not in kept
        assert len(kept) == 32

    @pytest.mark.parametrize(
        ("field", "value"), [("email", "inte en adress"), ("password", "elva tecken")]
    )
    def test_form_explains_what_is_wrong_and_keeps_the_rest(
        self, app, settings, session, field, value
    ):
        path = self.link(session, settings).removeprefix(settings.desk_url)
        desk = Desk(app, settings)
        desk.csrf = desk.token(path)
        answer = desk.post(path, **self.fields(**{field: value}))
        assert answer.status_code == 422
        assert 'value="Chefen"' in answer.text
        assert PASSWORD not in answer.text
        assert desk.post(path, **self.fields()).status_code == 303

    def test_a_closed_administrator_is_none(self, settings, session):
        admin = accounts.add_staff(session, "a@example.org", Role.ADMIN, PASSWORD)
        assert access.first_admin_link(session, settings) is None
        accounts.disable(admin)
        assert access.first_admin_link(session, settings) is not None


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
        assert "seen_version" not in fields
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
