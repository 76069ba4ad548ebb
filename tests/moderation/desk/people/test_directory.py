"""Signing in through the city's directory, against a real one on loopback."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from joserfc import jwt
from sqlalchemy import func, select
from time_machine import travel

from radslag.desk import create_app
from radslag.ports import free_port
from services.moderation.people import accounts, directory
from shared.clock import utcnow
from shared.config import Settings, SettingsError
from shared.models import (
    AuditEntry,
    OutboxEvent,
    Requires,
    Role,
    SecurityEvent,
    SignInPolicy,
    Staff,
    StaffSession,
)
from tests.factories import _ENVIRONMENT, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.people.identity_provider import (
    CLIENT,
    SECRET,
    IdentityProvider,
    new_key,
    running,
)
from tests.moderation.people.people_helpers import is_signed_in

ADA, BO = "ada@example.org", "bo@example.org"
BO_SAYS = {"sub": "bo-17", "email": "Bo@Example.org", "email_verified": True, "name": "Bo Alm"}


@pytest.fixture(scope="module")
def running_provider() -> Iterator[IdentityProvider]:
    with running(free_port()) as provider:
        yield provider


@pytest.fixture
def provider(running_provider: IdentityProvider) -> IdentityProvider:
    """The directory, where Bo signs in."""
    directory._metadata.clear()
    directory._keys.clear()
    running_provider.claims = dict(BO_SAYS)
    running_provider.forge, running_provider.is_down = None, False
    running_provider.client_auth = ["client_secret_basic", "client_secret_post"]
    return running_provider


@pytest.fixture
def settings(settings: Settings, provider: IdentityProvider) -> Settings:
    return replace(
        settings,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_name="Stadens id",
    )


@pytest.fixture
def app(settings: Settings, database: None) -> Flask:
    return create_app(settings)


@pytest.fixture
def people(session) -> dict[str, Staff]:
    made = {
        ADA: accounts.add_staff(session, ADA, Role.ADMIN, PASSWORD),
        BO: accounts.add_staff(session, BO, Role.MODERATOR, PASSWORD),
    }
    session.commit()
    return made


def visit(desk: Desk, provider: IdentityProvider, wanted: str = ""):
    """Leave for the directory, sign in there, and come back."""
    left = desk.client.get(f"/login/directory?next={wanted}", base_url=desk.base)
    assert left.status_code == 303, left.text
    return come_back(desk, provider.authorize(left.location))


def come_back(desk: Desk, url: str):
    return desk.client.get(url.removeprefix(desk.base), base_url=desk.base)


def enter(app, settings, provider) -> tuple[Desk, int]:
    desk = Desk(app, settings)
    return desk, visit(desk, provider).status_code


def everybody(session) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(Staff))


def test_who_has_an_account_comes_in_by_a_confirmed_address(
    app, settings, session, people, provider
):
    desk = Desk(app, settings)
    assert "Logga in med Stadens id" in desk.get("/login").text
    assert visit(desk, provider, "/history").location == "/history"
    assert is_signed_in(desk)
    session.refresh(people[BO])
    assert people[BO].directory_subject == "bo-17"
    assert session.scalar(select(StaffSession.via)) == "directory"
    assert everybody(session) == 2


@pytest.mark.usefixtures("people")
def test_once_linked_it_is_the_same_person_whatever_the_address(app, settings, session, provider):
    enter(app, settings, provider)
    provider.claims["email"] = "bo.alm-ek@example.org"
    desk, status = enter(app, settings, provider)
    assert status == 303
    assert BO in desk.get("/account").text
    # The address that went to somebody new opens nothing.
    provider.claims |= {"sub": "another-bo", "email": BO}
    assert enter(app, settings, provider)[1] == 403


def by_hand(algorithm: str, claims: dict, key: bytes) -> str:
    """Make a token as no library would."""
    head = {"alg": algorithm, "typ": "JWT"}
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    signed = b".".join(parts)
    signature = hmac.digest(key, signed, "sha256") if key else b""
    return b".".join([signed, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


class TestNotLetIn:
    @pytest.fixture(autouse=True)
    def _people(self, people) -> None:
        pass

    @pytest.mark.parametrize(
        "claims",
        [
            {"email_verified": False},
            {"email_verified": None},
            {"email": None},
            {"email": ["bo@example.org"]},
            {"email": "okand@example.org"},
            {"sub": ""},
            {"sub": ["bo-17"]},
            {"sub": "bo-17\x00"},
            {"email_verified": ["true"]},
        ],
    )
    def test_whom_the_directory_does_not_vouch_for_or_nobody_invited(
        self, app, settings, session, provider, claims
    ):
        provider.claims |= claims
        desk, status = enter(app, settings, provider)
        assert status == 403
        assert not is_signed_in(desk)
        assert everybody(session) == 2

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "https://evil.example"},
            {"aud": "another-client"},
            {"aud": [CLIENT, "another"], "azp": "another"},
            {"exp": 1},
            {"nonce": "of somebody else's sign-in"},
            {"iat": None},
        ],
    )
    def test_with_claims_that_are_not_for_this_sign_in(self, app, settings, provider, claims):
        provider.claims |= claims
        assert enter(app, settings, provider)[1] == 403

    def test_with_a_token_that_the_directory_did_not_sign(self, app, settings, provider):
        stranger = new_key(provider.key.kid)
        public = provider.key.as_pem(private=False)
        forgeries = [
            lambda claims: jwt.encode({"alg": "RS256", "kid": stranger.kid}, claims, stranger),
            # The public key as a shared secret (RFC 8725 §2.1), and no signature at all.
            lambda claims: by_hand("HS256", claims, public),
            lambda claims: by_hand("none", claims, b""),
            lambda _claims: "not.a.token",
            lambda _claims: "",
        ]
        for forge in forgeries:
            provider.forge = forge
            assert enter(app, settings, provider)[1] == 403

    def test_when_the_answer_belongs_to_another_browser_or_was_used(self, app, settings, provider):
        desk, other = Desk(app, settings), Desk(app, settings)
        left = desk.client.get("/login/directory", base_url=desk.base)
        back = provider.authorize(left.location)
        assert come_back(other, back).status_code == 403
        assert come_back(desk, back.replace("state=", "state=x")).status_code == 403
        # A wrong answer ends the attempt: nothing can be tried twice.
        assert come_back(desk, back).status_code == 403
        assert come_back(desk, "/login/directory/back").status_code == 403

    def test_when_they_changed_their_mind_there(self, app, settings, provider):
        desk = Desk(app, settings)
        left = desk.client.get("/login/directory", base_url=desk.base)
        provider.authorize(left.location)
        state = provider.asked[-1]["state"]
        answer = come_back(desk, f"/login/directory/back?error=access_denied&state={state}")
        assert answer.status_code == 403
        assert "avbröts" in answer.text

    @pytest.mark.parametrize(("after_s", "said"), [(900, "avbröts"), (901, "för lång tid")])
    def test_when_it_took_more_than_a_quarter_of_an_hour_there(
        self, app, settings, provider, after_s, said
    ):
        desk, begun = Desk(app, settings), utcnow().replace(microsecond=0)
        with travel(begun, tick=False):
            left = desk.client.get("/login/directory", base_url=desk.base)
            provider.authorize(left.location)
        state = provider.asked[-1]["state"]
        with travel(begun + timedelta(seconds=after_s), tick=False):
            answer = come_back(desk, f"/login/directory/back?error=access_denied&state={state}")
        assert answer.status_code == 403
        assert said in answer.text

    def test_when_another_directory_answers(self, app, settings, provider):
        desk = Desk(app, settings)
        left = desk.client.get("/login/directory", base_url=desk.base)
        back = provider.authorize(left.location)
        mixed = back.partition("&iss=")[0] + "&iss=https%3A%2F%2Fevil.example"
        assert come_back(desk, mixed).status_code == 403

    def test_when_the_account_is_closed(self, app, settings, session, people, provider):
        people[BO].disabled_at = people[BO].created_at
        session.commit()
        assert enter(app, settings, provider)[1] == 403

    def test_to_a_page_elsewhere(self, app, settings, provider):
        assert visit(Desk(app, settings), provider, "https://evil.example/").location == "/"


@pytest.mark.usefixtures("people")
def test_new_keys_of_the_directory_are_fetched_when_they_are_met(app, settings, provider):
    assert enter(app, settings, provider)[1] == 303
    provider.key = new_key("two")
    assert enter(app, settings, provider)[1] == 303


@pytest.mark.usefixtures("people")
def test_a_directory_that_wants_the_secret_in_the_header_gets_it_there(app, settings, provider):
    provider.client_auth = ["client_secret_basic"]
    assert enter(app, settings, provider)[1] == 303


@pytest.mark.usefixtures("people")
def test_a_directory_that_is_down_leaves_the_password(app, settings, provider):
    provider.is_down = True
    desk = Desk(app, settings)
    answer = desk.client.get("/login/directory", base_url=desk.base)
    assert answer.status_code == 503
    desk.sign_in(BO)


def test_one_that_calls_itself_another_is_not_trusted(app, settings, provider):
    other = create_app(replace(settings, oidc_issuer=f"{provider.issuer}/realms/x"))
    answer = Desk(other, settings).client.get("/login/directory", base_url=settings.desk_url)
    assert answer.status_code == 503


@pytest.mark.usefixtures("people")
def test_a_directory_of_ones_own_may_be_believed_about_addresses(settings, session, provider):
    """Entra ID gives no `email_verified`; an operator says whether its addresses are the city's."""
    del provider.claims["email_verified"]
    provider.claims["upn"] = provider.claims.pop("email")
    trusting = replace(settings, oidc_trust_email=True, oidc_email_claim="upn", oidc_create=True)
    # An account that is there is its owner's to link.
    assert enter(create_app(trusting), settings, provider)[1] == 403
    provider.claims |= {"sub": "cilla-1", "upn": "cilla@example.org"}
    assert enter(create_app(trusting), settings, provider)[1] == 303


