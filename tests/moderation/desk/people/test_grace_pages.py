"""The time to get a second factor, as an administrator meets it; and sessions nobody uses."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from time_machine import travel

from radslag.desk import create_app
from services.moderation.people import accounts, invitations
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.links import account_links
from shared.models import LinkKind, Role, Staff, StaffSession
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import code_for, is_signed_in


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    return replace(module_settings, second_factor_grace_days=7)


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: None) -> Flask:
    return create_app(settings)


def a_person(role: Role = Role.ADMIN) -> Staff:
    with db.Session.begin() as session:
        return accounts.add_staff(session, f"{new_id()}@example.org", role, PASSWORD)


@pytest.fixture
def come(app, settings) -> Callable[..., Desk]:
    def enter(staff: Staff, made: Flask = app) -> Desk:
        desk = Desk(made, settings)
        desk.sign_in(staff.email)
        return desk

    return enter


def due(staff: Staff, at: datetime | None) -> None:
    with db.Session.begin() as session:
        session.get_one(Staff, staff.id).factor_due_at = at


def reminder(desk: Desk, path: str = "/") -> str:
    found = desk.get(path).select_one(".desk-reminder")
    return " ".join(found.text.split()) if found else ""


class TestGrace:
    def test_an_administrator_works_and_is_reminded_on_every_page(self, come):
        ada = come(a_person())
        for path in ("/", "/account", "/settings", "/alerts"):
            assert reminder(ada, path).startswith("Din roll kräver inloggning i två steg från ")
        page = ada.get("/")
        assert page.select_one(".desk-reminder a")["href"] == "/account#second-factor"
        assert page.find(id="second-factor") is None
        assert ada.get("/account").find(id="second-factor") is not None

    @pytest.mark.parametrize("role", [Role.READER, Role.MODERATOR])
    def test_nobody_else_is(self, come, role):
        assert reminder(come(a_person(role))) == ""

    def test_who_has_one_is_not(self, come):
        ada = come(a_person())
        ada.post("/account/second-factor", current=PASSWORD)
        secret = ada.get("/account").select_one("code.secret").text.replace(" ", "")
        shown = ada.post("/account/second-factor/confirm", code=code_for(secret))
        code = ada.page(shown).select_one(".codes code").text
        assert reminder(ada) == ""
        # And keeps it, as long as the role is this one; what was tried is not used up.
        for _ in range(2):
            assert ada.post("/account/second-factor/remove", code=code).status_code == 403

    def test_when_it_is_over_only_the_door_is_open_and_what_was_typed_comes_back(self, come):
        person = a_person()
        ada = come(person)
        due(person, utcnow())
        assert not is_signed_in(ada)
        ada.csrf = ada.token()
        entered = ada.post("/login", email=person.email, password=PASSWORD, next="/settings")
        assert entered.location == "/login/code?next=/settings"
        assert not is_signed_in(ada)
        page = ada.get("/login/code")
        secret = page.select_one("code.secret").text.replace(" ", "")
        ada.csrf = ada.token("/login/code")
        answer = ada.post("/login/code/new", code=code_for(secret), next="/settings")
        assert ada.page(answer).select_one("main .button")["href"] == "/settings"
        assert is_signed_in(ada)

    @pytest.mark.parametrize(("days", "leads_to"), [(0, "/login/code"), (7, "/")])
    def test_the_first_administrator_comes_in_at_once(self, settings, days, leads_to):
        with db.Session.begin() as session:
            invitation = invitations.invite_person(
                session, settings, email=f"{new_id()}@example.org", role=Role.ADMIN, by=None
            )
        nonce = invitation.nonce or b""
        token = account_links.make_account_token(settings.secret_key, LinkKind.INVITATION, nonce)
        guest = Desk(create_app(replace(settings, second_factor_grace_days=days)), settings)
        guest.csrf = guest.token(f"/welcome/{token}")
        answer = guest.post(f"/welcome/{token}", name="Ada", password=PASSWORD)
        assert answer.location == leads_to

    def test_without_days_it_is_set_up_before_coming_in(self, settings):
        made = create_app(replace(settings, second_factor_grace_days=0))
        desk = Desk(made, settings)
        desk.csrf = desk.token()
        answer = desk.post("/login", email=a_person().email, password=PASSWORD)
        assert answer.location == "/login/code"

    def test_staff_are_told_how_it_is_until_somebody_chooses(self, come):
        page = come(a_person()).get("/staff")
        assert "har 7 dagar på sig" in page.text
        assert page.select_one('input[name="required"][checked]')["value"] == "admins"


class TestIdle:
    @pytest.fixture
    def idle(self, settings) -> Flask:
        return create_app(replace(settings, idle_minutes=30))

    def test_a_session_that_nobody_uses_ends(self, come, idle):
        bo = come(a_person(Role.READER), idle)
        now = utcnow()
        for minutes, there in ((20, True), (45, True), (74, True), (105, False)):
            with travel(now + timedelta(minutes=minutes), tick=False):
                assert is_signed_in(bo) is there

    def test_what_an_open_page_asks_by_itself_is_no_use(self, come, idle):
        bo = come(a_person(Role.READER), idle)
        now = utcnow()
        for minutes in (10, 20, 29):
            with travel(now + timedelta(minutes=minutes), tick=False):
                assert bo.client.get("/live", base_url=bo.base).status_code == 200
        with travel(now + timedelta(minutes=31), tick=False):
            assert bo.client.get("/live", base_url=bo.base).status_code != 200
            assert not is_signed_in(bo)

    def test_without_the_setting_twelve_hours_count(self, come):
        bo = come(a_person(Role.READER))
        with travel(utcnow() + timedelta(hours=11, minutes=59), tick=False):
            assert is_signed_in(bo)

    def test_being_looked_at_is_noted_for_its_own_session(self, come, idle):
        person = a_person(Role.READER)
        bo = come(person, idle)
        with travel(utcnow() + timedelta(minutes=20), tick=False):
            assert is_signed_in(bo)
            with db.Session() as session:
                (found,) = session.query(StaffSession).filter_by(staff_id=person.id)
                assert found.seen_at == utcnow()

    def test_what_ended_so_is_listed_no_more(self, come, idle):
        person, other = a_person(), a_person(Role.READER)
        come(person, idle)
        come(other, idle)
        ada = come(person, idle)
        now = utcnow()
        for minutes, listed in ((20, 2), (40, 1)):
            with travel(now + timedelta(minutes=minutes), tick=False):
                assert len(ada.get("/account").select("#my-sessions ~ .session-list li")) == listed
                ends = ada.get(f"/staff/{other.id}").select('form[action$="/sign-out"]')
                assert len(ends) == listed - 1
