"""Digests of a city, with accidents: each entry is new once to each person who should have it.

`test_digest_machine.py` draws what may happen in any order, to few people. Here the calendar of a
year goes by: every schedule, holidays, both changes of the clock, an outage of days, a crowd.
Without `RADSLAG_TEST_EXAMPLES` only the weeks with all that, and a smaller crowd.
"""

import os
from datetime import UTC, date, datetime, timedelta

import time_machine

from services.notify.digests import runs
from shared.db import Session
from tests.notify.digests.simulated_year import Year, moments

BEGINS = datetime(2026, 12, 1, tzinfo=UTC)
# Three days on which nothing runs, Epiphany among them.
OUTAGE = (datetime(2027, 1, 5, tzinfo=UTC), datetime(2027, 1, 8, tzinfo=UTC))
# On these days a run dies at each of its statements before it succeeds.
DEADLY = {date(2026, 12, 28), date(2027, 6, 21)}
WHOLE = "RADSLAG_TEST_EXAMPLES" in os.environ
PEOPLE = 200 if WHOLE else 50


def test_each_entry_is_new_once_to_each_who_should_have_it(session, settings):
    year = Year(settings)
    with time_machine.travel(BEGINS, tick=False) as clock:
        year.settle(PEOPLE, BEGINS)
        for now in moments(BEGINS, 365, settings.timezone, whole=WHOLE):
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
    assert year.crashes > 25
    assert year.digests_checked > 10 * PEOPLE
    assert year.news_told > 25 * PEOPLE
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
        told = runs.run_now(session, year.settings, now)
    year.check(told)
    year.deliver(now, in_a_good_mood=True)
