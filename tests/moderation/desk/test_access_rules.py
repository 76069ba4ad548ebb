"""Half a session, one's own account and colleagues': who may, how often, what is noted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import travel

from radslag.desk import create_app
from services.moderation.desk.people import half_sign_in
from services.moderation.people import accounts, second_factor
from shared import db
from shared.config import Settings
from shared.ids import new_id
from shared.models import AuditEntry, Invitation, OutboxEvent, Role, Staff
from tests.factories import a_member_of_staff
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import code_for

NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def app(module_settings: Settings, module_database: None) -> Flask:
    return create_app(module_settings)


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return module_settings


def a_person(role: Role = Role.READER, password: str | None = PASSWORD) -> Staff:
    with db.Session.begin() as session:
        return accounts.add_staff(session, f"{new_id()}@example.org", role, password)


def browser(app: Flask, settings: Settings, staff: Staff) -> Desk:
    desk = Desk(app, settings)
    desk.sign_in(staff.email)
    return desk


def since(moment: int) -> list[tuple[str, str, str]]:
    with db.Session() as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.id > moment).order_by(AuditEntry.id)
        )
        return [(each.action, str(each.staff_id), each.subject_id) for each in rows]


@pytest.fixture
def moment() -> int:
    with db.Session() as session:
        return max([0, *session.scalars(select(AuditEntry.id))])


class TestHalf:
    """The password was right, and the second factor is asked for."""

    @pytest.fixture
    def still(self) -> Iterator[None]:
        with travel(NOW, tick=False):
            yield

    def half_after(self, app, staff, unit, seconds: float) -> Staff | None:
        with app.test_request_context("/login/code"):
            half_sign_in.begin_half(staff)
            with travel(NOW + timedelta(seconds=seconds), tick=False):
                return half_sign_in.find_half(unit)

    @pytest.mark.usefixtures("still")
    @pytest.mark.parametrize(
        ("after", "lasts"), [(0, True), (599, True), (600, True), (600.1, False), (601, False)]
    )
    def test_lasts_ten_minutes(self, app, unit, after, lasts):
        assert half_sign_in.HALF_LASTS_S == 600
        staff = a_member_of_staff(unit)
        assert self.half_after(app, staff, unit, after) is (staff if lasts else None)

    @pytest.mark.usefixtures("still")
    @pytest.mark.parametrize("change", ["closed", "another epoch", "gone", "nothing begun"])
    def test_is_of_an_open_account_as_it_was(self, app, unit, change):
        staff = a_member_of_staff(unit)
        with app.test_request_context("/login/code"):
            if change != "nothing begun":
                half_sign_in.begin_half(staff)
            if change == "closed":
                staff.disabled_at = NOW
            if change == "another epoch":
                staff.session_epoch += 1
            if change == "gone":
                unit.delete(staff)
            unit.flush()
            assert half_sign_in.find_half(unit) is None

    def test_opens_no_door(self, app, settings):
        staff = a_person()
        desk = browser(app, settings, staff)
        turn_on(desk)
        half = Desk(app, settings)
        half.csrf = half.token()
        assert half.post("/login", email=staff.email, password=PASSWORD).location == "/login/code"
        assert half.client.get("/account", base_url=half.base).status_code == 303


def turn_on(desk: Desk) -> list[str]:
    """Set a second factor up and return its recovery codes."""
    desk.post("/account/second-factor", current=PASSWORD)
    secret = desk.get("/account").select_one("code.secret").text.replace(" ", "")
    answer = desk.post("/account/second-factor/confirm", code=code_for(secret))
    codes = [each.text for each in desk.page(answer).select(".codes code")]
    assert len(codes) == 10
    desk.csrf = desk.token("/account")
    return codes


class TestOnesOwn:
    @pytest.mark.parametrize(
        ("path", "field"),
        [("/account/password", "current"), ("/account/second-factor", "current")],
    )
    def test_a_password_may_be_tried_five_times(self, app, settings, path, field):
        desk = browser(app, settings, a_person())
        fields = {"password": "ett helt annat lösenord"}
        statuses = [desk.post(path, **fields, **{field: "fel"}).status_code for _ in range(5)]
        assert statuses == [422] * 5
        assert desk.post(path, **fields, **{field: PASSWORD}).status_code == 429
        # It is somebody's own: another person's tries are another matter.
        other = browser(app, settings, a_person())
        assert other.post(path, **fields, **{field: PASSWORD}).status_code == 303

    @pytest.mark.parametrize(
        "path",
        ["/account/recovery-codes", "/account/second-factor/remove",
         "/account/second-factor/confirm"],
    )  # fmt: skip
    def test_a_code_may_be_tried_five_times(self, app, settings, path):
        desk = browser(app, settings, a_person())
        codes = turn_on(desk)
        assert [desk.post(path, code="x").status_code for _ in range(5)] == [422] * 5
        assert desk.post(path, code=codes[0]).status_code == 429

    def test_success_forgets_the_failures(self, app, settings):
        desk = browser(app, settings, a_person())
        codes = turn_on(desk)
        code = codes[0]
        for _ in range(2):
            for _ in range(4):
                assert desk.post("/account/recovery-codes", code="x").status_code == 422
            answer = desk.post("/account/recovery-codes", code=code)
            assert answer.status_code == 200
            code = desk.page(answer).select_one(".codes code").text
        for _ in range(2):
            for _ in range(4):
                assert desk.post("/account/second-factor", current="fel").status_code == 422
            assert desk.post("/account/second-factor", current=PASSWORD).status_code == 303

    def test_is_in_the_log_each_time(self, app, settings, moment):
        staff = a_person()
        desk = browser(app, settings, staff)
        codes = turn_on(desk)
        desk.post("/account/recovery-codes", code="fel")
        answer = desk.post("/account/recovery-codes", code=codes[0])
        code = desk.page(answer).select_one(".codes code").text
        assert desk.post("/account/second-factor/remove", code=code).status_code == 303
        desk.csrf = desk.token("/account")
        desk.post("/account/password", current=PASSWORD, password="kort")
        desk.post("/account/password", current=PASSWORD, password="ett helt annat lösenord")
        assert since(moment) == [
            (f"staff.{action}", str(staff.id), str(staff.id))
            for action in (
                "second_factor_added", "recovery_codes_renewed", "second_factor_removed",
                "password_changed",
            )
        ]  # fmt: skip

    def test_turning_a_second_factor_on_signs_out_the_other_browsers(self, app, settings):
        staff = a_person()
        here, other, stranger = (
            browser(app, settings, staff), browser(app, settings, staff),
            browser(app, settings, a_person()),
        )  # fmt: skip
        turn_on(here)
        found = [each.client.get("/account", base_url=each.base).status_code
                 for each in (here, other, stranger)]  # fmt: skip
        assert found == [200, 303, 200]

    @pytest.mark.parametrize(
        ("language", "status"), [("sv", 303), ("en", 303), ("fi", 422), ("", 422)]
    )
    def test_a_language_is_one_of_ours(self, app, settings, language, status):
        staff = a_person()
        desk = browser(app, settings, staff)
        answer = desk.post("/account", name=" Ny \n" + "x" * 77, language=language)
        assert answer.status_code == status
        with db.Session() as session:
            found = session.get_one(Staff, staff.id)
            assert found.language == (language if status == 303 else "sv")
            assert found.name == ("Ny " + "x" * 77 if status == 303 else "")


@pytest.fixture(scope="module")
def ada(app: Flask, module_settings: Settings) -> Desk:
    return browser(app, module_settings, a_person(Role.ADMIN))


class TestColleagues:
    @pytest.mark.parametrize(
        ("about", "status"),
        # Without a password there is a passkey, or there was one; or the directory, which decides.
        [("open", 303), ("closed", 409), ("without a password", 303), ("of the directory", 409)],
    )
    def test_a_link_to_a_password_is_not_past_the_directory(self, ada, moment, about, status):
        bo = a_person(password=PASSWORD if about in {"open", "closed"} else None)
        with db.Session.begin() as session:
            staff = session.get_one(Staff, bo.id)
            if about == "closed":
                staff.disabled_at = NOW
            if about == "of the directory":
                staff.directory_issuer, staff.directory_subject = "https://id.example", str(bo.id)
        assert ada.post(f"/staff/{bo.id}/password").status_code == status
        assert [each[0] for each in since(moment)] == ["staff.password_reset"] * (status == 303)

    @pytest.mark.parametrize(
        "act", ["role", "disable", "enable", "sign-out", "second-factor", "password"]
    )
    def test_nobody_who_is_not_there(self, ada, act):
        assert ada.post(f"/staff/{new_id()}/{act}", role="reader").status_code == 404

    @pytest.mark.parametrize("role", ["", "chef", "ADMIN"])
    def test_a_role_is_one_of_three(self, ada, role):
        bo = a_person()
        assert ada.post(f"/staff/{bo.id}/role", role=role).status_code == 422
        fields = {"email": f"{new_id()}@example.org", "role": role, "language": "sv"}
        assert ada.post("/staff/invitations", **fields).status_code == 422
        with db.Session() as session:
            assert session.get_one(Staff, bo.id).role is Role.READER
            assert session.scalars(select(Invitation.id)).all() == []

    def test_helping_who_lost_the_phone_is_noted_as_such(self, app, settings, ada, moment):
        bo = a_person()
        desk = browser(app, settings, bo)
        turn_on(desk)
        assert ada.post(f"/staff/{bo.id}/second-factor").status_code == 303
        assert ada.post(f"/staff/{bo.id}/sign-out").status_code == 303
        done = since(moment)
        assert [each[0] for each in done] == [
            "staff.second_factor_added", "staff.second_factor_reset", "staff.signed_out",
        ]  # fmt: skip
        assert {each[2] for each in done} == {str(bo.id)}
        assert len({each[1] for each in done[1:]} | {str(bo.id)}) == 2
        with db.Session() as session:
            assert not second_factor.read_state(session, bo.id).is_on


class TestForgotten:
    def ask(self, app, settings, email: str, source: str) -> int:
        desk = Desk(app, settings)
        desk.csrf = desk.token("/login/forgotten")
        return desk.client.post(
            "/login/forgotten",
            data={"email": email, "csrf_token": desk.csrf},
            headers=desk.headers,
            base_url=desk.base,
            environ_base={"REMOTE_ADDR": source},
        ).status_code

    def test_one_address_gets_five_letters_wherever_they_are_asked_for(self, app, settings):
        email = a_person().email
        answers = [self.ask(app, settings, email, f"192.0.2.{n}") for n in range(6)]
        assert answers == [200] * 5 + [429]

    def test_one_place_asks_for_ten(self, app, settings):
        answers = [self.ask(app, settings, f"{n}@example.org", "192.0.2.99") for n in range(11)]
        assert answers == [200] * 10 + [429]

    @pytest.mark.parametrize("email", ["", "x", "a@", "a b@example.org"])
    def test_what_is_no_address_is_said_and_not_counted(self, app, settings, email):
        for _ in range(4):
            assert self.ask(app, settings, email, "192.0.2.98") == 422

    def test_what_is_refused_owes_nobody_a_letter(self, app, settings):
        email = a_person().email
        with db.Session() as session:
            before = len(session.scalars(select(OutboxEvent.id)).all())
        for _ in range(5):
            self.ask(app, settings, email, "192.0.2.97")
        with db.Session() as session:
            assert len(session.scalars(select(OutboxEvent.id)).all()) == before + 3
