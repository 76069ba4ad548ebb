"""A system is kept in one file while it works, and made again of it: whole, or not at all."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from radslag.backup.archive import Backup, BackupError, Contents, Part, create_backup, open_backup
from radslag.backup.keeping import NOT_KEPT, keep_system, list_tables
from radslag.backup.restoring import restore_system
from radslag.cli import main
from radslag.data_folder import DataFolder
from radslag.up.plan import Options, make_plan
from services.submission import create_app
from shared import db, migrate
from shared.clock import utcnow
from shared.config import SECRETS, Settings
from shared.delivery import ledger
from shared.models import StaffSession
from shared.version import read_version
from tests.databases import copied, settings_of
from tests.factories import a_council, a_member_of_staff
from tests.submission.conftest import published

WORDS = 'Fler bänkar vid vattnet; =1\\n\t"å" 😀'


def run(*arguments: str | Path, **env: str) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], env=env)


@pytest.fixture
def filled(session, settings: Settings) -> Settings:
    """A system with ideas in several states, and somebody who is signed in."""
    council = a_council(session, slug="motesplatser", title="Det andra invånarrådet")
    for number in range(5):
        about = {"author": "Åsa", "email": "a@exempel.example"}
        published(session, council, text=f"{WORDS} {number}", **about)
    staff = a_member_of_staff(session)
    session.flush()
    session.add(StaffSession(staff_id=staff.id, epoch=1, via="password", browser="Firefox"))
    session.commit()
    return settings


class Resident(threading.Thread):
    """Somebody who sends ideas all the time until told to stop."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._app = create_app(settings)
        self._told = threading.Event()
        # How many got a receipt so far.
        self.accepted = 0

    def run(self) -> None:
        client = self._app.test_client()
        while not self._told.wait(0.002):
            sent = {"council": "motesplatser", "text": f"En idé till, nummer {self.accepted}"}
            self.accepted += client.post("/api/v1/ideas", json=sent).status_code == 202

    def stop(self) -> None:
        self._told.set()
        self.join()
        self._app.extensions["submit_limits"].close()


@pytest.fixture
def resident(filled: Settings) -> Iterator[Resident]:
    made = Resident(filled)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def unused_url(servers, database_counter) -> Iterator[str]:
    """A database that has the schema and nothing else, as a new system has."""
    with copied(servers[0], f"test_{next(database_counter)}") as url:
        yield url


