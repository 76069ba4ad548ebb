"""`radslag staff`: accounts from the machine, when nobody can get in at the desk."""

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from radslag.cli import main
from shared import db
from shared.models import Invitation, Role, Staff

ADA = "ada@example.org"


@pytest.fixture
def staff(environment, monkeypatch):
    """Run the command on this test's system; return its exit code."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def invoke(*arguments: str, given: str | None = None) -> int:
        return CliRunner().invoke(main, ["staff", *arguments], input=given).exit_code

    return invoke


def test_one_is_made_changed_closed_and_opened_but_the_last_administrator_stays(staff, settings):
    password = "ett långt lösenord\n"
    as_admin = ("--role", "admin", "--password-stdin")
    assert staff("add", ADA, *as_admin, given=password) == 0
    assert staff("disable", ADA) == 1
    assert staff("role", ADA, "reader") == 1
    assert (
        staff("add", "bo@example.org", "--role", "admin", "--password-stdin", given=password) == 0
    )
    assert staff("role", ADA, "reader") == 0
    assert staff("disable", ADA) == 0
    assert staff("enable", ADA) == 0
    assert staff("reset-second-factor", ADA) == 0
    assert staff("disable", "ingen@example.org") == 1
    db.configure_sessions(settings)
    with db.Session() as session:
        found = session.scalars(select(Staff).where(Staff.email == ADA)).one()
    db.close_connections()
    assert (found.role, found.disabled_at) == (Role.READER, None)


def test_without_a_terminal_the_password_is_read_and_nothing_is_said_of_it(
    staff, settings, recwarn
):
    assert staff("add", ADA, "--role", "reader", given="ett långt lösenord\n") == 0
    assert staff("add", "bo@example.org", "--role", "reader", given="") == 2
    assert [str(each.message) for each in recwarn] == []
    db.configure_sessions(settings)
    with db.Session() as session:
        assert session.scalars(select(Staff.email)).all() == [ADA]
    db.close_connections()


def test_what_is_wrong_is_said_in_one_language(environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = []
    for language in ("sv", "en"):
        arguments = ["staff", "add", "inte en adress", "--role", "reader", "--password-stdin"]
        env = {"RADSLAG_LANG": language}
        said.append(CliRunner(env=env).invoke(main, arguments, input="ett långt lösenord\n").output)
    assert "mejl" in said[0].lower() or "adress" in said[0]
    assert said[0] != said[1]
    assert not set("åäö") & set(said[1])


def test_one_is_invited_by_mail(staff, settings):
    assert staff("invite", ADA, "--role", "moderator") == 0
    assert staff("invite", "inte en adress", "--role", "moderator") == 2
    db.configure_sessions(settings)
    with db.Session() as session:
        assert session.scalar(select(func.count()).select_from(Invitation)) == 1
    db.close_connections()
