"""Staff: invitations, roles, forgotten passwords, and the browsers where one is signed in."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text
from time_machine import travel

from radslag.desk import create_app
from services.moderation.people import accounts, resets, roles, sessions
from services.moderation.people.roles import LastAdministratorError
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.models import AuditEntry, Invitation, PasswordReset, Role, Staff, StaffSession
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import (
    ADA,
    BO,
    ada_and_bo,
    browser,
    deliver,
    is_signed_in,
)

NEW_PASSWORD = "ett helt annat lösenord"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148"
BROWSERS = [
    (f"{_WINDOWS}; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
    (f"{_WINDOWS}) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "Edge, Windows"),
    (f"{_IPHONE} Safari/604.1", "Safari, iPhone"),
    ("curl/8", ""),
]


@pytest.fixture
def app(settings: Settings, database: None) -> Flask:
    return create_app(settings)


@pytest.fixture
def people(session) -> dict[str, Staff]:
    """Ada who administers, and Bo who moderates."""
    return ada_and_bo(session)


@pytest.fixture
def ada(app, settings, people) -> Desk:
    return browser(app, settings, ADA)


def fresh(session, staff: Staff) -> Staff:
    session.rollback()
    session.refresh(staff)
    return staff


class TestInvitation:
    GUEST = "ny.kollega@example.org"

    @pytest.fixture
    def link(self, ada, settings, smtp_server):
        assert self.invite(ada).status_code == 303
        (link,) = deliver(settings, smtp_server)
        return link

    def invite(self, ada, **more):
        fields = {"email": self.GUEST, "name": "Ny Kollega", "role": "reader", "language": "sv"}
        return ada.post("/staff/invitations", **fields | more)

    def accept(self, app, settings, link, **more):
        guest = Desk(app, settings)
        guest.csrf = guest.token(link)
        return guest, guest.post(link, **{"name": "Ny", "password": NEW_PASSWORD} | more)

    def test_arrives_by_mail_and_makes_one_account_with_its_role(
        self, app, settings, session, link, smtp_server
    ):
        letter = smtp_server.letters[-1]
        assert letter["To"] == self.GUEST
        assert "Ada Ek bjuder in dig" in " ".join(letter.get_body(("plain",)).get_content().split())
        for _ in range(2):  # scanners look, too
            Desk(app, settings).get(link)
        # The address is the one that the letter went to, whatever is posted.
        guest, answer = self.accept(app, settings, link, email="annan@example.org")
        assert answer.status_code == 303
        assert is_signed_in(guest)
        assert accounts.find_account(session, self.GUEST).role is Role.READER
        assert accounts.find_account(session, "annan@example.org") is None
        Desk(app, settings).get(link, status=410)

    def test_link_stands_in_no_row_of_the_database(self, session, link):
        token = link.rpartition("/")[2]
        tables = session.scalars(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        for table in tables:
            rows = session.scalars(text(f'SELECT t::text FROM "{table}" t')).all()
            assert not any(token in row for row in rows), table

    def test_ends_when_withdrawn_also_while_its_letter_waits(
        self, app, ada, settings, session, smtp_server
    ):
        self.invite(ada)
        waiting = session.scalar(select(Invitation.id))
        assert ada.post(f"/staff/invitations/{waiting}/withdraw").status_code == 303
        assert deliver(settings, smtp_server) == []
        self.invite(ada)
        (link,) = deliver(settings, smtp_server)
        newest = session.scalar(select(Invitation.id).order_by(Invitation.created_at.desc()))
        ada.post(f"/staff/invitations/{newest}/withdraw")
        Desk(app, settings).get(link, status=410)
        assert ada.post(f"/staff/invitations/{newest}/withdraw").status_code == 404

    def test_ends_after_a_week_and_when_a_newer_one_goes_out(
        self, app, ada, settings, link, smtp_server
    ):
        self.invite(ada, role="moderator")
        (newer,) = deliver(settings, smtp_server)
        Desk(app, settings).get(link, status=410)
        Desk(app, settings).get(newer)
        with travel(utcnow() + timedelta(days=7, minutes=1), tick=False):
            Desk(app, settings).get(newer, status=410)

    @pytest.mark.parametrize("email", ["inte en adress", ADA.upper()])
    def test_to_nobody_or_to_a_colleague_is_refused_and_keeps_what_was_typed(
        self, ada, session, email
    ):
        answer = self.invite(ada, email=email)
        assert answer.status_code == 422
        assert 'value="Ny Kollega"' in answer.text
        assert session.scalar(select(func.count()).select_from(Invitation)) == 0


@pytest.mark.usefixtures("people")
class TestForgottenPassword:
    def ask(self, app, settings, email):
        desk = Desk(app, settings)
        desk.csrf = desk.token("/login/forgotten")
        return desk.post("/login/forgotten", email=email)

    def choose(self, app, settings, link, password=NEW_PASSWORD):
        desk = Desk(app, settings)
        desk.csrf = desk.token(link)
        return desk.post(link, password=password)

    def test_is_chosen_anew_by_a_mailed_link_that_ends_all_sessions(
        self, app, settings, session, people, smtp_server
    ):
        old = browser(app, settings, BO)
        self.ask(app, settings, BO)
        self.ask(app, settings, BO)
        first, second = deliver(settings, smtp_server)
        assert self.choose(app, settings, second, "för kort").status_code == 422
        assert self.choose(app, settings, second).location == "/login"
        assert not is_signed_in(old)
        browser(app, settings, BO, NEW_PASSWORD)
        # Neither link works now, nor the old password.
        for link in (first, second):
            Desk(app, settings).get(link, status=410)
        assert not accounts.is_right(fresh(session, people[BO]), PASSWORD)

    def test_asking_tells_nobody_whether_there_is_an_account(
        self, app, settings, session, people, smtp_server
    ):
        roles.disable_account(session, people[BO], by=None)
        accounts.add_staff(session, "katalog@example.org", Role.READER, None)
        session.commit()
        pages = {}
        for email in (ADA, BO, "katalog@example.org", "ingen@example.org"):
            answer = self.ask(app, settings, email)
            pages[answer.status_code, answer.text.replace(email, "")] = email
        assert len(pages) == 1
        # The same rows for each, and a letter only for her who has a password and an open account.
        assert session.scalar(select(func.count()).select_from(PasswordReset)) == 4
        deliver(settings, smtp_server)
        assert [letter["To"] for letter in smtp_server.letters] == [ADA]

    def test_link_ends_after_an_hour_and_when_the_account_is_closed(
        self, app, settings, session, people, smtp_server
    ):
        self.ask(app, settings, BO)
        (link,) = deliver(settings, smtp_server)
        with travel(utcnow() + resets.LASTS + timedelta(minutes=1), tick=False):
            Desk(app, settings).get(link, status=410)
        roles.disable_account(session, people[BO], by=None)
        session.commit()
        Desk(app, settings).get(link, status=410)

    def test_letters_cannot_be_used_to_pester(self, app, settings, smtp_server):
        answers = [self.ask(app, settings, BO).status_code for _ in range(5)]
        assert answers == [200, 200, 200, 429, 429]
        assert len(deliver(settings, smtp_server)) == 3

    def test_an_administrator_can_send_the_link(self, ada, settings, people, smtp_server):
        assert ada.post(f"/staff/{people[BO].id}/password").status_code == 303
        assert len(deliver(settings, smtp_server)) == 1


@pytest.mark.usefixtures("people")
class TestSessions:
    def test_are_listed_and_one_or_all_others_can_be_ended(self, app, settings):
        here, other, third = (browser(app, settings, BO) for _ in range(3))
        page = here.get("/account")
        assert len(page.select(".session-list li")) == 3
        assert len(page.select(".session-list .tag-good")) == 1
        [first] = page.select(".session-list form")[:1]
        assert here.post(first["action"]).status_code == 303
        assert [is_signed_in(each) for each in (here, other, third)].count(True) == 2
        assert here.post("/account/sessions/end").status_code == 303
        assert [is_signed_in(each) for each in (here, other, third)] == [True, False, False]

    def test_of_others_are_not_there(self, app, settings, session, people, ada):
        bo = browser(app, settings, BO)
        hers = session.scalar(
            select(StaffSession.id).where(StaffSession.staff_id == people[ADA].id)
        )
        assert bo.post(f"/account/sessions/{hers}/end").status_code == 404
        assert is_signed_in(ada)

    def test_ends_in_the_database_when_the_person_signs_out(self, app, settings):
        bo = browser(app, settings, BO)
        stolen = bo.client.get_cookie("radslag_desk", domain="localhost").value
        bo.post("/logout")
        thief = Desk(app, settings)
        thief.client.set_cookie("radslag_desk", stolen, domain="localhost")
        assert not is_signed_in(thief)

    def test_a_new_password_ends_the_others_and_needs_the_old_one(self, app, settings):
        here, other = browser(app, settings, BO), browser(app, settings, BO)
        wrong = here.post("/account/password", current="fel", password=NEW_PASSWORD)
        assert wrong.status_code == 422
        assert is_signed_in(other)
        assert here.post(
            "/account/password", current=PASSWORD, password=NEW_PASSWORD
        ).location.endswith("/account")
        assert is_signed_in(here)
        assert not is_signed_in(other)
        browser(app, settings, BO, NEW_PASSWORD)

    def test_cost_one_question_a_request_and_are_noted_to_ten_minutes(self, app, settings, session):
        bo = browser(app, settings, BO)
        seen = select(StaffSession.seen_at)
        begun = session.scalar(seen)
        asked: list[str] = []

        def count(_connection, _cursor, statement, *_rest):
            if "staff_sessions" in statement:
                asked.append(statement.split()[0])

        engine = db.Session.kw["bind"]
        event.listen(engine, "before_cursor_execute", count)
        try:
            bo.get("/")
            assert asked == ["SELECT"]
            with travel(utcnow() + timedelta(minutes=11), tick=False):
                bo.get("/")
                bo.get("/")
        finally:
            event.remove(engine, "before_cursor_execute", count)
        assert asked == ["SELECT", "SELECT", "UPDATE", "SELECT"]  # only now and then it is noted
        session.rollback()
        assert session.scalar(seen) > begun + timedelta(minutes=10)

    def test_that_ended_by_themselves_are_cleared_away(self, app, settings, session):
        browser(app, settings, BO)
        with travel(utcnow() + timedelta(hours=13), tick=False):
            browser(app, settings, BO)
            assert sessions.forget_ended(session) == 1
        assert session.scalar(select(func.count()).select_from(StaffSession)) == 1

    @pytest.mark.parametrize(("user_agent", "name"), BROWSERS)
    def test_name_a_browser_coarsely(self, user_agent, name):
        assert sessions.browser_of(user_agent) == name


class TestRoles:
    def test_count_at_once(self, app, settings, session, people, ada):
        bo = browser(app, settings, BO)
        assert bo.client.get("/staff", base_url=bo.base).status_code == 403
        ada.post(f"/staff/{people[BO].id}/role", role="admin")
        bo.get("/staff")
        ada.post(f"/staff/{people[BO].id}/role", role="reader")
        assert bo.client.get("/staff", base_url=bo.base).status_code == 403
        assert fresh(session, people[BO]).role is Role.READER

    def test_a_closed_account_is_out_at_once_and_comes_back_as_it_was(
        self, app, settings, people, ada
    ):
        bo = browser(app, settings, BO)
        ada.post(f"/staff/{people[BO].id}/disable")
        assert not is_signed_in(bo)
        ada.post(f"/staff/{people[BO].id}/enable")
        assert not is_signed_in(bo)
        browser(app, settings, BO)

    @pytest.mark.parametrize("act", ["role", "disable", "sign-out", "second-factor", "password"])
    def test_nobody_does_it_to_themselves(self, people, ada, act):
        assert ada.post(f"/staff/{people[ADA].id}/{act}", role="reader").status_code == 403

    def test_the_last_administrator_stays(self, session, people):
        with pytest.raises(LastAdministratorError):
            roles.disable_account(session, people[ADA], by=None)
        with pytest.raises(LastAdministratorError):
            roles.change_role(session, people[ADA], Role.MODERATOR, by=None)
        roles.change_role(session, people[BO], Role.ADMIN, by=None)
        roles.disable_account(session, people[ADA], by=None)

    def test_two_administrators_cannot_put_one_another_out_at_the_same_instant(
        self, app, settings, session, people, ada
    ):
        ada.post(f"/staff/{people[BO].id}/role", role="admin")
        bo = browser(app, settings, BO)
        statuses = []
        start = threading.Barrier(2)

        def close(desk: Desk, other: str) -> None:
            start.wait()
            statuses.append(desk.post(f"/staff/{people[other].id}/disable").status_code)

        threads = [threading.Thread(target=close, args=pair) for pair in ((ada, BO), (bo, ADA))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session.rollback()
        left = select(Staff.email).where(Staff.role == Role.ADMIN, Staff.disabled_at.is_(None))
        assert len(session.scalars(left).all()) == 1
        # The slower one is told why, or is closed before they could.
        assert 303 in statuses
        assert set(statuses) <= {303, 401, 409}


def test_every_change_is_in_the_log_without_an_address(ada, session, people):
    bo = people[BO].id
    ada.post("/staff/invitations", email="c@example.org", role="reader")
    ada.post(f"/staff/{bo}/role", role="reader")
    ada.post(f"/staff/{bo}/sign-out")
    ada.post(f"/staff/{bo}/password")
    ada.post(f"/staff/{bo}/disable")
    ada.post(f"/staff/{bo}/enable")
    ada.post("/account/password", current=PASSWORD, password=NEW_PASSWORD)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == [
        "staff.invited",
        "staff.role_changed",
        "staff.signed_out",
        "staff.password_reset",
        "staff.disabled",
        "staff.enabled",
        "staff.password_changed",
    ]
    assert {entry.staff_id for entry in entries} == {people[ADA].id}
    assert entries[1].before == {"role": "moderator"}
    assert "@" not in str([(each.subject_id, each.before, each.after) for each in entries])
