"""Bring the schema up, and say whether this code can work on the one that is there.

Migrations are additive first: yesterday's code runs beside them. The schema says from which
revision on code may use it (`served_code`), so a web stays in service while a newer schema serves
it, and one that is not served says so.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from shared.db import make_engine
from shared.models import Base
from shared.rights.grants import mend_grants
from shared.rights.passwords import give_passwords

MIGRATIONS = Path(__file__).parent / "migrations"
# Two migrations at once wait for one another.
_LOCK = 7_261_993_001
# Whoever writes waits behind a migration that waits; so it waits no longer, and comes again.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '4s'"
_HEAD = "head"
_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0)


class MigrationError(Exception):
    """The schema cannot be brought up by this code; the text is a sentence that says why."""


def _config(folder: Path | None = None) -> Config:
    config = Config()
    # Alembic reads % as the start of an interpolation.
    config.set_main_option("script_location", str(folder or MIGRATIONS).replace("%", "%%"))
    return config


def upgrade_database(
    database_url: str,
    to: str = _HEAD,
    *,
    passwords: Mapping[str, str] = MappingProxyType({}),
    pauses_s: Sequence[float] = _PAUSES_S,
) -> list[str]:
    """Apply every migration that is not yet applied, then mend what is missing beside tables.

    `passwords` are those of the services' roles, as far as they are known. With a revision only
    those up to it, for whoever brings data of that schema; nothing is mended.
    Each is a transaction of its own: one that gets no lock in time, or gets into a deadlock with
    somebody's work, is tried again after a pause. Returns what else is to be told, a line each.
    Raises MigrationError, or GrantsError.
    """
    engine = make_engine(database_url, statement_timeout_s=3600)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(_LOCK_TIMEOUT))
    try:
        with engine.begin() as holding:
            # It does nothing but hold the lock, as long as all of them take.
            holding.exec_driver_sql("SET LOCAL lock_timeout = 0")
            holding.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            holding.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            told = _upgrade_in_tries(engine, to, pauses_s)
        # Roles are there for others from here on, who may try to sign in.
        with engine.begin() as connection:
            return [*told, *give_passwords(connection, database_url, passwords)]
    finally:
        engine.dispose()


def _upgrade_in_tries(engine: Engine, to: str, pauses_s: Sequence[float]) -> list[str]:
    for pause_s in (*pauses_s, None):
        try:
            return _upgrade_on(engine, to)
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable | DeadlockDetected):
                raise
            if pause_s is None:
                raise MigrationError(
                    f"The migration after {_read_revision(engine)} got no lock in "
                    f"{len(pauses_s) + 1} tries, because something else holds it all the time: "
                    f"look for a long transaction (pg_stat_activity), then run it again."
                ) from None
            time.sleep(pause_s)
    raise AssertionError("unreachable")


def _upgrade_on(engine: Engine, to: str) -> list[str]:
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in _revisions():
            misfit = explain_misfit(connection)
            if misfit is not None:
                raise MigrationError(misfit)
            # What newer code has granted is not ours to take away.
            return [f"The schema ({current}) is newer than this code, and serves it."]
        connection.rollback()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    if to != _HEAD:
        return []
    with engine.begin() as connection:
        return [f"Mended: {statement}" for statement in mend_grants(connection)]


def is_known(revision: str) -> bool:
    """Whether this code has a migration that leads to a revision."""
    return revision in _revisions()


def find_head() -> str:
    """Return the newest revision of this code."""
    return _revisions()[-1]


def note_served_code(context: MigrationContext, step: MigrationInfo) -> None:
    """Write down whom the schema serves after a step, in the transaction of the step.

    A migration that leaves older code without what it needs says so: `oldest_code = "0031"`, the
    revision of the oldest code that can do without. The others leave it as it is.
    """
    connection = context.connection
    if connection is None or not connection.scalar(_HAS_SERVED_CODE):
        return
    script = ScriptDirectory.from_config(_config())
    for reached in step.destination_revision_ids:
        for each in script.iterate_revisions(reached, "base"):
            oldest = getattr(each.module, "oldest_code", None)
            if oldest is not None:
                connection.execute(_NOTE_SERVED_CODE, {"oldest": oldest})
                return


def explain_misfit(connection: Connection) -> str | None:
    """Say in a sentence why this code cannot work on this schema; None when it can."""
    schema = MigrationContext.configure(connection).get_current_revision()
    revisions = _revisions()
    code = find_head()
    if schema == code:
        return None
    if schema is None:
        return "The database has no schema: run `radslag migrate`."
    if schema in revisions:
        return f"The schema ({schema}) is older than this code ({code}): run `radslag migrate`."
    oldest = None
    if connection.scalar(_HAS_SERVED_CODE):
        oldest = connection.scalar(_READ_SERVED_CODE)
    if oldest in revisions:
        return None
    return (
        f"The schema ({schema}) serves code from {oldest or schema} on, and this code is {code}: "
        f"install that version, or a newer one."
    )


_HAS_SERVED_CODE = text("SELECT to_regclass('served_code') IS NOT NULL")
_READ_SERVED_CODE = text("SELECT oldest FROM served_code")
_NOTE_SERVED_CODE = text("""
    INSERT INTO served_code (id, oldest) VALUES (1, :oldest)
    ON CONFLICT (id) DO UPDATE SET oldest = excluded.oldest""")


def _read_revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _revisions() -> tuple[str, ...]:
    """Return all revisions of this code, the newest last."""
    return _read_revisions(MIGRATIONS)


@cache
def _read_revisions(folder: Path) -> tuple[str, ...]:
    """Read them once: all of the files are."""
    script = ScriptDirectory.from_config(_config(folder))
    return tuple(each.revision for each in script.walk_revisions())[::-1]


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
