"""When failed sign-ins are a spray, and when they are colleagues who mistype."""

from datetime import timedelta

import pytest

from services.notify.alarms import faults
from services.notify.alarms.signs import Now
from shared.models import SecurityEvent, SecurityKind
from tests.notify.rules.conftest import NOON

TICK = timedelta(microseconds=1)
pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def happen(session):
    def put(who, place="a", kind=SecurityKind.WRONG_PASSWORD, *, ago=timedelta(), times=1) -> None:
        session.add(
            SecurityEvent(
                kind=kind,
                who_hash=str(who).encode(),
                place_hash=str(place).encode(),
                at=NOON - ago,
                times=times,
            )
        )
        session.flush()

    return put


@pytest.fixture
def see(session, settings):
    def look() -> dict[str, int]:
        now = Now(NOON, settings.timezone)
        return {sign.key: sign.count for sign in faults.find_sprays(session, now)}

    return look


@pytest.mark.parametrize("kind", SecurityKind)
def test_only_what_failed_at_the_door_counts(happen, see, kind):
    for n in range(10):
        happen(n, kind=kind)
    fails = kind in {"wrong_password", "wrong_code", "throttled"}
    assert see() == ({"accounts": 10} if fails else {})


@pytest.mark.parametrize(("accounts", "found"), [(9, {}), (10, {"accounts": 10})])
def test_so_many_accounts(happen, see, accounts, found):
    for n in range(accounts):
        happen(n)
        happen(n, kind=SecurityKind.THROTTLED)
    assert see() == found


@pytest.mark.parametrize(
    ("places", "times", "found"),
    [(9, 60, {}), (10, 49, {}), (10, 50, {"places": 50}), (12, 90, {"places": 90})],
)
def test_so_often_from_so_many_places(happen, see, places, times, found):
    for n in range(places - 1):
        happen("ada", n)
    happen("ada", "last", times=times - places + 1)
    assert see() == found


def test_within_the_hour(happen, see):
    for n in range(9):
        happen(n)
    happen("old", ago=faults.SPRAY_WINDOW)
    assert see() == {}
    happen("older than nobody", ago=faults.SPRAY_WINDOW - TICK)
    assert see() == {"accounts": 10}


class TestWhoCameInSince:
    @pytest.fixture(autouse=True)
    def _ten(self, happen) -> None:
        for n in range(9):
            happen(n)
        happen("ada", "home", ago=timedelta(minutes=20))

    def come_in(self, happen, who="ada", place="home", minutes=20) -> None:
        happen(who, place, SecurityKind.SIGNED_IN, ago=timedelta(minutes=minutes))

    def test_only_mistyped(self, happen, see):
        assert see() == {"accounts": 10}
        self.come_in(happen)
        assert see() == {}

    @pytest.mark.parametrize(
        "other", [{"who": "bo"}, {"place": "elsewhere"}, {"minutes": 21}, {"minutes": 61}]
    )
    def test_somebody_else_elsewhere_or_before_changes_nothing(self, happen, see, other):
        self.come_in(happen, **other)
        assert see() == {"accounts": 10}
