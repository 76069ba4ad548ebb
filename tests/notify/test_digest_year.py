"""A year of digests, with accidents: each entry is new once to each person who should have it."""

from datetime import UTC, date, datetime, timedelta

import time_machine

from services.notify import digests
from shared.db import Session
from tests.notify.simulated_year import Year, moments

BEGINS = datetime(2026, 12, 1, tzinfo=UTC)
# Three days on which nothing runs.
OUTAGE = (datetime(2027, 2, 11, tzinfo=UTC), datetime(2027, 2, 14, tzinfo=UTC))
# On these days a run dies at each of its statements before it succeeds.
DEADLY = {date(2026, 12, 28), date(2027, 6, 21)}


def test_each_entry_is_new_once_to_each_who_should_have_it(session, settings):
    year = Year(settings)
    with time_machine.travel(BEGINS, tick=False) as clock:
        year.settle(200, BEGINS)
        for now in moments(BEGINS, 365, settings.timezone):
            clock.move_to(now)
            year.live()
            if OUTAGE[0] < now < OUTAGE[1]:
                continue
            if now.date() in DEADLY:
                year.die_at_each_statement(now)
            else:
                year.run(now)
            year.deliver(now)
        year.commit_late(all_of_them=True)
        _tell_the_rest(year, now + timedelta(days=2), clock)
    assert year.crashes > 30
    assert year.digests_checked > 2_000
    assert year.news_told > 5_000
    assert all(
        year.wanted_by(person) <= person.told
        for person in year.people.values()
        if person.choice.is_on
    )


def _tell_the_rest(year, now, clock):
    """Let everybody have one more digest that arrives; whoever was being sent one has it."""
    clock.move_to(now)
    year.deliver(now, in_a_good_mood=True)
    with Session.begin() as session:
        told = digests.run_now(session, year.settings, now)
    year.check(told)
    year.deliver(now, in_a_good_mood=True)
