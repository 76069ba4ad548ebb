"""Every file that the desk gives to a spreadsheet, with names that somebody chose to be run."""

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk.statistics.sections import make_sections
from services.moderation.statistics import figures, periods
from shared import i18n
from shared.clock import utcnow
from shared.models import CountedDay, DailyNumber, Staff
from tests.factories import a_council, a_rule, an_idea
from tests.moderation.conftest import Desk
from tests.split_cells import formulas_in

# Split at semicolons one cell of it would be run, split at commas another.
HOSTILE = "Bra idé;=cmd|' /c calc'!A1, -2+3"
PLAIN, FOR_EXCEL = HOSTILE.replace("=", "'="), HOSTILE.replace("-2", "'-2")


@pytest.fixture
def hostile(desk: Desk, session: SqlSession) -> str:
    """A day on which somebody looked and a rule was used, both called so; today in the city."""
    session.execute(update(Staff).values(name=HOSTILE))
    a_rule(session, "spam", version=2, title_sv=HOSTILE)
    today = utcnow().date()
    council = a_council(session, title=HOSTILE)
    an_idea(session, council)
    rows = (("received", "", 9), ("rejected", "spam", 3), ("decided", "reject", 3))
    session.add_all(
        DailyNumber(day=today, council_id=council.id, name=name, key=key, number=number)
        for name, key, number in (*rows, ("finding", "phone:right", 4), ("took", "7200", 4))
    )
    session.add(CountedDay(day=today, counted_at=utcnow()))
    session.commit()
    desk.post("/supervision")
    return str(today.year)


def files(app: Flask, year: str, session: SqlSession) -> list[str]:
    """The address of each file: a rule that is added to the map of addresses needs its line."""
    i18n.set_language(i18n.SOURCE)
    report = figures.read_report(session, periods.read_period("12m", utcnow().date()), None)
    filled = {
        "/stats/<name>.csv": [
            f"/stats/{each.name}.csv?period=12m" for each in make_sections(report, {})
        ],
        "/supervision/<int:year>.csv": [f"/supervision/{year}.csv"],
    }
    rules = [each.rule for each in app.url_map.iter_rules() if each.rule.endswith(".csv")]
    return [address for rule in rules for address in filled[rule]]


def test_no_cell_of_any_file_can_be_run(
    app: Flask, desk: Desk, session: SqlSession, hostile: str
) -> None:
    quoted = 0
    for address in files(app, hostile, session):
        for_excel = f"{address}{'&' if '?' in address else '?'}for=excel"
        for asked in (address, for_excel):
            answer = desk.client.get(asked, base_url=desk.base)
            assert (answer.status_code, answer.mimetype) == (200, "text/csv"), asked
            assert answer.text.startswith("\ufeff") == (asked == for_excel)
            assert formulas_in(answer.text) == [], asked
            quoted += (FOR_EXCEL if asked == for_excel else PLAIN) in answer.text
    # The plain file and the one for Excel of the rules, and those of who looked.
    assert quoted == 2 + 2
