"""The second factor: setting it up, signing in with it, losing it, and being asked to have one."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import travel

from radslag.desk import create_app
from services.moderation.people import second_factor
from shared.clock import utcnow
from shared.config import Settings
from shared.models import RecoveryCode, Requires, SecondFactor, Staff
from tests.factories import an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import (
    ADA,
    BO,
    ada_and_bo,
    browser,
    code_for,
    deliver,
    is_signed_in,
)


@pytest.fixture
def app(settings: Settings, database: None) -> Flask:
    return create_app(settings)


@pytest.fixture
def people(session) -> dict[str, Staff]:
    return ada_and_bo(session)


def secret_on(page) -> str:
    """Read the key that a page shows to those who cannot scan."""
    return page.select_one("code.secret").text.replace(" ", "")


def codes_on(answer) -> list[str]:
    return [each.text for each in Desk.page(answer).select(".codes code")]


def set_up(desk: Desk) -> tuple[str, list[str]]:
    """Set a second factor up on the account page; return the app's secret and the codes."""
    desk.post("/account/second-factor", current=PASSWORD)
    secret = secret_on(desk.get("/account"))
    answer = desk.post("/account/second-factor/confirm", code=code_for(secret))
    assert answer.status_code == 200
    return secret, codes_on(answer)


def half_way(app: Flask, settings: Settings, email: str = BO) -> Desk:
    """Return a browser where the password was right and the code is asked for."""
    desk = Desk(app, settings)
    desk.csrf = desk.token()
    answer = desk.post("/login", email=email, password=PASSWORD, next="/history")
    assert answer.location == "/login/code?next=/history"
    desk.csrf = desk.token(answer.location)
    return desk


@pytest.fixture
def bo(app, settings, people) -> Desk:
    return browser(app, settings, BO)


@pytest.fixture
def noon(bo) -> datetime:
    """The tenth second of the half minute that comes next, once somebody is signed in."""
    steps = int(utcnow().timestamp()) // second_factor.STEP_S + 1
    return datetime.fromtimestamp(steps * second_factor.STEP_S + 10, UTC)


def test_is_set_up_by_a_picture_or_a_key_and_only_with_the_password(app, settings, bo):
    assert bo.post("/account/second-factor", current="fel lösenord").status_code == 422
    bo.post("/account/second-factor", current=PASSWORD)
    page = bo.get("/account")
    picture = page.select_one(".qr-frame svg")
    assert picture is not None
    assert picture["viewbox"].startswith("0 0 ")  # whole at any size
    assert not page.select("[style], script:not([src])")
    assert bo.post("/account/second-factor/confirm", code="000000").status_code == 422
    # Until a first code was right, the password is enough: nobody locks themselves out.
    assert is_signed_in(browser(app, settings, BO))
    answer = bo.post("/account/second-factor/confirm", code=code_for(secret_on(page)))
    assert len(codes_on(answer)) == second_factor.RECOVERY_CODES
    assert not bo.get("/account").select(".qr-frame")


def test_signing_in_takes_both_and_a_code_is_good_once(app, settings, bo, noon):
    with travel(noon, tick=False):
        secret, _codes = set_up(bo)
        half = half_way(app, settings)
        assert not is_signed_in(half)
        # What turned it on is used up, in the same half minute.
        assert half.post("/login/code", code=code_for(secret)).status_code == 401
    with travel(noon + timedelta(seconds=30), tick=False):
        assert half.post("/login/code", code=code_for(secret), next="/history").location == (
            "/history"
        )
        assert is_signed_in(half)
        again = half_way(app, settings)
        assert again.post("/login/code", code=code_for(secret)).status_code == 401
        # Nor one of before.
        older = pyotp.TOTP(secret).at(noon)
        assert again.post("/login/code", code=older).status_code == 401


@pytest.mark.parametrize(("off_s", "status"), [(-30, 303), (30, 303), (-90, 401), (90, 401)])
def test_a_clock_may_be_half_a_minute_off(app, settings, bo, off_s, status, noon):
    with travel(noon, tick=False):
        secret, _codes = set_up(bo)
    later = noon + timedelta(minutes=5)
    with travel(later, tick=False):
        code = pyotp.TOTP(secret).at(later + timedelta(seconds=off_s))
        spaced = f"{code[:3]} {code[3:]}"
        assert half_way(app, settings).post("/login/code", code=spaced).status_code == status


