"""What the desk writes into the security log, and how administrators read it."""

import itertools
import logging
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from time_machine import travel

from radslag.desk import create_app
from services.moderation.desk import security_notes
from services.moderation.desk.people import security_words
from services.moderation.people import accounts, security_log
from services.moderation.settings import log_pages
from shared import db, i18n
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.links import account_links
from shared.models import (
    LinkKind,
    PasswordReset,
    Role,
    SecurityEvent,
    SecurityKind,
    Staff,
)
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import code_for

_places = itertools.count(1)


@pytest.fixture(scope="module")
def app(module_settings: Settings, module_database: None) -> Flask:
    return create_app(module_settings)


@pytest.fixture(autouse=True)
def one_slot(monkeypatch) -> None:
    """No slot ends while a test counts what is in it."""
    monkeypatch.setattr(security_log, "SLOT", timedelta(days=365))


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return module_settings


@pytest.fixture
def anybody(app, settings) -> Desk:
    """A browser at a place where nobody else is."""
    desk = Desk(app, settings)
    desk.client.environ_base["REMOTE_ADDR"] = f"198.51.100.{next(_places)}"
    desk.csrf = desk.token()
    return desk


def a_person(role: Role = Role.READER) -> Staff:
    with db.Session.begin() as session:
        return accounts.add_staff(session, f"{new_id()}@example.org", role, PASSWORD, name="Kim")


@pytest.fixture
def kim() -> Staff:
    return a_person()


@pytest.fixture
def inside(anybody, kim) -> Desk:
    anybody.sign_in(kim.email)
    return anybody


@pytest.fixture
def happened():
    """What was written since the test began, or since it was asked last."""
    with db.Session() as session:
        seen = session.scalar(select(func.max(SecurityEvent.id))) or 0

    def look() -> list[tuple[str, object, int]]:
        nonlocal seen
        with db.Session() as session:
            rows = session.scalars(
                select(SecurityEvent).where(SecurityEvent.id > seen).order_by(SecurityEvent.id)
            ).all()
        seen = max([seen, *(each.id for each in rows)])
        return [(each.kind.value, each.staff_id, each.times) for each in rows]

    return look


def turn_on(desk: Desk) -> str:
    desk.post("/account/second-factor", current=PASSWORD)
    secret = desk.get("/account").select_one("code.secret").text.replace(" ", "")
    answer = desk.post("/account/second-factor/confirm", code=code_for(secret))
    assert answer.status_code == 200
    desk.csrf = desk.token("/account")
    return secret


