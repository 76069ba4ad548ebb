"""Every door of the desk as everybody: who may come in, and what every unsafe request must show."""

from collections.abc import Iterator

import pytest
from flask import Flask

from radslag.desk import create_app
from services.moderation.people import accounts, roles
from shared import db
from shared.config import Settings
from shared.models import Role
from tests.moderation import doors
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.doors import RANKS

TABLE = doors.table()
# Answers of a door that was opened, to what is made up and so can be missing or wrong.
_LET_IN = {200, 204, 303, 304, 404, 409, 422}


@pytest.fixture(scope="module")
def app(module_settings: Settings, module_database: None) -> Flask:
    return create_app(module_settings)


@pytest.fixture(scope="module")
def people(app: Flask, module_settings: Settings) -> dict[Role, Desk]:
    """A browser for each role, signed in; no request here changes anything."""
    found = {}
    for role in RANKS:
        with db.Session.begin() as session:
            accounts.add_staff(session, f"{role.value}@example.org", role, PASSWORD)
        found[role] = Desk(app, module_settings)
        found[role].sign_in(f"{role.value}@example.org")
    return found


@pytest.fixture
def nobody(app: Flask, module_settings: Settings) -> Desk:
    desk = Desk(app, module_settings)
    desk.csrf = desk.token()
    return desk


def walk(app: Flask) -> Iterator[tuple[str, str, Role | None]]:
    """Give every method and address with the least role that the table has for it."""
    for method, rule, path in doors.real(app):
        yield method, path, TABLE.get((method, rule), Role.ADMIN)


def posts(app: Flask) -> list[str]:
    found = [path for method, path, _role in walk(app) if method != "GET"]
    assert len(found) > 70
    return found


def ask(desk: Desk, method: str, path: str):
    if method == "GET":
        return desk.client.get(path, base_url=desk.base)
    return desk.post(path)


def test_every_door_stands_in_the_table_and_no_other(app):
    assert {(method, rule) for method, rule, _path in doors.real(app)} == set(TABLE)


@pytest.mark.parametrize("role", RANKS)
def test_a_role_opens_its_doors_and_no_other(app, people, role):
    desk = people[role]
    for method, path, needed in walk(app):
        if needed is None:
            continue
        answer = ask(desk, method, path)
        may = RANKS.index(role) >= RANKS.index(needed)
        assert answer.status_code in (_LET_IN if may else {403}), (method, path)
        # No page of the desk stays in a shared computer's cache.
        assert answer.headers["Cache-Control"] == "no-store", path


def test_nobody_comes_in_without_signing_in(app, nobody):
    for method, path, needed in walk(app):
        if needed is None:
            continue
        answer = ask(nobody, method, path)
        if method == "GET":
            assert answer.status_code == 303, path
            assert answer.location.startswith("/login?next="), path
        else:
            assert answer.status_code == 401, path
        program = nobody.client.open(
            path,
            method=method,
            base_url=nobody.base,
            headers={**nobody.headers, "Accept": "application/json"},
        )
        assert program.status_code == 401, path
        assert program.mimetype == "application/problem+json", path


def test_what_stands_open_asks_nobody_who_they_are(app, nobody):
    for method, path, needed in walk(app):
        if needed is None:
            # A link that is used up or made up, a directory that there is not.
            answer = ask(nobody, method, path)
            assert answer.status_code in {200, 303, 400, 401, 404, 410, 422}, path
            assert not (answer.location or "").startswith("/login?next="), path


def test_a_closed_account_is_out_at_once_everywhere(app, module_settings):
    with db.Session.begin() as session:
        accounts.add_staff(session, "stangd@example.org", Role.ADMIN, PASSWORD)
        accounts.add_staff(session, "kvar@example.org", Role.ADMIN, PASSWORD)
    desk = Desk(app, module_settings)
    desk.sign_in("stangd@example.org")
    with db.Session.begin() as session:
        found = accounts.find_account(session, "stangd@example.org")
        assert found is not None
        roles.disable_account(session, found, by=None)
    for method, path, needed in walk(app):
        if needed is not None:
            assert ask(desk, method, path).status_code in {303, 401}, path
    assert desk.post("/login", email="stangd@example.org", password=PASSWORD).status_code == 400
    desk.csrf = desk.token()
    assert desk.post("/login", email="stangd@example.org", password=PASSWORD).status_code == 401


class TestEveryPost:
    """An unsafe request needs the token, the desk's own Origin, and the desk's own Host."""

    @pytest.fixture
    def admin(self, people) -> Iterator[Desk]:
        desk = people[Role.ADMIN]
        headers = desk.headers
        yield desk
        desk.headers = headers

    @pytest.mark.parametrize("given", ["none", "empty", "wrong", "of another session", "of before"])
    def test_fails_without_the_token_of_its_session(self, app, admin, people, nobody, given):
        fields = {
            "none": {},
            "empty": {"csrf_token": ""},
            "wrong": {"csrf_token": "wrong"},
            "of another session": {"csrf_token": people[Role.MODERATOR].csrf},
            "of before": {"csrf_token": nobody.csrf},
        }[given]
        token = fields.get("csrf_token", "")
        for path in posts(app):
            answer = admin.client.post(
                path, json={}, headers={**admin.headers, "X-CSRFToken": token}, base_url=admin.base
            )
            assert answer.status_code == 400, path
            if given == "of another session":
                form = admin.client.post(
                    path, data=fields, headers=admin.headers, base_url=admin.base
                )
                # Of an idea that is not there, the page that would keep the words is not there.
                assert form.status_code in {400, 404}, path

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://localhost:8000"},  # the public web: same site, another port
            {"Origin": "https://localhost:8001"},
            {"Origin": "null"},
            {"Origin": "http://localhost:8001.example.org"},
            {"Referer": "http://localhost:8000/councils/x"},
            {"Referer": "http://example.org/http://localhost:8001/"},
            {"Origin": "http://example.org", "Referer": "http://localhost:8001/"},
            {},
        ],
    )
    def test_fails_from_anywhere_else(self, app, admin, headers):
        admin.headers = headers
        for path in posts(app):
            assert admin.post(path).status_code == 403, path

    def test_fails_at_another_host(self, app, admin):
        for path in posts(app):
            answer = admin.client.post(
                path,
                data={"csrf_token": admin.csrf},
                headers=admin.headers,
                base_url="http://evil.example:8001",
            )
            assert answer.status_code == 400, path

    def test_may_name_its_origin_in_the_referer(self, admin):
        admin.headers = {"Referer": "http://localhost:8001/ideas/x"}
        assert admin.post("/account/sessions/end").status_code == 303
