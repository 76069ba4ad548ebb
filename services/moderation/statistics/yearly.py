"""What the public may know of a year, written where the public web can read it.

Small counts are left out here, before anything is stored, and so is what they could be worked out
from (`suppression`). A year is told in full only when it is over, and then once and for all: from
two versions of a count one can tell what happened between them. Of the running year only that is
told which anybody can count on the public pages: what came in and what was published, and how long
it took.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.statistics import counting, suppression, waits
from shared.models import CountedDay, DailyNumber, YearlyNumbers

# For what is undone in the first days of January.
_SETTLING = timedelta(days=7)

Totals = Mapping[str, Mapping[str, int]]


def refresh_years(session: SqlSession, zone: ZoneInfo, now: datetime) -> None:
    """Write the numbers of every year that is not final yet."""
    today = now.astimezone(zone).date()
    first = session.scalar(select(func.min(CountedDay.day)))
    if first is None:
        return
    final = set(session.scalars(select(YearlyNumbers.year).where(YearlyNumbers.is_final)))
    uncounted = {day.year for day in counting.days_due(session, zone, now)}
    for year in range(first.year, today.year + 1):
        if year in final:
            continue
        is_over = today > date(year, 12, 31) + _SETTLING and year not in uncounted
        totals = _totals(session, year)
        if totals:
            _write(
                session, year, suppress_totals(totals, is_over=is_over), is_final=is_over, now=now
            )


def suppress_totals(totals: Totals, *, is_over: bool) -> dict[str, Any]:
    """Return what may be told of a year with these numbers (`counting`)."""
    took = {int(step): number for step, number in totals.get("took", {}).items()}
    settled = totals.get("settled", {})
    by_policy = sum(totals.get("by_policy", {}).values())
    numbers: dict[str, Any] = {
        "received": suppression.suppress_alone(sum(totals.get("received", {}).values())),
        "published": suppression.suppress_alone(settled.get("publish", 0) + by_policy),
        "median_s": (
            waits.compute_percentile(took, 0.5) if sum(took.values()) >= suppression.SMALL else None
        ),
    }
    if not is_over:
        return numbers
    rules, rejected = suppression.with_total(totals.get("rejected", {}))
    judged = totals.get("judged", {})
    of_spam = {
        key.partition(":")[2]: number
        for key, number in judged.items()
        if key.startswith("likely_spam:")
    }
    published = of_spam.pop("publish", 0)
    return numbers | {
        "merged": suppression.suppress_alone(settled.get("merge", 0)),
        "rejected": rejected,
        "rules": rules,
        "likely_spam_published": suppression.suppress_share(published, sum(of_spam.values())),
    }


def _totals(session: SqlSession, year: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, key, number in session.execute(
        select(DailyNumber.name, DailyNumber.key, func.sum(DailyNumber.number))
        .where(
            DailyNumber.day.between(date(year, 1, 1), date(year, 12, 31)),
            DailyNumber.name.in_(
                ("received", "settled", "by_policy", "rejected", "took", "judged")
            ),
        )
        .group_by(DailyNumber.name, DailyNumber.key)
    ):
        found.setdefault(name, {})[key] = int(number)
    return found


def _write(
    session: SqlSession, year: int, numbers: dict[str, Any], *, is_final: bool, now: datetime
) -> None:
    row = insert(YearlyNumbers).values(year=year, numbers=numbers, is_final=is_final, made_at=now)
    session.execute(
        row.on_conflict_do_update(
            index_elements=["year"],
            set_={name: row.excluded[name] for name in ("numbers", "is_final", "made_at")},
            # Two clocks: what one has made final the other leaves alone.
            where=~YearlyNumbers.is_final,
        )
    )