class TestLinking:
    """The owner asks for it, signed in and with the password; the directory says who they are."""

    @pytest.fixture
    def bo(self, app, settings, people, provider) -> Desk:  # noqa: ARG002 - they are there
        provider.claims = {"sub": "bo-17", "preferred_username": ADA}
        desk = Desk(app, settings)
        desk.sign_in(BO)
        return desk

    def ask(self, desk: Desk, password: str = PASSWORD):
        return desk.post("/account/directory", current=password)

    def follow(self, desk: Desk, provider: IdentityProvider):
        left = desk.client.get("/login/directory?link=1", base_url=desk.base)
        return come_back(desk, provider.authorize(left.location))

    def subject(self, session, staff: Staff) -> str | None:
        session.rollback()
        session.refresh(staff)
        return staff.directory_subject

    def test_links_and_lets_in_from_then_on(self, app, settings, session, people, bo, provider):
        asked = self.ask(bo)
        assert asked.status_code == 200
        assert bo.page(asked).select_one("main .button")["href"] == "/login/directory?link=1"
        assert self.follow(bo, provider).location == "/account"
        page = bo.get("/account")
        assert "Kontot är kopplat." in page.select_one(".flash").text
        assert "Kopplat" in page.select_one('[aria-labelledby="my-directory"]').text
        assert self.subject(session, people[BO]) == "bo-17"
        other, status = enter(app, settings, provider)
        assert status == 303
        assert BO in other.get("/account").text
        # It was recorded, told by mail, and stands in the security log.
        actions = session.scalars(select(AuditEntry.action)).all()
        kinds = session.scalars(select(OutboxEvent.kind)).all()
        noted = session.scalars(select(SecurityEvent.kind)).all()
        assert actions == ["staff.directory_linked"]
        assert kinds == ["AccountChanged"]
        assert noted == ["signed_in", "directory_linked", "signed_in"]

    def test_not_without_the_password(self, session, people, bo, provider):
        assert self.ask(bo, "fel").status_code == 422
        assert self.follow(bo, provider).status_code == 403
        assert self.subject(session, people[BO]) is None

    def test_not_without_having_been_asked_and_not_twice(self, session, people, bo, provider):
        assert self.follow(bo, provider).status_code == 403
        self.ask(bo)
        self.follow(bo, provider)
        bo.post("/account/directory/remove", current=PASSWORD)
        assert self.subject(session, people[BO]) is None
        assert self.follow(bo, provider).status_code == 403

    def test_not_ten_minutes_later(self, session, people, bo, provider):
        with travel(utcnow() - timedelta(minutes=11)):
            self.ask(bo)
        assert self.follow(bo, provider).status_code == 403
        assert self.subject(session, people[BO]) is None

    def test_not_in_another_session(self, session, people, bo, provider):
        self.ask(bo)
        left = bo.client.get("/login/directory?link=1", base_url=bo.base)
        with bo.client.session_transaction(base_url=bo.base) as kept:
            begun = kept["directory"]
        bo.post("/logout")
        bo.csrf = bo.token()
        bo.sign_in(BO)
        with bo.client.session_transaction(base_url=bo.base) as kept:
            kept["directory"] = begun
        assert come_back(bo, provider.authorize(left.location)).status_code == 403
        assert self.subject(session, people[BO]) is None

    def test_not_to_two_accounts(self, app, settings, session, people, bo, provider):
        self.ask(bo)
        self.follow(bo, provider)
        ada = Desk(app, settings)
        ada.sign_in(ADA)
        self.ask(ada)
        assert self.follow(ada, provider).location == "/account"
        assert "hör redan till ett konto" in ada.get("/account").select_one(".flash").text
        assert self.subject(session, people[ADA]) is None

    def test_what_is_removed_opens_it_no_more(self, app, settings, session, people, bo, provider):
        self.ask(bo)
        self.follow(bo, provider)
        other, _status = enter(app, settings, provider)
        assert bo.post("/account/directory/remove", current="fel").status_code == 422
        assert self.subject(session, people[BO]) == "bo-17"
        assert bo.post("/account/directory/remove", current=PASSWORD).status_code == 303
        assert is_signed_in(bo)
        assert not is_signed_in(other)
        assert enter(app, settings, provider)[1] == 403

    def test_an_administrator_removes_a_wrong_one(
        self, app, settings, session, people, bo, provider
    ):
        self.ask(bo)
        self.follow(bo, provider)
        ada = Desk(app, settings)
        ada.sign_in(ADA)
        path = f"/staff/{people[BO].id}"
        assert ada.get(path).select_one(f'form[action="{path}/directory"]') is not None
        assert ada.post(f"{path}/directory").status_code == 303
        assert self.subject(session, people[BO]) is None
        assert not is_signed_in(bo)
        assert ada.get(path).select_one(f'form[action="{path}/directory"]') is None

    @pytest.mark.usefixtures("people")
    def test_there_is_nothing_to_link_without_a_directory(self, settings):
        alone = Desk(create_app(replace(settings, oidc_issuer="")), settings)
        alone.sign_in(BO)
        assert alone.post("/account/directory", current=PASSWORD).status_code == 404
        assert alone.get("/account").select_one('[aria-labelledby="my-directory"]') is None


