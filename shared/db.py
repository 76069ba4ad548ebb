"""The one database: engines and units of work.

Entrypoints (views, tasks, commands) open `Session.begin()`; returning commits, raising rolls back,
and nothing below them commits. `PublicSession` reads the public views under a database role that
can read nothing else.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, DateTime, Engine, bindparam, create_engine
from sqlalchemy.orm import sessionmaker

from shared.clock import utcnow
from shared.config import Settings, sqlalchemy_url

PUBLIC_ROLE = "radslag_public"

Session = sessionmaker(expire_on_commit=False)
PublicSession = sessionmaker(expire_on_commit=False)

_engines: list[Engine] = []


def make_engine(
    database_url: str,
    *,
    statement_timeout_s: int = 30,
    role: str | None = None,
    pool_size: int = 10,
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
    return create_engine(
        sqlalchemy_url(database_url),
        connect_args=connect_args,
        # A restarted database is noticed before a request meets a dead connection.
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=5,
        hide_parameters=True,
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
    # What the verbs must know of the settings travels with the unit of work.
    told = {"semantic": settings.semantic, "timezone": settings.timezone}
    Session.configure(bind=engine, info=told)
    PublicSession.configure(bind=public)
    _engines.extend((engine, public))


def when_run(moment: Callable[[], datetime] = utcnow) -> BindParameter[datetime]:
    """Return a parameter whose value is asked for each time its statement runs.

    So a statement that is long to build can be built once and be kept.
    """
    return bindparam(None, callable_=moment, type_=DateTime(timezone=True), unique=True)


def close() -> None:
    """Give all connections back."""
    while _engines:
        _engines.pop().dispose()


def forget_inherited_connections() -> None:
    """After a fork: leave the parent's connections alone and begin with none."""
    for engine in _engines:
        engine.dispose(close=False)
