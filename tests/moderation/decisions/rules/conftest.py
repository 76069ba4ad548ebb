"""One database for all rules of decisions; each test in a transaction that is rolled back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session as SqlSession

from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from shared.db import make_engine
from shared.models import Council, Staff
from tests.databases import copied
from tests.factories import a_council, a_member_of_staff, a_rule


@contextmanager
def an_engine(postgres: Postgres, name: str) -> Iterator[Engine]:
    """A migrated database of its own."""
    with copied(postgres, name) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def rules_engine(
    servers: tuple[Postgres, Valkey], database_counter: Iterator[int]
) -> Iterator[Engine]:
    """The database where nothing stays."""
    with an_engine(servers[0], f"test_{next(database_counter)}") as engine:
        yield engine


@pytest.fixture
def session(rules_engine: Engine) -> Iterator[SqlSession]:
    """A session whose commits are savepoints: nothing of it is left for the next test."""
    with rules_engine.connect() as connection, connection.begin() as transaction:
        with SqlSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as opened:
            yield opened
        transaction.rollback()


@pytest.fixture
def council(session: SqlSession) -> Council:
    a_rule(session)
    return a_council(session)


@pytest.fixture
def staff(session: SqlSession) -> Staff:
    return a_member_of_staff(session)
