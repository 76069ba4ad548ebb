"""One migrated database for all of these tests; each has a transaction that is rolled back."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from tests.shared.database.rows import Rows

_NAME = "rules_of_the_database"


@pytest.fixture(scope="session")
def shared_database_url(servers: tuple[Postgres, Valkey]) -> Iterator[str]:
    """A migrated database that nothing is ever committed to."""
    postgres = servers[0]
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {_NAME} TEMPLATE radslag STRATEGY FILE_COPY")
        yield postgres.url_of(_NAME)
        connection.execute(f"DROP DATABASE {_NAME} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared_connection(shared_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(shared_database_url, row_factory=dict_row) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.commit()
        yield connection


@pytest.fixture
def connection(shared_connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A transaction of this test's own."""
    with shared_connection.transaction(force_rollback=True):
        yield shared_connection


@pytest.fixture
def rows(connection: psycopg.Connection) -> Rows:
    """Valid rows of every table, by plain SQL."""
    return Rows(connection)
