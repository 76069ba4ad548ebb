"""Statistics: days counted by the clock, pictures of them, and what a spreadsheet gets."""

import csv
import io
from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from celery import current_app
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation import tasks
from services.moderation.checks.finding import Code
from services.moderation.decisions import undoing
from services.moderation.desk.statistics import charts
from services.moderation.statistics import (
    agreement,
    counting,
    figures,
    periods,
    suppression,
    waits,
    yearly,
)
from shared import db
from shared.clock import utcnow
from shared.ids import least_id_at
from shared.models import (
    CountedDay,
    DailyNumber,
    DecisionKind,
    YearlyNumbers,
)
from tests.factories import a_council, a_member_of_staff, a_rule, an_idea
from tests.moderation.checking.test_checking import check
from tests.moderation.decisions.test_decisions import decide_for_good

ZONE = ZoneInfo("Europe/Stockholm")


def today() -> date:
    return utcnow().astimezone(ZONE).date()


def count(session: SqlSession, *days: date) -> None:
    session.commit()
    for day in days or (today(),):
        counting.count_day(session, day, ZONE)
    counting.take_stock(session, today())
    session.commit()


def numbers(session: SqlSession, name: str, day: date | None = None) -> dict[str, int]:
    rows = session.execute(
        select(DailyNumber.key, DailyNumber.number).where(
            DailyNumber.name == name, DailyNumber.day == (day or today())
        )
    )
    return dict(rows.all())


class TestWaits:
    @pytest.mark.parametrize(
        "seconds", [30, 59 * 60, 2 * 3600 + 5, 20 * 3600, 5 * 86400, 90 * 86400]
    )
    def test_a_percentile_is_off_by_little(self, session, seconds):
        step = session.scalar(text(f"SELECT {waits.step_in_sql(str(seconds))}"))
        told = waits.compute_percentile({step: 1}, 0.5)
        assert told is not None
        assert abs(told - seconds) <= max(60, 0.1 * seconds)

    def test_the_median_lies_where_half_of_them_do(self):
        assert waits.compute_percentile({}, 0.5) is None
        assert waits.compute_percentile({0: 5, 3600: 5}, 0.5) == 60
        assert waits.compute_percentile({0: 9, 86400: 1}, 0.9) == 60


class TestCounting:
    @pytest.fixture
    def staff(self, session):
        return a_member_of_staff(session)

    def test_a_day_is_what_happened_on_it(self, session, staff):
        council = a_council(session)
        a_rule(session, "spam")
        ideas = [
            an_idea(session, council, text=f"{word} vid stranden.")
            for word in ("Bänkar", "Gungor", "Träd", "Lampor")
        ]
        check(session, *ideas)
        decide_for_good(session, ideas[0], DecisionKind.PUBLISH, staff)
        decide_for_good(session, ideas[1], DecisionKind.REJECT, staff, rule_code="spam")
        undone = decide_for_good(session, ideas[2], DecisionKind.REJECT, staff, rule_code="spam")
        undoing.undo_decision(session, decision_id=undone.id, staff_id=staff.id)
        count(session)
        assert numbers(session, "received") == {"": 4}
        assert numbers(session, "decided") == {"publish": 1, "reject": 1}
        assert numbers(session, "rejected") == {"spam": 1}
        assert sum(numbers(session, "took").values()) == 2
        assert numbers(session, "judged") == {"clear:publish": 1, "clear:reject": 1}
        assert numbers(session, "waiting") == {"": 2}

    def test_counting_again_changes_nothing(self, session, staff):
        idea = an_idea(session)
        check(session, idea)
        decide_for_good(session, idea, DecisionKind.PUBLISH, staff)
        count(session)
        before = session.execute(select(DailyNumber)).all()
        count(session)
        assert len(session.execute(select(DailyNumber)).all()) == len(before)

    def test_a_late_undo_makes_its_day_be_counted_anew(self, session, staff):
        idea = an_idea(session)
        check(session, idea)
        made = decide_for_good(session, idea, DecisionKind.PUBLISH, staff)
        day = today()
        with time_machine.travel(utcnow() + timedelta(days=3)) as traveller:
            count(session, *counting.days_due(session, ZONE, utcnow()))
            assert day not in counting.days_due(session, ZONE, utcnow())
            traveller.shift(timedelta(minutes=5))
            undoing.undo_decision(session, decision_id=made.id, staff_id=staff.id)
            session.commit()
            due = counting.days_due(session, ZONE, utcnow())
            assert day in due
            count(session, *due)
            assert numbers(session, "decided", day) == {}
            assert day not in counting.days_due(session, ZONE, utcnow())

    def test_a_day_with_a_changed_clock_has_its_own_length(self):
        start, end = counting.find_day_bounds(date(2026, 10, 25), ZONE)
        assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=25)

    def test_findings_are_right_when_people_acted_on_them(self, session, staff):
        council = a_council(session)
        a_rule(session, "personal-data")
        ideas = [
            an_idea(session, council, text=f"Ring mig på 07017406{end} om {word}.")
            for end, word in (("05", "bänkarna"), ("06", "lekplatsen"))
        ]
        check(session, *ideas)
        decide_for_good(session, ideas[0], DecisionKind.REJECT, staff, rule_code="personal-data")
        decide_for_good(session, ideas[1], DecisionKind.PUBLISH, staff)
        count(session)
        found = numbers(session, "finding")
        assert (found["phone:right"], found["phone:wrong"]) == (1, 1)
        right = figures.read_report(session, periods.read_period("30d", today())).rights[0]
        assert (right.code, right.right, right.told) == (Code.PHONE, 1, 2)

    def test_the_task_catches_up_and_takes_stock(self, session, settings, monkeypatch):
        monkeypatch.setitem(current_app.conf, "radslag_settings", settings)
        long_ago = utcnow() - timedelta(days=40)
        an_idea(session, stored_at=long_ago, received_at=long_ago, id=least_id_at(long_ago))
        session.commit()
        tasks.count_days()
        first = long_ago.astimezone(ZONE).date()
        assert numbers(session, "received", first) == {"": 1}
        assert session.get(CountedDay, today()) is not None
        assert numbers(session, "waiting") == {"": 0}


