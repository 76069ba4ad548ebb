"""The pace of letters: turns in the database, one after the other, whoever asks."""

import dataclasses
import threading
from itertools import pairwise

import pytest

from services.notify.sending import pace
from services.notify.sending.mailing import send_due
from shared.config import Settings, SettingsError
from shared.db import Session
from tests.factories import an_idea


def test_turns_follow_one_another_and_those_too_far_off_stay_free(session):
    waits = [pace.take_turn(session, gap_s=10, within_s=25) for _ in range(5)]
    assert [wait if wait is None else round(wait) for wait in waits] == [0, 10, 20, None, None]
    assert round(pace.take_turn(session, gap_s=10, within_s=35)) == 30


def test_a_pause_is_not_made_up_for(session):
    pace.take_turn(session, gap_s=0.01, within_s=1)
    threading.Event().wait(0.05)
    assert pace.take_turn(session, gap_s=10, within_s=1) == 0
    assert pace.take_turn(session, gap_s=10, within_s=1) is None


def test_many_workers_keep_one_pace(desk, server, settings, session):
    for count in range(8):
        each = an_idea(session, email=f"nr{count}@example.org", submitted=False)
        desk.wait_for(each)
        desk.publish(each)
    desk.deliver()
    desk.ripen()
    paced = dataclasses.replace(settings, mail_rate="5/second")
    threads = [threading.Thread(target=send_due, args=(paced,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.taken) == 8
    assert server.connections <= 4
    # Where the turns were given out, not when a busy machine got around to use them.
    with Session() as look:
        assert round(pace.take_turn(look, 0.2, 60), 1) <= 0.2


def test_a_run_does_not_wait_for_a_turn_that_comes_after_it(desk, idea, server, settings):
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    with Session.begin() as session:
        pace.take_turn(session, gap_s=3600, within_s=1)
    paced = dataclasses.replace(settings, mail_rate="1/hour")
    assert send_due(paced) == 0
    assert desk.states() == [("published", "waiting")]
    # Whoever may send as fast as they like still can.
    assert send_due(settings) == 1


@pytest.mark.parametrize(
    ("rate", "gap_s"), [("off", 0), ("60/minute", 1), ("5/second", 0.2), ("1 / hour", 3600)]
)
def test_a_rate_is_a_gap(environment, rate, gap_s):
    assert Settings.from_env({**environment, "RADSLAG_MAIL_RATE": rate}).mail_gap_s == gap_s


@pytest.mark.parametrize("rate", ["0/minute", "fast", "60", "60/day", "-1/minute"])
def test_what_is_no_rate_stops_the_start(environment, rate):
    with pytest.raises(SettingsError, match="RADSLAG_MAIL_RATE"):
        Settings.from_env({**environment, "RADSLAG_MAIL_RATE": rate})


def test_gaps_between_letters_are_kept(session):
    waits = [pace.take_turn(session, gap_s=0.5, within_s=100) for _ in range(20)]
    assert all(round(later - earlier, 1) == 0.5 for earlier, later in pairwise(waits))
