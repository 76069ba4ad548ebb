"""The one database: engines and units of work.

Entrypoints (views, tasks, commands) open `Session.begin()`; returning commits, raising rolls back,
and nothing below them commits. `PublicSession` reads the public views under a database role that
can read nothing else. What every connection must have: `shared.rights.session_rules`.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import namedtuple_row
from sqlalchemy import (
    BindParameter,
    Connection,
    DateTime,
    Engine,
    TextClause,
    bindparam,
    create_engine,
    event,
)
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import sessionmaker

from shared.clock import utcnow
from shared.config import Settings, sqlalchemy_url
from shared.rights.grants import PUBLIC_ROLE, SERVICES
from shared.rights.session_rules import SessionRules, is_behind_pooler, verify_connection

# Connections that a process keeps when nobody uses them: as many as a web has threads.
KEPT = 8
_PUBLIC_TIMEOUT_S = 5

Session = sessionmaker(expire_on_commit=False)
PublicSession = sessionmaker(expire_on_commit=False)
# For looks on which nothing depends but whether to do something: in no transaction.
LookSession = sessionmaker(expire_on_commit=False)

_engines: list[Engine] = []


def make_engine(
    database_url: str,
    *,
    statement_timeout_s: int = 30,
    role: str | None = None,
    **more: Any,
) -> Engine:
    """Make an engine whose errors never quote a row and whose statements never run for ever."""
    usual: dict[str, Any] = {
        # A restarted database is noticed before a request meets a dead connection.
        "pool_pre_ping": True,
        # One for each thread of a web's process is kept. More come for a while where more threads
        # ask, as those that send to webhooks do.
        "pool_size": KEPT,
        "max_overflow": 15 - KEPT,
        "pool_timeout": 5,
    }
    rules = _rules_for(database_url, statement_timeout_s, role)
    engine = create_engine(
        sqlalchemy_url(database_url),
        connect_args=_connect_args(rules),
        hide_parameters=True,
        **(usual | more),
    )
    event.listen(engine, "connect", lambda made, _record: verify_connection(made, rules))
    event.listen(engine, "begin", lambda connection: _set_rules(connection, rules))
    return engine


def _rules_for(
    database_url: str, statement_timeout_s: int, role: str | None = None
) -> SessionRules:
    """Return what a connection to this address must have: it is a service's own, if it says so."""
    address = make_url(sqlalchemy_url(database_url))
    user = address.username or address.query.get("user")
    own = user if isinstance(user, str) and user in SERVICES else None
    return SessionRules(statement_timeout_s, role, own)


def _connect_args(rules: SessionRules) -> dict[str, Any]:
    return {
        "connect_timeout": 3,
        "options": rules.startup_options,
        "application_name": "radslag",
    }


def _set_rules(connection: Connection, rules: SessionRules) -> None:
    """Set at the beginning of a transaction what its connection could not be opened with."""
    raw: psycopg.Connection[Any] | None = connection.connection.driver_connection
    if raw is not None and is_behind_pooler(raw) and not raw.autocommit:
        connection.exec_driver_sql(rules.set_in_transaction())


@cache
def _dialect() -> Dialect:
    return make_url("postgresql+psycopg://").get_dialect()()


class _Alone:
    """Connections for statements that are a transaction of their own: one journey for each.

    No ping before, no BEGIN, no COMMIT, no ROLLBACK after, and no layer that writes the statement
    down anew. There are as many as threads ask at one time, and KEPT are kept.
    """

    def __init__(self) -> None:
        self._arguments: dict[str, Any] = {}
        self._rules = SessionRules(0)
        self._idle: deque[psycopg.Connection[Any]] = deque()

    def configure(self, database_url: str, rules: SessionRules) -> None:
        """Say where connections lead from now on, and what each must have."""
        _none, address = _dialect().create_connect_args(make_url(sqlalchemy_url(database_url)))
        self._arguments = {**address, **_connect_args(rules)}
        self._rules = rules

    def take(self) -> psycopg.Connection[Any]:
        """Return one that nobody else has, until it is given back."""
        with suppress(IndexError):
            return self._idle.pop()
        made = psycopg.connect(**self._arguments, autocommit=True, row_factory=namedtuple_row)
        verify_connection(made, self._rules)
        return made

    @contextmanager
    def with_rules(self, connection: psycopg.Connection[Any]) -> Iterator[bool]:
        """Give a statement what its connection must have; say whether it may be prepared.

        Behind a pooler that is a transaction around it.
        """
        if not is_behind_pooler(connection):
            yield True
            return
        with connection.transaction():
            connection.execute(self._rules.set_in_transaction())
            yield False

    def give_back(self, connection: psycopg.Connection[Any]) -> None:
        """Take one back whose statement is done."""
        if len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Give back all that nobody uses at the moment."""
        while self._idle:
            self._idle.pop().close()

    def forget(self) -> None:
        """Leave them to the process that made them."""
        self._idle.clear()


_alone = _Alone()
# The same for one question to the public views, under their role.
_glancing = _Alone()
# What each of those connections has prepared.
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


def configure_sessions(settings: Settings, *, statement_timeout_s: int = 30) -> None:
    """Bind both session makers; called once by each process at its start."""
    close_connections()
    engine = make_engine(settings.database_url, statement_timeout_s=statement_timeout_s)
    public = make_engine(
        settings.public_database_url or settings.database_url,
        statement_timeout_s=_PUBLIC_TIMEOUT_S,
        role=PUBLIC_ROLE,
    )
    _alone.configure(settings.database_url, _rules_for(settings.database_url, statement_timeout_s))
    of_public = settings.public_database_url or settings.database_url
    _glancing.configure(of_public, _rules_for(of_public, _PUBLIC_TIMEOUT_S, PUBLIC_ROLE))
    # What the verbs must know of the settings travels with the unit of work.
    told = {
        "semantic": settings.semantic,
        "timezone": settings.timezone,
        "hosts": settings.own_hosts,
    }
    Session.configure(bind=engine, info=told)
    PublicSession.configure(bind=public)
    LookSession.configure(bind=engine.execution_options(isolation_level="AUTOCOMMIT"), info=told)
    _engines.extend((engine, public))


def run_alone(statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Run one statement as a transaction of its own, in one journey, and return its rows.

    A connection that turns out to be lost is replaced, and the statement is run once more: it must
    be one that may be run again when only its answer was lost. Raises what the database says, as
    the units of work do.
    """
    written = _written(statement)
    for last_try in (False, True):
        try:
            connection = _alone.take()
        except psycopg.Error as error:
            raise _as_elsewhere(error) from error
        try:
            with _alone.with_rules(connection) as prepare:
                rows = connection.execute(written, parameters, prepare=prepare).fetchall()
        except BaseException as error:
            lost = connection.broken
            connection.close()
            if lost:
                # What ended this one, a restart mostly, ended those that lie idle too.
                _alone.close()
            if not isinstance(error, psycopg.Error):
                raise
            if last_try or not lost:
                raise _as_elsewhere(error) from error
            continue
        _alone.give_back(connection)
        return rows
    raise AssertionError("unreachable")