class TestPeriods:
    def test_twelve_months_end_with_this_one(self):
        period = periods.read_period("12m", date(2026, 11, 23))
        assert (period.first, period.last) == (date(2025, 12, 1), date(2026, 11, 23))
        assert periods.read_period("2024", date(2026, 1, 1)).last == date(2024, 12, 31)

    @pytest.mark.parametrize("code", ["", "x", "2031", "0001", "٢٠٢٤", "-1"])
    def test_nonsense_is_thirty_days(self, code):
        assert periods.read_period(code, date(2026, 11, 23)).first == date(2026, 10, 25)


class TestPage:
    @pytest.fixture
    def counted(self, session):
        council = a_council(session, slug="hamnen", title="Hamnen")
        for number in range(6):
            a_day = utcnow() - timedelta(days=number)
            session.add_all(
                DailyNumber(
                    day=a_day.astimezone(ZONE).date(),
                    council_id=council.id,
                    name=name,
                    key=key,
                    number=count,
                )
                for name, key, count in (
                    ("received", "", 4 + number),
                    ("decided", "publish", 3),
                    ("decided", "reject", 1),
                    ("rejected", "spam", 1),
                    ("took", "7200", 4),
                    ("finding", "phone:right", 4),
                    ("finding", "phone:wrong", 1),
                    ("sample", "publish>publish", 3),
                    ("sample", "reject:spam>publish", 1),
                    ("waiting", "", number),
                )
            )
        session.add(CountedDay(day=today(), counted_at=utcnow()))
        session.commit()
        return council

    @pytest.mark.usefixtures("counted")
    def test_shows_pictures_with_their_numbers_behind(self, desk):
        page = desk.get("/stats?council=hamnen")
        drawn = page.select("svg[role=img]")
        assert len(drawn) == 7
        for svg in drawn:
            for each in str(svg["aria-labelledby"]).split():
                told = page.find(id=each)
                assert told is not None
                assert told.text.strip()
        assert len(page.select("details table")) == 7
        assert not page.select("[style], style, script:not([src])")
        text_of = page.get_text(" ")
        assert "24 av 30 (80 %)" in text_of
        assert "Kappa" in text_of
        ids = [each["id"] for each in page.find_all(id=True)]
        assert len(ids) == len(set(ids))

    @pytest.mark.usefixtures("counted")
    @pytest.mark.parametrize("path", ["/stats", "/stats?period=12m", "/stats?period=2026"])
    def test_reads_few_statements_and_no_ideas(self, desk, path):
        asked: list[str] = []
        engine = db.Session.kw["bind"]

        def note(_connection, _cursor, statement, *_rest):
            asked.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            desk.get(path)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert not [each for each in asked if "FROM ideas" in each or "decisions" in each]
        assert len([each for each in asked if "daily_numbers" in each]) <= 3

    def test_an_empty_system_has_a_page(self, desk):
        assert "Inget är räknat än" in desk.get("/stats").get_text()

    @pytest.mark.usefixtures("counted")
    def test_a_spreadsheet_gets_every_day(self, desk):
        answer = desk.client.get("/stats/days.csv?period=12m", base_url=desk.base)
        assert answer.mimetype == "text/csv"
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert rows[0][1] == "Inkomna"
        assert rows[-1] == [today().isoformat(), "4", "4", "0"]
        assert desk.client.get("/stats/nothing.csv", base_url=desk.base).status_code == 404
        assert desk.client.get("/stats?council=nej", base_url=desk.base).status_code == 404


def test_columns_fill_the_width_and_say_what_they_are():
    drawn = charts.draw_columns(
        [("1 jan", "Den första: 4", 4, None), ("2 jan", "Den andra: 2", 2, 8)]
    )
    assert drawn.most == 8
    assert [column.told for column in drawn.columns] == ["Den första: 4", "Den andra: 2"]
    assert drawn.columns[1].down == drawn.below == 2 * drawn.above
    assert drawn.columns[1].x + drawn.columns[1].width <= 100


