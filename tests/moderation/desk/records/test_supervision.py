"""Proof of supervision: who looked, on which day, and on which working day nobody did."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.desk.records import supervision
from shared.config import Settings
from shared.models import AuditEntry, DecisionKind, Idea, Staff
from tests.moderation.conftest import Desk
from tests.moderation.decisions.test_decisions import decide_for_good
from tests.moderation.desk.queue.test_queue import waiting

# A Wednesday, in the evening of which it is Thursday in the city.
NOW = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
THURSDAY = date(2026, 11, 26)
FIRST = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def first_idea(desk: Desk, session: SqlSession) -> Idea:
    """What came in first, on a Monday; nobody had anything to look at before."""
    with travel(FIRST, tick=False):
        return waiting(session, "En bänk.")


def rows(desk: Desk, path: str = "/supervision") -> list[str]:
    return [" ".join(row.text.split()) for row in desk.get(path).select("tbody tr")]


def test_whoever_decides_has_looked_on_that_day_in_the_city(
    session: SqlSession, settings: Settings, first_idea: Idea
):
    staff = session.scalars(select(Staff)).one()
    with travel(NOW, tick=False):
        decide_for_good(session, first_idea, DecisionKind.PUBLISH, staff)
        first = THURSDAY - timedelta(days=1)
        thursday, wednesday = supervision.read_days(session, first, THURSDAY, settings.timezone)
    assert [(each.who, each.decided, each.said) for each in thursday.seen] == [("Moa", 1, False)]
    assert (wednesday.is_missed, thursday.is_missed) == (True, False)


def test_who_had_nothing_to_decide_says_that_they_looked(desk: Desk, session: SqlSession):
    with travel(NOW, tick=False):
        desk.sign_in("moa@example.org")
        assert rows(desk)[:2] == ["torsdag 26 november Ingen än", "onsdag 25 november Ingen"]
        for _ in range(2):
            desk.post("/supervision")
        page = desk.get("/supervision")
        assert "Du har antecknat att du i dag har gått igenom" in page.text
        assert page.select_one("form.said-today") is None
        assert rows(desk)[0] == "torsdag 26 november Moa antecknat 0 00:30"
        assert "På 18 arbetsdagar tittade ingen" in page.text
        assert "inget kommit in" in desk.get("/supervision?month=2026-10").text
    kept = session.scalars(select(AuditEntry)).one()
    assert (kept.action, kept.subject_id) == ("supervision.done", "2026-11-26")


def test_a_year_as_a_file_and_only_days_that_have_been(desk: Desk):
    with travel(NOW, tick=False):
        desk.sign_in("moa@example.org")
        desk.post("/supervision")
        answer = desk.client.get("/supervision/2026.csv", base_url=desk.base)
        lines = answer.text.splitlines()
        assert lines[1] == "2026-11-02,ja,,0,,"
        assert len(lines) == 1 + 25
        assert lines[-1] == "2026-11-26,ja,Moa,0,00:30,00:30"
        for year in (1999, 2027):
            path = f"/supervision/{year}.csv"
            assert desk.client.get(path, base_url=desk.base).status_code == 404


@pytest.mark.parametrize("month", ["2026-13", "1999-01", "2030-01", "x", ""])
def test_a_month_that_is_none_is_the_running_one(desk: Desk, session: SqlSession, month: str):
    with travel(NOW, tick=False):
        desk.sign_in("moa@example.org")
        assert rows(desk, f"/supervision?month={month}") == rows(desk)
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == 0