def ask_public_views(statement: str, *parameters: bytes) -> list[tuple[bytes | None, ...]]:
    """Ask the public views one question, prepared, at the least possible cost.

    For what is asked for each page that is shown: in the words of libpq ($1, bytes in and out) a
    tenth of what a session takes. A connection that turns out to be lost is replaced. Raises what
    the database says, as the units of work do.
    """
    for last_try in (False, True):
        try:
            connection = _glancing.take()
        except psycopg.Error as error:
            raise _as_elsewhere(error) from error
        try:
            with _glancing.with_rules(connection) as prepare:
                ask = _ask_prepared if prepare else _ask_once
                rows = ask(connection, statement, parameters)
        except psycopg.Error as error:
            lost = connection.broken
            connection.close()
            if lost:
                _glancing.close()
            if last_try or not lost:
                raise _as_elsewhere(error) from error
            continue
        _glancing.give_back(connection)
        return rows
    raise AssertionError("unreachable")


def _ask_prepared(
    connection: psycopg.Connection[Any], statement: str, parameters: Sequence[bytes]
) -> list[tuple[bytes | None, ...]]:
    names = _prepared.setdefault(connection, {})
    if statement not in names:
        name = b"glance_%d" % len(names)
        _require(connection.pgconn.prepare(name, statement.encode()), ExecStatus.COMMAND_OK)
        names[statement] = name
    return _read_rows(connection.pgconn.exec_prepared(names[statement], parameters))


def _ask_once(
    connection: psycopg.Connection[Any], statement: str, parameters: Sequence[bytes]
) -> list[tuple[bytes | None, ...]]:
    return _read_rows(connection.pgconn.exec_params(statement.encode(), parameters))


def _read_rows(found: PGresult) -> list[tuple[bytes | None, ...]]:
    _require(found, ExecStatus.TUPLES_OK)
    columns = range(found.nfields)
    return [tuple(found.get_value(row, at) for at in columns) for row in range(found.ntuples)]


def _require(result: PGresult, status: ExecStatus) -> None:
    if result.status != status:
        raise error_from_result(result)


@cache
def _written(statement: TextClause) -> str:
    return str(statement.compile(dialect=_dialect()))


def _as_elsewhere(error: psycopg.Error) -> DBAPIError:
    """Say it in the words of the units of work, so that nobody must know both."""
    told = DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True)
    return cast("DBAPIError", told)


def when_run(moment: Callable[[], datetime] = utcnow) -> BindParameter[datetime]:
    """Return a parameter whose value is asked for each time its statement runs.

    So a statement that is long to build can be built once and be kept.
    """
    return bindparam(None, callable_=moment, type_=DateTime(timezone=True), unique=True)


def close_connections() -> None:
    """Give all connections back."""
    _glancing.close()
    _alone.close()
    while _engines:
        _engines.pop().dispose()


def give_back_idle() -> None:
    """Give all connections back for now; whoever asks next makes a new one."""
    _glancing.close()
    _alone.close()
    for engine in _engines:
        engine.dispose()


def forget_inherited_connections() -> None:
    """After a fork: leave the parent's connections alone and begin with none."""
    for engine in _engines:
        engine.dispose(close=False)
    _glancing.forget()
    _alone.forget()
