"""A folder of backups: which is made, which are kept; and backups that are sealed."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from radslag.backup import nightly
from radslag.backup.archive import BackupError, Contents, create_backup, open_backup
from radslag.cli import main

CITY = ZoneInfo("Europe/Stockholm")


def made(folder: Path, *days: int, is_sealed: bool = False) -> list[str]:
    names = [
        nightly.name_backup(datetime(2026, 3, day, 2, tzinfo=UTC), is_sealed=is_sealed)
        for day in days
    ]
    for name in names:
        (folder / name).write_bytes(b"x")
    return names


@pytest.mark.parametrize(
    ("made_at", "now", "is_due"),
    [
        (None, "2026-03-05T12:00", True),
        ("2026-03-05T02:00", "2026-03-05T12:00", False),
        ("2026-03-05T01:59", "2026-03-05T12:00", True),
        # Made by a clock that ran ahead.
        ("2027-01-01T00:00", "2026-03-05T12:00", True),
        # At three in the city it is two.
        ("2026-03-04T02:00", "2026-03-05T01:59", False),
        ("2026-03-04T02:00", "2026-03-05T02:00", True),
        # When the clock goes forward the hour strikes a day of 23 hours later.
        ("2026-03-29T00:30", "2026-03-29T00:59", False),
        ("2026-03-29T00:30", "2026-03-29T02:00", True),
    ],
)
def test_is_due_when_none_was_made_since_the_hour_struck(tmp_path, made_at, now, is_due):
    if made_at:
        at = datetime.fromisoformat(made_at).replace(tzinfo=UTC)
        (tmp_path / nightly.name_backup(at, is_sealed=True)).touch()
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC).astimezone(CITY)
    assert nightly.is_due(tmp_path, moment, 3) is is_due


def test_the_newest_are_kept_and_nothing_that_is_not_ours_is_touched(tmp_path):
    ours = made(tmp_path, 3, 1, 2) + made(tmp_path, 4, is_sealed=True)
    others = ["radslag.backup", "radslag-2026-03-01T020000Z.backup.new", "a.txt"]
    for name in others:
        (tmp_path / name).touch()
    newest = tmp_path / max(ours)
    gone = [path.name for path in nightly.remove_oldest(tmp_path, 2, made=newest)]
    assert gone == sorted(ours)[:2]
    assert {path.name for path in tmp_path.iterdir()} == {*sorted(ours)[2:], *others}
    assert nightly.remove_oldest(tmp_path, 2, made=newest) == []


def test_what_was_ended_in_the_middle_goes_after_a_day_and_nothing_else(tmp_path):
    [whole] = made(tmp_path, 1)
    unfinished = [
        f"{name}.new" for name in made(tmp_path, 2, 3) + made(tmp_path, 4, is_sealed=True)
    ]
    for name in unfinished:
        (tmp_path / name.removesuffix(".new")).rename(tmp_path / name)
    (tmp_path / "a.backup.new").touch()
    at = datetime(2026, 3, 3, 2, tzinfo=UTC)
    tick, day = timedelta(seconds=1), timedelta(days=1)
    gone = nightly.remove_unfinished(tmp_path, at.astimezone(CITY) + day + tick)
    assert [path.name for path in gone] == unfinished[:2]
    assert nightly.remove_unfinished(tmp_path, at + day + tick) == []
    assert {path.name for path in tmp_path.iterdir()} == {whole, unfinished[2], "a.backup.new"}


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_what_was_just_made_stays_though_a_clock_ran_ahead_for_weeks(tmp_path, keep):
    ahead = sorted(made(tmp_path, 20, 21, 22))
    [today] = made(tmp_path, 5)
    gone = nightly.remove_oldest(tmp_path, keep, made=tmp_path / today)
    assert [path.name for path in gone] == ahead[: 4 - keep]
    assert (tmp_path / today).exists()
    assert len(nightly.list_backups(tmp_path)) == keep


class TestSealed:
    @pytest.fixture
    def key(self, tmp_path) -> tuple[Path, str]:
        if shutil.which("age-keygen") is None:
            pytest.skip("needs the program age")
        file = tmp_path / "key"
        subprocess.run(["age-keygen", "-o", file], check=True, capture_output=True)
        public = subprocess.run(["age-keygen", "-y", file], check=True, capture_output=True)
        return file, public.stdout.decode().strip()

    def test_only_who_has_the_key_can_read_it(self, tmp_path, key):
        file, public = key
        path = tmp_path / "a.backup.age"
        with create_backup(path, to=public) as new:
            with new.add_part("ideas") as sink:
                sink.write("Fler bänkar".encode())
            new.finish(Contents("", {}, {}, {}, []))
        assert path.stat().st_mode & 0o777 == 0o600
        assert b"ideas" not in path.read_bytes()
        with pytest.raises(BackupError, match="is sealed"), open_backup(path):
            pass
        opened = tmp_path / "opened"
        subprocess.run(["age", "-d", "-i", file, "-o", opened, path], check=True)
        assert b"tables/ideas.copy" in opened.read_bytes()

    def test_a_wrong_key_leaves_no_file(self, tmp_path, key):
        assert key
        with (
            pytest.raises(BackupError, match="begins with age1"),
            create_backup(tmp_path / "a.backup", to="age1wrong") as new,
        ):
            new.finish(Contents("", {}, {}, {}, []))
        assert [path.name for path in tmp_path.iterdir()] == ["key"]

    def test_without_the_program_it_says_so_and_keeps_nothing_open(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with (
            pytest.raises(BackupError, match="age is not there"),
            create_backup(tmp_path / "a.backup", to="age1x"),
        ):
            pass
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{folder}"], "must be a new file"),
        (["{folder}/new", "--keep", "3"], "must be a folder"),
        (["{folder}", "--every-day-at", "3"], "needs --keep"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, arguments, said):
    arguments = [each.format(folder=tmp_path) for each in arguments]
    result = CliRunner().invoke(main, ["backup", *arguments], env={"RADSLAG_LANG": "en"})
    assert result.exit_code == 2
    assert said in result.output
