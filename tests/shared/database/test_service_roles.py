"""One role for each service: what it may do with every table, and that its work needs no more."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from services.submission import intake, unsubscribing
from services.submission.forms import IdeaForm
from shared import migrate
from shared.db import PUBLIC_ROLE
from shared.delivery import ledger
from shared.links import unsubscribe_links
from shared.models import Base, Source
from shared.rights import grants
from tests.databases import run_in
from tests.factories import a_council, a_member_of_staff
from tests.shared.database.rows import Rows
from tests.shared.database.test_public_role import READS

PROJECT = Path(__file__).resolve().parents[3]
# What they may not even read, spelled once more, so that no slip opens one of them.
CLOSED: Mapping[str, str] = {
    "radslag_submission": "staff staff_sessions second_factors passkeys recovery_codes"
    " login_attempts sign_in_policy invitations password_resets audit_log access_log saved_filters"
    " answer_templates duty_shifts duty_covers leases samples sample_shares sampling imports"
    " import_lines",
    "radslag_moderation": "",
    "radslag_notify": "staff_sessions second_factors passkeys recovery_codes login_attempts"
    " sign_in_policy originals access_log idempotency_keys slips agreements imports"
    " import_lines api_tokens api_token_uses",
}
READ_ONLY: Mapping[str, str] = {
    "radslag_submission": "decisions rules official_answers webhooks word_lists models"
    " security_events api_tokens",
    "radslag_moderation": "",
    "radslag_notify": "decisions rules idea_texts official_answers",
}
ROLES = sorted(CLOSED)


@pytest.mark.parametrize("role", ROLES)
def test_it_may_do_this_with_each_table_and_nothing_else(rows: Rows, role: str):
    """Nobody empties a table, takes a trigger away or makes one: that is the owner's."""
    every = (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "TRUNCATE",
        "REFERENCES",
        "TRIGGER",
        "MAINTAIN",
    )
    held = rows.connection.execute(
        """
        SELECT c.relname AS name, array_agg(privilege ORDER BY privilege) AS held
        FROM pg_class c CROSS JOIN unnest(%s::text[]) privilege
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
          AND has_table_privilege(%s, c.oid, privilege)
        GROUP BY 1""",
        [list(every), role],
    ).fetchall()
    reads = {*READ_ONLY[role].split(), *READS, "alembic_version", "served_code"}
    expected = {
        name: ["SELECT"] if name in reads else ["DELETE", "INSERT", "SELECT", "UPDATE"]
        for name in (*Base.metadata.tables, *READS, "alembic_version")
        if name not in CLOSED[role].split()
    }
    assert {each["name"]: each["held"] for each in held} == expected


@pytest.mark.parametrize("role", ROLES)
def test_it_signs_in_and_is_nobody_special(rows: Rows, role: str):
    found = rows.connection.execute(
        """SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
        FROM pg_roles WHERE rolname = %s""",
        [role],
    ).fetchone()
    assert list((found or {}).values()) == [True, False, False, False, False, False]
    member = rows.all(
        "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", role
    )
    assert member == ([] if role == "radslag_notify" else [PUBLIC_ROLE])
    assert rows.all("SELECT relname FROM pg_class WHERE relowner = %s::regrole", role) == []
    assert not rows.one("SELECT has_schema_privilege(%s, 'public', 'CREATE')", role)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("radslag_submission", "SELECT * FROM staff"),
        ("radslag_submission", "SELECT email FROM staff"),
        ("radslag_submission", "UPDATE staff SET language = 'en'"),
        ("radslag_submission", "SELECT secret FROM second_factors"),
        ("radslag_submission", "DELETE FROM decisions"),
        ("radslag_submission", "UPDATE served_code SET oldest = '0001'"),
        ("radslag_notify", "INSERT INTO decisions DEFAULT VALUES"),
        ("radslag_notify", "UPDATE decisions SET kind = 'publish'"),
        ("radslag_notify", "SELECT * FROM originals"),
        ("radslag_moderation", "TRUNCATE originals CASCADE"),
        ("radslag_moderation", "ALTER TABLE originals DISABLE TRIGGER ALL"),
        ("radslag_moderation", "DROP TABLE served_code"),
        ("radslag_moderation", "SET session_replication_role = replica"),
        ("radslag_moderation", "COPY staff TO PROGRAM 'cat'"),
        ("radslag_moderation", "SELECT pg_read_file('PG_VERSION')"),
    ],
)
def test_it_is_refused(rows: Rows, role: str, statement: str):
    rows.connection.execute(f"SET LOCAL SESSION AUTHORIZATION {role}")
    with rows.refused(InsufficientPrivilege):
        rows.connection.execute(statement)


def test_what_speaks_to_the_public_names_no_table_that_is_closed_to_it():
    """By the name of its model or its own: the code is what the role is measured by."""
    models = {each.class_.__tablename__: each.class_.__name__ for each in Base.registry.mappers}
    for room, role in (("submission", grants.SUBMISSION_ROLE), ("notify", grants.NOTIFY_ROLE)):
        # Words of more than a table; `imports` is a folder, whose work is done at the desk.
        closed = set(CLOSED[role].split()) - {"staff", "leases", "samples", "imports"}
        words = re.compile(rf"\b(?:{'|'.join([*closed, *(models[name] for name in closed)])})\b")
        for path in (PROJECT / "services" / room).rglob("*.py"):
            if "imports" not in path.parts:
                assert not words.search(path.read_text("utf-8")), path


class TestAtWork:
    @pytest.fixture
    def as_submission(self, unit: SqlSession) -> Iterator[SqlSession]:
        self.council = a_council(unit)
        self.member = a_member_of_staff(unit, language="en")
        self.token = unsubscribe_links.issue_unsubscribe_token(unit, "key" * 20, self.member.id)
        unit.flush()
        unit.execute(text("SET LOCAL SESSION AUTHORIZATION radslag_submission"))
        return unit

    def test_an_idea_is_taken_in(self, as_submission, module_settings):
        form = IdeaForm("En bänk vid ån", email="anna@example.org")
        received = intake.receive_idea(
            run_in(as_submission),
            replace(module_settings, submit_limit="off"),
            self.council.slug,
            form,
            intake.Arrival(Source.FORM, b"text", "text/plain"),
        )
        assert received.idea_id

    def test_leaving_the_digest_knows_whose_language_it_is_and_no_more(self, as_submission):
        assert unsubscribing.find_language(as_submission, self.token) == "en"
        unsubscribing.ask_unsubscribing(as_submission, self.token)

    @pytest.mark.parametrize("role", ROLES)
    def test_readiness_and_numbers_for_operators_can_be_read(self, unit, role):
        unit.execute(text(f"SET LOCAL SESSION AUTHORIZATION {role}"))
        assert migrate.explain_misfit(unit.connection()) is None
        ledger.read_health(unit)
        if role != grants.NOTIFY_ROLE:
            assert ledger.write_metrics(unit)
