"""Where a step, a class and a period end, and which numbers are told. Pure sums."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.moderation.statistics import agreement, periods, suppression, waits
from tests.moderation.statistics.given import DAY, HOUR


class TestWaits:
    @given(st.floats(0, 5 * 365 * DAY))
    def test_a_percentile_of_one_lies_in_its_own_step(self, seconds):
        steps = [start for start, _width in waits._STEPS]
        start = max(each for each in steps if each <= seconds)
        width = dict(waits._STEPS)[start]
        least = min(start + (seconds - start) // width * width, waits._LONGEST)
        told = waits.compute_percentile({int(least): 1}, 0.5)
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
        assert waits.compute_percentile(counts, share) == told


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
        period = periods.read_period(code, date.fromisoformat(today))
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
        assert suppression.suppress_share(part, rest) == told

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
        told = agreement.compute_agreement(
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
        assert agreement.compute_kappa(pairs) == pytest.approx(-1)
