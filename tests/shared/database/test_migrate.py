"""Bringing the schema up, and saying what differs."""

import threading

import psycopg
import pytest

from shared import migrate

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


def test_a_migration_that_fails_leaves_the_schema_as_the_one_before_left_it(
    empty_database_url: str,
):
    """Each revision is one transaction: half a revision is none."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        # In the way of a table of one of the first revisions.
        connection.execute("CREATE TABLE asks (in_the_way int)")
        with pytest.raises(Exception, match="already exists"):
            migrate.upgrade_database(empty_database_url)
        [reached] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert connection.execute("SELECT to_regclass('notes')").fetchone() == (None,)
        connection.execute("DROP TABLE asks")
    assert reached < migrate._revisions()[-1]
    migrate.upgrade_database(empty_database_url)
    assert migrate.find_drift(empty_database_url) == []
