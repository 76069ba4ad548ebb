"""Statistics at their edges: where a day, a step, a class and a period end, and what is counted.

Pure sums are tried as such; what the database counts, in one database where nothing is committed.
"""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk.statistics import charts, sections, tables
from services.moderation.statistics import (
    agreement,
    counting,
    figures,
    periods,
    suppression,
    waits,
    yearly,
)
from services.moderation.statistics.figures import Report
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

ZONE = ZoneInfo("Europe/Stockholm")
HOUR, DAY = 3600, 86400
A_MOMENT = timedelta(microseconds=1)
# The day on which the clock goes back: 25 hours, from 22:00 to 23:00 in UTC.
LONG = date(2026, 10, 25)
BEGINS = datetime(2026, 10, 24, 22, tzinfo=UTC)
ENDS = datetime(2026, 10, 25, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def database_url(servers):
    with copied(servers[0], "statistics_edges") as url:
        yield url


class TestWaits:
    @given(st.floats(0, 5 * 365 * DAY))
    def test_a_percentile_of_one_lies_in_its_own_step(self, seconds):
        steps = [start for start, _width in waits._STEPS]
        start = max(each for each in steps if each <= seconds)
        width = dict(waits._STEPS)[start]
        least = min(start + (seconds - start) // width * width, waits._LONGEST)
        told = waits.percentile({int(least): 1}, 0.5)
        assert told == pytest.approx(least + (width / 2 if least < waits._LONGEST else 0), abs=1)

    @pytest.mark.parametrize(
        ("seconds", "step"),
        [
            (-5, 0),
            (0, 0),
            (59.9, 0),
            (60, 60),
            (HOUR - 1, HOUR - 60),
            (HOUR, HOUR),
            (HOUR + 599, HOUR),
            (HOUR + 600, HOUR + 600),
            (12 * HOUR - 1, 12 * HOUR - 600),
            (12 * HOUR, 12 * HOUR),
            (13 * HOUR - 1, 12 * HOUR),
            (3 * DAY - 1, 3 * DAY - HOUR),
            (3 * DAY, 3 * DAY),
            (30 * DAY - 1, 30 * DAY - 6 * HOUR),
            (30 * DAY, 30 * DAY),
            (31 * DAY - 1, 30 * DAY),
            (3 * 365 * DAY - 1, 3 * 365 * DAY - DAY),
            (3 * 365 * DAY, 3 * 365 * DAY),
            (9 * 365 * DAY, 3 * 365 * DAY),
        ],
    )
    def test_a_wait_is_kept_as_the_lower_end_of_its_step(self, session, seconds, step):
        found = session.scalar(text(f"SELECT {waits.step_in_sql(str(float(seconds)))}"))
        assert found == step

    @pytest.mark.parametrize(
        ("counts", "share", "told"),
        [
            ({}, 0.5, None),
            ({0: 0}, 0.5, None),
            ({0: 1}, 1.0, 60),
            ({0: 1, HOUR: 1}, 0.5, 60),
            ({0: 1, HOUR: 1}, 0.75, HOUR + 300),
            ({0: 1, HOUR: 1}, 1.0, HOUR + 600),
            ({60: 1, 0: 3}, 0.9, 60 + 36),
            ({3 * 365 * DAY: 4}, 0.5, 3 * 365 * DAY),
            ({0: 0, 120: 2}, 0.0, 120),
        ],
    )
    def test_a_percentile_lies_evenly_in_its_step(self, counts, share, told):
        assert waits.percentile(counts, share) == told


class TestPeriods:
    @pytest.mark.parametrize(
        ("code", "today", "first", "last", "by_month"),
        [
            ("30d", "2026-03-01", "2026-01-31", "2026-03-01", False),
            ("12m", "2026-01-31", "2025-02-01", "2026-01-31", True),
            ("12m", "2026-11-30", "2025-12-01", "2026-11-30", True),
            ("12m", "2026-12-01", "2026-01-01", "2026-12-01", True),
            ("2026", "2026-03-01", "2026-01-01", "2026-03-01", True),
            ("2025", "2026-03-01", "2025-01-01", "2025-12-31", True),
            ("2000", "2026-03-01", "2000-01-01", "2000-12-31", True),
            ("1999", "2026-03-01", "2026-01-31", "2026-03-01", False),
            ("2027", "2026-03-01", "2026-01-31", "2026-03-01", False),
            ("02026", "2026-03-01", "2026-01-31", "2026-03-01", False),
        ],
    )
    def test_begin_and_end_on_their_days(self, code, today, first, last, by_month):
        period = periods.read(code, date.fromisoformat(today))
        assert (period.first.isoformat(), period.last.isoformat()) == (first, last)
        assert period.by_month is by_month
        days = list(period.days)
        assert (days[0], days[-1]) == (period.first, period.last)
        assert len(days) == len(set(days)) == (period.last - period.first).days + 1
        assert period.code == (code if by_month else "30d")


class TestSuppression:
    @given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30)))
    def test_nothing_small_is_shown_or_can_be_worked_out(self, cells):
        shown, total = suppression.with_total(cells)
        assert set(shown) == set(cells)
        assert all(number in {None, cells[key]} for key, number in shown.items())
        assert all(number is None or not 0 < number < 5 for number in shown.values())
        hidden = [cells[key] for key, number in shown.items() if number is None]
        assert total is None or total == sum(cells.values())
        assert total is None or not 0 < total < 5
        if hidden and total is not None:
            assert len(hidden) >= 2
            assert sum(hidden) >= 5
        # And no more is hidden than need be: nothing where nothing is small, never a zero.
        assert not hidden or any(0 < number < 5 for number in hidden)
        assert 0 not in hidden
        if total is None:
            assert all(0 < number < 5 for number in hidden)

    @pytest.mark.parametrize(
        ("part", "rest", "told"),
        [
            (5, 5, 0.5),
            (4, 6, None),
            (6, 4, None),
            (0, 5, 0.0),
            (5, 0, 1.0),
            (0, 4, None),
            (0, 0, None),
        ],
    )
    def test_a_share_needs_five_or_none_on_either_side(self, part, rest, told):
        assert suppression.share(part, rest) == told

    @pytest.mark.parametrize(
        ("cells", "shown", "total"),
        [
            ({"a": 4, "b": 5}, {"a": None, "b": None}, 9),
            ({"a": 4, "b": 1, "c": 9}, {"a": None, "b": None, "c": 9}, 14),
            ({"a": 3, "b": 1, "c": 9}, {"a": None, "b": None, "c": None}, 13),
            # The smallest of the others go, by their names where they are alike.
            ({"a": 1, "c": 7, "b": 7, "d": 6}, {"a": None, "b": 7, "c": 7, "d": None}, 21),
            ({"a": 1, "c": 7, "b": 7}, {"a": None, "b": None, "c": 7}, 15),
            ({"a": 5, "b": 0}, {"a": 5, "b": 0}, 5),
            ({"a": 4, "b": 0}, {"a": None, "b": 0}, None),
        ],
    )
    def test_what_is_hidden_beside_a_small_count(self, cells, shown, total):
        assert suppression.with_total(cells) == (shown, total)


