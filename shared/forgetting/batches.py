"""Removing rows in small batches, beside those who work in the table."""

from sqlalchemy import ColumnElement, delete, inspect, select, tuple_
from sqlalchemy.orm import Session as SqlSession

from shared.models import Base

AT_ONCE = 1000


def forget_some(session: SqlSession, table: type[Base], *is_old: ColumnElement[bool]) -> int:
    """Remove at most AT_ONCE rows that are old, and return how many.

    What somebody holds is left for the next time: nobody waits for who tidies.
    """
    key = inspect(table).primary_key
    # In a WITH, so that it is asked once, however the rows are then found.
    some = select(*key).where(*is_old).limit(AT_ONCE).with_for_update(skip_locked=True).cte("some")
    gone = session.execute(
        delete(table)
        .where(tuple_(*key).in_(select(*some.c)))
        .returning(key[0])
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
