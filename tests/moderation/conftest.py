"""A browser at the desk, with real sessions, tokens and headers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Role, Staff, StaffSession
from tests.databases import copied, settings_of
from tests.factories import a_member_of_staff

PASSWORD = "ett långt lösenord för prov"
MOA = "moa@example.org"


class Desk:
    """A browser at the desk."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self.client: FlaskClient = app.test_client()
        self.base = settings.desk_url
        self.headers = {"Origin": settings.desk_url}

    def get(self, path: str, status: int = 200) -> BeautifulSoup:
        answer = self.client.get(path, base_url=self.base)
        assert answer.status_code == status, answer.text
        return self.page(answer)

    @staticmethod
    def page(answer) -> BeautifulSoup:
        return BeautifulSoup(answer.text, "html.parser")

    def token(self, path: str = "/login") -> str:
        answer = self.client.get(path, base_url=self.base)
        assert answer.status_code == 200, answer.text
        found = re.search(r'<input[^>]* name="csrf_token" value="([^"]*)"', answer.text)
        assert found is not None
        return found[1]

    def post(self, path: str, **fields):
        fields.setdefault("csrf_token", self.csrf)
        return self.client.post(path, data=fields, headers=self.headers, base_url=self.base)

    def send(self, path: str, body: dict):
        headers = {**self.headers, "X-CSRFToken": self.csrf}
        return self.client.post(path, json=body, headers=headers, base_url=self.base)

    def sign_in(self, email: str) -> None:
        self.csrf = self.token()
        entered = self.post("/login", email=email, password=PASSWORD)
        assert (entered.status_code, entered.location) == (303, "/")
        # All forms of a session have the same token; this page asks the database for nothing more.
        self.csrf = self.token("/login/forgotten")


@pytest.fixture(autouse=True, scope="session")
def light_hasher() -> Iterator[None]:
    """Hash for real, but with little effort: these tests sign in hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            accounts, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
        )
        yield


@pytest.fixture
def moa(session: SqlSession) -> Staff:
    return a_member_of_staff(session, name="Moa")


@pytest.fixture
def carl(session: SqlSession) -> Staff:
    return a_member_of_staff(session, name="Carl")


@pytest.fixture
def app(settings: Settings, database: None) -> Flask:
    app = create_app(settings)
    app.config["TESTING"] = True
    return app


@dataclass(frozen=True)
class SignedIn:
    """A database in which Moa has signed in, and what her browser holds of it."""

    database: str
    cookies: dict[str, str]
    csrf: str


@pytest.fixture(scope="session")
def signed_in(servers: tuple[Postgres, Valkey], light_hasher: None) -> Iterator[SignedIn]:
    """Moa signs in once, as everybody does; how that goes has tests of its own."""
    with copied(servers[0], "signed_in") as url:
        settings = settings_of(url)
        db.configure_sessions(settings)
        try:
            with db.Session.begin() as session:
                accounts.add_staff(session, MOA, Role.MODERATOR, PASSWORD, name="Moa")
                seed_rules(session)
            desk = Desk(create_app(settings), settings)
            desk.sign_in(MOA)
        finally:
            db.close_connections()
        kept = [desk.client.get_cookie(name) for name in ("radslag_desk", "radslag_known")]
        cookies = {each.key: each.value for each in kept if each is not None}
        yield SignedIn("signed_in", cookies, desk.csrf)


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest,
    servers: tuple[Postgres, Valkey],
    database_counter: Iterator[int],
) -> Iterator[str]:
    """A database of this test's own; in that of a test that begins at Moa's desk she is there."""
    begins_there = "signed_in" in request.fixturenames
    template = request.getfixturevalue("signed_in").database if begins_there else "radslag"
    with copied(servers[0], f"test_{next(database_counter)}", template) as url:
        yield url


@pytest.fixture
def desk(app: Flask, settings: Settings, session: SqlSession, signed_in: SignedIn) -> Desk:
    """Moa's browser, signed in at this instant."""
    desk = Desk(app, settings)
    if accounts.find_account(session, MOA) is None:
        # A file with a database of its own kind.
        accounts.add_staff(session, MOA, Role.MODERATOR, PASSWORD, name="Moa")
        seed_rules(session)
        session.commit()
        desk.sign_in(MOA)
        return desk
    now = utcnow()
    session.execute(update(StaffSession).values(begun_at=now, seen_at=now))
    session.commit()
    for name, value in signed_in.cookies.items():
        desk.client.set_cookie(name, value, domain=urlsplit(desk.base).hostname or "")
    desk.csrf = signed_in.csrf
    return desk