class TestIsWritten:
    def test_who_comes_in_and_who_does_not(self, anybody, kim, happened):
        for _ in range(2):
            anybody.post("/login", email=kim.email, password="fel")
        anybody.post("/login", email="okand@example.org", password="fel")
        assert happened() == [("wrong_password", kim.id, 2), ("wrong_password", None, 1)]
        anybody.sign_in(kim.email)
        assert happened() == [("signed_in", kim.id, 1)]

    def test_who_tried_too_often(self, anybody, kim, happened):
        for _ in range(7):
            anybody.post("/login", email=kim.email, password="fel")
        assert happened() == [("wrong_password", kim.id, 5), ("throttled", kim.id, 2)]

    def test_the_place_and_not_the_browser_that_is_known(self, inside, kim):
        inside.post("/logout")
        inside.csrf = inside.token()
        inside.sign_in(kim.email)
        with db.Session() as session:
            rows = session.scalars(select(SecurityEvent).where(SecurityEvent.staff_id == kim.id))
            assert len({each.place_hash for each in rows}) == 1

    def test_each_thing_done_to_an_account(self, inside, kim, happened, app, settings):
        happened()
        inside.post("/account/password", current=PASSWORD, password="en cykel under blå himmel")
        assert happened() == [("password_changed", kim.id, 1)]
        inside.post("/account/password", current="fel", password="en cykel under blå himmel")
        assert happened() == [("wrong_password", kim.id, 1)]
        inside.post("/account/password", current="en cykel under blå himmel", password=PASSWORD)
        happened()
        noon = utcnow().replace(second=10) + timedelta(minutes=1)
        with travel(noon, tick=False) as clock:
            secret = turn_on(inside)
            assert happened() == [("factor_added", kim.id, 1)]
            inside.post("/account/recovery-codes", code="000000")
            assert happened() == [("wrong_code", kim.id, 1)]
            clock.shift(60)
            inside.post("/account/recovery-codes", code=code_for(secret))
            assert happened() == [("codes_renewed", kim.id, 1)]
            half = Desk(app, settings)
            half.csrf = half.token()
            half.post("/login", email=kim.email, password=PASSWORD)
            half.csrf = half.token("/login/code")
            # Half of a sign-in is none.
            assert happened() == []
            half.post("/login/code", code="000000")
            assert happened() == [("wrong_code", kim.id, 1)]
            clock.shift(60)
            inside.post("/account/second-factor/remove", code=code_for(secret))
            assert [each[0] for each in happened()] == ["factor_removed", "signed_in"]

    def test_a_code_that_is_tried_too_often(self, inside, kim, happened):
        turn_on(inside)
        happened()
        for _ in range(7):
            inside.post("/account/recovery-codes", code="000000")
        assert happened() == [("wrong_code", kim.id, 5), ("throttled", kim.id, 2)]

    def test_a_link_for_a_new_password_and_its_use(self, anybody, kim, settings, happened):
        for email in (kim.email, "okand@example.org"):
            anybody.post("/login/forgotten", email=email)
        assert happened() == [("password_asked", kim.id, 1), ("password_asked", None, 1)]
        for _ in range(3):
            anybody.post("/login/forgotten", email=kim.email)
        assert ("throttled", kim.id, 1) in happened()
        with db.Session() as session:
            reset = session.scalars(
                select(PasswordReset).where(PasswordReset.staff_id == kim.id).limit(1)
            ).one()
        token = account_links.make_account_token(settings.secret_key, LinkKind.RESET, reset.nonce)
        anybody.post(f"/reset/{token}", password="kort")
        assert happened() == []
        anybody.post(f"/reset/{token}", password="en cykel under blå himmel")
        assert happened() == [("password_changed", kim.id, 1)]

    def test_what_an_administrator_does_to_a_colleague_is_in_the_colleagues(
        self, anybody, kim, happened
    ):
        anybody.sign_in(a_person(Role.ADMIN).email)
        happened()
        anybody.post(f"/staff/{kim.id}/second-factor")
        anybody.post(f"/staff/{kim.id}/password")
        assert happened() == [("factor_removed", kim.id, 1), ("password_asked", kim.id, 1)]


class TestRefusals:
    def test_a_role_that_is_not_enough(self, inside, kim, happened):
        happened()
        for _ in range(2):
            inside.get("/staff", status=403)
        inside.post("/decisions/bulk")
        assert happened() == [("forbidden", kim.id, 3)]

    def test_a_form_without_the_token_of_its_session(self, inside, kim, happened):
        happened()
        inside.post("/account", csrf_token="fel")
        assert happened() == [("wrong_token", kim.id, 1)]

    def test_a_form_of_another_site_is_of_the_person_whose_cookie_it_came_with(
        self, inside, kim, app, settings, happened
    ):
        happened()
        inside.headers = {"Origin": "https://elsewhere.example"}
        inside.post("/account")
        stranger = Desk(app, settings)
        stranger.csrf = stranger.token()
        stranger.headers = inside.headers
        stranger.post("/login")
        assert happened() == [("wrong_sender", kim.id, 1), ("wrong_sender", None, 1)]

    def test_another_host(self, anybody, happened):
        anybody.client.post("/login", headers=anybody.headers, base_url="http://other.example")
        anybody.client.get("/login", headers=anybody.headers, base_url="http://other.example")
        assert happened() == [("wrong_host", None, 1)]

    def test_what_is_let_in_or_not_found_or_wrong_is_none(self, inside, happened):
        happened()
        inside.get("/account")
        inside.get("/nothing", status=404)
        assert inside.post("/account", name="x" * 100, language="sv").status_code == 422
        assert happened() == []

    def test_stands_when_it_cannot_be_written_down(self, inside, happened, monkeypatch, caplog):
        happened()

        def fail(*_args: object, **_more: object) -> None:
            raise OperationalError("", {}, Exception())

        monkeypatch.setattr(security_log, "record_event", fail)
        with caplog.at_level(logging.WARNING, logger=security_notes.log.name):
            inside.get("/staff", status=403)
        assert [each.message for each in caplog.records] == ["a refusal could not be written down"]
        assert happened() == []