class TestAgreement:
    publish, mask = ("publish", ""), ("mask", "")
    spam, insult = ("reject", "spam"), ("reject", "insult")

    def test_is_the_same_kind_by_the_same_rule_and_who_is_unsure_is_apart(self):
        unsure = ("unsure", "")
        told = agreement.overall(
            {
                (self.publish, self.publish): 4,
                (self.spam, self.spam): 2,
                (self.spam, self.insult): 3,
                (self.publish, unsure): 5,
            }
        )
        assert (told.alike, told.whole, told.unsure) == (6, 9, 5)
        assert told.share.value == pytest.approx(6 / 9)

    def test_of_a_rule_counts_what_either_would_reject_by_it(self):
        pairs = {
            (self.spam, self.spam): 3,
            (self.spam, self.insult): 1,
            (self.publish, self.spam): 2,
            (self.insult, self.insult): 5,
            (self.publish, self.publish): 9,
            (self.spam, ("unsure", "")): 7,
        }
        told = agreement.per_rule(pairs)
        assert list(told) == ["insult", "spam"]
        assert (told["spam"].alike, told["spam"].whole) == (3, 6)
        assert (told["insult"].alike, told["insult"].whole) == (5, 6)
        # Of 20 both were sure about: 3 yes-yes, 1 yes-no, 2 no-yes, 14 no-no.
        by_chance = (4 * 5 + 16 * 15) / 400
        assert told["spam"].kappa == pytest.approx((17 / 20 - by_chance) / (1 - by_chance))

    def test_worse_than_chance_is_below_nothing(self):
        pairs = {(self.publish, self.mask): 5, (self.mask, self.publish): 5}
        assert agreement.kappa(pairs) == pytest.approx(-1)


