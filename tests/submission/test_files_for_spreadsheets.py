"""Every file of the public web for spreadsheets, with words that somebody chose to be run."""

import csv
import io

import pytest
from flask import Flask

from services.moderation.settings.seed import seed_rules
from shared.clock import utcnow
from shared.models import YearlyNumbers
from tests.factories import a_rule
from tests.split_cells import formulas_in
from tests.submission.conftest import published, soup

# Split at semicolons one cell of it would be run, split at commas another.
HOSTILE = "Bra idé;=cmd|' /c calc'!A1, -2+3"
PLAIN, FOR_EXCEL = HOSTILE.replace("=", "'="), HOSTILE.replace("-2", "'-2")
NUMBERS = {
    "received": 9,
    "published": 5,
    "median_s": 60,
    "merged": None,
    "rejected": 30,
    "rules": {"spam": 20},
    "likely_spam_published": 0.25,
}
FILES = {
    "/councils/<slug>/ideas.csv": "/councils/motesplatser/ideas.csv",
    "/statistik/<int:year>.csv": "/statistik/2025.csv",
}


@pytest.fixture
def hostile(session, council):
    published(session, council, text=HOSTILE, author="=Kim")
    seed_rules(session)
    a_rule(session, "spam", version=2, title_sv=HOSTILE)
    session.add(YearlyNumbers(year=2025, numbers=NUMBERS, is_final=True, made_at=utcnow()))
    session.commit()


def test_every_file_is_tried(app: Flask):
    assert {each.rule for each in app.url_map.iter_rules() if each.rule.endswith(".csv")} == {
        *FILES
    }


@pytest.mark.parametrize("address", FILES.values())
@pytest.mark.parametrize("query", ["", "?for=excel", "?for=nobody"])
def test_no_cell_can_be_run_however_it_is_split(client, hostile, address, query):
    answer = client.get(address + query)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.text.startswith("\ufeff") == (query == "?for=excel")
    assert (FOR_EXCEL if query == "?for=excel" else PLAIN) in answer.text
    assert formulas_in(answer.text) == []


@pytest.mark.parametrize("address", FILES.values())
def test_excel_is_not_answered_with_what_was_kept_for_others(client, hostile, address):
    plain = client.get(address)
    excel = client.get(f"{address}?for=excel")
    assert plain.headers["ETag"] != excel.headers["ETag"]
    read = [
        list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline=""), delimiter=by))
        for answer, by in ((plain, ","), (excel, ";"))
    ]
    assert len(read[0]) == len(read[1]) > 1
    assert [len(row) for row in read[0]] == [len(row) for row in read[1]]
    known = {"If-None-Match": plain.headers["ETag"]}
    assert client.get(f"{address}?for=excel", headers=known).status_code == 200
    assert client.get(address, headers=known).status_code == 304


@pytest.mark.parametrize(
    ("page", "address"),
    list(zip(("/councils/motesplatser", "/statistik/2025"), FILES.values(), strict=True)),
)
def test_the_pages_lead_to_both(client, hostile, page, address):
    links = [link["href"] for link in soup(client.get(page)).select("a[href*='.csv']")]
    assert links == [address, f"{address}?for=excel"]
