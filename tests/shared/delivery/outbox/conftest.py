"""Rules tried where nothing is committed, or in one database for all; time stands still."""

import psycopg
import pytest
from time_machine import travel

from tests.shared.delivery.outbox.given import NOW


@pytest.fixture
def database_url(one_database):
    """One database for all of these; each test finds its outbox empty."""
    with psycopg.connect(one_database, autocommit=True) as connection:
        for table in ("failed_jobs", "outbox_deliveries", "outbox_events"):
            connection.execute(f"DELETE FROM {table}")
    return one_database


@pytest.fixture(autouse=True)
def still():
    """Time stands still until a test moves it."""
    with travel(NOW, tick=False) as traveller:
        yield traveller
