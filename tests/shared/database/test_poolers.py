"""What every connection must have, through a pooler that swallows what is asked for at its start.

PgBouncer is told to by `ignore_startup_parameters`, its usual work-around for drivers that ask.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from radslag.child import Child
from radslag.ports import free_port
from services.submission import create_app
from shared import db
from shared.config import Settings
from shared.rights.grants import NOTIFY_ROLE, SERVICES
from shared.rights.session_rules import (
    SessionRules,
    UnsafeSessionError,
    is_behind_pooler,
    verify_connection,
)
from tests.databases import copied
from tests.factories import a_council

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_PUBLIC = SessionRules(5, "radslag_public")


class TestVerifying:
    """A connection that was opened with nothing asked for, as behind a pooler."""

    @pytest.fixture
    def plain(self, shared_database_url: str) -> Iterator[psycopg.Connection]:
        with psycopg.connect(shared_database_url, autocommit=True) as connection:
            yield connection

    def test_one_that_has_it_is_left_alone(self, shared_database_url):
        with psycopg.connect(shared_database_url, options=_PUBLIC.startup_options) as connection:
            verify_connection(connection, _PUBLIC)
            assert not is_behind_pooler(connection)
            assert not connection.autocommit

    def test_one_without_has_it_in_each_transaction_and_not_beside(self, plain):
        verify_connection(plain, _PUBLIC)
        assert is_behind_pooler(plain)
        assert plain.autocommit
        assert plain.execute("SELECT current_user").fetchone() == ("radslag",)
        with plain.transaction():
            plain.execute(_PUBLIC.set_in_transaction())
            assert _PUBLIC.find_missing(plain) == []

    @pytest.mark.parametrize(
        ("option", "named"),
        [
            ("role=none", "current_user"),
            ("default_transaction_read_only=off", "transaction_read_only"),
            ("statement_timeout=0", "statement_timeout"),
            ("lock_timeout=0", "lock_timeout"),
            ("idle_in_transaction_session_timeout=0", "idle_in_transaction_session_timeout"),
            ("timezone=Europe/Stockholm", "TimeZone"),
        ],
    )
    def test_each_property_that_is_missing_is_found(self, shared_database_url, option, named):
        options = f"{_PUBLIC.startup_options} -c {option}"
        with psycopg.connect(shared_database_url, options=options) as connection:
            assert _PUBLIC.find_missing(connection) == [named]

    def test_staff_must_be_able_to_write(self, shared_database_url):
        rules = SessionRules(30)
        options = f"{rules.startup_options} -c default_transaction_read_only=on"
        with psycopg.connect(shared_database_url, options=options) as connection:
            assert rules.find_missing(connection) == ["transaction_read_only"]

    def test_what_cannot_be_given_closes_the_connection_with_a_sentence(self, plain):
        rules = SessionRules(5, "nobody_of_this_name")
        with pytest.raises(UnsafeSessionError, match=r"has not what it must have \(role\)"):
            verify_connection(plain, rules)
        assert plain.closed

    def test_a_session_that_cannot_have_it_is_not_used(self, shared_database_url):
        engine = db.make_engine(shared_database_url, role="nobody_of_this_name")
        with pytest.raises(OperationalError):
            engine.connect()
        engine.dispose()


@pytest.fixture(scope="module")
def pooler(servers, servers_folder: Path, database_counter) -> Iterator[tuple[str, int]]:
    """A database of these tests, and the port of a PgBouncer in front of its server."""
    if _PROGRAM is None:
        pytest.skip("NO POOLER: install pgbouncer; nothing was tried through one")
    postgres = servers[0]
    port = free_port()
    # It stands where the server stands, and reaches its socket from there.
    sockets = "/proc/self/cwd/../run" if postgres._account.is_other else postgres._sockets.path
    with copied(postgres, f"test_{next(database_counter)}") as url:
        name = url.partition("///")[2].partition("?")[0]
        there = f"host='{sockets}' dbname={name}"
        config = servers_folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\nsession = {there} user=radslag pool_mode=session\n"
            f"stranger = {there} user=stranger\n"
            f"transaction = {there} user=radslag pool_mode=transaction pool_size=2\n"
            + "".join(
                f"{mode}_of_{role} = {there} user={role} pool_mode={mode} pool_size=4\n"
                for role in SERVICES
                for mode in ("session", "transaction")
            )
            + f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\nignore_startup_parameters = options\nserver_reset_query =\n",
            encoding="utf-8",
        )
        config.chmod(0o644)
        child = Child(
            "pgbouncer",
            [_PROGRAM, Path("../pgbouncer.ini") if postgres._account.is_other else config],
            log=servers_folder / "logs" / "pgbouncer.log",
            env={"LC_ALL": "C"},
            cwd=servers_folder / "postgres",
            user=postgres._account.user,
        )
        try:
            while not accepts(port):
                assert child.poll() is None, child.last_words(20)
            yield name, port
        finally:
            child.stop()


def accepts(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://radslag@127.0.0.1:{port}/session", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(params=["session", "transaction"])
def through(request, pooler, module_settings: Settings) -> Iterator[Settings]:
    """Settings of a system behind the pooler, in each of its modes."""
    url = f"postgresql://radslag@127.0.0.1:{pooler[1]}/{request.param}"
    settings = replace(module_settings, database_url=url)
    db.configure_sessions(settings)
    yield settings
    db.close_connections()


@pytest.fixture
def client(through: Settings) -> Iterator[FlaskClient]:
    app = create_app(through)
    yield app.test_client()
    app.extensions["submit_limits"].close()


def test_nothing_that_is_asked_for_at_the_start_arrives(through):
    with psycopg.connect(through.database_url, options=_PUBLIC.startup_options) as connection:
        assert _PUBLIC.find_missing(connection)[-1] == "current_user"


@pytest.mark.usefixtures("through")
class TestThrough:
    @pytest.mark.parametrize(
        ("name", "public", "staff"),
        [
            ("role", "radslag_public", "none"),
            ("transaction_read_only", "on", "off"),
            ("statement_timeout", "5s", "30s"),
            ("lock_timeout", "10s", "10s"),
            ("idle_in_transaction_session_timeout", "2min", "2min"),
            ("TimeZone", "UTC", "UTC"),
        ],
    )
    def test_each_way_to_ask_has_its_limits(self, name: str, public: str, staff: str):
        """Again and again, by turns: nothing of one is left to the next on the same connection."""
        question = f"SELECT current_setting('{name}')"
        for _ in range(8):
            with db.PublicSession() as of_public:
                assert of_public.scalar(text(question)) == public
            with db.Session() as of_staff:
                assert of_staff.scalar(text(question)) == staff
            assert db.ask_public_views(question) == [(public.encode(),)]
            assert db.run_alone(text(question), {}) == [(staff,)]

    def test_the_public_reads_views_and_is_refused_the_rest(self):
        with db.PublicSession() as session:
            session.execute(text("SELECT * FROM public_ideas")).all()
            with pytest.raises(DBAPIError, match="permission denied for table contacts"):
                session.execute(text("SELECT * FROM contacts"))
        with pytest.raises(DBAPIError, match="permission denied for table contacts"):
            db.ask_public_views("SELECT email FROM contacts WHERE email = $1", b"x")
        # What was refused leaves nothing behind.
        assert db.ask_public_views("SELECT current_user") == [(b"radslag_public",)]


def test_a_web_behind_it_is_ready_and_takes_ideas(client):
    ready = client.get("/readyz")
    assert ready.status_code == 200, ready.json
    with db.Session.begin() as session:
        slug = a_council(session).slug
    for number in range(12):
        sent = client.post(
            f"/councils/{slug}/ideas", data={"text": f"En bänk till, nummer {number}"}
        )
        assert sent.status_code == 303
        assert client.get(f"/councils/{slug}").status_code == 200


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_service_that_the_pooler_signs_in_as_somebody_else_does_not_work(
    pooler, module_settings, mode
):
    """`user=` in its list of databases: the web would have every right of the owner."""
    url = f"postgresql://radslag_submission@127.0.0.1:{pooler[1]}/{mode}"
    settings = replace(module_settings, database_url=url)
    db.configure_sessions(settings)
    app = create_app(settings)
    try:
        for ask in (lambda: db.run_alone(text("SELECT 1"), {}), lambda: db.Session().connection()):
            with pytest.raises(OperationalError, match=r"must have \(current_user\)"):
                ask()
        ready = app.test_client().get("/readyz")
        assert (ready.status_code, ready.json["status"]) == (503, "database")
        assert "has not what it must have (current_user)" in ready.json["detail"]
    finally:
        app.extensions["submit_limits"].close()
        db.close_connections()


@pytest.mark.parametrize("role", SERVICES)
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_service_that_signs_in_as_itself_works_in_each_mode(pooler, module_settings, role, mode):
    url = f"postgresql://{role}@127.0.0.1:{pooler[1]}/{mode}_of_{role}"
    db.configure_sessions(replace(module_settings, database_url=url))
    try:
        for _ in range(3):
            if role != NOTIFY_ROLE:  # which shows nothing to anybody
                with db.PublicSession() as session:
                    assert session.scalar(text("SELECT current_user")) == "radslag_public"
            (row,) = db.run_alone(text("SELECT current_user AS name, session_user AS really"), {})
            assert (row.name, row.really) == (role, role)
            with db.Session() as session:
                assert session.scalar(text("SELECT current_user")) == role
                with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                    session.execute(text("TRUNCATE audit_log"))
    finally:
        db.close_connections()


def test_where_not_even_a_transaction_can_be_given_it_the_web_says_so(
    pooler, servers, module_settings
):
    """The pooler signs in as somebody who reads everything and may not be the public's role."""
    with psycopg.connect(servers[0].url_of(pooler[0]), autocommit=True) as connection:
        connection.execute("CREATE ROLE stranger LOGIN IN ROLE pg_read_all_data")
    url = f"postgresql://radslag@127.0.0.1:{pooler[1]}/stranger"
    settings = replace(module_settings, database_url=url)
    db.configure_sessions(settings)
    app = create_app(settings)
    try:
        with db.Session() as session:
            assert session.scalar(text("SELECT count(*) FROM contacts")) == 0
        ready = app.test_client().get("/readyz")
        assert (ready.status_code, ready.json["status"]) == (503, "public")
        assert "has not what it must have (role)" in ready.json["detail"]
        assert app.test_client().get("/").status_code == 503
    finally:
        app.extensions["submit_limits"].close()
        db.close_connections()
        with psycopg.connect(servers[0].url_of("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stranger'"
            )
            connection.execute("DROP ROLE stranger")