def test_a_recovery_code_stands_in_once_however_it_is_typed(app, settings, bo, session):
    _secret, codes = set_up(bo)
    typed = codes[0].lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert half_way(app, settings).post("/login/code", code=typed).status_code == 303
    assert half_way(app, settings).post("/login/code", code=codes[0]).status_code == 401
    assert "9 reservkoder" in bo.get("/account").text or not is_signed_in(bo)
    kept = session.scalars(select(RecoveryCode.sha256)).all()
    assert all(len(each) == 32 for each in kept)


def test_wrong_codes_are_counted_and_wait_even_for_the_right_one(app, settings, bo, noon):
    with travel(noon, tick=False):
        secret, _codes = set_up(bo)
    with travel(noon + timedelta(minutes=1), tick=False):
        half = half_way(app, settings)
        wrong = f"{(int(code_for(secret)) + 1) % 10**6:06}"
        statuses = [half.post("/login/code", code=wrong).status_code for _ in range(5)]
        assert statuses == [401] * 5
        assert half.post("/login/code", code=code_for(secret)).status_code == 429
    with travel(noon + timedelta(minutes=20), tick=False):
        again = half_way(app, settings)
        assert again.post("/login/code", code=code_for(secret)).status_code == 303


def test_half_a_session_opens_nothing_and_ends_soon(app, settings, bo, noon):
    with travel(noon, tick=False):
        secret, _codes = set_up(bo)
        half = half_way(app, settings)
        for path in ("/", "/account", "/history"):
            half.get(path, status=303)
    with travel(noon + timedelta(minutes=11), tick=False):
        assert half.post("/login/code", code=code_for(secret)).status_code == 401
        assert not is_signed_in(half)


def test_a_new_password_by_mail_does_not_get_past_it(app, settings, bo, smtp_server):
    set_up(bo)
    stranger = Desk(app, settings)
    stranger.csrf = stranger.token("/login/forgotten")
    stranger.post("/login/forgotten", email=BO)
    (link,) = deliver(settings, smtp_server)
    stranger.csrf = stranger.token(link)
    stranger.post(link, password="ett helt nytt lösenord")
    stranger.csrf = stranger.token()
    answer = stranger.post("/login", email=BO, password="ett helt nytt lösenord")
    assert answer.location == "/login/code"
    assert not is_signed_in(stranger)


def test_by_json(app, settings, bo, noon):
    with travel(noon, tick=False):
        secret, _codes = set_up(bo)
    with travel(noon + timedelta(minutes=1), tick=False):
        program = Desk(app, settings)
        program.csrf = program.token()
        answer = program.send("/login", {"email": BO, "password": PASSWORD})
        assert answer.json == {"ok": False, "needs": "second-factor"}
        program.csrf = program.token("/login/code")
        assert program.send("/login/code", {"code": "1"}).status_code == 401
        assert program.send("/login/code", {"code": code_for(secret)}).json == {"ok": True}


class TestSecret:
    def test_is_kept_encrypted_for_its_person_only(self, settings, session, people, bo):
        secret, _codes = set_up(bo)
        kept = session.scalars(select(SecondFactor)).one()
        assert secret.encode() not in kept.secret
        # Copied to another row it opens nothing.
        session.add(
            SecondFactor(staff_id=people[ADA].id, secret=kept.secret, confirmed_at=utcnow())
        )
        session.flush()
        assert not second_factor.check_code(session, settings, people[ADA].id, code_for(secret))

    def test_is_lost_with_the_key_but_recovery_codes_are_not(self, settings, session, people, bo):
        secret, codes = set_up(bo)
        other = replace(settings, secret_key="another key, long enough to be taken as well")
        with travel(utcnow() + timedelta(minutes=2), tick=False):
            assert not second_factor.check_code(session, other, people[BO].id, code_for(secret))
        assert second_factor.check_code(session, other, people[BO].id, codes[3])


class TestOnesOwn:
    def test_recovery_codes_are_renewed_against_a_code(self, app, settings, bo):
        _secret, old = set_up(bo)
        assert bo.post("/account/recovery-codes", code="000000").status_code == 422
        new = codes_on(bo.post("/account/recovery-codes", code=old[0]))
        assert len(set(new) | set(old)) == 20
        assert half_way(app, settings).post("/login/code", code=old[1]).status_code == 401
        assert half_way(app, settings).post("/login/code", code=new[1]).status_code == 303

    def test_is_removed_against_a_code_and_signs_out_elsewhere(self, app, settings, bo):
        _secret, codes = set_up(bo)
        other = half_way(app, settings)
        other.post("/login/code", code=codes[0])
        bo.csrf = bo.token("/account")
        assert bo.post("/account/second-factor/remove", code="1").status_code == 422
        assert bo.post("/account/second-factor/remove", code=codes[1]).status_code == 303
        assert is_signed_in(bo)
        assert not is_signed_in(other)
        browser(app, settings, BO)


