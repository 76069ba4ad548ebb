"""The one door for the public: what its role reads, column by column, and that nothing else opens.

Everything that is not in these lists is refused, also what does not exist yet.
"""

from collections.abc import Iterator, Mapping

import psycopg
import pytest
from psycopg.errors import (
    InsufficientPrivilege,
    QueryCanceled,
    ReadOnlySqlTransaction,
)
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared import db
from shared.config import Settings
from tests.shared.database.rows import VALID, Rows

# View → its columns. This is all that the public can know.
READS: Mapping[str, str] = {
    "public_councils": "id slug title theme held_label held_on introduction summary_url language"
    " open_from open_until publishes_clear picture_id picture_alt preview_when",
    "public_embeds": "slug hosts",
    "public_face": "authority contact colour logo_id",
    "public_ideas": "id number council text author published_at received_at precision status answer"
    " supporters answer_from answered_at updated_at",
    "public_departures": "id council left_at",
    "public_pictures": "id name kind width height body",
    "public_rules": "code version title_sv text_sv title_en text_en in_force_from retired",
    "public_spent_keys": "key_hash",
    "public_traces": "number council target trace",
    "public_versions": "slug number moved_at",
    "public_yearly_numbers": "year numbers is_final made_at",
}


@pytest.fixture
def public(rows: Rows) -> Rows:
    """The test's transaction, from now on as the public."""
    rows.connection.execute("SET LOCAL ROLE radslag_public")
    return rows


def test_the_role_cannot_sign_in_or_do_anything_by_itself(rows: Rows):
    found = rows.connection.execute("""
        SELECT rolsuper, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls
        FROM pg_roles WHERE rolname = 'radslag_public'""").fetchone()
    assert not any((found or {"missing": True}).values())


def test_the_role_is_a_member_of_no_other(rows: Rows):
    assert (
        rows.all("""
        SELECT roleid::regrole::text FROM pg_auth_members
        WHERE member = 'radslag_public'::regrole""")
        == []
    )


def test_the_views_have_these_columns_and_no_others(rows: Rows):
    for view, columns in READS.items():
        found = rows.all(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " ORDER BY attnum",
            view,
        )
        assert " ".join(found) == columns


def test_the_role_may_read_these_views_and_do_nothing_else_with_anything(rows: Rows):
    """Table by table and privilege by privilege, sequences and single columns included."""
    of_tables = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    allowed = rows.connection.execute(
        """
        SELECT c.relname AS name, privilege FROM pg_class c CROSS JOIN unnest(%s::text[]) privilege
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
          AND (has_table_privilege('radslag_public', c.oid, privilege)
               OR privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
               AND has_any_column_privilege('radslag_public', c.oid, privilege))""",
        [[*of_tables, "MAINTAIN"]],
    ).fetchall()
    assert sorted((each["name"], each["privilege"]) for each in allowed) == sorted(
        (view, "SELECT") for view in READS
    )
    for sequence in rows.all("SELECT sequencename FROM pg_sequences"):
        for privilege in ("USAGE", "SELECT", "UPDATE"):
            assert not rows.one(
                "SELECT has_sequence_privilege('radslag_public', %s, %s)", sequence, privilege
            ), sequence
    assert not rows.one("SELECT has_schema_privilege('radslag_public', 'public', 'CREATE')")
    assert not rows.one(
        "SELECT has_database_privilege('radslag_public', current_database(), 'CREATE')"
    )


@pytest.mark.parametrize("view", READS)
def test_it_reads_every_column_of_its_views(public: Rows, view: str):
    public.connection.execute(f"SELECT {READS[view].replace(' ', ', ')} FROM {view}")


@pytest.mark.parametrize("table", [*VALID, "alembic_version"])
def test_it_reads_no_table(public: Rows, table: str):
    """Not its rows, not how many there are, and not through a column that a view shows."""
    for question in (f"SELECT * FROM {table}", f"SELECT count(*) FROM {table}"):
        with public.refused(InsufficientPrivilege):
            public.connection.execute(question)


@pytest.mark.parametrize("view", READS)
def test_it_writes_nothing_through_a_view(public: Rows, view: str):
    """`public_councils` could be written through, were it allowed."""
    column = READS[view].split()[0]
    for statement in (
        f"UPDATE {view} SET {column} = {column}",
        f"DELETE FROM {view}",
        f"INSERT INTO {view} DEFAULT VALUES",
    ):
        with public.refused(psycopg.Error) as _:
            public.connection.execute(statement)
    for privilege in ("INSERT", "UPDATE", "DELETE"):
        assert not public.one("SELECT has_table_privilege(%s, %s)", view, privilege)


