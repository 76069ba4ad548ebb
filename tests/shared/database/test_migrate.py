"""Bringing the schema up, saying whether it is the one of this code, and what differs."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection

from shared import db, migrate

# Each makes a schema that is not the one of the models; what is said of it names this.
CHANGES = {
    "ALTER TABLE councils ADD COLUMN forgotten text": "forgotten",
    "ALTER TABLE staff ALTER COLUMN role DROP NOT NULL": "role",
    "ALTER TABLE findings DROP CONSTRAINT ck_findings_field": "constraint ck_findings_field",
    # A CHECK that lets one more number through.
    "ALTER TABLE duty_shifts DROP CONSTRAINT ck_duty_shifts_day_of_the_plan,"
    " ADD CONSTRAINT ck_duty_shifts_day_of_the_plan CHECK (day BETWEEN 0 AND 8)": "day <= 8",
    "ALTER TABLE notes DROP CONSTRAINT fk_notes_staff_id_staff": "fk_notes_staff_id_staff",
    "ALTER TABLE models DROP CONSTRAINT uq_models_kind_version": "uq_models_kind_version",
    "ALTER TABLE leases DROP CONSTRAINT pk_leases, ADD CONSTRAINT pk_leases PRIMARY KEY (idea_id)":
        "PRIMARY KEY (idea_id)",
    "DROP INDEX ix_letters_due; CREATE INDEX ix_letters_due ON letters (due_at)"
    " WHERE state = 'waiting'": "'waiting'::text)",
    "DROP INDEX uq_asks_open; CREATE INDEX uq_asks_open ON asks (idea_id, asked_of)"
    " WHERE closed_at IS NULL": "index uq_asks_open",
    "CREATE INDEX ix_staff_forgotten ON staff (name)": "ix_staff_forgotten",
}  # fmt: skip


@pytest.fixture
def connected(database_url: str) -> Iterator[Connection]:
    engine = db.make_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_whatever_differs_from_the_models_is_noticed(database_url: str):
    """And the look leaves nothing behind."""
    assert migrate.find_drift(database_url) == []
    with psycopg.connect(database_url) as connection:
        schemas = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'"
        ).fetchall()
        assert {name for (name,) in schemas} == {"public", "information_schema"}
        for change in CHANGES:
            connection.execute(change)
    said = migrate.find_drift(database_url)
    for change, named in CHANGES.items():
        assert [each for each in said if named in each], change


def test_the_schema_is_current_at_the_newest_revision_and_at_no_other(connected: Connection):
    assert migrate.is_current(connected)
    for other in ("0015", "0000", "9999"):
        connected.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{other}'")
        assert not migrate.is_current(connected)
    connected.exec_driver_sql("DELETE FROM alembic_version")
    assert not migrate.is_current(connected)
    connected.rollback()
    assert migrate.is_current(connected)


def test_a_database_without_a_schema_is_not_current(empty_database_url: str):
    engine = db.make_engine(empty_database_url)
    with engine.connect() as connection:
        assert not migrate.is_current(connection)
    engine.dispose()


def test_two_who_migrate_wait_for_one_another(database_url: str):
    """Who comes second waits for the lock, finds everything done, and changes nothing."""
    with psycopg.connect(database_url) as first:
        first.execute("SELECT pg_advisory_xact_lock(7261993001)")
        second = threading.Thread(target=migrate.upgrade_database, args=(database_url,))
        second.start()
        with psycopg.connect(database_url, autocommit=True) as looking:
            while not looking.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchone():
                assert second.is_alive()
        first.rollback()
        second.join(30)
    assert not second.is_alive()


def test_a_migration_that_fails_leaves_the_schema_as_it_was(empty_database_url: str):
    """All revisions are one transaction: half a schema is none."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        # In the way of the last tables.
        connection.execute("CREATE TABLE unsubscribe_links (in_the_way int)")
        with pytest.raises(Exception, match="already exists"):
            migrate.upgrade_database(empty_database_url)
        assert connection.execute("SELECT to_regclass('ideas')").fetchone() == (None,)
        assert connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,)