@pytest.mark.usefixtures("people")
def test_what_people_can_edit_opens_no_account(app, settings, session, provider):
    """An administrator's address as `preferred_username`, beside a verified one of one's own."""
    provider.claims = {
        "sub": "eva-1",
        "email": "eva@example.org",
        "email_verified": True,
        "preferred_username": ADA,
    }
    for trusted in (False, True):
        made = create_app(
            replace(
                settings, oidc_email_claim="preferred_username", oidc_trust_email=trusted,
                oidc_create=True,
            )
        )  # fmt: skip
        assert enter(made, settings, provider)[1] == 403
    session.rollback()
    assert accounts.find_account(session, ADA).directory_subject is None


@pytest.mark.usefixtures("people")
def test_who_is_new_becomes_a_reader_where_the_settings_say_so(settings, session, provider):
    provider.claims |= {"sub": "cilla-1", "email": "cilla@example.org", "name": "Cilla"}
    desk, status = enter(create_app(replace(settings, oidc_create=True)), settings, provider)
    assert status == 303
    made = accounts.find_account(session, "cilla@example.org")
    assert (made.role, made.name, made.password_hash) == (Role.READER, "Cilla", None)
    # No password opens it, and none can be set here.
    desk.csrf = desk.token("/account")
    assert desk.post("/account/password", current="", password=PASSWORD).status_code == 422
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.after) == ("staff.from_directory", {"role": "reader"})


