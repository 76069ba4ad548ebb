"""What the database counts of a day and a year, in one database where nothing is committed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.statistics import counting, figures, periods, yearly
from shared.ids import least_id_at
from shared.models import (
    CheckOutcome,
    CountedDay,
    DailyNumber,
    Decision,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    Judgement,
    QueueEntry,
    Reason,
    Rule,
    Sample,
    Source,
    Staff,
    Verdict,
    YearlyNumbers,
)
from tests.databases import copied
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.desk.records.test_records_reading import decision
from tests.moderation.statistics.given import DAY, HOUR

ZONE = ZoneInfo("Europe/Stockholm")
A_MOMENT = timedelta(microseconds=1)
# The day on which the clock goes back: 25 hours, from 22:00 to 23:00 in UTC.
LONG = date(2026, 10, 25)
BEGINS = datetime(2026, 10, 24, 22, tzinfo=UTC)
ENDS = datetime(2026, 10, 25, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def database_url(servers):
    with copied(servers[0], "statistics_edges") as url:
        yield url


class TestCounting:
    @pytest.fixture
    def moa(self, session) -> Staff:
        return a_member_of_staff(session)

    @pytest.fixture
    def council(self, session):
        return a_council(session)

    def an_idea(self, session, council, at: datetime, **about) -> Idea:
        return an_idea(session, council, id=least_id_at(at), stored_at=at, **about)

    def numbers(self, session: SqlSession, day: date = LONG) -> dict[tuple[str, str], int]:
        session.flush()
        counted = counting._counted(session, day, ZONE)
        return {(name, key): number for (_council, name, key), number in counted.items()}

    @pytest.mark.parametrize(
        ("at", "counts"),
        [
            (BEGINS - A_MOMENT, False),
            (BEGINS, True),
            (ENDS - A_MOMENT, True),
            (ENDS, False),
        ],
    )
    def test_a_day_ends_at_the_citys_midnight_also_when_the_clock_is_changed(
        self, session, council, moa, at, counts
    ):
        assert counting.find_day_bounds(LONG, ZONE) == (BEGINS, ENDS)
        idea = self.an_idea(session, council, at)
        decision(session, idea, moa, decided_at=at)
        found = self.numbers(session)
        assert found == ({("received", ""): 1, ("decided", "keep"): 1} if counts else {})

    def test_what_is_imported_did_not_come_in(self, session, council):
        self.an_idea(session, council, BEGINS, source=Source.IMPORT, source_id="1")
        assert self.numbers(session) == {("imported", ""): 1}

    def test_only_people_decide_and_only_what_stands_counts(self, session, council, moa):
        idea = an_idea(session, council)
        undone = decision(session, idea, moa, decided_at=BEGINS)
        decision(session, idea, moa, DecisionKind.UNDO, undoes=undone.id, decided_at=BEGINS)
        decision(session, idea, None, DecisionKind.IMPORT, decided_at=BEGINS)
        decision(session, idea, None, DecisionKind.REOPEN, decided_at=BEGINS)
        assert self.numbers(session) == {}
        decision(session, idea, None, DecisionKind.POLICY, decided_at=BEGINS)
        assert self.numbers(session) == {("by_policy", ""): 1}

    def test_rejections_are_by_rule(self, session, council, moa):
        rule = a_rule(session)
        about = {"rule_id": rule.id, "decided_at": BEGINS}
        for _ in range(2):
            decision(session, an_idea(session, council), moa, DecisionKind.REJECT, **about)
        assert self.numbers(session) == {("decided", "reject"): 2, ("rejected", "spam"): 2}

    @pytest.mark.parametrize(
        ("kind", "before", "settles"),
        [
            ("publish", "waiting", True),
            ("reject", "waiting", True),
            ("merge", "waiting", True),
            ("accept_correction", "waiting", True),
            # A correction, or a mask, settles nothing.
            ("publish", "published", False),
            ("mask", "waiting", False),
            ("keep", "published", False),
        ],
    )
    def test_what_settles_that_an_idea_waits(self, session, council, moa, kind, before, settles):
        stored = BEGINS - timedelta(hours=2)
        idea = self.an_idea(session, council, stored)
        about = {
            "reject": {"rule_id": a_rule(session).id},
            "merge": {"into_id": an_idea(session, council).id},
        }.get(kind, {})
        if kind == "mask":
            about["status_after"] = IdeaStatus.WAITING
        decision(
            session,
            idea,
            moa,
            DecisionKind(kind),
            status_before=IdeaStatus(before),
            decided_at=BEGINS,
            **about,
        )
        found = self.numbers(session)
        # To publish the text as its writer corrected it is to publish.
        kind = "publish" if kind == "accept_correction" else kind
        assert found.get(("settled", kind), 0) == settles
        assert found.get(("took", str(2 * HOUR)), 0) == settles

    @pytest.mark.parametrize("undone", [True, False])
    @pytest.mark.parametrize("kind", ["publish", "accept_correction", "keep"])
    def test_only_a_first_decision_took_its_time_and_judged_the_checks(
        self, session, council, moa, kind, undone
    ):
        """What only kept, and what was undone, comes before no first decision."""
        idea = self.an_idea(session, council, BEGINS - timedelta(days=3))
        _verdict(session, idea)
        earlier = BEGINS - timedelta(days=2)
        first = decision(session, idea, moa, DecisionKind(kind), decided_at=earlier)
        if undone:
            decision(session, idea, moa, DecisionKind.UNDO, undoes=first.id, decided_at=earlier)
        decision(
            session,
            idea,
            moa,
            DecisionKind.PUBLISH,
            status_before=IdeaStatus.WAITING,
            decided_at=BEGINS,
        )
        found = self.numbers(session)
        is_first = undone or kind == "keep"
        assert (("took", str(3 * DAY)) in found) is is_first
        assert (("judged", "likely_spam:publish") in found) is is_first
        assert found["settled", "publish"] == 1

    def test_of_an_imported_idea_nothing_took_its_time(self, session, council, moa):
        idea = self.an_idea(
            session, council, BEGINS - timedelta(days=3), source=Source.IMPORT, source_id="1"
        )
        decision(
            session,
            idea,
            moa,
            DecisionKind.PUBLISH,
            status_before=IdeaStatus.WAITING,
            decided_at=BEGINS,
        )
        assert not [key for name, key in self.numbers(session) if name == "took"]

    def test_a_verdict_on_another_text_judges_nothing(self, session, council, moa):
        idea = an_idea(session, council)
        _verdict(session, idea)
        decision(session, idea, moa, DecisionKind.PUBLISH, text_version=2, decided_at=BEGINS)
        decision(session, idea, None, DecisionKind.PUBLISH, decided_at=BEGINS)
        assert not [key for name, key in self.numbers(session) if name == "judged"]

    @pytest.mark.parametrize(
        ("severity", "counts"),
        [("info", False), ("low", False), ("medium", True), ("high", True)],
    )
    def test_findings_from_medium_up_are_right_or_wrong(
        self, session, council, moa, severity, counts
    ):
        idea = an_idea(session, council)
        made = decision(session, idea, moa, decided_at=BEGINS)
        for check, code, agreed in (("a", "phone", True), ("a", "email", False)):
            session.add_all(_finding_and_outcome(idea, check, code, severity, made, agreed=agreed))
        found = {key for name, key in self.numbers(session) if name == "finding"}
        assert found == ({"phone:right", "email:wrong"} if counts else set())

    def test_a_finding_is_judged_on_the_day_of_the_decision_that_showed_it(
        self, session, council, moa
    ):
        idea = an_idea(session, council)
        earlier = decision(session, idea, moa, decided_at=BEGINS - A_MOMENT)
        decision(session, idea, moa, decided_at=BEGINS)
        session.add_all(_finding_and_outcome(idea, "a", "phone", "high", earlier, agreed=True))
        assert not [key for name, key in self.numbers(session) if name == "finding"]
        day_before = self.numbers(session, LONG - timedelta(days=1))
        assert day_before["finding", "phone:right"] == 1

    @pytest.mark.parametrize(
        ("at", "counts"),
        [(BEGINS - A_MOMENT, 0), (BEGINS, 1), (ENDS - A_MOMENT, 1), (ENDS, 0)],
    )
    def test_second_looks_count_on_the_day_of_their_answer(self, session, council, moa, at, counts):
        rule = a_rule(session)
        idea = an_idea(session, council)
        made = decision(session, idea, moa, DecisionKind.REJECT, rule_id=rule.id)
        session.add(
            Sample(
                decision_id=made.id,
                idea_id=idea.id,
                text_version=1,
                drawn_at=BEGINS,
                answered_at=at,
                answered_by=a_member_of_staff(session).id,
                judgement=Judgement.PUBLISH,
                is_alike=False,
            )
        )
        assert self.numbers(session).get(("sample", "reject:spam>publish"), 0) == counts

    def test_stock_is_of_waiting_ideas_each_once_and_a_council_without_has_its_nought(
        self, session, council
    ):
        empty = a_council(session)
        for status in (IdeaStatus.WAITING, IdeaStatus.WAITING, IdeaStatus.RECEIVED):
            idea = an_idea(session, council, status=status)
            for reason in (Reason.NEW, Reason.CORRECTION):
                session.add(QueueEntry(idea_id=idea.id, reason=reason))
        closed = an_idea(session, council, status=IdeaStatus.WAITING)
        session.add(QueueEntry(idea_id=closed.id, reason=Reason.NEW, closed_at=BEGINS))
        session.add(DailyNumber(day=LONG, council_id=empty.id, name="received", key="", number=7))
        session.flush()
        counting.take_stock(session, LONG)
        counting.take_stock(session, LONG)
        rows = select(DailyNumber.council_id, DailyNumber.name, DailyNumber.number)
        assert set(session.execute(rows)) == {
            (council.id, "waiting", 2),
            (empty.id, "waiting", 0),
            (empty.id, "received", 7),
        }

    def test_counting_a_day_anew_touches_nothing_else(self, session, council):
        kept = LONG + timedelta(days=1)
        session.add_all(
            DailyNumber(day=day, council_id=council.id, name=name, key="", number=7)
            for day, name in ((LONG, "received"), (LONG, "waiting"), (kept, "received"))
        )
        session.flush()
        self.an_idea(session, council, BEGINS)
        counting.count_day(session, LONG, ZONE)
        rows = select(DailyNumber.day, DailyNumber.name, DailyNumber.number)
        assert set(session.execute(rows)) == {
            (LONG, "received", 1),
            (LONG, "waiting", 7),
            (kept, "received", 7),
        }


def _finding_and_outcome(
    idea: Idea, check: str, code: str, severity: str, made: Decision, *, agreed: bool
) -> tuple[FindingRow, CheckOutcome]:
    finding = FindingRow(
        idea_id=idea.id,
        text_version=1,
        check_name=check,
        check_version=1,
        code=code,
        severity=severity,
        score=0.5,
        field="text",
        spans=[],
        params={},
    )
    outcome = CheckOutcome(
        idea_id=idea.id, check_name=check, code=code, agreed=agreed, decision_seq=made.seq
    )
    return finding, outcome


def _verdict(session: SqlSession, idea: Idea) -> None:
    session.add(
        Verdict(idea_id=idea.id, text_version=1, outcome="likely_spam", priority=57, ruleset=1)
    )
    session.flush()


class TestDaysDue:
    NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
    TODAY = date(2026, 11, 25)

    def due(self, session, now: datetime | None = None) -> list[date]:
        session.flush()
        return counting.days_due(session, ZONE, now or self.NOW)

    def counted(self, session, day: date, at: datetime) -> None:
        session.add(CountedDay(day=day, counted_at=at))

    def test_nothing_is_where_nothing_came_in(self, session):
        assert self.due(session) == []
        assert not counting.is_anything_there(session)

    def test_are_all_from_the_first_day_in_the_city_on_the_newest_first(self, session):
        at = datetime(2026, 11, 22, 23, tzinfo=UTC)
        an_idea(session, id=least_id_at(at), stored_at=at)
        assert self.due(session) == [date(2026, 11, 25), date(2026, 11, 24), date(2026, 11, 23)]
        assert counting.is_anything_there(session)
        before = at - A_MOMENT
        an_idea(session, id=least_id_at(before), stored_at=before)
        assert self.due(session)[-1] == date(2026, 11, 22)

    @pytest.mark.parametrize(
        ("counted_at", "is_due"),
        [
            (datetime(2026, 11, 25, 0, 0, tzinfo=ZONE) - A_MOMENT, True),
            (datetime(2026, 11, 25, 1, 0, tzinfo=ZONE) - A_MOMENT, True),
            (datetime(2026, 11, 25, 1, 0, tzinfo=ZONE), False),
        ],
    )
    def test_a_day_is_counted_for_good_an_hour_after_it_ended(self, session, counted_at, is_due):
        day = date(2026, 11, 24)
        at = datetime(2026, 11, 24, 12, tzinfo=UTC)
        an_idea(session, id=least_id_at(at), stored_at=at)
        self.counted(session, day, counted_at)
        # Today is always due.
        assert self.due(session) == [self.TODAY, *([day] if is_due else [])]

    def test_the_day_of_an_overtaken_decision_is_due_again(self, session):
        moa = a_member_of_staff(session)
        early, later = date(2026, 11, 20), date(2026, 11, 21)
        at = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
        idea = an_idea(session, id=least_id_at(at), stored_at=at)
        other = an_idea(session)
        decision(session, idea, moa, decided_at=at)
        decision(session, other, moa, decided_at=at + timedelta(days=1))
        days = (early + timedelta(days=back) for back in range(6))
        for day in days:
            self.counted(session, day, self.NOW - timedelta(minutes=10))
        assert self.due(session) == [self.TODAY]
        decision(session, idea, moa, decided_at=self.NOW - timedelta(minutes=5))
        assert self.due(session) == [self.TODAY, early]
        assert later not in self.due(session)
        # Counted again since, it is not.
        session.get_one(CountedDay, early).counted_at = self.NOW
        assert self.due(session) == [self.TODAY]


class TestReading:
    TODAY = date(2026, 11, 25)

    @pytest.fixture
    def councils(self, session):
        councils = [a_council(session) for _ in range(2)]
        rows = [
            (-30, 0, "received", "", 1000),
            (-29, 0, "received", "", 1),
            (0, 0, "received", "", 2),
            (1, 0, "received", "", 1000),
            (0, 1, "received", "", 4),
            (0, 0, "decided", "publish", 8),
            (0, 0, "decided", "mask", 16),
            (-1, 0, "waiting", "", 90),
            (0, 0, "waiting", "", 32),
            (0, 1, "waiting", "", 64),
        ]
        session.add_all(
            DailyNumber(
                day=self.TODAY + timedelta(days=day),
                council_id=councils[council].id,
                name=name,
                key=key,
                number=number,
            )
            for day, council, name, key, number in rows
        )
        session.flush()
        return councils

    def test_a_period_holds_both_its_ends_and_a_council_its_own(self, session, councils):
        period = periods.read_period("30d", self.TODAY)
        every, own = (
            figures.read_report(session, period, council) for council in (None, councils[1].id)
        )
        assert every.totals == {"received": {"": 7}, "decided": {"publish": 8, "mask": 16}}
        assert own.totals == {"received": {"": 4}}
        assert (every.steps[0].received, every.steps[0].begins) == (1, period.first)
        # A mask settles nothing.
        last = every.steps[-1]
        assert (last.received, last.decided, last.waiting) == (6, 8, 96)
        assert [step.waiting for step in every.steps[-3:]] == [None, 90, 96]
        assert len(every.steps) == 30

    def test_what_waits_now_is_of_the_newest_day_whatever_the_period(self, session, councils):
        period = periods.read_period("2024", self.TODAY)
        assert figures.read_report(session, period).waiting_now == 96
        assert figures.read_report(session, period, councils[0].id).waiting_now == 32
        assert figures.read_report(session, period).counted_at is None

    def test_years_are_those_that_were_counted_the_newest_first(self, session):
        for year in (2024, 2026):
            at = datetime(year, 5, 5, 12, tzinfo=UTC)
            session.add(CountedDay(day=date(year, 5, 4), counted_at=at))
        session.flush()
        report = figures.read_report(session, periods.read_period("30d", self.TODAY))
        assert (report.years, report.counted_at.year) == ([2026, 2025, 2024], 2026)

    def test_a_rule_is_called_what_it_is_called_now(self, session):
        a_rule(session)
        a_rule(session, version=2, title_sv="Nytt", title_en="New")
        assert figures.rule_titles(session, "sv") == {"spam": "Nytt"}
        assert figures.rule_titles(session, "en") == {"spam": "New"}
        assert session.scalar(select(Rule.version).order_by(Rule.version.desc()).limit(1)) == 2


class TestYears:
    def fill(self, session: SqlSession, year: int, *numbers: tuple[str, str, int]) -> None:
        council = a_council(session)
        session.add_all(
            DailyNumber(day=day, council_id=council.id, name=name, key=key, number=number)
            for name, key, number in numbers
            for day in (date(year, 1, 1), date(year, 12, 31))
        )
        session.add(
            CountedDay(day=date(year, 1, 1), counted_at=datetime(year + 9, 1, 1, tzinfo=UTC))
        )
        session.flush()

    @pytest.mark.parametrize(
        ("now", "is_final"),
        [
            (datetime(2026, 1, 7, 23, tzinfo=UTC) - A_MOMENT, False),
            (datetime(2026, 1, 7, 23, tzinfo=UTC), True),
        ],
    )
    def test_a_year_is_final_a_week_after_its_end_in_the_city(self, session, now, is_final):
        self.fill(session, 2025, ("received", "", 3), ("settled", "merge", 5))
        yearly.refresh_years(session, ZONE, now)
        told = session.get_one(YearlyNumbers, 2025)
        assert told.is_final is is_final
        assert told.numbers["received"] == 6
        assert ("merged" in told.numbers) is is_final

    def test_a_year_with_a_day_not_counted_is_not_final(self, session):
        self.fill(session, 2025, ("received", "", 3))
        at = datetime(2025, 6, 6, 12, tzinfo=UTC)
        an_idea(session, id=least_id_at(at), stored_at=at)
        yearly.refresh_years(session, ZONE, datetime(2026, 3, 1, tzinfo=UTC))
        assert not session.get_one(YearlyNumbers, 2025).is_final

    def test_a_final_year_is_never_written_again_not_even_by_another_clock(self, session):
        self.fill(session, 2025, ("received", "", 3))
        now = datetime(2026, 3, 1, tzinfo=UTC)
        yearly.refresh_years(session, ZONE, now)
        session.execute(DailyNumber.__table__.update().values(number=50))
        yearly.refresh_years(session, ZONE, now)
        yearly._write(session, 2025, {"received": 100}, is_final=True, now=now)
        session.expire_all()
        assert session.get_one(YearlyNumbers, 2025).numbers["received"] == 6

    def test_each_year_has_its_own_days(self, session):
        self.fill(session, 2024, ("received", "", 10))
        self.fill(session, 2025, ("received", "", 3))
        yearly.refresh_years(session, ZONE, datetime(2025, 12, 31, 12, tzinfo=UTC))
        received = {
            each.year: each.numbers["received"] for each in session.scalars(select(YearlyNumbers))
        }
        assert received == {2024: 20, 2025: 6}

    @pytest.mark.parametrize(
        ("totals", "told"),
        [
            ({"received": {"": 4}}, {"received": None}),
            ({"received": {"": 5}}, {"received": 5}),
            ({"settled": {"publish": 2}, "by_policy": {"": 3}}, {"published": 5}),
            ({"settled": {"publish": 1}, "by_policy": {"": 3}}, {"published": None}),
            ({"settled": {"merge": 4}}, {"merged": None}),
            ({"took": {"3600": 4}}, {"median_s": None}),
            ({"took": {"3600": 5}}, {"median_s": 3900}),
            ({"rejected": {"spam": 4}}, {"rejected": None, "rules": {"spam": None}}),
            (
                {
                    "judged": {
                        "likely_spam:publish": 5,
                        "likely_spam:reject": 15,
                        "clear:publish": 9,
                    }
                },
                {"likely_spam_published": 0.25},
            ),
            (
                {"judged": {"likely_spam:publish": 4, "likely_spam:reject": 15}},
                {"likely_spam_published": None},
            ),
        ],
    )
    def test_of_a_year_nothing_small_is_told(self, totals, told):
        found = yearly.suppress_totals(totals, is_over=True)
        assert {name: found[name] for name in told} == told
