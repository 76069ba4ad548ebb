"""The books of late: all that waits for something, and what was settled within the month."""

from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from shared import db
from shared.clock import utcnow
from shared.delivery import ledger
from shared.ids import least_id_at
from tests.shared.database.rows import Row, Rows
from tests.shared.database.test_ledger import PUBLIC, Books

SINCE = utcnow() - ledger.MONTH
EDGE = least_id_at(SINCE)
OLD = UUID(int=EDGE.int - 1)
RULE = "an idea without original"


@pytest.fixture
def books(database_url: str):
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("DELETE FROM served_code")
        yield Books(Rows(connection))


def broken(books: Books, idea: Row) -> Row:
    """An idea whose original is gone."""
    books.rows.connection.execute(
        """DO $$ BEGIN SET LOCAL session_replication_role = replica;
           DELETE FROM originals; END $$"""
    )
    return idea


def read(*, all_of_it: bool = False) -> list[str]:
    with db.Session() as session:
        found = ledger.read_ledger(session, since=None if all_of_it else SINCE)
    assert found.since == (None if all_of_it else SINCE.isoformat(timespec="seconds"))
    return [each["rule"] for each in found.violations]


@pytest.mark.usefixtures("database")
class TestOfLate:
    @pytest.mark.parametrize(("id_", "is_read"), [(OLD, False), (EDGE, True)])
    def test_what_is_settled_is_read_if_it_came_in_since(self, books, id_, is_read):
        broken(books, books.idea("withdrawn", id=id_))
        assert read() == [RULE] * is_read
        assert read(all_of_it=True) == [RULE]

    @pytest.mark.parametrize("status", ["received", "waiting"])
    def test_what_waits_is_read_however_old_it_is(self, books, status):
        broken(books, books.idea(status, id=OLD))
        assert read() == [RULE]

    @pytest.mark.parametrize(("decided", "is_read"), [(OLD, False), (EDGE, True)])
    def test_what_is_old_is_read_if_it_was_decided_since(self, books, decided, is_read):
        idea = books.idea("withdrawn", id=UUID(int=OLD.int - 1))
        books.decision(idea["id"], "keep", "withdrawn", "withdrawn", id=decided)
        broken(books, idea)
        assert read() == [RULE] * is_read

    def test_what_is_old_is_read_if_it_was_answered_since(self, books):
        idea = books.idea("withdrawn", id=OLD)
        broken(books, idea)
        assert read() == []
        books.rows.put("official_answers", idea_id=idea["id"], id=EDGE)
        assert read() == [RULE]

    def test_what_is_old_is_read_if_somebody_is_to_look_again(self, books):
        idea = books.idea("withdrawn", id=OLD)
        broken(books, idea)
        entry = books.rows.put("queue_entries", idea_id=idea["id"], reason="report")
        assert read() == [RULE]
        books.rows.connection.execute(
            "UPDATE queue_entries SET closed_at = now() WHERE id = %s", [entry["id"]]
        )
        assert read() == []

    def test_the_numbers_are_those_of_all_ideas(self, books):
        for number in range(3):
            books.idea("published", id=UUID(int=OLD.int - number), **PUBLIC)
        books.idea("waiting")
        with db.Session() as session:
            some = ledger.read_ledger(session, since=SINCE)
        with db.Session() as session:
            whole = ledger.read_ledger(session)
        assert (some.published, some.waiting, some.adds_up) == (3, 1, True)
        assert (whole.published, whole.waiting, whole.adds_up) == (3, 1, True)

    def test_numbers_that_the_database_kept_wrong_are_found_in_all_of_it(self, books):
        books.idea("withdrawn", id=OLD)
        books.rows.connection.execute(
            "INSERT INTO tallies (what, number, moved_at, moved_in)"
            " VALUES ('ideas withdrawn', 1, now(), 0)"
        )
        assert read() == []
        assert read(all_of_it=True) == ["counts that differ"]


def test_a_delivery_to_the_checks_that_was_forgotten_is_missed_by_nobody(rows):
    """What was done and forgotten is in the books; what is still as it came is not."""
    books = Books(rows)
    idea = books.idea("withdrawn")
    rows.connection.execute("DELETE FROM outbox_deliveries")
    for days, is_missed in ((79, True), (81, False)):
        rows.connection.execute(
            "UPDATE ideas SET received_at = now() - %s WHERE id = %s",
            [timedelta(days=days), idea["id"]],
        )
        assert bool(books.broken()) is is_missed
    still = books.idea("received")
    rows.connection.execute("DELETE FROM outbox_deliveries")
    rows.connection.execute("UPDATE ideas SET received_at = now() - interval '9 years'")
    assert books.broken() == {"an idea without a delivery to the checks": [still["number"]]}
