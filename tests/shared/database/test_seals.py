"""What is written once stays as it is written: every sealed table, column by column."""

from collections.abc import Mapping

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import IntegrityConstraintViolation

from tests.shared.database.rows import NOW, VALID, Rows

# Sealed table → what a row must be to be sealed, besides valid.
SEALED: Mapping[str, Mapping[str, object]] = {
    "originals": {},
    "idea_texts": {},
    "decisions": {},
    "rules": {},
    "audit_log": {},
    "access_log": {},
    "official_answers": {},
    "yearly_numbers": {"is_final": True},
}
# Whether people have a text before them is no part of the text.
NOT_SEALED = {("idea_texts", "is_waiting")}
TRIGGERS = {
    *((table, "sealed") for table in SEALED),
    *((table, "never_emptied") for table in SEALED),
    ("idea_texts", "kept"),
    ("queue_entries", "placed"),
    ("queue_entries", "marks_texts_on_insert"),
    ("queue_entries", "marks_texts_on_update"),
    ("duplicate_links", "refolds_on_insert"),
    ("duplicate_links", "refolds_on_update"),
    ("duplicate_links", "refolds_on_delete"),
    ("ideas", "keeps_words"),
    ("idea_texts", "keeps_words_of_another"),
    ("idea_texts", "forgets_words"),
    ("outbox_events", "tells_public"),
    ("official_answers", "tells_public"),
    ("agreements", "tells_public"),
    ("city_face", "tells_public"),
    ("councils", "tells_public"),
    ("rules", "tells_public"),
    ("yearly_numbers", "tells_public"),
    *(("ideas", f"tells_public_on_{event}") for event in ("insert", "update", "delete")),
    *(("ideas", f"counted_on_{event}") for event in ("insert", "update", "delete")),
    *(("letters", f"counted_on_{event}") for event in ("insert", "update", "delete")),
}


def columns_of(rows: Rows, table: str) -> list[str]:
    return rows.all(
        """SELECT attname FROM pg_attribute
           WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped""",
        table,
    )


def untouched(rows: Rows, table: str) -> None:
    """Set each column of each row to what it is."""
    for column in columns_of(rows, table):
        if (table, column) not in NOT_SEALED:
            with rows.refused(IntegrityConstraintViolation):
                set_to_itself(rows.connection, table, column)


def set_to_itself(connection: psycopg.Connection, table: str, column: str) -> None:
    name = sql.Identifier(column)
    # What the database itself counts up can only be set to what it would give next.
    value = sql.SQL("DEFAULT") if (table, column) == ("decisions", "seq") else name
    connection.execute(sql.SQL("UPDATE {} SET {} = {}").format(sql.Identifier(table), name, value))


def allow_destruction(rows: Rows, number: str = "1") -> None:
    rows.connection.execute("SELECT set_config('radslag.destruction', %s, true)", [number])


def test_every_trigger_is_known_and_is_in_force(rows: Rows):
    found = rows.connection.execute("""
        SELECT tgrelid::regclass::text AS of, tgname FROM pg_trigger
        WHERE NOT tgisinternal AND tgenabled = 'O'""").fetchall()
    assert {(each["of"], each["tgname"]) for each in found} == TRIGGERS


