"""How often a password or a code may be tried, and when it may be tried again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import throttle
from services.moderation.people.throttle import Tried
from shared.models import LoginAttempt
from tests.factories import count
from tests.moderation.people.rules.given import NOW, TICK


class TestThrottle:
    """Each limit is counted by its own key: here, from the source, at the account."""

    def tries(self, unit, settings, tried, pairs) -> list[bool]:
        return [throttle.count_attempt(unit, settings, tried, who, source) for who, source in pairs]

    def test_limits_are_what_they_were_thought_to_be(self):
        assert {each.name: (each.here, each.from_source, each.at_account) for each in Tried} == {
            "PASSWORD": (5, 30, 100),
            "CODE": (5, 30, 10),
            "LETTER": (3, 10, 5),
        }
        assert timedelta(minutes=15) == throttle.WINDOW

    @pytest.mark.parametrize("tried", Tried)
    @pytest.mark.parametrize("key", ["here", "from_source", "at_account"])
    def test_so_many_may_be_made_and_not_one_more(self, unit, settings, tried, key):
        limit = getattr(tried, key)
        pairs = {
            "here": [("a@example.org", "192.0.2.1")] * (limit + 1),
            "from_source": [(f"{n}@example.org", "192.0.2.1") for n in range(limit + 1)],
            "at_account": [("a@example.org", f"192.0.2.{n}") for n in range(limit + 1)],
        }[key]
        assert self.tries(unit, settings, tried, pairs) == [True] * limit + [False]
        # Somebody else, somewhere else, may go on; and so may this person do other things.
        assert throttle.count_attempt(unit, settings, tried, "other@example.org", "198.51.100.1")
        for other in set(Tried) - {tried}:
            assert throttle.count_attempt(unit, settings, other, *pairs[0])

    def test_what_is_refused_is_not_counted(self, unit, settings):
        self.tries(unit, settings, Tried.LETTER, [("a", "x")] * 9)
        assert count(unit, LoginAttempt) == Tried.LETTER.here

    @pytest.mark.parametrize(
        ("after", "may"), [(throttle.WINDOW - TICK, False), (throttle.WINDOW, True)]
    )
    def test_an_attempt_counts_for_a_quarter_of_an_hour(self, unit, settings, after, may):
        self.tries(unit, settings, Tried.PASSWORD, [("a", "x")] * Tried.PASSWORD.here)
        with travel(NOW + after, tick=False):
            assert throttle.count_attempt(unit, settings, Tried.PASSWORD, "a", "x") is may

    def test_an_account_is_the_same_however_its_address_is_typed(self, unit, settings):
        typed = [
            "a@example.org",
            "A@Example.org",
            " a@example.org ",
            "A@EXAMPLE.ORG\t",
            "a@example.org",
        ]
        assert (
            self.tries(unit, settings, Tried.PASSWORD, [(who, "x") for who in typed]) == [True] * 5
        )
        assert not throttle.count_attempt(unit, settings, Tried.PASSWORD, "a@Example.org", "x")

    def test_a_success_forgets_only_what_was_tried_here_by_the_same_way(self, unit, settings):
        self.tries(unit, settings, Tried.PASSWORD, [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x")])
        throttle.count_attempt(unit, settings, Tried.CODE, "a", "x")
        throttle.forget_failures(unit, settings, Tried.PASSWORD, "A ", "x")
        assert count(unit, LoginAttempt) == 3

    def test_old_attempts_are_cleared_away_and_others_are_not(self, unit, settings):
        ages = [throttle.WINDOW + TICK, throttle.WINDOW, timedelta()]
        unit.add_all(LoginAttempt(email_hash=b"a", source_hash=b"b", at=NOW - age) for age in ages)
        unit.flush()
        throttle.count_attempt(unit, settings, Tried.PASSWORD, "a", "x")
        assert throttle.forget_old_tries(unit) == 1
        kept = set(unit.scalars(select(LoginAttempt.at)))
        assert kept == {NOW, NOW - throttle.WINDOW}
        assert count(unit, LoginAttempt) == 3

    def test_hashes_are_of_the_key(self, unit, settings):
        other = replace(settings, secret_key="another key, long enough to be taken as well")
        for each in (settings, other):
            throttle.count_attempt(unit, each, Tried.PASSWORD, "a", "a")
        rows = unit.execute(select(LoginAttempt.email_hash, LoginAttempt.source_hash)).all()
        assert len({hashed for row in rows for hashed in row}) == 4