class TestRolesOfTheDirectory:
    @pytest.fixture
    def app(self, settings: Settings, database: None) -> Flask:  # noqa: ARG002 - is bound
        return create_app(
            replace(
                settings,
                oidc_role_claim="realm_access.roles",
                oidc_roles={"admin": "chef", "moderator": "handläggare"},
            )
        )

    def enter_with(self, app, settings, provider, names):
        provider.claims["realm_access"] = {"roles": names}
        return enter(app, settings, provider)[1]

    def test_count_at_each_sign_in_the_highest_first(
        self, app, settings, session, people, provider
    ):
        for names, role in (
            (["chef", "handläggare", "annat"], Role.ADMIN),
            (["handläggare"], Role.MODERATOR),
        ):
            assert self.enter_with(app, settings, provider, names) == 303
            session.rollback()
            session.refresh(people[BO])
            assert people[BO].role is role

    @pytest.mark.usefixtures("people")
    @pytest.mark.parametrize("names", [[], ["annat"], "ingen", None, 7])
    def test_without_one_nobody_comes_in(self, app, settings, provider, names):
        assert self.enter_with(app, settings, provider, names) == 403

    def test_never_take_the_last_administrator_away(self, app, settings, session, people, provider):
        provider.claims |= {"sub": "ada-1", "email": ADA}
        assert self.enter_with(app, settings, provider, ["handläggare"]) == 303
        session.rollback()
        session.refresh(people[ADA])
        assert people[ADA].role is Role.ADMIN


