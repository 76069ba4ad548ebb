"""Passkeys with a real browser and its virtual device: added, used as the way in, and removed."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from flask import Flask
from playwright.sync_api import CDPSession, Page
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from radslag.ports import free_port
from services.moderation.people import (
    accounts,
    invitations,
    passkeys,
    resets,
    second_factor,
)
from services.moderation.people.passkeys import BadPasskeyError
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.links import account_links
from shared.models import (
    AuditEntry,
    LinkKind,
    Passkey,
    PasswordReset,
    Role,
    SecurityEvent,
    Staff,
    StaffSession,
)
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.people_helpers import code_for, is_signed_in
from tests.serving import serving

PASSKEYS = 'section[aria-labelledby="my-passkeys"]'


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    return replace(module_settings, desk_url=f"http://localhost:{free_port()}")


@pytest.fixture(scope="module")
def app(settings: Settings, module_database: None) -> Iterator[Flask]:
    made = create_app(settings)
    with serving(made, settings.desk_url):
        yield made


@pytest.fixture
def eva(app: Flask) -> Staff:
    with db.Session.begin() as session:
        return accounts.add_staff(session, f"{new_id()}@example.org", Role.ADMIN, PASSWORD)


@pytest.fixture
def device(page: Page) -> CDPSession:
    """A device with a fingerprint reader that knows its owner."""
    spoken = page.context.new_cdp_session(page)
    spoken.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = spoken.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    spoken.authenticator = made["authenticatorId"]
    return spoken


@pytest.fixture
def signed_in(page: Page, settings: Settings, device: CDPSession, eva: Staff) -> Page:
    page.goto(f"{settings.desk_url}/login")
    page.get_by_label("Mejladress").fill(eva.email)
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in", exact=True).click()
    page.goto(f"{settings.desk_url}/account")
    return page


def add(page: Page, password: str = PASSWORD) -> None:
    page.locator("#current-for-passkey").fill(password)
    page.locator(PASSKEYS).get_by_role("button", name="Lägg till en passnyckel").click()


def remove(page: Page, password: str = PASSWORD) -> None:
    page.locator("#current-for-removal").fill(password)
    page.locator(PASSKEYS).get_by_role("button", name="Ta bort").click()


def held(staff: Staff) -> list[Passkey]:
    with db.Session() as session:
        return passkeys.list_passkeys(session, staff.id)


def actions(staff: Staff) -> list[str]:
    with db.Session() as session:
        asked = select(AuditEntry.action).where(AuditEntry.subject_id == str(staff.id))
        return list(session.scalars(asked.order_by(AuditEntry.id)))


def kinds(staff: Staff) -> list[str]:
    with db.Session() as session:
        asked = select(SecurityEvent.kind).where(SecurityEvent.staff_id == staff.id)
        return list(session.scalars(asked.order_by(SecurityEvent.id)))


@pytest.mark.browser
def test_is_added_lets_in_and_counts_as_both_steps(signed_in, settings, eva):
    page = signed_in
    assert page.locator(".desk-reminder").is_visible()
    add(page, "fel lösenord")
    said = page.locator(f"{PASSKEYS} [data-passkey-said]")
    said.wait_for()
    assert "nuvarande lösenord" in said.inner_text()
    assert held(eva) == []
    add(page)
    page.locator(".codes code").first.wait_for()
    assert page.locator(".codes code").count() == second_factor.RECOVERY_CODES
    code = page.locator(".codes code").first.inner_text()
    (made,) = held(eva)
    assert made.browser == "Chrome, Linux"
    assert actions(eva) == ["staff.passkey_added"]
    # It is a second factor: nobody is reminded of one, and the password alone is half the way.
    page.goto(f"{settings.desk_url}/account")
    assert page.locator(".desk-reminder").count() == 0
    page.get_by_role("button", name="Logga ut", exact=True).first.click()
    page.get_by_label("Mejladress").fill(eva.email)
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in", exact=True).click()
    page.get_by_role("button", name="Använd passnyckel").click()
    page.wait_for_url(f"{settings.desk_url}/")
    page.get_by_role("button", name="Logga ut", exact=True).first.click()
    # And it is the way in, without a password; who wanted somewhere comes there.
    page.goto(f"{settings.desk_url}/login?next=/history")
    page.get_by_role("button", name="Logga in med passnyckel").click()
    page.wait_for_url(f"{settings.desk_url}/history")
    (used,) = held(eva)
    assert used.used_at is not None
    assert used.sign_count > made.sign_count
    with db.Session() as session:
        assert session.scalars(
            select(StaffSession.via).where(StaffSession.staff_id == eva.id)
        ).all() == ["passkey"]
    # A recovery code stands in for the device.
    page.get_by_role("button", name="Logga ut", exact=True).first.click()
    page.get_by_label("Mejladress").fill(eva.email)
    page.get_by_label("Lösenord").fill(PASSWORD)
    page.get_by_role("button", name="Logga in", exact=True).click()
    page.get_by_label("Reservkod").fill(code)
    page.get_by_role("button", name="Logga in", exact=True).click()
    page.wait_for_url(f"{settings.desk_url}/")


@pytest.mark.browser
def test_the_last_one_stays_where_it_must_be_had_and_is_removed_against_the_password(
    signed_in, settings, eva
):
    page = signed_in
    add(page)
    page.locator(".codes code").first.wait_for()
    page.goto(f"{settings.desk_url}/account")
    remove(page)
    assert "måste logga in i två steg" in page.locator(".notice-wrong").inner_text()
    assert len(held(eva)) == 1
    with db.Session.begin() as session:
        session.get_one(Staff, eva.id).role = Role.READER
    page.goto(f"{settings.desk_url}/account")
    remove(page, "fel lösenord")
    assert "inte ditt nuvarande lösenord" in page.locator(".notice-wrong").inner_text()
    assert len(held(eva)) == 1
    remove(page)
    page.locator(".flash").wait_for()
    assert held(eva) == []
    assert actions(eva) == ["staff.passkey_added", "staff.passkey_removed"]
    assert [kind for kind in kinds(eva) if "passkey" in kind] == [
        "passkey_added",
        "passkey_removed",
    ]


@pytest.mark.browser
def test_a_new_colleague_begins_with_one_and_no_password(page, app, settings, device):
    email = f"{new_id()}@example.org"
    with db.Session.begin() as session:
        invited = invitations.invite_person(
            session, settings, email=email, role=Role.ADMIN, by=None
        )
        kind, nonce = LinkKind.INVITATION, invited.nonce
        token = account_links.make_account_token(settings.secret_key, kind, nonce)
    page.goto(f"{settings.desk_url}/welcome/{token}")
    page.locator("#name-for-passkey").fill("Kim")
    page.get_by_role("button", name="Skapa konto med passnyckel").click()
    page.locator(".codes code").first.wait_for()
    codes = page.locator(".codes code").all_inner_texts()
    with db.Session() as session:
        kim = accounts.find_account(session, email)
    assert kim is not None
    assert (kim.name, kim.role, kim.password_hash) == ("Kim", Role.ADMIN, None)
    # The device knows whose it is, as it does of one that is added later.
    (kept,) = device.send("WebAuthn.getCredentials", {"authenticatorId": device.authenticator})[
        "credentials"
    ]
    assert b64decode(kept["userHandle"]) == kim.id.bytes
    # It is their only way in: it goes neither with a code nor by turning the second step off.
    page.goto(f"{settings.desk_url}/account")
    assert page.locator(".desk-reminder").count() == 0
    assert page.locator("label[for=current-for-removal]").inner_text() == "Reservkod"
    add(page, "0000-0000-0000-0000")
    said = page.locator(f"{PASSKEYS} [data-passkey-said]")
    said.wait_for()
    assert "Koden stämmer inte" in said.inner_text()
    remove(page, "0000-0000-0000-0000")
    assert "Koden stämmer inte" in page.locator(".notice-wrong").inner_text()
    remove(page, codes[0])
    assert "din enda väg in" in page.locator(".notice-wrong").inner_text()
    assert len(held(kim)) == 1
    page.get_by_role("button", name="Logga ut", exact=True).first.click()
    page.get_by_role("button", name="Logga in med passnyckel").click()
    page.wait_for_url(f"{settings.desk_url}/")
    # The link was good once, and the address is taken.
    assert page.goto(f"{settings.desk_url}/welcome/{token}").status == 410
    # Who loses the device gets a letter, and still needs a code.
    with db.Session.begin() as session:
        resets.ask_reset(session, settings, email)
        (asked,) = links_of(session, kim)
        resets.use_reset(session, asked, session.get_one(Staff, kim.id), PASSWORD)
    desk = Desk(app, settings)
    desk.csrf = desk.token()
    assert desk.post("/login", email=email, password=PASSWORD).location == "/login/code"
    desk.csrf = desk.token("/login/code")
    assert desk.post("/login/code", code=codes[1]).status_code == 303
    assert is_signed_in(desk)


def links_of(session: SqlSession, staff: Staff) -> list[PasswordReset]:
    asked = select(PasswordReset).where(PasswordReset.staff_id == staff.id)
    return list(session.scalars(asked))


@pytest.mark.parametrize(
    ("password", "subject", "links"),
    [(None, None, 1), (PASSWORD, None, 0), (None, "hon", 0)],
    ids=["passkey", "password", "directory"],
)
def test_whose_only_way_in_an_administrator_takes_away_is_owed_a_letter(
    settings, app, password, subject, links
):
    """They have lost the device and the codes: everything is written down, and told."""
    with db.Session.begin() as session:
        boss = accounts.add_staff(session, f"{new_id()}@example.org", Role.ADMIN, PASSWORD)
        kim = accounts.add_staff(session, f"{new_id()}@example.org", Role.READER, password)
        kim.directory_subject = subject and str(new_id())
        kim.directory_issuer = subject and "https://id.example"
        session.add(Passkey(staff_id=kim.id, credential_id=new_id().bytes, public_key=b"k"))
    desk = Desk(app, settings)
    desk.sign_in(boss.email)
    assert desk.post(f"/staff/{kim.id}/second-factor").status_code == 303
    assert held(kim) == []
    assert actions(kim) == ["staff.second_factor_reset"]
    with db.Session() as session:
        assert len(links_of(session, kim)) == links
    # The link is good for an hour; who opens it too late is sent another, save past the directory.
    assert desk.post(f"/staff/{kim.id}/password").status_code == (409 if subject else 303)
    offered = desk.get(f"/staff/{kim.id}").select("form[action$='/password']")
    assert len(offered) == (0 if subject else 1)
    with db.Session() as session:
        assert len(links_of(session, kim)) == links + (0 if subject else 1)


def test_who_comes_in_through_the_directory_alone_gets_no_letter(settings, app):
    with db.Session.begin() as session:
        kim = accounts.add_staff(session, f"{new_id()}@example.org", Role.READER, None)
        resets.ask_reset(session, settings, kim.email)
        assert links_of(session, kim) == []
        session.add(Passkey(staff_id=kim.id, credential_id=new_id().bytes, public_key=b"k"))
        resets.ask_reset(session, settings, kim.email)
        assert len(links_of(session, kim)) == 1


@pytest.mark.parametrize("answer", ["", "{}", '{"id": 1}'])
def test_nonsense_makes_no_account_and_leaves_the_invitation(app, settings, answer):
    email = f"{new_id()}@example.org"
    with db.Session.begin() as session:
        invited = invitations.invite_person(
            session, settings, email=email, role=Role.READER, by=None
        )
        kind, nonce = LinkKind.INVITATION, invited.nonce
        token = account_links.make_account_token(settings.secret_key, kind, nonce)
    desk = Desk(app, settings)
    desk.csrf = desk.token(f"/welcome/{token}")
    # Also before it was asked.
    for _ in range(2):
        refused = desk.post(f"/welcome/{token}/passkey", credential=answer)
        assert refused.status_code == 422
        assert desk.post(f"/welcome/{token}/passkey/question").status_code == 200
    with db.Session() as session:
        assert accounts.find_account(session, email) is None
    assert desk.post("/welcome/fel/passkey/question").status_code == 410
    assert desk.post("/welcome/fel/passkey", credential=answer).status_code == 410
    assert not is_signed_in(desk)


@pytest.mark.browser
def test_an_answer_is_taken_once_for_its_own_question_by_a_device_that_knows_its_owner(
    signed_in, settings, device, eva
):
    page = signed_in
    add(page)
    page.locator(".codes code").first.wait_for()
    (kept,) = held(eva)

    def answer(question: passkeys.Question) -> str:
        """Let the device of this page answer a question."""
        return page.evaluate(_ANSWER, json.loads(question.options))

    def owner(
        given: str, question: passkeys.Question, at: datetime | None = None, **told: str
    ) -> Staff:
        with db.Session.begin() as session:
            asked = replace(settings, **told) if told else settings
            return passkeys.find_owner(session, asked, given, question.challenge, at or utcnow())

    asked, other = passkeys.ask_who(settings), passkeys.ask_who(settings)
    given = answer(asked)
    for told in ({"desk_url": "http://localhost:1"}, {"desk_url": "https://other.example"}):
        with pytest.raises(BadPasskeyError):
            owner(given, asked, **told)
    with pytest.raises(BadPasskeyError):
        owner(given, other)
    assert owner(given, asked).id == eva.id
    # Also by a device that does not count.
    with db.Session.begin() as session:
        session.get_one(Passkey, kept.id).sign_count = 0
    with pytest.raises(BadPasskeyError):
        owner(given, asked)
    # Nor when another one was answered since.
    early_at, early, late = utcnow(), passkeys.ask_who(settings), passkeys.ask_who(settings)
    copied = answer(early)
    assert owner(answer(late), late).id == eva.id
    with db.Session.begin() as session:
        session.get_one(Passkey, kept.id).sign_count = 0
    with pytest.raises(BadPasskeyError):
        owner(copied, early, early_at)
    # A copy of a device counts apart, and so is behind.
    with db.Session.begin() as session:
        session.get_one(Passkey, kept.id).sign_count = 1000
    behind = passkeys.ask_who(settings)
    with pytest.raises(BadPasskeyError):
        owner(answer(behind), behind)
    with db.Session.begin() as session:
        session.get_one(Passkey, kept.id).sign_count = 0
        session.get_one(Staff, eva.id).disabled_at = utcnow()
    closed = passkeys.ask_who(settings)
    with pytest.raises(BadPasskeyError):
        owner(answer(closed), closed)
    with db.Session.begin() as session:
        session.get_one(Staff, eva.id).disabled_at = None
    # Somebody who found it and knows no PIN.
    found = passkeys.ask_who(settings)
    weak = json.loads(found.options) | {"userVerification": "discouraged"}
    listed = device.send("WebAuthn.getCredentials", {"authenticatorId": device.authenticator})
    assert len(listed["credentials"]) == 1
    verified = {"authenticatorId": device.authenticator, "isUserVerified": False}
    device.send("WebAuthn.setUserVerified", verified)
    unverified = page.evaluate(_ANSWER, weak)
    with pytest.raises(BadPasskeyError):
        owner(unverified, found)


_ANSWER = """async (question) => JSON.stringify((await navigator.credentials.get({
  publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(question) })).toJSON())"""


class TestAnswers:
    """What is no answer of a passkey to this very question lets nobody in."""

    @pytest.fixture
    def nobody(self, app, settings) -> Desk:
        desk = Desk(app, settings)
        desk.csrf = desk.token()
        return desk

    @pytest.mark.parametrize("answer", ["", "x", "{}", "[]", "null", '{"id": 1}', "{" * 5000])
    def test_nonsense(self, nobody, answer):
        assert nobody.post("/login/passkey/question").status_code == 200
        refused = nobody.post("/login/passkey", credential=answer)
        assert refused.status_code == 401
        assert "Passnyckeln gick inte att använda" in refused.text
        assert not is_signed_in(nobody)

    @pytest.mark.parametrize("answer", ["", "x", "{}", '{"id": 1}'])
    def test_nonsense_is_not_kept(self, app, settings, eva, answer):
        desk = Desk(app, settings)
        desk.sign_in(eva.email)
        assert desk.post("/account/passkeys/question", current="fel").status_code == 422
        asked = desk.post("/account/passkeys/question", current=PASSWORD)
        assert json.loads(asked.text)["authenticatorSelection"]["userVerification"] == "required"
        assert desk.post("/account/passkeys", credential=answer).status_code == 422
        assert held(eva) == []

    def test_one_of_somebody_else_is_not_theirs_to_remove(self, app, settings, eva):
        with db.Session.begin() as session:
            other = accounts.add_staff(session, f"{new_id()}@example.org", Role.READER, PASSWORD)
            session.add(Passkey(staff_id=other.id, credential_id=new_id().bytes, public_key=b"k"))
        desk = Desk(app, settings)
        desk.sign_in(eva.email)
        (key,) = held(other)
        assert desk.post(f"/account/passkeys/{key.id}/remove", current=PASSWORD).status_code == 404
        assert len(held(other)) == 1

    def test_a_secret_that_waits_is_no_way_around_it(self, app, settings, eva):
        """With the password alone nobody sets a new factor up for who has one."""
        with db.Session.begin() as session:
            session.add(Passkey(staff_id=eva.id, credential_id=new_id().bytes, public_key=b"k"))
            second_factor.begin_second_factor(session, settings, session.get_one(Staff, eva.id))
        with db.Session() as session:
            waiting = second_factor.read_pending_secret(
                session, settings, session.get_one(Staff, eva.id)
            )
        assert waiting is not None
        desk = Desk(app, settings)
        desk.csrf = desk.token()
        assert desk.post("/login", email=eva.email, password=PASSWORD).location == "/login/code"
        page = desk.get("/login/code")
        assert page.select_one("code.secret") is None
        desk.csrf = desk.token("/login/code")
        assert desk.post("/login/code/new", code=code_for(waiting[0])).status_code == 401
        assert not is_signed_in(desk)
