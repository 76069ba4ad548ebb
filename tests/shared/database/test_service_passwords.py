"""The password of each service's role: read from its address, given once, never said."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session as SqlSession

from shared.rights import passwords
from shared.rights.grants import GrantsError
from shared.setting_values import SettingsError

ROLE = "radslag_notify"
NAME = passwords.ADDRESSES[ROLE]
PASSWORD = "ett långt % lösen/ord: 1@2"
WRITTEN = "ett%20l%C3%A5ngt%20%25%20l%C3%B6sen%2Ford%3A%201%402"
# Nobody listens there, so nobody can sign in.
NOWHERE = "postgresql://127.0.0.1:9/radslag"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("", {}),
        ("  ", {}),
        (f"postgresql://{ROLE}@db/radslag", {}),
        (f"postgresql://{ROLE}:{'p' * 16}@db/radslag", {ROLE: "p" * 16}),
        (f"postgresql://{ROLE}:{WRITTEN}@db:5432/radslag?sslmode=require", {ROLE: PASSWORD}),
    ],
)
def test_it_stands_in_the_address(address, found):
    assert passwords.read_passwords({NAME: address}) == found


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (f"postgresql://{ROLE}:@db/radslag", "must hold a password of 16 characters"),
        (f"postgresql://{ROLE}:{'p' * 15}@db/radslag", "must hold a password of 16 characters"),
        (f"postgresql://radslag:{'p' * 16}@db/radslag", f"postgresql://{ROLE}:…@"),
        ("postgresql://db/radslag", f"postgresql://{ROLE}:…@"),
        ("postgresql://[db/radslag", f"postgresql://{ROLE}:…@"),
    ],
)
def test_what_is_no_such_address_is_named_without_its_password(address, says):
    with pytest.raises(SettingsError) as refused:
        passwords.read_passwords({NAME: address})
    assert says in str(refused.value)
    assert NAME in str(refused.value)
    assert "ppp" not in str(refused.value)


def verifies(verifier: str, password: str) -> bool:
    """Whether a SCRAM verifier is that of a password (RFC 5803)."""
    found = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):.+", verifier)
    assert found is not None
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(found[2]), int(found[1]))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return b64encode(stored).decode() == found[3]


def password_of(unit: SqlSession, role: str = ROLE) -> str | None:
    found: str | None = unit.scalar(
        text("SELECT rolpassword FROM pg_authid WHERE rolname = :role"), {"role": role}
    )
    return found


def test_a_role_that_cannot_sign_in_gets_it_and_no_statement_holds_it(unit: SqlSession):
    connection = unit.connection()
    statements: list[str] = []
    event.listen(
        connection,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_more: statements.append(statement),
    )
    told = passwords.give_passwords(connection, NOWHERE, {ROLE: PASSWORD})
    assert told == [f"{ROLE} has the password of {NAME}"]
    assert verifies(password_of(unit) or "", PASSWORD)
    assert not verifies(password_of(unit) or "", PASSWORD + "1")
    assert password_of(unit, "radslag_submission") is None
    assert statements
    assert PASSWORD not in "".join((*statements, *told))


def test_one_that_signs_in_with_it_is_left_alone(unit: SqlSession, module_settings):
    given = {ROLE: PASSWORD}
    assert passwords.give_passwords(unit.connection(), module_settings.database_url, given) == []
    assert password_of(unit) is None


@pytest.mark.parametrize("role", [ROLE, "radslag_that_is_not_there"])
def test_who_may_not_says_what_an_administrator_does(unit: SqlSession, monkeypatch, role):
    monkeypatch.setattr(passwords, "ADDRESSES", {role: NAME})
    if role == ROLE:
        unit.execute(text("SET LOCAL SESSION AUTHORIZATION radslag_moderation"))
    with pytest.raises(GrantsError) as refused:
        passwords.give_passwords(unit.connection(), NOWHERE, {role: PASSWORD})
    assert f"\\password {role}" in str(refused.value)
    assert PASSWORD not in str(refused.value)
