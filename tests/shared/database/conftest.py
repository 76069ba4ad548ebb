"""One migrated database for all of these tests; each has a transaction that is rolled back."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from tests.databases import copied
from tests.shared.database.rows import Rows


@pytest.fixture(scope="session")
def shared_database_url(servers: tuple[Postgres, Valkey]) -> Iterator[str]:
    """A migrated database that nothing is ever committed to."""
    with copied(servers[0], "rules_of_the_database") as url:
        yield url


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
    # The one row that migrations leave.
    connection.execute("DELETE FROM served_code")
    return Rows(connection)
