"""The schema says whom it serves: forward to the next release, and back, one release apart.

The next release is made of this one's migrations and two more: one that adds, and in a later
release one that removes what this code needs.
"""

import shutil
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection

from services.submission import create_app
from shared import db, migrate
from shared.config import Settings
from tests.factories import a_council

_HEAD = migrate._revisions()[-1]


@pytest.fixture
def connected(database_url: str) -> Iterator[Connection]:
    engine = db.make_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class Releases:
    """Migrations as releases to come have them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "migrations"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(migrate.MIGRATIONS, self.folder, ignore=ignored)
        self._newest = _HEAD

    def add(self, revision: str, change: str, *, oldest_code: str | None = None) -> None:
        told = f"oldest_code = {oldest_code!r}" if oldest_code else ""
        (self.folder / "versions" / f"{revision}_to_come.py").write_text(
            textwrap.dedent(f"""
                from alembic import op
                revision, down_revision = {revision!r}, {self._newest!r}
                branch_labels = depends_on = None
                {told}
                def upgrade():
                    op.execute({change!r})
            """)
        )
        self._newest = revision


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


@pytest.fixture
def as_released(monkeypatch: pytest.MonkeyPatch) -> Callable[[Releases, str], list[str]]:
    """Migrate with the code of another release."""

    def upgrade(releases: Releases, database_url: str) -> list[str]:
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "MIGRATIONS", releases.folder)
            migrate._read_revisions.cache_clear()
            try:
                return migrate.upgrade_database(database_url, pauses_s=(0.01,) * 9)
            finally:
                migrate._read_revisions.cache_clear()

    return upgrade


@pytest.fixture
def client(settings: Settings, database: None) -> Iterator[FlaskClient]:
    app = create_app(settings)
    yield app.test_client()
    app.extensions["submit_limits"].close()


def test_old_code_stays_in_service_until_the_schema_serves_it_no_more(
    client, session, database_url, releases, as_released
):
    slug = a_council(session, slug="motesplatser").slug
    session.commit()
    address = f"/councils/{slug}/ideas"

    # Forward: the next release adds. This code is the old one now, and knows nothing of it.
    releases.add("9001", "ALTER TABLE ideas ADD COLUMN mood text DEFAULT 'glad'")
    assert as_released(releases, database_url) == []
    assert client.get("/readyz").status_code == 200
    assert client.post(address, data={"text": "Med ett nyare schema"}).status_code == 303
    # Back: this code is started again; its migration finds nothing to do, and takes nothing away.
    [told] = migrate.upgrade_database(database_url)
    assert told == "The schema (9001) is newer than this code, and serves it."
    with db.Session() as looking:
        columns = looking.connection().exec_driver_sql("SELECT mood FROM ideas").all()
    assert columns == [("glad",)]

    # A later release removes, and says so.
    releases.add("9002", "DROP TABLE sampling", oldest_code="9001")
    as_released(releases, database_url)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["status"]) == (503, "schema")
    said = (
        f"The schema (9002) serves code from 9001 on, and this code is {_HEAD}: "
        "install that version, or a newer one."
    )
    assert ready.json["detail"] == said
    with pytest.raises(migrate.MigrationError) as refused:
        migrate.upgrade_database(database_url)
    assert str(refused.value) == said


def test_this_code_works_on_its_own_schema_and_on_no_older_one(connected: Connection):
    assert migrate.explain_misfit(connected) is None
    older = migrate._revisions()[-2]
    for revision, said in {
        older: f"The schema ({older}) is older than this code ({_HEAD}): run `radslag migrate`.",
        "9999": None,
    }.items():
        connected.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{revision}'")
        assert migrate.explain_misfit(connected) == said
    # Newer, and serving nobody that we know.
    connected.exec_driver_sql("UPDATE served_code SET oldest = '9998'")
    assert "serves code from 9998 on" in (migrate.explain_misfit(connected) or "")
    connected.exec_driver_sql("DELETE FROM served_code")
    assert "serves code from 9999 on" in (migrate.explain_misfit(connected) or "")
    connected.exec_driver_sql("DROP TABLE served_code")
    assert "serves code from 9999 on" in (migrate.explain_misfit(connected) or "")
    connected.exec_driver_sql("DELETE FROM alembic_version")
    assert "has no schema" in (migrate.explain_misfit(connected) or "")
    connected.rollback()
    assert migrate.explain_misfit(connected) is None


def test_the_row_says_what_the_newest_migration_that_says_anything_says(connected: Connection):
    oldest = connected.exec_driver_sql("SELECT oldest FROM served_code").scalars().all()
    assert len(oldest) == 1
    assert oldest[0] in migrate._revisions()


def test_a_database_without_a_schema_serves_nobody(empty_database_url: str):
    engine = db.make_engine(empty_database_url)
    with engine.connect() as connection:
        assert migrate.explain_misfit(connection) == (
            "The database has no schema: run `radslag migrate`."
        )
    engine.dispose()


def test_a_migration_waits_seldom_and_comes_again_for_what_is_locked(
    database_url, releases, as_released
):
    """What it has done before is kept; whoever holds the lock is not waited for without end."""
    releases.add("9001", "CREATE TABLE before (one int)")
    releases.add("9002", "SET LOCAL lock_timeout = '20ms'; ALTER TABLE ideas ADD COLUMN mood text")
    told = []
    with (
        psycopg.connect(database_url) as holding,
        psycopg.connect(database_url, autocommit=True) as looking,
    ):
        holding.execute("LOCK TABLE ideas IN ACCESS SHARE MODE")
        with pytest.raises(
            migrate.MigrationError, match=r"^The migration after 9001 got no lock in 10 tries"
        ):
            as_released(releases, database_url)
        assert looking.execute("SELECT to_regclass('before')::text").fetchone() == ("before",)
        migrating = threading.Thread(
            target=lambda: told.append(as_released(releases, database_url))
        )
        migrating.start()
        waiting = (
            "SELECT 1 FROM pg_stat_activity"
            " WHERE query LIKE '%ADD COLUMN mood%' AND pid <> pg_backend_pid()"
        )
        while not looking.execute(waiting).fetchone():
            assert migrating.is_alive()
        holding.rollback()
        migrating.join(30)
        # What is new is given to the services.
        assert all(line.startswith("Mended: GRANT ") for line in told[0])
        assert looking.execute("SELECT count(mood) FROM ideas").fetchone() == (0,)
