"""What the desk's record pages read: history, statistics, rules, staff."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from shared.models import Decision, DecisionKind, Rule, Staff

PAGE_SIZE = 50
DAYS = 30


@dataclass(frozen=True, slots=True)
class Day:
    """What came in and what was decided on one day in the city."""

    day: date
    received: int
    decided: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The last 30 days: by day, by kind and rule, and the median time to one (seconds)."""

    days: list[Day]
    kinds: list[tuple[DecisionKind, int]]
    rules: list[tuple[str, int]]
    median_s: int | None


_BY_DAY = text("""
    WITH days AS (
        SELECT (now() AT TIME ZONE :zone)::date - n AS day
        FROM generate_series(0, CAST(:days AS int) - 1) n)
    SELECT d.day,
           (SELECT count(*) FROM ideas i
            WHERE i.stored_at >= d.day::timestamp AT TIME ZONE :zone
              AND i.stored_at < (d.day + 1)::timestamp AT TIME ZONE :zone) AS received,
           (SELECT count(*) FROM decisions x
            WHERE x.staff_id IS NOT NULL AND x.kind <> 'undo'
              AND x.decided_at >= d.day::timestamp AT TIME ZONE :zone
              AND x.decided_at < (d.day + 1)::timestamp AT TIME ZONE :zone) AS decided
    FROM days d ORDER BY d.day""")

_MEDIAN = text("""
    SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (
        ORDER BY d.decided_at - i.stored_at))::bigint
    FROM decisions d JOIN ideas i ON i.id = d.idea_id
    WHERE d.kind IN ('publish', 'reject', 'merge') AND d.status_before = 'waiting'
      AND d.staff_id IS NOT NULL
      AND d.decided_at > now() - make_interval(days => CAST(:days AS int))""")


def statistics(session: SqlSession, timezone: ZoneInfo) -> Statistics:
    """Count the last 30 days, on the city's calendar."""
    days = [Day(*row) for row in session.execute(_BY_DAY, {"zone": timezone.key, "days": DAYS})]
    recent = Decision.decided_at > func.now() - func.make_interval(0, 0, 0, DAYS)
    kinds = session.execute(
        select(Decision.kind, func.count())
        .where(recent)
        .group_by(Decision.kind)
        .order_by(func.count().desc())
    )
    rules = session.execute(
        select(Rule.code, func.count())
        .join(Decision, Decision.rule_id == Rule.id)
        .where(recent, Decision.kind == DecisionKind.REJECT)
        .group_by(Rule.code)
        .order_by(func.count().desc())
    )
    return Statistics(
        days,
        [(row[0], row[1]) for row in kinds],
        [(row[0], row[1]) for row in rules],
        session.scalar(_MEDIAN, {"days": DAYS}),
    )


def rules(session: SqlSession) -> Sequence[Rule]:
    """Return every version of every rule, the newest version of a rule first."""
    return session.scalars(select(Rule).order_by(Rule.code, Rule.version.desc())).all()


def staff(session: SqlSession) -> Sequence[Staff]:
    """Return all accounts, open ones first."""
    return session.scalars(
        select(Staff).order_by(Staff.disabled_at.is_not(None), Staff.role, Staff.email)
    ).all()
