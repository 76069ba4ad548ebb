"""Real servers for every test: one PostgreSQL and one Valkey a run, an own database a test.

Code under test commits for real. A database is cloned from a migrated template in some 50 ms, which
is cheaper than any trick with rollbacks and proves more.
"""

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar

import pytest
import redis
from aiosmtpd.controller import Controller
from flask import Flask
from hypothesis import settings as hypothesis_settings
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from radslag.ports import free_port
from shared import db, migrate
from shared.config import Settings
from shared.telemetry import request_ids
from tests import skips
from tests.databases import copied

PROJECT = Path(__file__).resolve().parent.parent
# How quick a machine is, is no rule of ours.
hypothesis_settings.register_profile("rules", deadline=None)
hypothesis_settings.load_profile("rules")
# A test run is not kept, so it need not survive a power cut.
_HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# What the servers of one process of a test run need at the most.
_ROOM = 4 << 30
# What is the same in every test.
_ENVIRONMENT = {
    "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
    "RADSLAG_PUBLIC_URL": "http://localhost:8000",
    "RADSLAG_DESK_URL": "http://localhost:8001",
    "RADSLAG_SUBMIT_LIMIT": "off",
    "RADSLAG_UNDO_SECONDS": "0",
    # Administrators of tests come in with a password alone, whatever day it is there.
    "RADSLAG_SECOND_FACTOR_GRACE_DAYS": "3660",
}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class SmtpServer:
    """A real SMTP server that keeps what it is given; `refuse` is answered instead of 250."""

    url: str
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    refuse: str = ""

    async def handle_DATA(  # noqa: N802  (aiosmtpd looks for this name)
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        """Take a letter, or refuse it."""
        if self.refuse:
            return self.refuse
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.letters.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


class CompiledTemplates(BytecodeCache):
    """Keeps templates compiled: every test makes its web anew, and their pages stay the same."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what was compiled of the same source."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


class CompiledRule(Rule):
    """Keeps how an address is built: for the whole desk this takes as long as a few pages do."""

    _kept: ClassVar[dict[Hashable, Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # All that the built function is made from.
        defaults = tuple((self.defaults or {}).items())
        key = (self.rule, tuple(self._trace), defaults, append_unknown)
        if key not in self._kept:
            self._kept[key] = super()._compile_builder(append_unknown)
        return self._kept[key]


class KnownStatements:
    """Keeps statements written down: every test has engines of its own, and says the same by them.

    All of them speak to servers of one kind, so that what one has written serves the others.
    """

    _kept: ClassVar[LRUCache[Any, Any]] = LRUCache(5000)
    make_engine = staticmethod(db.create_engine)

    @classmethod
    def create_engine(cls, *given: Any, **options: Any) -> Engine:
        """Make an engine as `shared.db` does, which begins with what is known."""
        engine = cls.make_engine(*given, **options)
        engine._compiled_cache = cls._kept
        return engine


PGDialect_psycopg.__eq__ = lambda one, other: type(one) is type(other)
PGDialect_psycopg.__hash__ = lambda one: hash(type(one))
db.create_engine = KnownStatements.create_engine
Flask.jinja_options = {"bytecode_cache": CompiledTemplates()}
Flask.url_rule_class = CompiledRule


def pytest_configure(config: pytest.Config) -> None:
    """A skip is a failure in CI."""
    skips.pytest_configure(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    items.sort(
        key=lambda item: (
            "journeys" not in item.path.parts and item.get_closest_marker("slow") is None
        )
    )


def pytest_collectstart() -> None:
    """Look for no garbage while tests are loaded: a fifth of the work, and all of it is kept."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was loaded alone from here on: it is no garbage. Look less often for what is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
    gc.enable()


@pytest.fixture(autouse=True)
def nobodys_work() -> None:
    """Each test begins as each task does: with nobody's request."""
    request_ids.forget_work()


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the servers keep their files: in memory where there is room, else on the disk."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM:
        with tempfile.TemporaryDirectory(prefix="servrar å data ", dir=memory) as path:
            yield Path(path)
    else:
        yield tmp_path_factory.mktemp("servrar å data")


@pytest.fixture(scope="session")
def servers(servers_folder: Path) -> Iterator[tuple[Postgres, Valkey]]:
    """PostgreSQL, its `radslag` database migrated, and Valkey."""
    folder = DataFolder(servers_folder)
    postgres, valkey = Postgres(folder, settings=_HASTY), Valkey(folder)
    valkey.begin()
    try:
        postgres.start()
        valkey.wait()
        migrate.upgrade_database(postgres.url)
        yield postgres, valkey
    finally:
        postgres.stop()
        valkey.stop()
        folder.release()


@pytest.fixture(scope="session")
def database_counter() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def empty_database_url(
    servers: tuple[Postgres, Valkey], database_counter: Iterator[int]
) -> Iterator[str]:
    """A database with nothing in it, not even the schema."""
    with copied(servers[0], f"test_{next(database_counter)}", "template1") as url:
        yield url


@pytest.fixture
def database_url(
    servers: tuple[Postgres, Valkey], database_counter: Iterator[int]
) -> Iterator[str]:
    """A migrated database of this test's own."""
    with copied(servers[0], f"test_{next(database_counter)}") as url:
        yield url


@pytest.fixture(scope="module")
def module_settings(
    servers: tuple[Postgres, Valkey], database_counter: Iterator[int]
) -> Iterator[Settings]:
    """Settings with a migrated database that the tests of one module share."""
    with copied(servers[0], f"test_{next(database_counter)}") as url:
        yield Settings.from_env(
            {
                **_ENVIRONMENT,
                "RADSLAG_DATABASE_URL": url,
                "RADSLAG_BROKER_URL": servers[1].url,
                "RADSLAG_SMTP_URL": "smtp://127.0.0.1:1",
            }
        )


@pytest.fixture(scope="module")
def module_database(module_settings: Settings) -> Iterator[None]:
    """`shared.db` bound to the module's database; its tests must not ask for `database`."""
    db.configure_sessions(module_settings)
    yield
    db.close_connections()


@pytest.fixture(scope="module")
def module_engine(module_settings: Settings) -> Iterator[Engine]:
    engine = db.make_engine(module_settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def unit(module_engine: Engine) -> Iterator[SqlSession]:
    """A unit of work that is never committed: rules below the entrypoints are tried in it.

    It costs milliseconds where a database of one's own costs a tenth of a second.
    """
    with SqlSession(module_engine, expire_on_commit=False) as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def broker_url(servers: tuple[Postgres, Valkey]) -> str:
    """The broker, with nothing in it."""
    valkey = servers[1]
    with redis.Redis(unix_socket_path=str(valkey.socket)) as client:
        client.flushall()
    return valkey.url


@pytest.fixture(scope="session")
def running_smtp_server() -> Iterator[SmtpServer]:
    port = free_port()
    server = SmtpServer(f"smtp://127.0.0.1:{port}")
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server
    controller.stop()


@pytest.fixture
def smtp_server(running_smtp_server: SmtpServer) -> SmtpServer:
    """The SMTP server, with no letters yet."""
    running_smtp_server.letters.clear()
    running_smtp_server.recipients.clear()
    running_smtp_server.refuse = ""
    return running_smtp_server


@pytest.fixture
def environment(database_url: str, broker_url: str, smtp_server: SmtpServer) -> dict[str, str]:
    """The settings of this test as environment variables, for processes it starts."""
    return {
        **_ENVIRONMENT,
        "RADSLAG_DATABASE_URL": database_url,
        "RADSLAG_BROKER_URL": broker_url,
        "RADSLAG_SMTP_URL": smtp_server.url,
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """The settings of this test."""
    return Settings.from_env(environment)


@pytest.fixture
def database(settings: Settings) -> Iterator[None]:
    """`shared.db.Session` and `PublicSession` bound to this test's database."""
    db.configure_sessions(settings)
    yield
    db.close_connections()


@pytest.fixture
def session(database: None) -> Iterator[SqlSession]:
    """A session to arrange and to look with: commit what the code under test shall see."""
    with db.Session() as opened:
        yield opened


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data kept beside the project, which is never part of it."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("NO REAL DATA: the folder ../shared/data is not here; this test proves nothing")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        pytest.skip("NO BROWSER: install chromium; no page was looked at with a real browser")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=_BROWSER_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a Swedish resident's browser that has never been here."""
    context = browser.new_context(locale="sv-SE", timezone_id="Europe/Stockholm")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()
