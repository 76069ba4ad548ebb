"""Who gets in, and how: every door as everybody, tokens, origins, sessions, the first link."""

import itertools
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from radslag.desk import create_app
from services.moderation import access, accounts, originals
from services.moderation.people import roles
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.models import Decision, Original, Role, Staff
from tests.conftest import PROJECT
from tests.factories import _ENVIRONMENT, an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.test_checking import check

_ID = "0197a1b2-0000-7000-8000-000000000001"
_MADE_UP = {"IntegerConverter": 1, "UUIDConverter": _ID}
# Open to all: files without content of anybody's, and what operators ask.
FILES = ("static", "shared.static")
OPERATORS = "operators"
# These stay locked whatever is added beside them: the role is said twice, here and at the door.
ADMIN = (
    "/staff",
    "/checks",
    "/councils",
    "/audit",
    "/settings",
    "/answer-templates",
    "/addresses",
    "/jobs/1/replay",
    "/duty/",
    "/letters/",
)
# What everybody who is signed in does to what is their own, and answers when a colleague asks;
# other doors that change something are a moderator's at least.
OWN = ("/account", "/ideas/nothing/asks/1/")


def doors() -> list[tuple[str, str, Role]]:
    """Return every method and path of the desk with the role that its guards say they ask for."""
    app = create_app(Settings.from_env(_ENVIRONMENT))
    urls = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.rpartition(".")[0]
        if rule.endpoint in FILES or blueprint == OPERATORS or is_open(app, blueprint):
            continue
        asked = [hook.role for hook in app.before_request_funcs[blueprint] if hasattr(hook, "role")]
        asked += [getattr(app.view_functions[rule.endpoint], "role", Role.READER)]
        made_up = {
            name: _MADE_UP.get(type(converter).__name__, "nothing")
            for name, converter in rule._converters.items()
        }
        path = urls.build(rule.endpoint, made_up, method=next(iter(rule.methods or {"GET"})))
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        found += [(method, path, max(asked, key=RANKS.index)) for method in sorted(methods)]
    return found


def is_open(app: Flask, blueprint: str) -> bool:
    """Whether anybody may knock here: signing in, and what a mailed link opens."""
    return access.open_door in app.before_request_funcs.get(blueprint, [])


RANKS = list(Role)
DOORS = doors()
POSTS = [path for method, path, _role in DOORS if method != "GET"]
OPEN_POSTS = [
    "/login",
    "/login/code",
    "/login/code/new",
    "/login/forgotten",
    "/login/resume",
    "/logout",
    "/reset/x",
    "/welcome/x",
]


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
    assert len(DOORS) > 40


def test_every_room_of_the_desk_has_a_guard_or_is_meant_to_stand_open(app):
    open_rooms = {name for name in app.blueprints if is_open(app, name)}
    assert open_rooms == {"login", "links", "directory"}
    for name in set(app.blueprints) - open_rooms - {OPERATORS, "shared"}:
        assert any(hasattr(hook, "role") for hook in app.before_request_funcs[name]), name


def test_what_is_for_administrators_asks_for_one():
    lax = [path for _method, path, role in DOORS if path.startswith(ADMIN) and role != Role.ADMIN]
    assert lax == []
    assert {"/staff", "/checks"} <= {path for _method, path, _role in DOORS}


def test_a_reader_changes_nothing_but_what_is_their_own():
    lax = [
        path
        for method, path, role in DOORS
        if method != "GET" and role is Role.READER and not path.startswith(OWN)
    ]
    assert lax == []


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


@pytest.mark.parametrize("role", RANKS)
def test_everybody_enters_what_their_role_opens_and_nothing_else(app, settings, session, role):
    desk = enter(app, settings, session, role)
    for method, path, needed in DOORS:
        status = ask(desk, method, path).status_code
        if RANKS.index(role) < RANKS.index(needed):
            assert status == 403, (method, path)
        else:
            # Let in; what it was asked to do is made up, and so can be missing or wrong.
            assert status in {200, 204, 303, 304, 400, 404, 409, 422}, (method, path, status)


def test_a_closed_account_is_out_at_once_everywhere(app, settings, session):
    desk = enter(app, settings, session, Role.ADMIN)
    accounts.add_staff(session, "kvar@example.org", Role.ADMIN, PASSWORD)
    roles.disable(session, accounts.find(session, "p@example.org"), by=None)
    session.commit()
    for method, path, _role in DOORS:
        assert ask(desk, method, path).status_code in {303, 401}, path
    assert desk.post("/login", email="p@example.org", password=PASSWORD).status_code == 400
    desk.csrf = desk.token()
    assert desk.post("/login", email="p@example.org", password=PASSWORD).status_code == 401


def test_programs_get_problems_not_pages(app, settings):
    nobody = Desk(app, settings)
    answer = nobody.client.post(
        "/ideas/R-2026-999999/decisions",
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
        for path in [*POSTS, *OPEN_POSTS]:
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
        for path in [*POSTS, *OPEN_POSTS]:
            assert admin.post(path).status_code == 403, path

    def test_may_name_its_origin_in_the_referer(self, admin):
        admin.headers = {"Referer": "http://localhost:8001/ideas/x"}
        assert admin.post("/logout").status_code == 303

    def test_fails_at_another_host(self, admin):
        for path in [*POSTS, *OPEN_POSTS]:
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

    def lost_and_back(self, desk, **form):
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

    def test_words_chosen_to_be_masked_are_still_chosen(self, desk, session):
        idea = an_idea(session, text="Ring 070-174 06 05 till Bosse på Storgatan 12, tack.")
        check(session, idea)
        page = self.lost_and_back(
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
        page = self.lost_and_back(desk, **form)
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
    paths = [path.replace("/ideas/nothing", f"/ideas/{idea.number}") for path in POSTS]
    assert len(FIELDS) > 40
    for path, bad in itertools.product([*paths, *OPEN_POSTS], ("a\x00b", "9" * 30, "å" * 5000)):
        for fields in (dict.fromkeys(FIELDS, bad), dict.fromkeys(FIELDS, bad) | CHOICES):
            if path.startswith(("/logout", "/account/sessions")):
                continue
            assert desk.post(path, **fields).status_code < 500, (path, bad)


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