class TestAgreement:
    def test_kappa_is_that_of_the_textbook(self):
        # Two readers of 50 applications: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no.
        yes, no = ("publish", ""), ("mask", "")
        pairs = {(yes, yes): 20, (yes, no): 5, (no, yes): 10, (no, no): 15}
        assert agreement.compute_kappa(pairs) == pytest.approx(0.4)
        told = agreement.compute_agreement(pairs | {(yes, ("unsure", "")): 7})
        assert (told.alike, told.whole, told.unsure) == (35, 50, 7)

    def test_chance_alone_gives_no_kappa(self):
        yes = ("publish", "")
        assert agreement.compute_kappa({(yes, yes): 9}) is None
        assert agreement.compute_kappa({}) is None

    def test_a_rule_is_measured_on_what_either_would_reject_by_it(self):
        spam, publish = ("reject", "spam"), ("publish", "")
        pairs = {(spam, spam): 3, (spam, publish): 1, (publish, publish): 96}
        rule = agreement.per_rule(pairs)["spam"]
        assert (rule.alike, rule.whole) == (3, 4)

    def test_pairs_survive_being_keys(self):
        first, second = ("reject", "personal-data"), ("mask", "")
        key = agreement.pair_key(first, second)
        assert agreement.pairs_of({key: 2}) == {(first, second): 2}


class TestSuppression:
    def test_small_counts_are_left_out(self):
        assert [suppression.suppress_alone(number) for number in (0, 1, 4, 5)] == [0, None, None, 5]

    def test_one_small_count_hides_another_so_that_the_total_tells_nothing(self):
        shown, total = suppression.with_total({"spam": 40, "insult": 3, "repeat": 9, "secret": 0})
        assert shown == {"spam": 40, "insult": None, "repeat": None, "secret": 0}
        assert total == 52

    def test_small_counts_that_make_a_small_sum_are_not_enough(self):
        shown, total = suppression.with_total({"spam": 40, "insult": 1, "secret": 2})
        assert shown == {"spam": None, "insult": None, "secret": None}
        assert total == 43

    def test_where_nothing_else_can_be_hidden_the_total_is(self):
        assert suppression.with_total({"spam": 3}) == ({"spam": None}, None)
        assert suppression.with_total({"a": 2, "b": 2}) == ({"a": None, "b": None}, None)
        assert suppression.with_total({}) == ({}, 0)

    def test_nothing_small_can_be_worked_out(self):
        for first in range(12):
            for second in range(12):
                for third in range(12):
                    cells = {"a": first, "b": second, "c": third}
                    shown, total = suppression.with_total(cells)
                    hidden = [cells[key] for key, number in shown.items() if number is None]
                    assert all(number is None or not 0 < number < 5 for number in shown.values())
                    if total is not None and hidden:
                        assert len(hidden) > 1
                        assert sum(hidden) >= 5

    def test_a_share_with_a_small_side_is_left_out(self):
        assert suppression.suppress_share(0, 20) == 0
        assert suppression.suppress_share(20, 5) == 0.8
        assert suppression.suppress_share(1, 40) is None
        assert suppression.suppress_share(40, 4) is None


class TestYearly:
    def fill(self, session: SqlSession, year: int) -> None:
        council = a_council(session)
        day = date(year, 3, 3)
        session.add_all(
            DailyNumber(day=day, council_id=council.id, name=name, key=key, number=number)
            for name, key, number in (
                ("received", "", 100),
                ("settled", "publish", 60),
                ("settled", "merge", 6),
                ("rejected", "spam", 20),
                ("rejected", "insult", 2),
                ("rejected", "repeat", 8),
                ("took", "3600", 90),
                ("judged", "likely_spam:publish", 5),
                ("judged", "likely_spam:reject", 15),
            )
        )
        session.add(CountedDay(day=day, counted_at=utcnow()))
        session.commit()

    def test_a_year_that_is_over_is_told_once_and_for_all(self, session):
        self.fill(session, 2024)
        yearly.refresh_years(session, ZONE, utcnow())
        session.commit()
        told = session.get_one(YearlyNumbers, 2024)
        assert told.is_final
        assert told.numbers["rules"] == {"spam": 20, "insult": None, "repeat": None}
        assert told.numbers["rejected"] == 30
        assert told.numbers["likely_spam_published"] == 0.25
        session.execute(text("UPDATE daily_numbers SET number = number + 1"))
        yearly.refresh_years(session, ZONE, utcnow())
        session.commit()
        session.refresh(told)
        assert told.numbers["received"] == 100

    def test_of_the_running_year_only_what_is_public_anyway(self, session):
        self.fill(session, today().year)
        yearly.refresh_years(session, ZONE, utcnow())
        session.commit()
        told = session.get_one(YearlyNumbers, today().year)
        assert not told.is_final
        assert set(told.numbers) == {"received", "published", "median_s"}