class TestRequired:
    @pytest.fixture
    def ada(self, app, settings, bo) -> Desk:  # noqa: ARG002 - both are signed in
        return browser(app, settings, ADA)

    def require(self, ada: Desk, wanted: Requires):
        return ada.post("/staff/second-factor", required=wanted.value)

    def test_only_by_somebody_who_has_one(self, session, ada):
        assert self.require(ada, Requires.ALL).status_code == 422
        assert second_factor.read_policy(session) is Requires.NOBODY

    def test_signs_out_who_lacks_one_and_sets_it_up_at_the_door(self, app, settings, bo, ada, noon):
        set_up(ada)
        ada.csrf = ada.token("/account")
        assert self.require(ada, Requires.ADMINS).status_code == 303
        assert is_signed_in(bo)
        assert self.require(ada, Requires.ALL).status_code == 303
        assert not is_signed_in(bo)
        assert is_signed_in(ada)
        with travel(noon, tick=False):
            half = half_way(app, settings)
            page = half.get("/login/code")
            assert page.select_one(".qr-frame svg") is not None
            assert half.post("/login/code", code="000000").status_code == 401
            assert half.post("/login/code/new", code="000000").status_code == 401
            answer = half.post("/login/code/new", code=code_for(secret_on(page)), next="/history")
            assert len(codes_on(answer)) == second_factor.RECOVERY_CODES
            assert Desk.page(answer).select_one("main .button")["href"] == "/history"
            assert is_signed_in(half)
            half.csrf = half.token("/account")
            # What must be had cannot be given up.
            code = codes_on(answer)[0]
            assert half.post("/account/second-factor/remove", code=code).status_code == 403

    def test_whoever_becomes_administrator_needs_one(self, app, settings, people, bo, ada):
        set_up(ada)
        ada.csrf = ada.token("/account")
        self.require(ada, Requires.ADMINS)
        ada.post(f"/staff/{people[BO].id}/role", role="admin")
        assert not is_signed_in(bo)
        half_way(app, settings)

    def test_a_guest_sets_it_up_before_entering(self, app, settings, ada, smtp_server):
        set_up(ada)
        ada.csrf = ada.token("/account")
        self.require(ada, Requires.ALL)
        ada.post("/staff/invitations", email="c@example.org", role="reader")
        (link,) = deliver(settings, smtp_server)
        guest = Desk(app, settings)
        guest.csrf = guest.token(link)
        assert guest.post(link, name="C", password=PASSWORD).location == "/login/code"
        assert not is_signed_in(guest)

    def test_an_administrator_helps_who_lost_phone_and_codes(self, app, settings, people, bo, ada):
        set_up(bo)
        assert ada.post(f"/staff/{people[BO].id}/second-factor").status_code == 303
        assert not is_signed_in(bo)
        browser(app, settings, BO)


def test_a_typed_note_goes_through_the_second_step(app, settings, session, people, bo):
    _secret, codes = set_up(bo)
    idea = an_idea(session)
    check(session, idea)
    session.commit()
    bo.client.delete_cookie("radslag_desk", domain="localhost")
    note = "Ring förvaltningen först."
    lost = bo.post(
        f"/ideas/{idea.number}/decisions", kind="reject", note=note, seen_version=idea.version
    )
    fields = fields_of(lost)
    second = bo.post("/login", **fields | {"email": BO, "password": PASSWORD})
    fields = fields_of(second)
    assert fields["note"] == note
    back = bo.post("/login/code", **fields | {"code": codes[0]})
    assert back.status_code == 200
    assert re.search(rf"<textarea[^>]*>\s*{re.escape(note)}", back.text)


def fields_of(answer) -> dict[str, str]:
    """Return what the last form of a page would send."""
    form = Desk.page(answer).select("main form")[-1]
    fields = {each["name"]: each.get("value", "") for each in form.select("input")}
    return fields | {each["name"]: each.text.lstrip("\n") for each in form.select("textarea")}
