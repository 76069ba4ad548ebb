"""Bring the schema up. Migrations are additive first: yesterday's code runs beside them."""

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


def upgrade(database_url: str) -> None:
    """Apply every migration that is not yet applied."""
    engine = make_engine(database_url, statement_timeout_s=3600)
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def is_current(connection: Connection) -> bool:
    """Whether the schema is the one that this code was written for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def drift(database_url: str) -> list[str]:
    """Say what differs between the models and the migrated schema; nothing is right."""
    engine = make_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        found = [str(difference) for difference in compare_metadata(context, Base.metadata)]
    engine.dispose()
    return found
