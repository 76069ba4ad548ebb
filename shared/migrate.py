"""Bring the schema up. Migrations are additive first: yesterday's code runs beside them."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from shared.db import make_engine
from shared.models import Base

MIGRATIONS = Path(__file__).parent / "migrations"
# Two migrations at once wait for one another.
_LOCK = 7_261_993_001


def _config() -> Config:
    config = Config()
    # Alembic reads % as the start of an interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def upgrade_database(database_url: str) -> None:
    """Apply every migration that is not yet applied."""
    engine = make_engine(database_url, statement_timeout_s=3600)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_current(connection: Connection) -> bool:
    """Whether the schema is the one that this code was written for."""
    return MigrationContext.configure(connection).get_current_revision() == _head()


@cache
def _head() -> str | None:
    """Return the newest revision of this code, read once: all of the files are."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def find_drift(database_url: str) -> list[str]:
    """Say what differs between the models and the migrated schema; nothing is right.

    Alembic compares tables, columns and the columns of indexes. What a constraint or an index says
    is compared here, as PostgreSQL spells it: the models' tables are made in a schema of their own,
    which is taken back.
    """
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        found = [str(difference) for difference in compare_metadata(context, Base.metadata)]
        migrated = _spelled(connection, "public")
        connection.execute(text(f"CREATE SCHEMA {_OF_MODELS}"))
        Base.metadata.create_all(
            connection.execution_options(schema_translate_map={None: _OF_MODELS})
        )
        of_models = _spelled(connection, _OF_MODELS)
        connection.rollback()
    engine.dispose()
    return found + [
        f"{name}: {migrated.get(name)}; in the models {of_models.get(name)}"
        for name in sorted(migrated.keys() | of_models)
        if migrated.get(name) != of_models.get(name)
    ]


_OF_MODELS = "of_models"


def _spelled(connection: Connection, schema: str) -> dict[str, str]:
    """Return what each constraint and index of a schema says, in PostgreSQL's words."""
    # What stands first in the path is named without its schema; functions stand in public alone.
    connection.execute(text(f"SET LOCAL search_path = {schema}"))
    rows = connection.execute(
        text("""
            SELECT t.relname || ', constraint ' || c.conname, pg_get_constraintdef(c.oid)
            FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
            WHERE c.connamespace = CAST(:schema AS regnamespace)
              AND c.contype <> 'n' AND t.relname <> 'alembic_version'
            UNION ALL
            SELECT t.relname || ', index ' || i.relname,
                   replace(regexp_replace(pg_get_indexdef(i.oid), ' ON [^ ]+', ''), 'public.', '')
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            JOIN pg_class t ON t.oid = x.indrelid
            WHERE i.relnamespace = CAST(:schema AS regnamespace)
              AND t.relname <> 'alembic_version'"""),
        {"schema": schema},
    )
    return {row[0]: row[1] for row in rows}