class TestPage:
    @pytest.fixture
    def admin(self, app, settings) -> Desk:
        desk = Desk(app, settings)
        desk.sign_in(a_person(Role.ADMIN).email)
        return desk

    def lines(self, page) -> list[str]:
        return [" ".join(each.text.split()) for each in page.select(".log li")]

    def test_says_what_happened_to_whom_how_often_and_links_the_place(self, admin, anybody, kim):
        for email in (kim.email, kim.email, "okand@example.org"):
            anybody.post("/login", email=email, password="fel")
        page = admin.get("/security")
        unknown, known = self.lines(page)[:2]
        assert known.startswith("Fel lösenord, eller en adress utan konto 2 gånger Kim, ")
        assert ") , " not in unknown
        assert "ett konto som inte finns (" in unknown
        place = page.select(".log li a")[0]["href"]
        here = admin.get(place)
        assert len(self.lines(here)) == 2
        assert here.select_one('input[type="hidden"][name="place"]')["value"] in place
        # Neither the address that was typed nor where it was typed.
        assert "okand@" not in page.text
        assert "198.51.100" not in page.text

    def test_is_filtered_by_what_and_whom(self, admin, anybody, kim):
        anybody.post("/login", email=kim.email, password="fel")
        anybody.sign_in(kim.email)
        both = self.lines(admin.get(f"/security?who={kim.id}"))
        assert [each.split(" Kim")[0] for each in both] == [
            "Inloggad",
            "Fel lösenord, eller en adress utan konto",
        ]
        page = admin.get(f"/security?who={kim.id}&kind=signed_in")
        assert len(self.lines(page)) == 1
        chosen = {each["value"] for each in page.select("option[selected]")}
        assert chosen == {"signed_in", str(kim.id)}
        nothing = admin.get(f"/security?who={kim.id}&kind=factor_added")
        assert "Inget sådant har hänt." in nothing.text

    def test_nonsense_filters_nothing(self, admin):
        everything = len(self.lines(admin.get("/security")))
        asked = "/security?kind=x&who=y&place=zz&before=-1"
        assert len(self.lines(admin.get(asked))) == everything

    def test_goes_on_where_a_page_ended(self, admin, kim, monkeypatch, anybody):
        monkeypatch.setattr(log_pages, "PAGE_SIZE", 2)
        for _ in range(3):
            anybody.post("/logout")
            anybody.csrf = anybody.token()
            anybody.sign_in(kim.email)
        page = admin.get(f"/security?who={kim.id}&kind=signed_in")
        older = page.select_one('a[rel="next"]')["href"]
        assert len(self.lines(page)) == 2
        assert len(self.lines(admin.get(older))) == 1

    @pytest.mark.parametrize("language", i18n.LANGUAGES)
    def test_every_kind_has_words(self, language):
        with i18n.speak_language(language):
            said = security_words.name_kinds()
        assert set(said) == set(SecurityKind)
        assert len(set(said.values())) == len(said)
