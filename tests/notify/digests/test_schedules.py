"""When a digest is due: for any choice, any moment, both changes of the clock, and holidays."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.digests import schedule_words, schedules
from services.notify.digests.schedules import ALL_DAYS, Schedule
from shared import i18n, red_days
from shared.models import Rhythm

STOCKHOLM = schedules.ZoneInfo("Europe/Stockholm")
SUMMER, WINTER = date(2027, 3, 28), date(2027, 10, 31)

hours = st.integers(0, 23)
some_schedules = st.builds(
    lambda rhythm, pair, every, days, day, working: Schedule(
        rhythm, min(pair), every, max(pair), days, day, working
    ),
    st.sampled_from(Rhythm),
    st.tuples(hours, hours),
    st.sampled_from([*schedule_words.APART]),
    st.frozensets(st.integers(1, 7), min_size=1),
    st.integers(1, 7),
    st.booleans(),
)
# Of five years, and of the days around a change of the clock.
moments = st.integers(0, 5 * 366 * 86400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
) | st.integers(0, 2 * 86400).map(
    lambda seconds: datetime(2027, 3, 27, tzinfo=UTC) + timedelta(seconds=seconds)
)


def hours_wanted(schedule):
    if schedule.rhythm is Rhythm.HOURS:
        return range(schedule.hour, schedule.until_hour + 1, schedule.every_hours)
    return [schedule.hour]


@given(some_schedules, moments)
def test_slots_follow_one_another_at_the_hours_that_were_chosen(schedule, moment):
    names = []
    for _ in range(5):
        slot = schedules.find_following_slot(schedule, moment, STOCKHOLM)
        if slot is None:
            assert not schedule.weekdays & {1, 2, 3, 4, 5}
            assert schedule.working_days_only
            return
        assert slot.at > moment
        # Nothing lies between: at its moment it is the latest, and just before it is not.
        assert schedules.find_latest_slot(schedule, slot.at, STOCKHOLM) == slot
        before = schedules.find_latest_slot(
            schedule, slot.at - timedelta(microseconds=1), STOCKHOLM
        )
        assert before is None or before.at <= moment
        _is_as_chosen(schedule, slot)
        names.append(slot.name)
        moment = slot.at
    assert names == sorted(set(names))


def _is_as_chosen(schedule, slot):
    local, named = slot.at.astimezone(STOCKHOLM), datetime.fromisoformat(slot.name)
    assert named.hour in hours_wanted(schedule)
    assert named.date() == local.date()
    # The hour that the clock skips has come when it has gone past it.
    skipped = local.date() in _springs() and named.hour == 2
    assert local.hour == (3 if skipped else named.hour)
    assert (local.minute, local.second, local.fold) == (0, 0, 0)
    if schedule.working_days_only:
        assert red_days.is_working(local.date())
    if schedule.rhythm is not Rhythm.WEEKLY:
        assert local.isoweekday() in schedule.weekdays
    elif not schedule.working_days_only:
        assert local.isoweekday() == schedule.weekday


def _springs():
    """The last Sundays of March."""
    for year in range(2025, 2033):
        last = date(year, 3, 31)
        yield last - timedelta(days=last.isoweekday() % 7)


@given(some_schedules, st.dates(date(2026, 1, 1), date(2030, 12, 31)))
def test_no_two_slots_of_a_day_are_one_moment(schedule, day):
    slots = schedules.slots_of(schedule, day, STOCKHOLM)
    assert len({slot.at for slot in slots}) == len({slot.name for slot in slots}) == len(slots)


@pytest.mark.parametrize(
    ("day", "names"),
    [
        # 02 and 03 are one moment.
        (SUMMER, ["01", "03", "04"]),
        # 02 comes twice and counts once.
        (WINTER, ["01", "02", "03", "04"]),
        (date(2027, 6, 1), ["01", "02", "03", "04"]),
    ],
)
def test_every_hour_through_the_nights_of_change(day, names):
    hourly = Schedule(Rhythm.HOURS, hour=1, every_hours=1, until_hour=4)
    slots = schedules.slots_of(hourly, day, STOCKHOLM)
    assert [slot.name[-2:] for slot in slots] == names
    assert [slot.at.astimezone(STOCKHOLM).strftime("%H") for slot in slots] == names


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 27), True),
        (date(2026, 11, 28), False),
        (date(2026, 11, 29), False),
        (date(2027, 1, 6), False),  # trettondedag jul
        (date(2027, 3, 26), False),  # långfredag
        (date(2027, 3, 29), False),  # annandag påsk
        (date(2027, 5, 6), False),  # Kristi himmelsfärdsdag
        (date(2027, 5, 7), True),  # klämdag
        (date(2028, 6, 6), False),  # nationaldagen
        (date(2027, 6, 25), False),  # midsommarafton
        (date(2026, 12, 23), True),
        (date(2026, 12, 24), False),  # julafton
        (date(2026, 12, 25), False),
        (date(2026, 12, 31), False),  # nyårsafton
        (date(2027, 1, 4), True),
    ],
)
def test_swedish_working_days(day, works):
    assert red_days.is_working(day) is works


def test_a_weekly_one_waits_for_the_next_working_day():
    thursdays = Schedule(Rhythm.WEEKLY, hour=7, weekday=4, working_days_only=True)
    christmas = schedules.find_following_slot(
        thursdays, datetime(2026, 12, 20, tzinfo=UTC), STOCKHOLM
    )
    assert christmas.name == "2026-12-28T07"
    assert schedules.find_following_slot(thursdays, christmas.at, STOCKHOLM).name == "2027-01-04T07"


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule(), "varje dag 07:00"),
        (Schedule(working_days_only=True), "varje arbetsdag 07:00"),
        (Schedule(weekdays=frozenset({1, 3, 5}), hour=8), "måndag, onsdag och fredag 08:00"),
        (
            Schedule(weekdays=frozenset({1, 4}), working_days_only=True),
            "måndag och torsdag som inte är helgdag 07:00",
        ),
        (Schedule(Rhythm.WEEKLY, weekday=5), "varje fredag 07:00"),
        (
            Schedule(Rhythm.HOURS, 8, 2, 16, ALL_DAYS, 1, True),
            "varje arbetsdag, varannan timme från 08:00 till 16:00",
        ),
    ],
)
def test_it_is_said_as_people_say_it(schedule, said):
    with i18n.speak_language("sv"):
        assert schedule_words.describe_schedule(schedule) == said


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(hours=2), "i dag 14:00"),
        (timedelta(hours=19), "i morgon 07:00"),
        (timedelta(days=-1), "i går 12:00"),
        (timedelta(days=3), "torsdag 12:00"),
        (timedelta(days=30), "23 december 12:00"),
    ],
)
def test_when_is_said_as_people_say_it(ahead, said):
    now = datetime(2026, 11, 23, 11, tzinfo=UTC)
    with i18n.speak_language("sv"):
        assert schedule_words.say_when(now + ahead, now, STOCKHOLM) == said
