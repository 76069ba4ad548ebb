"""Read every table of a running system, as it was at one instant, into a file.

The snapshot is one transaction (REPEATABLE READ, read only): whatever is written meanwhile is in
all of it or in none. Numbers that sequences give are read after it has begun, so they are at least
those that it holds.
"""

from collections.abc import Mapping
from datetime import datetime

import psycopg
from psycopg import sql

from radslag.backup import archive
from radslag.backup.archive import BackupError, Contents, NewBackup, Part

# Who is signed in and which process lives is of no use later: after a restore all begin anew.
NOT_KEPT = frozenset({"alembic_version", "heartbeats", "leases", "staff_sessions"})

_TABLES = """
    SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    GROUP BY c.relname ORDER BY c.relname"""
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


def keep_system(
    connection: psycopg.Connection[tuple[object, ...]],
    new: NewBackup,
    *,
    made_at: datetime,
    version: Mapping[str, str | None],
    settings: Mapping[str, str],
) -> Contents:
    """Write everything but who is signed in. The connection is of its own, in no transaction.

    Raises BackupError where the schema is not the one of this code.
    """
    connection.execute("SET statement_timeout = 0")
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    schema = find_schema(connection)
    if schema != version["schema"]:
        raise BackupError(
            f"The database has another schema ({schema or 'none'}) than this version of Rådslag "
            f"({version['schema']}): run `radslag migrate`, or the version that it belongs to."
        )
    parts = []
    for table, columns in list_tables(connection).items():
        if table not in NOT_KEPT:
            parts.append(_keep_table(connection, new, table, columns))
    sequences = {name: _last_number(connection, name) for name in list_sequences(connection)}
    connection.execute("COMMIT")
    contents = Contents(
        made_at=made_at.isoformat("T", "seconds"),
        version=dict(version),
        settings=dict(settings),
        sequences=sequences,
        parts=parts,
    )
    new.finish(contents)
    return contents


def list_tables(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, list[str]]:
    """Return the tables, each with the columns that are stored."""
    return dict(connection.execute(_TABLES).fetchall())  # type: ignore[arg-type]


def list_sequences(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Return the names of what gives numbers."""
    return [str(name) for (name,) in connection.execute(_SEQUENCES)]


def find_schema(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    """Return which revision of the schema a database has, or None where it has none."""
    there = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
    if there is None or there[0] is None:
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return None if row is None else str(row[0])


def _keep_table(
    connection: psycopg.Connection[tuple[object, ...]],
    new: NewBackup,
    table: str,
    columns: list[str],
) -> Part:
    statement = sql.SQL("COPY public.{} ({}) TO STDOUT").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with new.add_part(table) as sink, connection.cursor() as cursor:
        with cursor.copy(statement) as rows:
            for row in rows:
                sink.write(row)
        return archive.Part(table, columns, cursor.rowcount, sink.length, sink.sha256)


def _last_number(connection: psycopg.Connection[tuple[object, ...]], name: str) -> tuple[int, bool]:
    row = connection.execute(
        sql.SQL("SELECT last_value, is_called FROM public.{}").format(sql.Identifier(name))
    ).fetchone()
    if row is None:
        raise BackupError(f"The sequence {name} gives no numbers.")
    return int(str(row[0])), bool(row[1])
