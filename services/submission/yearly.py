"""A year in numbers, as the public may know them: read from one view, computed nowhere here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import column, select, table
from sqlalchemy.orm import Session as SqlSession

_YEARS = table("public_yearly_numbers", *map(column, ("year", "numbers", "is_final", "made_at")))


@dataclass(frozen=True, slots=True)
class Year:
    """A year's numbers. None is a count too small to tell, or one that would tell such a count.

    Of a year that is not over (`is_final` is false) only the first three are told.
    """

    year: int
    is_final: bool
    made_at: datetime
    received: int | None
    published: int | None
    median_s: int | None
    merged: int | None
    rejected: int | None
    # By the rule's code, the most frequent first and those not told last.
    rules: Mapping[str, int | None]
    likely_spam_published: float | None


def list_years(session: SqlSession) -> list[int]:
    """Return the years that there are numbers of, the newest first."""
    return list(session.scalars(select(_YEARS.c.year).order_by(_YEARS.c.year.desc())))


def find_year(session: SqlSession, year: int) -> Year | None:
    """Return a year's numbers, or None where there are none."""
    row = session.execute(select(_YEARS).where(_YEARS.c.year == year)).one_or_none()
    if row is None:
        return None
    told: Mapping[str, Any] = row.numbers
    rules = sorted((told.get("rules") or {}).items(), key=lambda each: (-(each[1] or 0), each[0]))
    return Year(
        year=row.year,
        is_final=row.is_final,
        made_at=row.made_at,
        received=told.get("received"),
        published=told.get("published"),
        median_s=told.get("median_s"),
        merged=told.get("merged"),
        rejected=told.get("rejected"),
        rules=dict(rules),
        likely_spam_published=told.get("likely_spam_published"),
    )