class TestCharts:
    def test_both_sides_have_one_scale_and_nothing_is_drawn_for_nothing(self):
        drawn = charts.columns([("a", "A", 4, 0), ("b", "B", 0, 8), ("c", "C", None, None)])
        assert [(each.up, each.down) for each in drawn.columns] == [(2.5, 0), (0, 5), (0, 0)]
        assert (drawn.most, drawn.above, drawn.below) == (8, 2.5, 5)
        assert charts.columns([]).columns == []
        alone = charts.columns([("a", "A", 0, None)])
        assert (alone.most, alone.columns[0].x, alone.columns[0].width) == (0, 0, 100)

    @pytest.mark.parametrize("number", [2, 5, 6, 7, 30])
    def test_ticks_are_few_and_stand_at_both_ends(self, number):
        ticks = charts.columns([(str(n), "", 1, 1) for n in range(number)]).ticks
        assert len(ticks) == min(number, 6)
        assert (ticks[0].word, ticks[0].x, ticks[0].anchor) == ("0", 0, "start")
        assert (ticks[-1].word, ticks[-1].x, ticks[-1].anchor) == (str(number - 1), 100, "end")
        assert {each.anchor for each in ticks[1:-1]} <= {"middle"}

    def test_one_tick_stands_in_the_middle(self):
        [tick] = charts.columns([("a", "", 1, 1)]).ticks
        assert (tick.x, tick.anchor) == (50, "middle")

    def test_the_largest_bar_fills_the_width(self):
        drawn = charts.bars([("a", 2), ("b", 8), ("c", 0)])
        assert [(each.value, each.share) for each in drawn] == [("2", 25), ("8", 100), ("0", 0)]
        assert [each.share for each in charts.bars([("a", 0)])] == [0]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_file_begins_as_a_formula_does(first):
    told = tables.as_csv(tables.Table([f"{first}1"], [[f"{first}x"], [-1], ["x="]]))
    rows = list(csv.reader(io.StringIO(told, newline="")))
    assert rows == [[f"'{first}1"], [f"'{first}x"], ["-1"], ["x="]]


