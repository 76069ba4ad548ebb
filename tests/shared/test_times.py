"""Moments as people read them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from shared.models import Precision
from shared.times import write_moment, write_recent_moment

CITY = ZoneInfo("Europe/Stockholm")
# Half an hour past the city's midnight, when it is still yesterday in UTC.
NOW = datetime(2026, 7, 2, 0, 30, tzinfo=CITY)


@pytest.mark.parametrize(
    ("before", "is_today"),
    [(timedelta(), True), (timedelta(minutes=30), True), (timedelta(minutes=31), False)],
)
def test_the_date_is_left_out_on_the_city_s_own_day_only(before, is_today):
    moment = NOW - before
    with time_machine.travel(NOW, tick=False):
        said = write_recent_moment(moment, CITY)
    whole = write_moment(moment, Precision.INSTANT, CITY)
    assert said == (moment.strftime("%H:%M") if is_today else whole)
    assert said != whole or not is_today
