"""A browser at the desk, with real sessions, tokens and headers."""

import re
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from bs4 import BeautifulSoup
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared.config import Settings
from shared.models import Role, Staff
from tests.factories import a_member_of_staff

PASSWORD = "ett långt lösenord för prov"


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


@pytest.fixture
def desk(app: Flask, settings: Settings, session: SqlSession) -> Iterator[Desk]:
    accounts.add_staff(session, "moa@example.org", Role.MODERATOR, PASSWORD, name="Moa")
    seed_rules(session)
    session.commit()
    desk = Desk(app, settings)
    desk.sign_in("moa@example.org")
    return desk