def rows_of(url: str, question: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(question).fetchall()


def everything(url: str) -> dict[str, list[tuple]]:
    """Each row of each table that is kept, but for what is made anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = list_tables(connection)
    assert len(tables) > 50
    return {
        table: rows_of(url, f'SELECT t::text FROM "{table}" t ORDER BY 1')
        for table in tables
        if table not in NOT_KEPT | {"tallies"}
    }


def test_a_system_that_works_is_kept_and_made_again(environment, resident, unused_url, tmp_path):
    file = tmp_path / "kopia å.backup"
    made = migrate.find_drift(unused_url)
    before = resident.accepted
    # In a process of its own: this one writes on.
    kept = subprocess.run(
        [sys.executable, "-m", "radslag", "backup", str(file)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (kept.returncode, kept.stderr) == (0, "")
    assert "secret key" in kept.stdout
    assert resident.accepted > before
    resident.stop()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]

    new = {**environment, "RADSLAG_DATABASE_URL": unused_url, "RADSLAG_HOLD_LETTERS": "1"}
    restored = run("restore", file, **new)
    assert (restored.exit_code, restored.stderr) == (0, "")
    assert "Everything adds up." in restored.output
    # Nothing is lost that was there when it began, and nothing is half there.
    ((ideas, originals),) = rows_of(
        unused_url, "SELECT (SELECT count(*) FROM ideas), (SELECT count(*) FROM originals)"
    )
    assert ideas == originals
    assert ideas >= before + 5

    settings = settings_of(unused_url)
    db.configure_sessions(settings)
    try:
        with db.Session() as session:
            assert ledger.read_ledger(session).adds_up
        app = create_app(settings)
        client = app.test_client()
        page = client.get("/councils/motesplatser")
        assert "Fler bänkar vid vattnet" in page.text
        assert "Åsa säger:" in page.text
        assert client.get("/readyz").status_code == 200
        # Numbers go on, and seals hold.
        sent = {"council": "motesplatser", "text": "Den första efteråt"}
        number = client.post("/api/v1/ideas", json=sent).json["number"]
        assert [number] == [
            each for (each,) in rows_of(unused_url, "SELECT max(number) FROM ideas")
        ]
        app.extensions["submit_limits"].close()
    finally:
        db.close_connections()
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="sealed"):
        rows_of(unused_url, "UPDATE originals SET body = 'x'")
    assert rows_of(unused_url, "SELECT count(*) FROM staff_sessions") == [(0,)]
    # Foreign keys, too, are as the migrations made them.
    assert migrate.find_drift(unused_url) == made


def test_every_row_comes_back_and_no_secret_is_in_the_file(
    filled, environment, empty_database_url, tmp_path
):
    file = tmp_path / "b"
    more = {"RADSLAG_METRICS_TOKEN": "hemligt-marke", "RADSLAG_AUTHORITY": "Staden"}
    assert run("backup", file, **environment, **more).exit_code == 0
    with open_backup(file) as backup:
        assert backup.contents.settings["RADSLAG_AUTHORITY"] == "Staden"
        assert set(backup.contents.settings).isdisjoint(SECRETS)
        restore_system(empty_database_url, backup)
    held = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        held += b"".join(archive.read(name) for name in archive.namelist())
    for secret in (environment["RADSLAG_SECRET_KEY"], "hemligt-marke"):
        assert secret.encode() not in held
    old = environment["RADSLAG_DATABASE_URL"]
    assert everything(empty_database_url) == everything(old)
    # What the public sees moves on, so that no reader keeps a page of before.
    tallies = "SELECT what, sum(number) FROM tallies GROUP BY what"
    moved = {
        what: number + 1_000_000 * what.startswith("public ")
        for what, number in rows_of(old, tallies)
    }
    assert dict(rows_of(empty_database_url, tallies)) == moved
    assert {what.partition(" ")[0] for what in moved} > {"public"}
    # A number of a transaction of the old server would be taken for one of this.
    assert rows_of(empty_database_url, "SELECT DISTINCT moved_in FROM tallies") == [(0,)]


@pytest.fixture
def file(filled: Settings, environment: dict[str, str], tmp_path: Path) -> Path:
    made = tmp_path / "backup"
    assert run("backup", made, **environment).exit_code == 0
    return made


def change_list(file: Path, change: Callable[[dict], None]) -> None:
    """Write another list of contents into a backup."""
    old = file.with_name("old")
    file.rename(old)
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "backup.json":
                contents = json.loads(data)
                change(contents)
                data = json.dumps(contents).encode()
            target.writestr(name, data)


def test_what_is_no_whole_backup_is_refused_and_changes_nothing(
    file, environment, unused_url, tmp_path
):
    whole = file.read_bytes()
    with zipfile.ZipFile(file) as parts:
        largest = max(parts.infolist(), key=lambda part: part.compress_size)
    # Its heading says the length of what stands before its bytes at two places.
    heading = whole[largest.header_offset :][:30]
    before = (
        30 + int.from_bytes(heading[26:28], "little") + int.from_bytes(heading[28:30], "little")
    )
    middle = largest.header_offset + before + largest.compress_size // 2
    cases: dict[str, Callable[[Path], object]] = {
        "cut off": lambda path: path.write_bytes(whole[: len(whole) // 2]),
        "a little shorter": lambda path: path.write_bytes(whole[:-1]),
        "changed in the middle": lambda path: path.write_bytes(
            whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        ),
        "something else": lambda path: path.write_bytes(b"PK but no more"),
        "nothing": lambda path: path.write_bytes(b""),
        "not there": Path.unlink,
        "a newer schema": lambda path: change_list(
            path, lambda said: said["version"].update(schema="9999")
        ),
        "a newer format": lambda path: change_list(path, lambda said: said.update(format=2)),
        "a table less": lambda path: change_list(path, lambda said: said["parts"].pop()),
        "other columns": lambda path: change_list(
            path, lambda said: said["parts"][0]["columns"].append("x; DROP TABLE ideas")
        ),
        "fewer rows than it says": lambda path: change_list(
            path, lambda said: said["parts"][0].update(rows=99)
        ),
        "other sequences": lambda path: change_list(path, lambda said: said["sequences"].clear()),
    }
    new = {**environment, "RADSLAG_DATABASE_URL": unused_url, "RADSLAG_HOLD_LETTERS": "1"}
    for name, damage in cases.items():
        bad = tmp_path / "skadad"
        shutil.copy(file, bad)
        damage(bad)
        told = run("restore", bad, **new)
        assert told.exit_code == 2, name
        assert told.stderr.count("\n") == 1, name
        if name == "a newer schema":
            assert "update this one first" in told.stderr
        for left in ("ideas", "staff", "councils"):
            assert rows_of(unused_url, f"SELECT count(*) FROM {left}") == [(0,)], name
        bad.unlink(missing_ok=True)
    # And after all that the whole one is taken.
    assert run("restore", file, **new).exit_code == 0


def test_only_an_empty_system_is_restored_into(file, environment, tmp_path):
    old = environment["RADSLAG_DATABASE_URL"]
    before = everything(old)
    told = run("restore", file, **environment, RADSLAG_HOLD_LETTERS="1")
    assert (told.exit_code, told.output) == (2, told.stderr)
    assert "not empty" in told.stderr
    assert everything(old) == before


def test_a_database_of_something_else_is_left_alone(file, environment, empty_database_url):
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE recept (namn text)")
    new = {**environment, "RADSLAG_DATABASE_URL": empty_database_url, "RADSLAG_HOLD_LETTERS": "1"}
    told = run("restore", file, **new)
    assert (told.exit_code, "something else" in told.stderr) == (2, True)
    assert rows_of(empty_database_url, "SELECT to_regclass('public.ideas')") == [(None,)]


def test_letters_must_wait_before_anything_is_restored(file, environment, unused_url):
    told = run("restore", file, **{**environment, "RADSLAG_DATABASE_URL": unused_url})
    assert (told.exit_code, "RADSLAG_HOLD_LETTERS=1" in told.stderr) == (2, True)
    assert rows_of(unused_url, "SELECT count(*) FROM ideas") == [(0,)]


def test_a_backup_is_never_written_over(file, environment):
    before = file.read_bytes()
    told = run("backup", file, **environment)
    assert (told.exit_code, "already" in told.stderr) == (2, True)
    assert file.read_bytes() == before
    told = run("backup", file / "x", **environment)
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)


def test_one_that_is_older_is_brought_up(servers, database_counter, empty_database_url, tmp_path):
    migrate.upgrade_database(empty_database_url, "0020")
    file = tmp_path / "gammal"
    with (
        psycopg.connect(empty_database_url, autocommit=True) as connection,
        create_backup(file) as new,
    ):
        version = {**read_version(), "schema": "0020"}
        keep_system(connection, new, made_at=utcnow(), version=version, settings={})
    with copied(servers[0], f"test_{next(database_counter)}", "template1") as url:
        with open_backup(file) as backup:
            restore_system(url, backup)
        assert rows_of(url, "SELECT version_num FROM alembic_version") == [(migrate.find_head(),)]
    # And one of another schema than the code's is not even made.
    with (
        psycopg.connect(empty_database_url, autocommit=True) as connection,
        pytest.raises(BackupError, match="radslag migrate"),
        create_backup(tmp_path / "x") as new,
    ):
        keep_system(connection, new, made_at=utcnow(), version=read_version(), settings={})
    assert not (tmp_path / "x").exists()


def test_a_new_data_folder_gets_it_and_its_letters_wait(file, tmp_path):
    folder = tmp_path / "ny mapp"
    told = run("restore", file, "--data", folder)
    assert (told.exit_code, told.stderr) == (0, "")
    assert str(folder / "secret_key") in told.output
    data = DataFolder(folder)
    named = {"RADSLAG_DATABASE_URL": "postgresql:///x", "RADSLAG_SMTP_URL": "smtp://localhost"}
    try:
        assert data.holds_letters
        named |= {"RADSLAG_BROKER_URL": "unix:///x"}
        options = Options(data=folder, host="127.0.0.1")
        assert make_plan(options, data, named).settings.hold_letters
        data.let_letters_go()
        assert not make_plan(options, data, named).settings.hold_letters
    finally:
        data.release()


def small_backup(path: Path) -> bytes:
    with create_backup(path) as new:
        with new.add_part("ideas") as sink:
            sink.write(b"1\tEn b\xc3\xa4nk\n")
        part = Part("ideas", ["id", "text"], 1, sink.length, sink.sha256)
        new.finish(Contents("2026-11-30", {"schema": "0001"}, {}, {"s": (1, True)}, [part]))
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("one") / "backup"
    return path, small_backup(path)


def read_all(path: Path) -> tuple[Contents, bytes]:
    def rows(backup: Backup) -> bytes:
        return b"".join(backup.read_part(backup.contents.parts[0]))

    with open_backup(path) as backup:
        return backup.contents, rows(backup)


@given(st.data())
def test_no_changed_byte_goes_unnoticed(whole, data):
    """Where a byte does not matter (a date inside the ZIP), what is read is the same."""
    path, right = whole
    place = data.draw(st.integers(0, len(right) - 1))
    flipped = right[place] ^ data.draw(st.integers(1, 255))
    other = path.with_name("other")
    path.write_bytes(right)
    before = read_all(path)
    other.write_bytes(right[:place] + bytes([flipped]) + right[place + 1 :])
    try:
        after = read_all(other)
    except BackupError:
        return
    assert after == before
