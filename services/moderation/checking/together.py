"""Rows that one batch writes, by one statement each.

A statement for each row, however fast it is sent, is planned into an executor of its own, and reads
the CHECK constraints of its table anew: that costs more than the row.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session as SqlSession

from shared.models import Base


def insert_rows(
    session: SqlSession,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    replacing: tuple[str, ...] = (),
) -> None:
    """Insert rows of one table, all with the same columns; what is not named has its default.

    A row that has the same values in the columns named by `replacing` (a key) is replaced.
    """
    if rows:
        statement = _insert(model, tuple(rows[0]), replacing)
        session.execute(statement, {"rows": msgspec.json.encode(rows).decode()})


@cache
def _insert(model: type[Base], columns: tuple[str, ...], replacing: tuple[str, ...]) -> TextClause:
    # Names of ours, from the models.
    named = ", ".join(columns)
    table = model.__tablename__
    on_conflict = ""
    if replacing:
        kept = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in replacing)
        on_conflict = " ".join(("ON CONFLICT (", ", ".join(replacing), ") DO UPDATE SET", kept))
    return text(f"""
        INSERT INTO {table} ({named})
        SELECT {named} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS json))
        {on_conflict}""")  # noqa: S608 - no word of it comes from outside
