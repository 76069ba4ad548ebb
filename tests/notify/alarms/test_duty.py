"""Who is on duty: weekdays, red days, replacements, both nights on which the clock is moved."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.notify.alarms import duty
from services.notify.alarms.duty import RED_DAY
from shared import i18n, red_days
from shared.models import DutyCover, DutyShift, Role
from tests.factories import a_member_of_staff

CITY = ZoneInfo("Europe/Stockholm")
MONDAY = 0


def at(written: str, fold: int = 0) -> datetime:
    """Return the moment when the city's clock shows this."""
    return datetime.fromisoformat(written).replace(tzinfo=CITY, fold=fold).astimezone(UTC)


@pytest.fixture
def staff(session):
    people = {name: a_member_of_staff(session, name=name) for name in ("Anna", "Bo", "Cia")}
    session.commit()
    return people


@pytest.fixture
def on_duty(session, staff):
    """Tell who is on duty at a moment, by name."""

    def told(written: str, fold: int = 0) -> list[str]:
        return [each.name for each in duty.on_duty(session, at(written, fold), CITY)]

    return told


@pytest.fixture
def shift(session, staff):
    def made(name: str, day: int, begins: str, ends: str) -> None:
        session.add(
            DutyShift(
                staff_id=staff[name].id,
                day=day,
                begins=time.fromisoformat(begins),
                ends=time.fromisoformat(ends),
            )
        )
        session.commit()

    return made


@pytest.fixture
def cover(session, staff):
    def made(name: str, first: str, last: str, by: str | None) -> None:
        session.add(
            DutyCover(
                staff_id=staff[name].id,
                first_day=date.fromisoformat(first),
                last_day=date.fromisoformat(last),
                cover_id=staff[by].id if by else None,
            )
        )
        session.commit()

    return made


class TestAWeek:
    """Office hours, a night, a weekend."""

    @pytest.fixture(autouse=True)
    def plan(self, shift):
        for day in range(5):
            shift("Anna", day, "07:30", "16:30")
        shift("Bo", MONDAY, "16:30", "07:30")
        shift("Cia", 5, "00:00", "00:00")
        shift("Cia", RED_DAY, "10:00", "14:00")

    @pytest.mark.parametrize(
        ("moment", "who"),
        [
            ("2026-11-30 07:29", []),
            ("2026-11-30 07:30", ["Anna"]),
            ("2026-11-30 16:29:59", ["Anna"]),
            # One ends when the next begins.
            ("2026-11-30 16:30", ["Bo"]),
            # Past midnight, Monday's shift lasts.
            ("2026-12-01 07:29", ["Bo"]),
            ("2026-12-01 07:30", ["Anna"]),
            ("2026-12-01 20:00", []),
            # A whole day, and not a minute more.
            ("2026-12-05 00:00", ["Cia"]),
            ("2026-12-05 23:59", ["Cia"]),
            ("2026-12-06 00:00", []),
            # Julafton is a Thursday, and follows the plan for red days only.
            ("2026-12-24 09:00", []),
            ("2026-12-24 10:00", ["Cia"]),
            ("2026-12-24 14:00", []),
            # Annandag jul is a Saturday.
            ("2026-12-26 09:00", []),
            ("2026-12-26 13:00", ["Cia"]),
        ],
    )
    def test_says_who(self, on_duty, moment, who):
        assert on_duty(moment) == who

    def test_of_those_who_may_decide(self, on_duty, session, staff):
        staff["Anna"].role = Role.READER
        session.commit()
        assert on_duty("2026-11-30 09:00") == []

    def test_of_those_who_are_still_here(self, on_duty, session, staff):
        staff["Anna"].disabled_at = at("2026-11-01 09:00")
        session.commit()
        assert on_duty("2026-11-30 09:00") == []

    def test_says_each_once(self, on_duty, shift):
        shift("Anna", MONDAY, "08:00", "12:00")
        assert on_duty("2026-11-30 09:00") == ["Anna"]