@pytest.mark.parametrize("table", SEALED)
class TestSealed:
    def test_no_column_is_changed(self, rows: Rows, table: str):
        rows.put(table, **SEALED[table])
        untouched(rows, table)

    def test_no_row_is_deleted(self, rows: Rows, table: str):
        rows.put(table, **SEALED[table])
        with rows.refused(IntegrityConstraintViolation):
            rows.connection.execute(f"DELETE FROM {table}")
        assert rows.one(f"SELECT count(*) FROM {table}") > 0

    def test_no_table_is_emptied(self, rows: Rows, table: str):
        rows.put(table, **SEALED[table])
        with rows.refused(IntegrityConstraintViolation):
            rows.connection.execute(f"TRUNCATE {table} CASCADE")

    def test_another_row_can_be_written(self, rows: Rows, table: str):
        before = rows.one(f"SELECT count(*) FROM {table}")
        rows.put(table, **SEALED[table])
        rows.put(table, **SEALED[table])
        assert rows.one(f"SELECT count(*) FROM {table}") - before >= 2

    def test_the_refusal_names_the_table_and_no_word_of_the_row(self, rows: Rows, table: str):
        rows.put(table, **SEALED[table])
        with pytest.raises(IntegrityConstraintViolation) as refusal, rows.connection.transaction():
            rows.connection.execute(f"DELETE FROM {table}")
        assert str(refusal.value.diag.message_primary) == f"{table} is sealed: DELETE refused"

    def test_destruction_opens_only_what_holds_a_residents_words(self, rows: Rows, table: str):
        rows.put(table, **SEALED[table])
        allow_destruction(rows)
        if table not in {"originals", "idea_texts"}:
            untouched(rows, table)
        with rows.refused(IntegrityConstraintViolation):
            rows.connection.execute(f"TRUNCATE {table} CASCADE")
        if table != "originals":
            with rows.refused(IntegrityConstraintViolation):
                rows.connection.execute(f"DELETE FROM {table}")


def test_emptying_the_ideas_empties_nothing_that_is_sealed(rows: Rows):
    rows.put("originals")
    with rows.refused(IntegrityConstraintViolation):
        rows.connection.execute("TRUNCATE ideas CASCADE")


@pytest.mark.parametrize("table", ["originals", "idea_texts"])
def test_a_destruction_without_a_number_opens_nothing(rows: Rows, table: str):
    rows.put(table)
    allow_destruction(rows, "")
    untouched(rows, table)
    with rows.refused(IntegrityConstraintViolation):
        rows.connection.execute(f"DELETE FROM {table}")


def test_a_destruction_takes_the_words_of_an_original_and_its_texts(rows: Rows):
    idea = rows.put("ideas")["id"]
    rows.put("originals", idea_id=idea)
    rows.put("idea_texts", idea_id=idea, author="Anna")
    allow_destruction(rows)
    rows.connection.execute("UPDATE originals SET body = NULL")
    rows.connection.execute(
        "UPDATE idea_texts SET text = NULL, author = NULL, folded = NULL, destroyed_at = %s", [NOW]
    )
    assert rows.one("SELECT count(*) FROM originals WHERE body IS NULL") == 1
    rows.connection.execute("DELETE FROM originals")
    assert rows.one("SELECT count(*) FROM originals") == 0


def test_a_destruction_ends_with_its_transaction(rows: Rows):
    rows.put("originals")
    with rows.tried():
        allow_destruction(rows)
        rows.connection.execute("UPDATE originals SET body = NULL")
    untouched(rows, "originals")


def test_whether_a_text_waits_is_noted_on_it(rows: Rows):
    rows.put("idea_texts")
    rows.connection.execute("UPDATE idea_texts SET is_waiting = true")
    assert rows.one("SELECT is_waiting FROM idea_texts")


def test_a_year_that_is_not_over_is_counted_again(rows: Rows):
    year = rows.put("yearly_numbers", is_final=False)["year"]
    rows.connection.execute("""UPDATE yearly_numbers SET numbers = '{"received": 5}'""")
    rows.connection.execute("UPDATE yearly_numbers SET is_final = true")
    untouched(rows, "yearly_numbers")
    rows.put("yearly_numbers", year=year + 1)
    rows.connection.execute("DELETE FROM yearly_numbers WHERE NOT is_final")
    assert rows.all("SELECT year FROM yearly_numbers") == [year]


@pytest.mark.parametrize("table", sorted(set(VALID) - set(SEALED)))
def test_what_is_not_sealed_can_be_changed_and_removed(rows: Rows, table: str):
    """The address of a writer first of all: deleting it deletes it."""
    rows.put(table)
    generated = {("ideas", "seq"), ("fingerprint_batches", "seq")}
    for column in columns_of(rows, table):
        if (table, column) not in generated:
            set_to_itself(rows.connection, table, column)
    assert rows.connection.execute(f"DELETE FROM {table}").rowcount > 0
