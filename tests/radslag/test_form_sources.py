"""`radslag forms`: sources from the machine, and their secrets, which are printed once."""

import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from radslag.cli import main
from services.submission.hooks.secrets import hash_secret
from shared import db
from shared.models import AuditEntry, FormSource
from tests.factories import a_council


@pytest.fixture
def forms(environment, monkeypatch, settings):
    """Run the command on this test's system."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    db.configure_sessions(settings)
    with db.Session.begin() as session:
        a_council(session, slug="motesplatser")
    db.close_connections()

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["forms", *arguments])

    return invoke


def test_a_source_is_added_listed_gets_a_new_secret_and_is_turned_off(forms, settings):
    made = forms("add", "Kontakt på webben", "--council", "motesplatser", "--json")
    assert made.exit_code == 0
    told = json.loads(made.stdout)
    assert set(told) == {"source", "secret", "url"}
    assert told["source"] == "kontakt-pa-webben"
    assert told["url"] == "http://localhost:8000/hooks/forms/kontakt-pa-webben"
    again = json.loads(forms("secret", "Kontakt på webben", "--json").stdout)
    assert again["secret"] not in {None, told["secret"]}
    db.configure_sessions(settings)
    with db.Session() as session:
        source = session.scalars(select(FormSource)).one()
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    db.close_connections()
    assert source.secret_sha256 == hash_secret(again["secret"])
    assert source.old_sha256 == hash_secret(told["secret"])
    assert source.secret_seen_at is not None
    assert actions == ["form_source.added", "form_source.secret_changed"]
    assert forms("off", "kontakt-pa-webben").exit_code == 0
    [row] = map(json.loads, forms("list", "--json").stdout.splitlines())
    assert (row["source"], row["council"], row["on"], row["last_seen"]) == (
        *("kontakt-pa-webben", "motesplatser"),
        *(False, None),
    )
    assert told["secret"] not in forms("list").stdout
    assert forms("on", "kontakt-pa-webben").exit_code == 0
    assert json.loads(forms("list", "--json").stdout)["on"] is True


def test_for_people_the_secret_and_the_address_are_said_in_words(forms):
    said = forms("add", "Kontakt", "--council", "motesplatser").stdout
    assert "http://localhost:8000/hooks/forms/kontakt" in said
    assert "whsec_" in said
    assert "whsec_" in forms("secret", "kontakt").stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("add", "Kontakt", "--council", "finns-inte"), 2),
        (("add", "!!!", "--council", "motesplatser"), 2),
        (("add", "Kontakt"), 2),
        (("secret", "finns inte"), 1),
        (("off", "finns inte"), 1),
        (("on", "!!!"), 1),
    ],
)
def test_what_is_not_there_is_said(forms, arguments, code):
    ended = forms(*arguments)
    assert ended.exit_code == code
    assert "Traceback" not in ended.output


def test_a_name_is_there_once(forms):
    assert forms("add", "Kontakt", "--council", "motesplatser").exit_code == 0
    assert forms("add", "kontakt", "--council", "motesplatser").exit_code == 1
