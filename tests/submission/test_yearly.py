"""The public page about a year: only what was left in it, read by the public's own role."""

import csv
import io

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.moderation.settings.seed import seed_rules
from shared import db
from shared.clock import utcnow
from shared.models import YearlyNumbers
from tests.submission.conftest import one, soup

NUMBERS = {
    "received": 100,
    "published": 60,
    "median_s": 9000,
    "merged": None,
    "rejected": 30,
    "rules": {"insult": None, "repeat": None, "spam": 20},
    "likely_spam_published": 0.25,
}


@pytest.fixture
def years(session):
    seed_rules(session)
    some = {name: NUMBERS[name] for name in ("received", "published", "median_s")}
    session.add_all(
        [
            YearlyNumbers(year=2025, numbers=NUMBERS, is_final=True, made_at=utcnow()),
            YearlyNumbers(year=2026, numbers=some, is_final=False, made_at=utcnow()),
        ]
    )
    session.commit()


def test_the_start_page_leads_to_the_newest_year(client, years):
    link = one(soup(client.get("/")), "footer a[href='/statistik']")
    answer = client.get(str(link["href"]))
    assert (answer.status_code, answer.location) == (303, "/statistik/2026")


def test_a_year_that_is_over_is_told_in_full_but_for_small_counts(client, years):
    page = soup(client.get("/statistik/2025"))
    told = page.get_text(" ", strip=True)
    assert "25 procent" in told
    assert "2 timmar" in told
    rows = [row.get_text(" ", strip=True) for row in page.select(".year-rules tbody tr")]
    assert rows[0].endswith("20")
    assert len([row for row in rows if row.endswith("visas inte")]) == 2
    assert [link["href"] for link in page.select(".years a")] == [
        "/statistik/2026",
        "/statistik/2025",
    ]


def test_of_the_running_year_nothing_is_said_about_rejections(client, years):
    page = soup(client.get("/statistik/2026"))
    assert "Året är inte slut" in page.get_text()
    assert not page.select(".year-rules")
    rows = list(csv.reader(io.StringIO(client.get("/statistik/2026.csv").text)))
    assert [row[1] for row in rows[1:]] == ["received", "published", "median_seconds"]


def test_a_spreadsheet_gets_empty_cells_for_what_is_not_told(client, years):
    answer = client.get("/statistik/2025.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert ["2025", "merged", "", ""] in rows
    assert ["2025", "rejected", "", "30"] in rows


def test_there_is_a_page_before_there_are_numbers(client, session):
    assert "inga siffror än" in soup(client.get("/statistik")).get_text()
    for path in ("/statistik/2025", "/statistik/99999999999999999999", "/statistik/2025.csv"):
        assert client.get(path).status_code == 404


def test_english(client, years):
    assert client.get("/statistik/2025?lang=en").status_code == 200


@pytest.mark.parametrize("table", ["daily_numbers", "yearly_numbers", "samples"])
def test_the_public_role_reads_nothing_behind_it(database, table):
    with db.PublicSession() as public:
        public.execute(text("SELECT * FROM public_yearly_numbers")).all()
        with pytest.raises(ProgrammingError, match="permission denied"):
            public.execute(text(f"SELECT * FROM {table}"))
