"""An upgrade and a roll-back, with real code on both sides and days lived in between.

The other release is what git has from before the newest migration, in a process of its own. It goes
on working after the upgrade, as webs and workers do that nobody has replaced yet, and again after
this code has worked; and each finds all that the other did.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared import migrate
from shared.config import Settings
from tests.conftest import PROJECT
from tests.shared.database import release_day
from tests.shared.database.release_day import Release

HEAD = migrate.find_head()


def ask_git(*arguments: str) -> bytes:
    """Ask git about the project, whoever owns its folder."""
    asked = ["git", "-c", "safe.directory=*", "-C", str(PROJECT), *arguments]
    answer = subprocess.run(asked, capture_output=True, check=False)
    if answer.returncode:
        pytest.skip(f"NO OTHER RELEASE: {answer.stderr.decode(errors='replace').strip()}")
    return answer.stdout


def find_other_release() -> str:
    """Return the newest commit that knows the migrations of this code but for the newest ones.

    One that numbered its migrations otherwise was never a release.
    """
    folder = f"{(migrate.MIGRATIONS / 'versions').relative_to(PROJECT).as_posix()}/"
    ours = {f"{folder}{path.name}" for path in (PROJECT / folder).glob("*.py")}
    earlier = {name for name in ours if not name.startswith(f"{folder}{HEAD}_")}
    for commit in ask_git("log", "--first-parent", "--format=%H", "--", folder).decode().split():
        theirs = ask_git("ls-tree", "--name-only", commit, folder).decode().split()
        if earlier >= {name for name in theirs if name.endswith(".py")}:
            return commit
    pytest.skip("NO OTHER RELEASE: no commit is older than the newest migration")


class Other:
    """The code of the other release, at work."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def _ask(self, do: str, **about: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **about}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"failed": "dead"}')
        assert "failed" not in answer, answer["failed"]
        return answer

    def migrate(self) -> dict[str, Any]:
        return self._ask("migrate")

    def live(self, words: str, known: Sequence[str]) -> dict[str, Any]:
        return self._ask("live", words=words, known=known)


@pytest.fixture
def environment(environment: dict[str, str], empty_database_url: str) -> dict[str, str]:
    return {**environment, "RADSLAG_DATABASE_URL": empty_database_url}


@pytest.fixture
def other(environment: dict[str, str], tmp_path: Path) -> Iterator[Other]:
    packed = ask_git("archive", find_other_release(), "radslag", "services", "shared")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path, filter="data")
    process = subprocess.Popen(
        # Without the folder of the program before everything else.
        [sys.executable, "-P", str(release_day.__file__)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **environment, "PYTHONPATH": str(tmp_path)},
    )
    yield Other(process)
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


@pytest.fixture
def this(settings: Settings) -> Iterator[Release]:
    release = Release(settings)
    yield release
    release.close()


def test_forward_and_back_and_forward_again(other: Other, this: Release, tmp_path: Path):
    begun = other.migrate()
    assert begun["from"] == str(tmp_path / "shared")
    assert begun["code"] != HEAD
    days = [other.live("vattnet", [])]
    numbers = [days[0]["number"]]

    def note(day: dict[str, Any]) -> None:
        days.append(day)
        numbers.append(day["number"])

    assert this.migrate()["code"] == HEAD
    note(this.live("torget", numbers))
    # What nobody has replaced yet works on.
    note(other.live("skogen", numbers))
    # Back: the old code is started on the new schema, and has nothing to do there.
    [told] = other.migrate()["told"]
    assert told == f"The schema ({HEAD}) is newer than this code, and serves it."
    note(other.live("stationen", numbers))
    assert this.migrate()["told"] == []
    note(this.live("biblioteket", numbers))
    assert len(set(numbers)) == 5
    # Each day its letters left.
    sent = [day["letters"] for day in days]
    assert sent == sorted(set(sent))
    assert sent[0] > 0
