"""A dump that is restored elsewhere leaves the roles behind: that is seen, and mended."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from services.submission import create_app
from shared import db, migrate
from shared.rights.grants import (
    NOTIFY_ROLE,
    PUBLIC_VIEWS,
    SERVICES,
    GrantsError,
    find_unreadable_views,
    mend_grants,
)
from tests.databases import settings_of
from tests.shared.database.test_public_role import READS


@pytest.fixture(scope="module")
def other_server() -> Iterator[Postgres]:
    """Another server, with nothing in it, as after a move."""
    with tempfile.TemporaryDirectory(prefix="annan å ") as path:
        folder = DataFolder(Path(path) / "data")
        postgres = Postgres(folder, settings={"fsync": "off"})
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop()
            folder.release()


@pytest.fixture(scope="module")
def moved(servers, other_server: Postgres) -> str:
    """The address of the database that was dumped here and restored there."""
    programs = other_server._program.parent
    dump = subprocess.run(
        [programs / "pg_dump", "--format=custom", f"--dbname={servers[0].url}"],
        stdout=subprocess.PIPE,
        check=True,
    )
    restored = subprocess.run(
        [programs / "pg_restore", f"--dbname={other_server.url}"],
        input=dump.stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    # The tables are there; what was granted to a role that is not there is not.
    assert b'role "radslag_public" does not exist' in restored.stderr
    return other_server.url


@pytest.fixture
def client(moved: str) -> Iterator[FlaskClient]:
    settings = settings_of(moved)
    db.configure_sessions(settings)
    app = create_app(settings)
    yield app.test_client()
    app.extensions["submit_limits"].close()
    db.close_connections()


def test_what_a_dump_leaves_behind_is_named_and_migrating_makes_it(client, moved):
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (503, "public")
    assert "radslag_public" in ready.json["detail"]
    assert client.get("/").status_code == 503

    told = migrate.upgrade_database(moved)
    assert told[0] == "Mended: CREATE ROLE radslag_public NOLOGIN"
    assert told[1] == f"Mended: GRANT SELECT ON {', '.join(sorted(PUBLIC_VIEWS))} TO radslag_public"
    made = [line.split()[3] for line in told if line.startswith("Mended: CREATE ROLE")]
    assert made == ["radslag_public", *SERVICES]
    assert client.get("/readyz").status_code == 200
    assert client.get("/").status_code == 200
    assert migrate.upgrade_database(moved) == []


@pytest.fixture
def connected(moved: str) -> Iterator[Connection]:
    """A transaction on the moved database, with its roles; it is rolled back."""
    migrate.upgrade_database(moved)
    engine = db.make_engine(moved)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def test_the_views_that_are_named_are_those_that_the_public_reads():
    assert set(PUBLIC_VIEWS) == set(READS)


@pytest.mark.parametrize(
    ("harm", "mended"),
    [
        ("REVOKE SELECT ON public_ideas FROM radslag_public", "GRANT SELECT ON public_ideas TO"),
        ("GRANT SELECT ON contacts TO radslag_public", "REVOKE SELECT ON contacts FROM"),
        ("GRANT UPDATE ON public_rules TO radslag_public", "REVOKE UPDATE ON public_rules FROM"),
        (
            "GRANT USAGE ON SEQUENCE idea_numbers TO radslag_public",
            "REVOKE USAGE ON SEQUENCE idea_numbers FROM",
        ),
        ("ALTER ROLE radslag_public LOGIN", "ALTER ROLE radslag_public NOSUPERUSER"),
        ("ALTER ROLE radslag_public BYPASSRLS", "ALTER ROLE radslag_public NOSUPERUSER"),
    ],
)
def test_what_differs_is_mended_and_nothing_else_is_touched(connected, harm, mended):
    assert mend_grants(connected) == []
    connected.execute(text(harm))
    [told] = mend_grants(connected)
    assert told.startswith(mended)
    assert mend_grants(connected) == []


def test_a_schema_that_was_closed_to_all_is_opened_to_our_roles(connected):
    connected.execute(text("REVOKE USAGE ON SCHEMA public FROM PUBLIC"))
    assert mend_grants(connected) == [
        # The webs, which read as the public, are members of the first, and have it by that.
        f"GRANT USAGE ON SCHEMA public TO {role}"
        for role in ("radslag_public", NOTIFY_ROLE)
    ]


def test_a_view_that_cannot_be_read_is_named(connected):
    connected.execute(text("REVOKE SELECT ON public_rules FROM radslag_public"))
    connected.execute(text("DROP VIEW public_traces"))
    connected.execute(text("SET LOCAL ROLE radslag_public"))
    assert find_unreadable_views(connected) == ["public_rules", "public_traces"]
    connected.execute(text("RESET ROLE"))
    with pytest.raises(GrantsError, match=r"lacks public_traces: "):
        mend_grants(connected)


def test_who_may_not_mend_is_told_what_an_administrator_runs(connected):
    for statement in (
        "CREATE ROLE city",
        "GRANT CREATE ON SCHEMA public TO city",
        "SET LOCAL ROLE city",
    ):
        connected.execute(text(statement))
    with pytest.raises(GrantsError, match=r"^Tables belong to radslag, "):
        mend_grants(connected)
    connected.execute(text("RESET ROLE"))
    connected.execute(text("GRANT radslag TO city"))
    connected.execute(text("SET LOCAL ROLE city"))
    connected.execute(text("REVOKE SELECT ON public_rules FROM radslag_public"))
    with pytest.raises(GrantsError, match="run `GRANT radslag_public TO city` as an admin"):
        mend_grants(connected)


def test_a_role_that_two_databases_of_a_server_make_at_once_is_made_once(other_server, moved):
    """Both find that it is not there; the second waits, and finds it made."""
    with psycopg.connect(other_server.url_of("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE second TEMPLATE template1")
    migrate.upgrade_database(moved)
    told = migrate.upgrade_database(other_server.url_of("second"))
    assert [line for line in told if not line.startswith("Mended: GRANT ")] == []
    assert migrate.upgrade_database(other_server.url_of("second")) == []