def test_tables_and_views_to_come_are_closed(rows: Rows):
    """What a migration makes is the owner's alone, until it says otherwise."""
    assert rows.all("SELECT oid FROM pg_default_acl") == []
    rows.connection.execute("CREATE TABLE to_come (word text)")
    rows.connection.execute("CREATE VIEW public_to_come AS SELECT word FROM to_come")
    rows.connection.execute("CREATE SEQUENCE numbers_to_come")
    rows.connection.execute("SET LOCAL ROLE radslag_public")
    for question in (
        "SELECT * FROM to_come",
        "SELECT * FROM public_to_come",
        "SELECT nextval('numbers_to_come')",
    ):
        with rows.refused(InsufficientPrivilege):
            rows.connection.execute(question)


@pytest.mark.usefixtures("database")
class TestConnected:
    """As the pages are: through `PublicSession`."""

    @pytest.fixture
    def database(self, shared_database_url: str) -> Iterator[None]:
        db.configure_sessions(
            Settings.from_env(
                {
                    "RADSLAG_DATABASE_URL": shared_database_url,
                    "RADSLAG_BROKER_URL": "redis://localhost",
                    "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
                    "RADSLAG_PUBLIC_URL": "http://localhost:8000",
                    "RADSLAG_DESK_URL": "http://localhost:8001",
                    "RADSLAG_SMTP_URL": "smtp://localhost",
                }
            )
        )
        yield
        db.close_connections()

    @pytest.mark.parametrize(
        ("name", "public", "staff"),
        [
            ("role", "radslag_public", "none"),
            ("transaction_read_only", "on", "off"),
            ("statement_timeout", "5s", "30s"),
            ("lock_timeout", "10s", "10s"),
            ("idle_in_transaction_session_timeout", "2min", "2min"),
            ("TimeZone", "UTC", "UTC"),
            ("application_name", "radslag", "radslag"),
        ],
    )
    def test_each_session_has_its_limits(self, name: str, public: str, staff: str):
        question = text(f"SELECT current_setting('{name}')")
        with db.PublicSession() as of_public, db.Session() as of_staff:
            assert of_public.scalar(question) == public
            assert of_staff.scalar(question) == staff

    def test_the_public_reads_views_and_is_refused_the_rest(self):
        with db.PublicSession() as session:
            assert session.scalar(text("SELECT current_user")) == db.PUBLIC_ROLE
            session.execute(text("SELECT * FROM public_ideas, public_councils")).all()
            with pytest.raises(DBAPIError) as refusal:
                session.execute(text("SELECT * FROM ideas"))
        assert isinstance(refusal.value.orig, InsufficientPrivilege)

    def test_the_public_writes_nothing_not_even_for_itself(self):
        with db.PublicSession() as session, pytest.raises(DBAPIError) as refusal:
            session.execute(text("CREATE TEMPORARY TABLE mine (word text)"))
        assert isinstance(refusal.value.orig, ReadOnlySqlTransaction | InsufficientPrivilege)

    def test_a_question_of_the_public_ends_after_its_time(self):
        with db.PublicSession() as session:
            session.execute(text("SET statement_timeout = 20"))
            with pytest.raises(DBAPIError) as refusal:
                session.execute(text("SELECT pg_sleep(60)"))
        assert isinstance(refusal.value.orig, QueryCanceled)

    def test_an_error_never_quotes_what_was_asked_with(self):
        with db.Session() as session, pytest.raises(DBAPIError) as error:
            session.execute(text("SELECT CAST(:word AS uuid)"), {"word": "Anna Andersson"})
        assert "[parameters:" not in str(error.value)
        assert "hide_parameters" in str(error.value)

    def test_connections_are_given_back_when_a_process_ends(self, rows: Rows):
        with db.Session() as session:
            process = session.scalar(text("SELECT pg_backend_pid()"))
        db.close_connections()
        running = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        rows.connection.execute("SELECT pg_stat_clear_snapshot()")
        while rows.one(running, process):
            rows.connection.execute("SELECT pg_stat_clear_snapshot()")
