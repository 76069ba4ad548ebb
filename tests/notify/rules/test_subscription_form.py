"""The form of a subscription: every value that may be chosen is taken, and no other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.desk.subscription_form import as_typed, read_choice
from services.notify.digests.readers import Wanted
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice
from shared.ids import new_id
from shared.lanes import Lane
from shared.models import Rhythm

COUNCILS = frozenset({3, 8, 21})
STANDING = Choice(new_id(), "Ada")
# What a field may hold, told here anew: the hours of a day, whole steps of it, days from Monday.
FIELDS = {
    "hour": (range(24), {Rhythm.DAILY, Rhythm.HOURS, Rhythm.WEEKLY}),
    "until_hour": (range(24), {Rhythm.HOURS}),
    "every_hours": ((1, 2, 3, 4, 6, 8, 12), {Rhythm.HOURS}),
    "weekday": (range(1, 8), {Rhythm.WEEKLY}),
}
HOSTILE = ["", " ", "-1", "+1", "1.0", "1e1", "0x7", "07", "0071", "٣", "7 ", "²", "9" * 5000]


def typed(**other) -> dict:
    """The form of somebody who has a digest each hour of the day."""
    whole = Schedule(rhythm=Rhythm.HOURS, hour=0, every_hours=1, until_hour=23)
    return as_typed(replace(STANDING, schedule=whole)) | other


@pytest.mark.parametrize("rhythm", list(Rhythm))
@pytest.mark.parametrize("name", FIELDS)
def test_a_number_is_one_of_those_offered_or_is_told_of_where_it_counts(name, rhythm):
    allowed, counts_for = FIELDS[name]
    for raw in [*map(str, range(-1, 40)), *HOSTILE]:
        form = typed(rhythm=rhythm.value, **{name: raw})
        choice, faults = read_choice(form, STANDING, COUNCILS)
        if raw in map(str, allowed):
            assert getattr(choice.schedule, name) == int(raw)
            assert not faults
        else:
            assert getattr(choice.schedule, name) == getattr(STANDING.schedule, name)
            assert set(faults) == ({name} if rhythm in counts_for else set())


@given(first=st.integers(0, 23), last=st.integers(0, 23))
def test_the_last_hour_is_not_before_the_first(first, last):
    form = typed(hour=str(first), until_hour=str(last))
    choice, faults = read_choice(form, STANDING, COUNCILS)
    assert choice.schedule.hour <= choice.schedule.until_hour
    assert (set(faults) == {"until_hour"}) is (last < first)


@pytest.mark.parametrize("rhythm", ["", "never", "OFF", "daily ", "monthly"])
def test_a_rhythm_that_is_not_offered_changes_nothing(rhythm):
    choice, faults = read_choice(typed(rhythm=rhythm, hour="99"), STANDING, COUNCILS)
    assert choice is STANDING
    assert set(faults) == {"rhythm"}


def test_who_turns_it_off_is_asked_nothing_and_keeps_the_rest():
    wrong = {"hour": "x", "weekdays": [], "every_hours": "0", "weekday": "8", "until_hour": "24"}
    choice, faults = read_choice(typed(rhythm="off", **wrong), STANDING, COUNCILS)
    assert not choice.is_on
    assert choice.schedule == replace(STANDING.schedule, until_hour=23)
    assert not faults


@given(days=st.lists(st.sampled_from(["0", "1", "2", "3", "4", "5", "6", "7", "8", "x", "٣"])))
def test_days_are_those_of_a_week_and_at_least_one(days):
    choice, faults = read_choice(typed(weekdays=days), STANDING, COUNCILS)
    chosen = {int(day) for day in days if day in set("1234567")}
    assert choice.schedule.weekdays == (chosen or STANDING.schedule.weekdays)
    assert ("weekdays" in faults) is (not chosen)


@given(
    councils=st.sets(st.sampled_from(["3", "8", "21", "4", "", "x"])),
    lanes=st.sets(st.sampled_from([*(lane.value for lane in Lane), "none"])),
)
def test_nothing_everything_and_the_unknown_are_no_choice(councils, lanes):
    form = typed(council_ids=list(councils), lanes=list(lanes))
    choice, _ = read_choice(form, STANDING, COUNCILS)
    known = {int(each) for each in councils & {"3", "8", "21"}}
    lanes = lanes - {"none"}
    assert choice.wanted == Wanted(
        frozenset(known) if 0 < len(known) < 3 else None,
        frozenset(lanes) if 0 < len(lanes) < len(Lane) else None,
    )


@pytest.mark.parametrize(
    ("language", "kept"), [("sv", "sv"), ("en", "en"), ("", None), ("de", None)]
)
def test_a_language_is_one_that_the_system_speaks(language, kept):
    choice, _ = read_choice(typed(language=language), STANDING, COUNCILS)
    assert choice.language == kept


@given(
    st.builds(
        Schedule,
        rhythm=st.sampled_from(list(Rhythm)),
        hour=st.integers(0, 11),
        until_hour=st.integers(12, 23),
        every_hours=st.sampled_from([1, 2, 3, 4, 6]),
        weekdays=st.frozensets(st.integers(1, 7), min_size=1),
        weekday=st.integers(1, 7),
        working_days_only=st.booleans(),
    ),
    st.booleans(),
    st.booleans(),
)
def test_what_the_form_shows_is_read_as_what_it_was(schedule, is_on, calm):
    standing = replace(STANDING, is_on=is_on, schedule=schedule, calm_note=calm)
    choice, faults = read_choice(as_typed(standing), standing, COUNCILS)
    assert choice == standing
    assert not faults
