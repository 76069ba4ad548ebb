"""What the page of statistics reads: a fixed number of questions to the table of daily numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks.finding import Code
from services.moderation.statistics import waits
from services.moderation.statistics.agreement import Pairs, pairs_of
from services.moderation.statistics.periods import Period, first_of_month
from shared.models import Council, CountedDay, DailyNumber, Rule

# What settles that an idea waits; a mask, say, leaves it waiting.
SETTLES = ("publish", "accept_correction", "reject", "merge", "keep")


@dataclass(frozen=True, slots=True)
class Step:
    """A day, or the month that begins with it. `waiting` at its end; None: not known."""

    begins: date
    received: int
    decided: int
    waiting: int | None


@dataclass(frozen=True, slots=True)
class Right:
    """How many findings of one code people agreed with, of all that a decision told about."""

    code: Code
    right: int
    told: int


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of one period. `totals` are by name and key (`counting`)."""

    period: Period
    steps: list[Step]
    totals: Mapping[str, Mapping[str, int]]
    # Of the newest day there is, whatever the period.
    waiting_now: int | None = None
    counted_at: datetime | None = None
    years: list[int] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return the sum over all keys of a name."""
        return sum(self.totals.get(name, {}).values())

    def most_first(self, name: str) -> list[tuple[str, int]]:
        """Return the keys of a name and their numbers, the largest first."""
        found = self.totals.get(name, {}).items()
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    @property
    def settled(self) -> int:
        """How many decisions settled an idea."""
        decided = self.totals.get("decided", {})
        return sum(decided.get(kind, 0) for kind in SETTLES)

    @property
    def took(self) -> dict[int, int]:
        """How long first decisions took: numbers by the lower end of their step, in seconds."""
        return {int(key): number for key, number in self.totals.get("took", {}).items()}

    def took_at(self, share: float) -> int | None:
        """Return the wait in seconds that this share of ideas did not exceed."""
        return waits.compute_percentile(self.took, share)

    @property
    def rights(self) -> list[Right]:
        """How right each kind of finding was, those that were told of most often first."""
        findings = self.totals.get("finding", {})
        found = []
        for code in Code:
            right = findings.get(f"{code}:right", 0)
            told = right + findings.get(f"{code}:wrong", 0)
            if told:
                found.append(Right(code, right, told))
        return sorted(found, key=lambda each: -each.told)

    @property
    def pairs(self) -> Pairs:
        """Blind second looks: how often each pair of judgements was made."""
        return pairs_of(self.totals.get("sample", {}))


def read_report(session: SqlSession, period: Period, council_id: int | None = None) -> Report:
    """Read what was counted in a period, of one council or of all."""
    inside = [DailyNumber.day.between(period.first, period.last)]
    of_council = [DailyNumber.council_id == council_id] if council_id is not None else []
    total = func.sum(DailyNumber.number)
    totals: dict[str, dict[str, int]] = {}
    for name, key, number in session.execute(
        select(DailyNumber.name, DailyNumber.key, total)
        .where(*inside, *of_council, DailyNumber.name != "waiting")
        .group_by(DailyNumber.name, DailyNumber.key)
    ):
        totals.setdefault(name, {})[key] = int(number)
    by_day: dict[tuple[str, date], int] = {}
    for name, key, day, number in session.execute(
        select(DailyNumber.name, DailyNumber.key, DailyNumber.day, total)
        .where(*inside, *of_council, DailyNumber.name.in_(("received", "decided", "waiting")))
        .group_by(DailyNumber.name, DailyNumber.key, DailyNumber.day)
    ):
        if name != "decided" or key in SETTLES:
            by_day[name, day] = by_day.get((name, day), 0) + int(number)
    # Newest by the key's own order: one row is read.
    newest = select(DailyNumber.day).where(DailyNumber.name == "waiting")
    waiting_now = session.scalar(
        select(total).where(
            DailyNumber.name == "waiting",
            *of_council,
            DailyNumber.day == newest.order_by(DailyNumber.day.desc()).limit(1).scalar_subquery(),
        )
    )
    counted = session.execute(
        select(func.min(CountedDay.day), func.max(CountedDay.day), func.max(CountedDay.counted_at))
    ).one()
    first_day: date | None = counted[0]
    years = [] if first_day is None else range(counted[1].year, first_day.year - 1, -1)
    return Report(
        period,
        _steps(period, by_day),
        totals,
        int(waiting_now) if waiting_now is not None else None,
        counted[2],
        list(years),
    )


def list_councils(session: SqlSession) -> Sequence[Council]:
    """Return all councils, the newest first."""
    return session.scalars(select(Council).order_by(Council.id.desc())).all()


def rule_titles(session: SqlSession, language: str) -> dict[str, str]:
    """Return the newest title of each rule by its code."""
    every = session.scalars(select(Rule).order_by(Rule.code, Rule.version))
    return {rule.code: rule.title(language) for rule in every}


def _steps(period: Period, by_day: Mapping[tuple[str, date], int]) -> list[Step]:
    """Put days together to the steps that are shown; what waits is that of a step's last day."""
    found: dict[date, Step] = {}
    for day in period.days:
        begins = first_of_month(day) if period.by_month else day
        so_far = found.get(begins, Step(begins, 0, 0, None))
        waiting = by_day.get(("waiting", day))
        found[begins] = Step(
            begins,
            so_far.received + by_day.get(("received", day), 0),
            so_far.decided + by_day.get(("decided", day), 0),
            so_far.waiting if waiting is None else waiting,
        )
    return list(found.values())
