"""Pages of a log that is read newest first, each going on where the one before it ended."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import admin_forms

PAGE_SIZE = 50
# What the key of a log can hold.
_LONGEST_KEY = 18
T = TypeVar("T")


def read_page(
    session: SqlSession,
    question: Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[int],
    before: int | None,
    *wanted: tuple[InstrumentedAttribute[Any], object],
) -> tuple[list[Any], int | None]:
    """Return a page of rows, and before which key the next page begins, if there is one.

    `key` grows with each row of the log. `wanted` are columns and what must stand there; where
    that is None, anything may.
    """
    asked = question.order_by(key.desc()).limit(PAGE_SIZE + 1).add_columns(key)
    for column, value in wanted:
        if value is not None:
            asked = asked.where(column == value)
    if before is not None:
        asked = asked.where(key < before)
    rows = session.execute(asked).all()
    more = rows[PAGE_SIZE - 1][-1] if len(rows) > PAGE_SIZE else None
    return [row[:-1] for row in rows[:PAGE_SIZE]], more


def read_asked(make: Callable[[str], T], raw: str | None) -> T | None:
    """Return what an address asks for; None for what is none of these, as for nothing asked."""
    with suppress(ValueError):
        return make(raw or "")
    return None


def read_before(raw: str | None) -> int | None:
    """Return before which key a page shall begin."""
    return admin_forms.read_whole(raw or "", _LONGEST_KEY)