def test_the_directory_asks_for_its_own_second_step(app, settings, session, people, provider):
    session.add(SignInPolicy(second_factor=Requires.ALL, changed_by=people[ADA].id))
    session.commit()
    desk, status = enter(app, settings, provider)
    assert status == 303
    assert is_signed_in(desk)


def test_a_typed_note_waits_in_its_tab_while_another_signs_in(
    app, settings, session, people, provider
):
    desk, _status = enter(app, settings, provider)
    idea = an_idea(session)
    check(session, idea)
    session.commit()
    note = "Ring förvaltningen först."
    desk.client.delete_cookie("radslag_desk", domain="localhost")
    desk.csrf = "of a session that ended"
    lost = desk.page(
        desk.post(
            f"/ideas/{idea.number}/decisions", kind="reject", note=note, seen_version=idea.version
        )
    )
    assert lost.select_one("a[target=_blank]")["href"].startswith("/login/directory")
    form = lost.select_one("main form")
    visit(desk, provider, "/account")  # in the other tab, with the same cookies
    fields = {each["name"]: each["value"] for each in form.select("input")}
    back = desk.client.post(form["action"], data=fields, headers=desk.headers, base_url=desk.base)
    assert back.status_code == 400
    assert note in back.text
    assert "inget är beslutat" in back.text


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"OIDC_ISSUER": "http://id.example.se"}, "RADSLAG_OIDC_ISSUER"),
        ({"OIDC_ISSUER": "https://id.example.se"}, "RADSLAG_OIDC_CLIENT_ID"),
        ({"OIDC_ROLES": "chef=x"}, "RADSLAG_OIDC_ROLES"),
        ({"OIDC_ROLES": "admin="}, "RADSLAG_OIDC_ROLES"),
        ({"OIDC_CREATE": "maybe"}, "RADSLAG_OIDC_CREATE"),
    ],
)
def test_wrong_settings_stop_the_start(wrong, named):
    environment = _ENVIRONMENT | {f"RADSLAG_{name}": value for name, value in wrong.items()}
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(environment)


def test_without_a_directory_there_is_no_door_to_one(settings, database):
    desk = Desk(create_app(replace(settings, oidc_issuer="")), settings)
    desk.get("/login/directory", status=404)
    assert not desk.get("/login").select("a[href^='/login/directory']")
