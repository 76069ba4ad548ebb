"""Signing in with a password, how often one may try, and the link of the first administrator."""

import threading
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from services.moderation.people import accounts, invitations, throttle
from services.moderation.people.throttle import Tried
from shared import db
from shared.clock import utcnow
from shared.models import Invitation, LoginAttempt, Role, Staff
from tests.moderation.conftest import PASSWORD, Desk


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
        monkeypatch.setattr(Tried.PASSWORD, "from_source", 6)
        answers = [
            self.try_with(desk, "fel", email=f"nr{number}@example.org").status_code
            for number in range(8)
        ]
        assert answers == [401] * 6 + [429] * 2

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
                may = throttle.count_attempt(own, settings, Tried.PASSWORD, "p@example.org", "::1")
                allowed.append(may)

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
        assert throttle.forget_old_tries(session) == 15
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
        link = invitations.first_admin_link(session, settings)
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
        assert accounts.find_account(session, "chef@example.org").role is Role.ADMIN
        assert self.link(session, settings) is None

    def test_link_works_once_even_for_two_at_the_same_time(self, app, settings, session):
        path = self.link(session, settings).removeprefix(settings.desk_url)
        statuses, both_see_the_form = [], threading.Barrier(2)

        def accept(email: str) -> None:
            desk = Desk(app, settings)
            desk.csrf = desk.token(path)
            both_see_the_form.wait()
            statuses.append(desk.post(path, **self.fields(email=email)).status_code)

        threads = [threading.Thread(target=accept, args=(f"{n}@example.org",)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(statuses) == [303, 410]
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
        assert invitations.first_admin_link(session, settings) is None
        admin.disabled_at = utcnow()
        session.flush()
        assert invitations.first_admin_link(session, settings) is not None
