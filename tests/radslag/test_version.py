"""Which code runs: the same answer from the command and from both webs."""

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from radslag import desk
from radslag.cli import main
from services import submission
from shared import version
from shared.config import Settings
from tests.conftest import PROJECT

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_command_and_both_webs_say_the_same(settings: Settings, session: SqlSession):
    said = json.loads(CliRunner().invoke(main, ["version", "--json"]).output)
    assert set(said) == {"version", "commit", "schema"}
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    assert said["version"] == project["project"]["version"]
    # The schema of a database that this code has migrated.
    assert session.scalar(text("SELECT version_num FROM alembic_version")) == said["schema"]
    public = submission.create_app(settings)
    try:
        for app in (public, desk.create_app(settings)):
            answer = app.test_client().get("/version", base_url=settings.desk_url)
            assert (answer.status_code, answer.json) == (200, said)
    finally:
        public.extensions["submit_limits"].close()


def test_a_person_reads_it_in_lines():
    lines = CliRunner().invoke(main, ["version"]).output.splitlines()
    assert [line.split()[0] for line in lines] == ["version", "commit", "schema"]


@pytest.fixture
def git(tmp_path: Path) -> Path:
    folder = tmp_path / ".git"
    (folder / "refs/heads").mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "refs/heads/main").write_text(COMMIT + "\n")
    return folder


class TestCommit:
    def test_it_is_that_of_the_branch(self, git):
        assert version.find_commit(git.parent) == COMMIT

    def test_one_that_git_has_packed_away(self, git):
        (git / "refs/heads/main").unlink()
        (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n")
        assert version.find_commit(git.parent) == COMMIT
        (git / "packed-refs").write_text(f"{COMMIT} refs/heads/other\n")
        assert version.find_commit(git.parent) is None

    def test_one_without_a_branch(self, git):
        (git / "HEAD").write_text(COMMIT)
        assert version.find_commit(git.parent) == COMMIT

    def test_a_worktree_has_its_own(self, git, tmp_path):
        tree = git / "worktrees/other"
        tree.mkdir(parents=True)
        (tree / "HEAD").write_text("ref: refs/heads/main\n")
        (tree / "commondir").write_text("../..\n")
        place = tmp_path / "other"
        place.mkdir()
        (place / ".git").write_text(f"gitdir: {tree}\n")
        assert version.find_commit(place) == COMMIT

    @pytest.mark.parametrize("head", ["", "ref: refs/heads/../../x", "<script>", "a" * 65])
    def test_what_is_none_is_not_known(self, git, head):
        (git / "HEAD").write_text(head)
        assert version.find_commit(git.parent) is None

    def test_without_git_it_is_not_known(self, tmp_path):
        assert version.find_commit(tmp_path) is None

    def test_that_of_an_image_comes_first(self, git, tmp_path, monkeypatch):
        monkeypatch.setattr(version, "_COMMIT_FILE", tmp_path / "COMMIT")
        (tmp_path / "COMMIT").write_text("f" * 40)
        assert version.find_commit(git.parent) == "f" * 40
        (tmp_path / "COMMIT").write_text("")
        assert version.find_commit(git.parent) == COMMIT

    def test_it_is_what_git_itself_says(self):
        asked = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        if asked.returncode == 0:
            assert version.find_commit(PROJECT) == asked.stdout.strip()
