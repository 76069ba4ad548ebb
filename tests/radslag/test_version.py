"""Which code runs: the same answer from the command and from both webs."""

import json
import platform
import re
import subprocess
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from radslag import desk
from radslag.cli import main
from radslag.commands.version import list_parts
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


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(CliRunner().invoke(main, ["version", "--sbom"]).output)
    return found


class TestParts:
    def test_each_package_that_is_locked_is_named_with_its_version(self, told):
        locked = re.findall(
            r"^([\w.-]+)==(\S+)(.*)",
            (PROJECT / "requirements.txt").read_text("utf-8"),
            re.MULTILINE,
        )
        named = {each["name"]: each for each in told["components"]}
        always = {name: number for name, number, marker in locked if ";" not in marker}
        assert len(always) > 50
        assert {name: named[name]["version"] for name in always} == always
        assert {named[name]["purl"] for name in always} == {
            f"pkg:pypi/{name}@{number}" for name, number in always.items()
        }
        assert named["python"]["version"] == platform.python_version()
        assert "radslag" not in named

    def test_it_says_what_it_is_of_and_is_the_same_each_time(self, told):
        assert (told["bomFormat"], told["specVersion"], told["version"]) == ("CycloneDX", "1.6", 1)
        us = told["metadata"]["component"]
        known = version.read_version()
        assert (us["name"], us["version"]) == ("radslag", known["version"])
        said = {each["name"]: each["value"] for each in us["properties"]}
        assert said["radslag:schema"] == known["schema"]
        assert list_parts(known, distributions()) == told

    def test_who_needs_whom_leads_from_us_to_what_is_there(self, told):
        refs = [each["bom-ref"] for each in told["components"]] + ["radslag"]
        assert len(refs) == len(set(refs))
        needs = {each["ref"]: set(each["dependsOn"]) for each in told["dependencies"]}
        assert set().union(*needs.values()) <= set(refs)
        by_name = {each["name"]: each["bom-ref"] for each in told["components"]}
        assert {"python", by_name["flask"], by_name["celery"]} <= needs["radslag"]
        assert by_name["werkzeug"] in needs[by_name["flask"]]

    def test_most_say_under_which_licence_they_are_and_no_text_is_taken_for_one(self, told):
        libraries = [each for each in told["components"] if each["type"] == "library"]
        unnamed = [each["name"] for each in libraries if "licenses" not in each]
        assert len(unnamed) < len(libraries) / 10
        for each in libraries:
            for licence in each.get("licenses", []):
                [(kind, value)] = licence.items()
                name = value if kind == "expression" else value["name"]
                assert name
                assert "\n" not in name

    def test_of_two_of_a_name_the_one_that_is_loaded_is_told(self, tmp_path):
        for folder, number in (("a", "2"), ("b", "1")):
            info = tmp_path / folder / f"Some.Thing-{number}.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Name: Some.Thing\nVersion: {number}\n")
        known = {"version": "1", "commit": None, "schema": "x"}
        paths = [str(tmp_path / each) for each in ("a", "b")]
        told = list_parts(known, distributions(path=paths))
        assert [each["bom-ref"] for each in told["components"]] == [
            "python",
            "pkg:pypi/some-thing@2",
        ]


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
