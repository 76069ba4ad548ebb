"""What ten years leave behind: the clock takes what docs/database.md says, and nothing else.

Every table has a line there, which says when its rows go or why they stay. A row of each is ten
years old here.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row
from time_machine import travel

from radslag import tidying
from shared import db
from shared.config import Settings
from shared.models import Base
from tests.shared.database.rows import NOW, Rows, a

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/database.md"
TEN_YEARS_ON = NOW + timedelta(days=3653)
# What is over, where a valid row is one that is not; the rest is over by itself.
OVER: dict[str, dict[str, Any]] = {
    "digest_positions": {
        "entry_id": a("queue_entries", closed_at=NOW),
        "until_run_id": a("digest_runs"),
    },
    "failed_jobs": {"replayed_at": NOW},
    # Another of its kind beats still.
    "heartbeats": {"name": "relay@gone"},
    "outbox_deliveries": {"done_at": NOW},
    # In the order of time, as ids of ours are.
    "webhook_deliveries": {"id": UUID(int=1), "state": "cancelled", "closed_at": NOW},
}


def read_table(head: str) -> dict[str, str]:
    """Return what a table of the document says of each table of the database."""
    text = DOCUMENT.read_text("utf-8")
    found = re.search(rf"^\| {head} \|.*\n\|[- |]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert found is not None
    said: dict[str, str] = {}
    for line in found[1].splitlines():
        what, why = line.strip("| ").split(" | ", 1)
        for name in re.findall(r"`(\w+)`", what):
            assert name not in said, f"{name} has two lines"
            said[name] = why
    return said


GOES, STAYS = read_table("what"), read_table("what stays")


@pytest.fixture(scope="module")
def left(module_settings: Settings, module_database: None) -> Iterator[dict[str, tuple[int, int]]]:
    """How many rows each table had, and how many were left ten years later."""
    tables = sorted(Base.metadata.tables)
    with psycopg.connect(
        module_settings.database_url, autocommit=True, row_factory=dict_row
    ) as connection:
        rows = Rows(connection)
        # The one row that migrations leave.
        connection.execute("DELETE FROM served_code")
        for table in tables:
            rows.put(table, **OVER.get(table, {}))
        rows.put("heartbeats", name="relay@here", at=TEN_YEARS_ON)

        def counted() -> dict[str, int]:
            return {table: rows.one(f"SELECT count(*) FROM {table}") for table in tables}

        before = counted()
        with travel(TEN_YEARS_ON, tick=False):
            for forget in tidying.list_forgettings(module_settings):
                with db.Session.begin() as session:
                    while forget(session):
                        pass
        after = counted()
    return {table: (before[table], after[table]) for table in tables}


def test_every_table_has_a_line_that_says_when_its_rows_go_or_why_they_stay():
    assert GOES.keys() & STAYS.keys() == set()
    assert GOES.keys() | STAYS.keys() == Base.metadata.tables.keys()
    assert all(len(why.split()) > 1 for why in (GOES | STAYS).values())


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_the_clock_does_to_a_table_what_its_line_says(table, left):
    before, after = left[table]
    assert before > 0
    assert (after < before) is (table in GOES)
