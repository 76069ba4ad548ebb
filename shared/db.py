"""The one database: engines and units of work.

Entrypoints (views, tasks, commands) open `Session.begin()`; returning commits, raising rolls back,
and nothing below them commits. `PublicSession` reads the public views under a database role that
can read nothing else.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from sqlalchemy import (
    BindParameter,
    DateTime,
    Engine,
    PoolProxiedConnection,
    Row,
    TextClause,
    bindparam,
    create_engine,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import sessionmaker

from shared.clock import utcnow
from shared.config import Settings, sqlalchemy_url

PUBLIC_ROLE = "radslag_public"

Session = sessionmaker(expire_on_commit=False)
PublicSession = sessionmaker(expire_on_commit=False)

_engines: list[Engine] = []
_alone: list[Engine] = []
_glancing: list[Engine] = []


def make_engine(
    database_url: str,
    *,
    statement_timeout_s: int = 30,
    role: str | None = None,
    **more: Any,
) -> Engine:
    """Make an engine whose errors never quote a row and whose statements never run for ever."""
    options = [
        f"-c statement_timeout={statement_timeout_s * 1000}",
        "-c lock_timeout=10000",
        "-c idle_in_transaction_session_timeout=120000",
        "-c timezone=UTC",
    ]
    if role is not None:
        options += [f"-c role={role}", "-c default_transaction_read_only=on"]
    connect_args: dict[str, Any] = {
        "connect_timeout": 3,
        "options": " ".join(options),
        "application_name": "radslag",
    }
    usual: dict[str, Any] = {
        # A restarted database is noticed before a request meets a dead connection.
        "pool_pre_ping": True,
        "pool_size": 10,
        "max_overflow": 5,
        "pool_timeout": 5,
    }
    return create_engine(
        sqlalchemy_url(database_url),
        connect_args=connect_args,
        hide_parameters=True,
        **(usual | more),
    )


def configure(settings: Settings, *, statement_timeout_s: int = 30) -> None:
    """Bind both session makers; called once by each process at its start."""
    close()
    engine = make_engine(settings.database_url, statement_timeout_s=statement_timeout_s)
    public = make_engine(
        settings.public_database_url or settings.database_url,
        statement_timeout_s=5,
        role=PUBLIC_ROLE,
    )
    # One journey for one statement: no ping before, no BEGIN, no COMMIT, no ROLLBACK after.
    alone = make_engine(
        settings.database_url,
        statement_timeout_s=statement_timeout_s,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=False,
        pool_reset_on_return=None,
    )
    glancing = make_engine(
        settings.public_database_url or settings.database_url,
        statement_timeout_s=5,
        role=PUBLIC_ROLE,
        isolation_level="AUTOCOMMIT",
        pool_pre_ping=False,
        pool_reset_on_return=None,
        # Each question takes a millisecond: few connections are enough to keep.
        pool_size=2,
        max_overflow=13,
    )
    # What the verbs must know of the settings travels with the unit of work.
    told = {"semantic": settings.semantic, "timezone": settings.timezone}
    Session.configure(bind=engine, info=told)
    PublicSession.configure(bind=public)
    _alone[:] = [alone]
    _glancing[:] = [glancing]
    _engines.extend((engine, public, alone, glancing))


def run_alone(statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Run one statement as a transaction of its own, in one journey, and return its rows.

    A connection that turns out to be lost is replaced, and the statement is run once more: it must
    be one that may be run again when only its answer was lost. Raises what the database says.
    """
    (engine,) = _alone
    for last_try in (False, True):
        try:
            with engine.connect() as connection:
                return connection.execute(statement, parameters).all()
        except DBAPIError as error:
            if last_try or not error.connection_invalidated:
                raise
    raise AssertionError("unreachable")


def glance(statement: str, *parameters: bytes) -> list[tuple[bytes | None, ...]]:
    """Ask the public views one question, prepared, at the least possible cost.

    For what is asked for each page that is shown: in the words of libpq ($1, bytes in and out) a
    tenth of what a session takes. A connection that turns out to be lost is replaced. Raises what
    the database says.
    """
    (engine,) = _glancing
    with suppress(psycopg.Error):
        borrowed = engine.raw_connection()
        try:
            return _ask_prepared(borrowed, statement, parameters)
        except psycopg.Error:
            borrowed.invalidate()
            raise
        finally:
            borrowed.close()
    # Once more, the long way: what happens now is told as of any other statement.
    plain = re.sub(r"\$\d", "%s", statement)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(plain, tuple(each.decode() for each in parameters))
        return [tuple(None if each is None else str(each).encode() for each in row) for row in rows]


def _ask_prepared(
    borrowed: PoolProxiedConnection, statement: str, parameters: Sequence[bytes]
) -> list[tuple[bytes | None, ...]]:
    driver: Any = borrowed.driver_connection
    names: dict[str, bytes] = borrowed.info.setdefault("prepared", {})
    if statement not in names:
        name = b"glance_%d" % len(names)
        _require(driver.pgconn.prepare(name, statement.encode()), ExecStatus.COMMAND_OK)
        names[statement] = name
    found = driver.pgconn.exec_prepared(names[statement], parameters)
    _require(found, ExecStatus.TUPLES_OK)
    columns = range(found.nfields)
    return [tuple(found.get_value(row, at) for at in columns) for row in range(found.ntuples)]


def _require(result: PGresult, status: ExecStatus) -> None:
    if result.status != status:
        # Asked the long way, it says what is wrong.
        raise psycopg.OperationalError


def when_run(moment: Callable[[], datetime] = utcnow) -> BindParameter[datetime]:
    """Return a parameter whose value is asked for each time its statement runs.

    So a statement that is long to build can be built once and be kept.
    """
    return bindparam(None, callable_=moment, type_=DateTime(timezone=True), unique=True)


def close() -> None:
    """Give all connections back."""
    _alone.clear()
    _glancing.clear()
    while _engines:
        _engines.pop().dispose()


def forget_inherited_connections() -> None:
    """After a fork: leave the parent's connections alone and begin with none."""
    for engine in _engines:
        engine.dispose(close=False)