class TestSections:
    def report(self, **totals) -> Report:
        period = periods.read("30d", date(2026, 11, 25))
        return Report(period, [], totals)

    @pytest.mark.parametrize(
        ("wait", "place"),
        [
            (0, 0),
            (HOUR - 1, 0),
            (HOUR, 1),
            (4 * HOUR - 1, 1),
            (4 * HOUR, 2),
            (DAY - 1, 2),
            (DAY, 3),
            (2 * DAY - 1, 3),
            (2 * DAY, 4),
            (7 * DAY - 1, 4),
            (7 * DAY, 5),
        ],
    )
    def test_a_wait_is_in_one_class(self, wait, place):
        rows = sections._waits(self.report(took={str(wait): 3})).table.rows
        assert [number for _word, number in rows] == [3 * (n == place) for n in range(6)]

    def test_what_settles_an_idea_is_what_is_called_decided(self):
        decided = {"publish": 1, "reject": 2, "merge": 4, "keep": 8, "mask": 16, "reopen": 32}
        assert self.report(decided=decided).settled == 15

    def test_what_is_told_most_often_comes_first_and_of_equals_the_first_by_name(self):
        report = self.report(
            rejected={"b": 2, "a": 2, "c": 9},
            finding={"phone:right": 1, "email:wrong": 3, "email:right": 1, "nonsense:right": 9},
        )
        assert report.most_first("rejected") == [("c", 9), ("a", 2), ("b", 2)]
        assert [(each.code.value, each.right, each.told) for each in report.rights] == [
            ("email", 1, 4),
            ("phone", 1, 1),
        ]
        assert report.total("rejected") == 13
        assert report.total("nothing") == 0

    def test_a_step_of_a_month_has_the_stock_of_its_last_counted_day(self):
        period = periods.read("2026", date(2026, 2, 3))
        numbers = {
            ("received", date(2026, 1, 1)): 2,
            ("received", date(2026, 1, 31)): 3,
            ("decided", date(2026, 2, 1)): 4,
            ("waiting", date(2026, 1, 30)): 7,
            ("waiting", date(2026, 1, 2)): 9,
        }
        told = [
            (step.begins, step.received, step.decided, step.waiting)
            for step in figures._steps(period, numbers)
        ]
        assert told == [(date(2026, 1, 1), 5, 0, 7), (date(2026, 2, 1), 0, 4, None)]

    @pytest.mark.parametrize(
        ("share", "told"), [(None, "–"), (0.0, "0 %"), (0.494, "49 %"), (0.995, "100 %")]
    )
    def test_a_share_is_written_in_whole_per_cent(self, share, told):
        assert sections.percent(share) == told


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
        assert counting.bounds(LONG, ZONE) == (BEGINS, ENDS)
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
        assert found.get(("settled", kind), 0) == settles
        assert found.get(("took", str(2 * HOUR)), 0) == settles

    @pytest.mark.parametrize("undone", [True, False])
    @pytest.mark.parametrize("kind", ["publish", "keep"])
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
        period = periods.read("30d", self.TODAY)
        every, own = (figures.read(session, period, council) for council in (None, councils[1].id))
        assert every.totals == {"received": {"": 7}, "decided": {"publish": 8, "mask": 16}}
        assert own.totals == {"received": {"": 4}}
        assert (every.steps[0].received, every.steps[0].begins) == (1, period.first)
        # A mask settles nothing.
        last = every.steps[-1]
        assert (last.received, last.decided, last.waiting) == (6, 8, 96)
        assert [step.waiting for step in every.steps[-3:]] == [None, 90, 96]
        assert len(every.steps) == 30

    def test_what_waits_now_is_of_the_newest_day_whatever_the_period(self, session, councils):
        period = periods.read("2024", self.TODAY)
        assert figures.read(session, period).waiting_now == 96
        assert figures.read(session, period, councils[0].id).waiting_now == 32
        assert figures.read(session, period).counted_at is None

    def test_years_are_those_that_were_counted_the_newest_first(self, session):
        for year in (2024, 2026):
            at = datetime(year, 5, 5, 12, tzinfo=UTC)
            session.add(CountedDay(day=date(year, 5, 4), counted_at=at))
        session.flush()
        report = figures.read(session, periods.read("30d", self.TODAY))
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
        yearly.refresh(session, ZONE, now)
        told = session.get_one(YearlyNumbers, 2025)
        assert told.is_final is is_final
        assert told.numbers["received"] == 6
        assert ("merged" in told.numbers) is is_final

    def test_a_year_with_a_day_not_counted_is_not_final(self, session):
        self.fill(session, 2025, ("received", "", 3))
        at = datetime(2025, 6, 6, 12, tzinfo=UTC)
        an_idea(session, id=least_id_at(at), stored_at=at)
        yearly.refresh(session, ZONE, datetime(2026, 3, 1, tzinfo=UTC))
        assert not session.get_one(YearlyNumbers, 2025).is_final

    def test_a_final_year_is_never_written_again_not_even_by_another_clock(self, session):
        self.fill(session, 2025, ("received", "", 3))
        now = datetime(2026, 3, 1, tzinfo=UTC)
        yearly.refresh(session, ZONE, now)
        session.execute(DailyNumber.__table__.update().values(number=50))
        yearly.refresh(session, ZONE, now)
        yearly._write(session, 2025, {"received": 100}, is_final=True, now=now)
        session.expire_all()
        assert session.get_one(YearlyNumbers, 2025).numbers["received"] == 6

    def test_each_year_has_its_own_days(self, session):
        self.fill(session, 2024, ("received", "", 10))
        self.fill(session, 2025, ("received", "", 3))
        yearly.refresh(session, ZONE, datetime(2025, 12, 31, 12, tzinfo=UTC))
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
        found = yearly.told(totals, is_over=True)
        assert {name: found[name] for name in told} == told
