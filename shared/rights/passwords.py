"""The passwords with which the services sign in to the database, each as a role of its own.

Each service is told an address of the database with its own role and password in it. Whoever
migrates is told all of them, and gives the roles these passwords: no other process needs to know
more than its own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from shared.rights.grants import MODERATION_ROLE, NOTIFY_ROLE, SUBMISSION_ROLE, GrantsError
from shared.setting_values import MIN_BEARER_LENGTH, SettingsError

# Where the address of each service stands for whoever migrates.
ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        SUBMISSION_ROLE: "RADSLAG_SUBMISSION_DATABASE_URL",
        MODERATION_ROLE: "RADSLAG_MODERATION_DATABASE_URL",
        NOTIFY_ROLE: "RADSLAG_NOTIFY_DATABASE_URL",
    }
)


def read_passwords(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the password of each role for which the environment has an address with one.

    An address without the sign for a password is of a role that signs in by other means. Raises
    SettingsError for one of another user, and for a password that is missing or short.
    """
    found = {}
    for role, name in ADDRESSES.items():
        address = environment.get(name, "").strip()
        if not address:
            continue
        try:
            parts = urlsplit(address)
        except ValueError:
            raise SettingsError(f"{name} must start with postgresql://{role}:…@.") from None
        if unquote(parts.username or "") != role:
            raise SettingsError(f"{name} must start with postgresql://{role}:…@.")
        if parts.password is None:
            continue
        password = unquote(parts.password)
        if len(password) < MIN_BEARER_LENGTH:
            raise SettingsError(
                f"{name} must hold a password of {MIN_BEARER_LENGTH} characters or more, between "
                f"postgresql://{role}: and @."
            )
        found[role] = password
    return found


def give_passwords(
    connection: Connection, database_url: str, passwords: Mapping[str, str]
) -> list[str]:
    """Give each role its password where it cannot sign in with it; return what was done.

    The server gets a hash that was made here, so that no log of statements can hold a password.
    Raises GrantsError where this user may not.
    """
    done = []
    for role, password in passwords.items():
        if _signs_in(database_url, role, password):
            continue
        raw: psycopg.Connection[object] | None = connection.connection.driver_connection
        if raw is None:
            raise AssertionError("a connection that is open has a driver's")
        verifier = raw.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        try:
            connection.exec_driver_sql(f"ALTER ROLE {role} PASSWORD '{verifier.decode()}'")
        except ProgrammingError as error:
            if not isinstance(error.orig, InsufficientPrivilege | psycopg.errors.UndefinedObject):
                raise
            raise GrantsError(
                f"This user may not give {role} its password: run `CREATE ROLE {role} LOGIN` "
                f"unless it is there and `\\password {role}` as an administrator of the server, "
                f"then `radslag migrate` again."
            ) from None
        done.append(f"{role} has the password of {ADDRESSES[role]}")
    return done


def _signs_in(database_url: str, role: str, password: str) -> bool:
    address = make_conninfo(database_url, user=role, password=password, connect_timeout=3)
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True