class TestReplacements:
    """Anna has Mondays, Bo nothing of his own."""

    @pytest.fixture(autouse=True)
    def plan(self, shift):
        shift("Anna", MONDAY, "08:00", "17:00")
        shift("Anna", RED_DAY, "08:00", "17:00")

    @pytest.mark.parametrize(
        ("moment", "who"),
        [
            ("2026-11-30 09:00", ["Anna"]),
            ("2026-12-07 09:00", ["Bo"]),
            ("2026-12-14 09:00", ["Bo"]),
            ("2026-12-21 09:00", ["Anna"]),
        ],
    )
    def test_are_from_day_to_day_both_included(self, on_duty, cover, moment, who):
        cover("Anna", "2026-12-07", "2026-12-14", "Bo")
        assert on_duty(moment) == who

    def test_hold_on_red_days_too(self, on_duty, cover):
        cover("Anna", "2026-12-24", "2026-12-24", "Bo")
        assert on_duty("2026-12-24 09:00") == ["Bo"]
        assert on_duty("2026-12-25 09:00") == ["Anna"]

    def test_may_be_by_nobody(self, on_duty, cover):
        cover("Anna", "2026-12-07", "2026-12-07", None)
        assert on_duty("2026-12-07 09:00") == []

    def test_are_followed_from_one_to_the_next(self, on_duty, cover):
        cover("Anna", "2026-12-07", "2026-12-07", "Bo")
        cover("Bo", "2026-12-07", "2026-12-07", "Cia")
        assert on_duty("2026-12-07 09:00") == ["Cia"]

    def test_in_a_circle_are_nobody(self, on_duty, cover):
        cover("Anna", "2026-12-07", "2026-12-07", "Bo")
        cover("Bo", "2026-12-07", "2026-12-07", "Anna")
        assert on_duty("2026-12-07 09:00") == []

    def test_beyond_a_circle_too(self, on_duty, cover):
        cover("Anna", "2026-12-07", "2026-12-07", "Bo")
        cover("Bo", "2026-12-07", "2026-12-07", "Cia")
        cover("Cia", "2026-12-07", "2026-12-07", "Bo")
        assert on_duty("2026-12-07 09:00") == []

    def test_of_two_the_newest_counts(self, on_duty, cover):
        cover("Anna", "2026-12-01", "2026-12-31", "Bo")
        cover("Anna", "2026-12-07", "2026-12-07", "Cia")
        assert on_duty("2026-12-07 09:00") == ["Cia"]
        assert on_duty("2026-12-14 09:00") == ["Bo"]

    def test_by_somebody_who_has_left_are_nobody(self, on_duty, cover, session, staff):
        cover("Anna", "2026-12-07", "2026-12-07", "Bo")
        staff["Bo"].disabled_at = at("2026-12-01 09:00")
        session.commit()
        assert on_duty("2026-12-07 09:00") == []

    def test_follow_the_day_on_which_a_shift_begins(self, on_duty, cover, shift):
        shift("Cia", MONDAY, "22:00", "06:00")
        cover("Cia", "2026-12-07", "2026-12-07", "Bo")
        assert on_duty("2026-12-08 05:00") == ["Bo"]

    def test_are_named_in_the_plan_of_the_days(self, session, cover):
        cover("Anna", "2026-12-07", "2026-12-07", "Bo")
        [turn] = duty.list_turns(session, date(2026, 12, 7), 1, CITY)
        assert (turn.person.name, turn.instead_of) == ("Bo", "Anna")


class TestWhenTheClockIsMoved:
    """The last Sunday of March has no 02:30, that of October has two."""

    @pytest.fixture(autouse=True)
    def plan(self, shift):
        shift("Anna", 6, "00:00", "02:30")
        shift("Bo", 6, "02:30", "08:00")

    @pytest.mark.parametrize(
        ("moment", "fold", "who"),
        [
            ("2026-03-29 01:59", 0, ["Anna"]),
            # The clock goes from 02:00 to 03:00, and what was to begin at 02:30 begins at 03:30.
            ("2026-03-29 03:00", 0, ["Anna"]),
            ("2026-03-29 03:30", 0, ["Bo"]),
            ("2026-03-29 08:00", 0, []),
            ("2026-10-25 02:29", 0, ["Anna"]),
            # The first 02:30 counts; an hour later it is 02:30 again.
            ("2026-10-25 02:30", 0, ["Bo"]),
            ("2026-10-25 02:29", 1, ["Bo"]),
            ("2026-10-25 02:30", 1, ["Bo"]),
            ("2026-10-25 07:59", 0, ["Bo"]),
            ("2026-10-25 08:00", 0, []),
        ],
    )
    def test_there_is_never_nobody_in_between(self, on_duty, moment, fold, who):
        assert on_duty(moment, fold) == who


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2026-12-24", "Julafton"),
        ("2026-06-19", "Midsommarafton"),
        ("2026-12-31", "Nyårsafton"),
        ("2026-06-06", "Nationaldagen"),
        ("2027-03-26", "Långfredagen"),
        ("2026-12-13", None),
        ("2026-11-29", None),
    ],
)
def test_red_days_have_names(day, name):
    assert red_days.name_red_day(date.fromisoformat(day)) == name
    assert red_days.is_red(date.fromisoformat(day)) == (name is not None)


def test_red_days_are_named_in_english_too():
    with i18n.speak_language("en"):
        assert red_days.name_red_day(date(2026, 12, 24)) == "Christmas Eve"


@pytest.mark.parametrize(
    ("now", "hours", "since"),
    [
        # Within a day, over a night.
        ("2026-11-25 15:00", 4, "2026-11-25 11:00"),
        ("2026-11-25 09:00", 48, "2026-11-23 09:00"),
        # A weekend does not count, whenever one asks in it.
        ("2026-11-30 09:00", 24, "2026-11-27 09:00"),
        ("2026-11-29 12:00", 24, "2026-11-27 00:00"),
        ("2026-11-28 00:00", 24, "2026-11-27 00:00"),
        # Julafton is a Thursday, annandag jul a Saturday.
        ("2026-12-28 09:00", 24, "2026-12-23 09:00"),
        # A Monday morning after each Sunday on which the clock is moved.
        ("2026-03-30 09:00", 24, "2026-03-27 09:00"),
        ("2026-10-26 09:00", 24, "2026-10-23 09:00"),
    ],
)
def test_working_time_leaves_out_the_days_off(now, hours, since):
    assert red_days.count_back(at(now), hours, CITY) == at(since)


def test_working_time_goes_back_as_far_as_needed():
    year = red_days.count_back(at("2026-11-25 15:00"), 1000, CITY)
    assert at("2026-11-25 15:00") - year > timedelta(days=50)
