"""Make a system of a backup, in a database that has nothing yet: all of it, or nothing.

The schema is made by the migrations, up to the one that the backup has; its rows are then written
in one transaction, and the rest of the migrations follow. Triggers rest meanwhile, for what they
would write is in the backup, and foreign keys are taken away and put back, which checks them all.
"""

from collections.abc import Mapping

import psycopg
from psycopg import sql

from radslag.backup.archive import Backup, BackupError, Contents, Part
from radslag.backup.keeping import NOT_KEPT, find_schema, list_sequences, list_tables
from shared import migrate
from shared.rights.grants import GrantsError

_Connection = psycopg.Connection[tuple[object, ...]]
_FOREIGN_KEYS = """
    SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace"""
# Numbers of transactions mean nothing in another server: one of ours would be taken for them.
_FORGET_TRANSACTIONS = "UPDATE public.tallies SET moved_in = 0"
# What readers keep under a version of before is never good again (docs/decisions/012).
_MOVE_PUBLIC_ON = """
    INSERT INTO public.tallies (what, number, moved_at, moved_in)
    SELECT DISTINCT what, 1000000, clock_timestamp(), 0 FROM public.tallies
    WHERE what LIKE 'public %'"""


def restore_system(database_url: str, backup: Backup) -> None:
    """Fill an empty database. Raises BackupError, and has then changed nothing that was there."""
    contents = backup.contents
    schema = contents.version["schema"]
    if schema is None or not migrate.is_known(schema):
        raise BackupError(
            f"The backup has a schema ({schema}) that this version of Rådslag does not know: it "
            f"was made by version {contents.version['version']}, so update this one first."
        )
    with psycopg.connect(database_url, autocommit=True) as connection:
        standing = _check_empty(connection)
    if standing not in {None, schema}:
        raise BackupError(
            f"The database has another schema ({standing}) than the backup ({schema}): restore it "
            "into a database without tables, or into a new data folder."
        )
    try:
        migrate.upgrade_database(database_url, schema)
        with psycopg.connect(database_url) as connection:
            _fill(connection, backup)
        migrate.upgrade_database(database_url)
    except psycopg.errors.IntegrityError as error:
        table = error.diag.table_name
        raise BackupError(f"The backup does not fit together (table {table}).") from None
    except (migrate.MigrationError, GrantsError) as error:
        raise BackupError(str(error)) from None
    except psycopg.errors.DataError as error:
        raise BackupError(f"The backup holds what no table takes ({error.sqlstate}).") from None


def _check_empty(connection: _Connection) -> str | None:
    """Return the schema of a database that nobody has used. Raises BackupError for another one."""
    schema = find_schema(connection)
    if schema is None:
        if list_tables(connection):
            raise BackupError("The database holds something else: restore into one of its own.")
        return None
    used = connection.execute(
        "SELECT EXISTS (SELECT FROM public.ideas) OR EXISTS (SELECT FROM public.staff)"
    ).fetchone()
    if used is None or used[0]:
        raise BackupError("The system is not empty: a backup is only restored into an empty one.")
    return schema


def _fill(connection: _Connection, backup: Backup) -> None:
    contents = backup.contents
    tables = list_tables(connection)
    _check_fits(contents, tables, list_sequences(connection))
    # From here on nobody writes; and nobody wrote before this.
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("LOCK TABLE public.ideas, public.staff IN ACCESS EXCLUSIVE MODE")
    _check_empty(connection)
    every = sql.SQL(", ").join(_named(table) for table in tables if table != "alembic_version")
    foreign_keys = connection.execute(_FOREIGN_KEYS).fetchall()
    for table, name, _definition in foreign_keys:
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(drop.format(_named(str(table)), sql.Identifier(str(name))))
    for table in tables:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(_named(table)))
    connection.execute(sql.SQL("TRUNCATE {}").format(every))
    for part in contents.parts:
        _fill_table(connection, backup, part)
    for name, (last, given) in contents.sequences.items():
        connection.execute("SELECT setval(%s::regclass, %s, %s)", [f'public."{name}"', last, given])
    connection.execute(_FORGET_TRANSACTIONS)
    connection.execute(_MOVE_PUBLIC_ON)
    for table, name, definition in foreign_keys:
        add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
        said = sql.SQL(str(definition))
        connection.execute(add.format(_named(str(table)), sql.Identifier(str(name)), said))
    for table in tables:
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(_named(table)))
    connection.execute("ANALYZE")


def _check_fits(contents: Contents, tables: Mapping[str, list[str]], sequences: list[str]) -> None:
    kept = {table: set(columns) for table, columns in tables.items() if table not in NOT_KEPT}
    said = {part.table: set(part.columns) for part in contents.parts}
    if said != kept or set(contents.sequences) != set(sequences):
        raise BackupError("The backup is damaged: its tables are not those of its schema.")


def _fill_table(connection: _Connection, backup: Backup, part: Part) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        _named(part.table), sql.SQL(", ").join(map(sql.Identifier, part.columns))
    )
    with connection.cursor() as cursor:
        with cursor.copy(statement) as rows:
            for chunk in backup.read_part(part):
                rows.write(chunk)
        if cursor.rowcount != part.rows:
            raise BackupError(f"The backup is damaged: {part.table} has other rows than it says.")


def _named(table: str) -> sql.Composed:
    return sql.SQL("public.{}").format(sql.Identifier(table))
