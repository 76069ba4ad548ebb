"""What each connection to the database must have, whoever stands in between, and how it gets it.

A connection asks for it when it is opened. A pooler such as PgBouncer may swallow that without a
word, and the public's pages would then be read with every right. So each new connection is asked
what it has, in one query. Where it has less, it is set in each transaction, which holds in every
mode of a pooler; where not even that helps, the connection is refused.
"""

from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import psycopg

LOCK_TIMEOUT_S = 10
IDLE_TIMEOUT_S = 120


class UnsafeSessionError(psycopg.OperationalError):
    """A connection has not what it must have; the text is a sentence that names it."""


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long a statement may take; with a role: as whom, and reading only.

    With a `user`: whose the connection must be. A pooler may be told to sign in as somebody else.
    """

    statement_timeout_s: int
    role: str | None = None
    user: str | None = None

    @property
    def startup_options(self) -> str:
        """Return what a connection asks for when it is opened."""
        return " ".join(f"-c {name}={value}" for name, value in self._asked().items())

    def set_in_transaction(self) -> str:
        """Return the statement that sets it until the end of the transaction."""
        settings = self._asked()
        read_only = settings.pop("default_transaction_read_only", None)
        if read_only is not None:
            settings["transaction_read_only"] = read_only
        calls = [
            f"set_config('{name}', '{value}', true) AS {name}" for name, value in settings.items()
        ]
        return f"SELECT {', '.join(calls)}"

    def find_missing(self, connection: psycopg.Connection[Any]) -> list[str]:
        """Return the names of what this connection has not, as it is now."""
        wanted: dict[str, object] = {
            "transaction_read_only": "off" if self.role is None else "on",
            "TimeZone": "UTC",
            "statement_timeout": self.statement_timeout_s,
            "lock_timeout": LOCK_TIMEOUT_S,
            "idle_in_transaction_session_timeout": IDLE_TIMEOUT_S,
        }
        if self.role is not None or self.user is not None:
            wanted["current_user"] = self.role or self.user
        found = connection.execute(_ASK).fetchone()
        has = dict(zip(_ASKED, tuple(found or ()), strict=True))
        return [name for name, value in wanted.items() if has[name] != value]

    def _asked(self) -> dict[str, str]:
        settings = {
            "statement_timeout": str(self.statement_timeout_s * 1000),
            "lock_timeout": str(LOCK_TIMEOUT_S * 1000),
            "idle_in_transaction_session_timeout": str(IDLE_TIMEOUT_S * 1000),
            "timezone": "UTC",
        }
        if self.role is not None:
            settings |= {"role": self.role, "default_transaction_read_only": "on"}
        return settings


_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# What is asked, under which name: a time as seconds, however the server writes it.
_ASKED = {
    "current_user": "CAST(current_user AS text)",
    "transaction_read_only": "current_setting('transaction_read_only')",
    "TimeZone": "current_setting('TimeZone')",
    **{
        name: f"CAST(extract(epoch FROM CAST(current_setting('{name}') AS interval)) AS int)"
        for name in _TIMEOUTS
    },
}
_ASK = "SELECT " + ", ".join(f'{asked} AS "{name}"' for name, asked in _ASKED.items())

# Connections on which it must be set in each transaction.
_behind_poolers: WeakSet[psycopg.Connection[Any]] = WeakSet()


def verify_connection(connection: psycopg.Connection[Any], rules: SessionRules) -> None:
    """Make sure that a new connection has what it must have.

    Closes it and raises UnsafeSessionError when it has not and cannot be given it.
    """
    before = connection.autocommit
    connection.autocommit = True
    try:
        missing = rules.find_missing(connection) and _set_each_time(connection, rules)
        connection.autocommit = before
    except BaseException:
        connection.close()
        raise
    if missing:
        connection.close()
        raise UnsafeSessionError(
            f"A connection to the database has not what it must have ({', '.join(missing)}), "
            f"and does not take it: see docs/database.md."
        )


def _set_each_time(connection: psycopg.Connection[Any], rules: SessionRules) -> list[str]:
    """Set it in each transaction from now on; return what is missing all the same."""
    _behind_poolers.add(connection)
    # What one transaction prepares is not there in the next.
    connection.prepare_threshold = None
    try:
        with connection.transaction():
            connection.execute(rules.set_in_transaction())
            return rules.find_missing(connection)
    except psycopg.OperationalError:
        raise
    except psycopg.DatabaseError:
        # There is no such role, or we may not be it.
        return ["role"]


def is_behind_pooler(connection: psycopg.Connection[Any]) -> bool:
    """Whether what it must have is to be set in each transaction."""
    return connection in _behind_poolers
