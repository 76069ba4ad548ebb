"""Charts, tables and sections at their edges."""

from datetime import date

import pytest

from services.moderation.desk.statistics import charts, sections
from services.moderation.statistics import figures, periods
from services.moderation.statistics.figures import Report
from tests.moderation.statistics.given import DAY, HOUR


class TestCharts:
    def test_both_sides_have_one_scale_and_nothing_is_drawn_for_nothing(self):
        drawn = charts.draw_columns([("a", "A", 4, 0), ("b", "B", 0, 8), ("c", "C", None, None)])
        assert [(each.up, each.down) for each in drawn.columns] == [(2.5, 0), (0, 5), (0, 0)]
        assert (drawn.most, drawn.above, drawn.below) == (8, 2.5, 5)
        assert charts.draw_columns([]).columns == []
        alone = charts.draw_columns([("a", "A", 0, None)])
        assert (alone.most, alone.columns[0].x, alone.columns[0].width) == (0, 0, 100)

    @pytest.mark.parametrize("number", [2, 5, 6, 7, 30])
    def test_ticks_are_few_and_stand_at_both_ends(self, number):
        ticks = charts.draw_columns([(str(n), "", 1, 1) for n in range(number)]).ticks
        assert len(ticks) == min(number, 6)
        assert (ticks[0].word, ticks[0].x, ticks[0].anchor) == ("0", 0, "start")
        assert (ticks[-1].word, ticks[-1].x, ticks[-1].anchor) == (str(number - 1), 100, "end")
        assert {each.anchor for each in ticks[1:-1]} <= {"middle"}

    def test_one_tick_stands_in_the_middle(self):
        [tick] = charts.draw_columns([("a", "", 1, 1)]).ticks
        assert (tick.x, tick.anchor) == (50, "middle")

    def test_the_largest_bar_fills_the_width(self):
        drawn = charts.draw_bars([("a", 2), ("b", 8), ("c", 0)])
        assert [(each.value, each.share) for each in drawn] == [("2", 25), ("8", 100), ("0", 0)]
        assert [each.share for each in charts.draw_bars([("a", 0)])] == [0]


class TestSections:
    def report(self, **totals) -> Report:
        period = periods.read_period("30d", date(2026, 11, 25))
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
        period = periods.read_period("2026", date(2026, 2, 3))
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
        assert sections.write_percent(share) == told
