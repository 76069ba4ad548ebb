"""Databases of tests: copies of the migrated one, or of one that was filled for a whole file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session as SqlSession

from radslag.embedded.postgres import Postgres
from shared import db
from shared.config import Settings

# Copies that nobody uses any more, on which server.
_left: list[tuple[Postgres, str]] = []


@contextmanager
def copied(postgres: Postgres, name: str, template: str = "radslag") -> Iterator[str]:
    """Copy a database, the migrated one unless told otherwise, and give the copy's address.

    It goes when the next one comes: a server that is asked at once finds connections that are just
    ending, and waits a tenth of a second before it looks again.
    """
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        for each in [each for each in _left if each[0] is postgres]:
            connection.execute(f"DROP DATABASE {each[1]} WITH (FORCE)")
            _left.remove(each)
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield postgres.url_of(name)
    finally:
        _left.append((postgres, name))


@contextmanager
def filled(
    postgres: Postgres, name: str, fill: Callable[[SqlSession], None], template: str = "radslag"
) -> Iterator[str]:
    """Make a database, fill it in one transaction, and give its name as a template."""
    with copied(postgres, name, template) as url:
        db.configure_sessions(settings_of(url))
        try:
            with db.Session.begin() as session:
                fill(session)
        finally:
            db.close_connections()
        yield name


def without_indexes(session: SqlSession) -> None:
    """Read tables as they lie from here on: an order that nobody asked for is then another one."""
    for kind in ("indexscan", "indexonlyscan", "bitmapscan"):
        session.execute(text(f"SET LOCAL enable_{kind} = off"))


def settings_of(database_url: str) -> Settings:
    """Return the settings of a system on a database, for what needs no other server."""
    return Settings.from_env(
        {
            "RADSLAG_DATABASE_URL": database_url,
            "RADSLAG_BROKER_URL": "redis://localhost",
            "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
            "RADSLAG_PUBLIC_URL": "http://localhost:8000",
            "RADSLAG_DESK_URL": "http://localhost:8001",
            "RADSLAG_SMTP_URL": "smtp://localhost",
        }
    )


def run_in(session: SqlSession) -> Callable[[TextClause, Mapping[str, Any]], Sequence[Row[Any]]]:
    """What runs a statement in a unit of work, where the web uses `shared.db.run_alone`."""
    return lambda statement, parameters: session.execute(statement, parameters).all()
