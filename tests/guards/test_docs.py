"""What the documents promise is what the code has."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from radslag.mailbox import entrance
from services.moderation.checks import Code
from shared import config
from shared.models import Base
from shared.rights.passwords import ADDRESSES

PROJECT = Path(__file__).resolve().parents[2]


def test_every_setting_is_documented_and_every_documented_one_exists():
    text = (PROJECT / "docs" / "settings.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(RADSLAG_[A-Z_]+)`", text, re.MULTILINE))
    known = {f"RADSLAG_{each.name.upper()}" for each in fields(config.Settings)}
    # Read by commands before there are settings.
    known |= {"RADSLAG_DATA", "RADSLAG_DIE_WITH_PARENT", entrance.PASSWORD, *ADDRESSES.values()}
    assert documented == known


def test_defaults_are_documented_as_they_are():
    text = (PROJECT / "docs" / "settings.md").read_text("utf-8")
    for each in fields(config.Settings):
        default = each.metadata["default"]
        if default:
            row = re.search(rf"^\| `RADSLAG_{each.name.upper()}` .*$", text, re.MULTILINE)
            assert row is not None
            assert f"`{default}`" in row[0]


@pytest.mark.parametrize("table", sorted(Base.metadata.tables))
def test_every_table_has_its_writer_in_the_architecture(table):
    text = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
    assert f"`{table}`" in text


def test_documents_name_only_files_that_exist():
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")
    missing = [
        f"{document.relative_to(PROJECT)}: {target}"
        for document in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
        for target in link.findall(document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert missing == []


# Documents that say where things are.
MAPS = ("docs/architecture.md", "CONTRIBUTING.md")
FOLDERS = ("services", "shared", "radslag", "tests", "docs", "bench", "tools")


def paths_in(document: str) -> set[str]:
    """Every path that a document names, in a picture or a sentence."""
    text = (PROJECT / document).read_text("utf-8")
    return set(re.findall(rf"(?<![\w/.])(?:{'|'.join(FOLDERS)})/(?:[\w./-]*\w)?", text))


@pytest.mark.parametrize("document", MAPS)
def test_every_path_that_a_map_names_exists(document):
    named = paths_in(document)
    assert len(named) > 20
    assert sorted(path for path in named if not (PROJECT / path).exists()) == []


@pytest.mark.parametrize("document", MAPS)
def test_every_module_that_a_map_names_without_its_folder_exists(document):
    text = (PROJECT / document).read_text("utf-8")
    known = {path.name for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py")}
    named = re.findall(r"`(\w+\.py)`", text)
    assert sorted(set(named) - known) == []


def test_the_pictures_name_each_folder_of_a_room():
    picture = (PROJECT / "docs" / "architecture.md").read_text("utf-8").partition("## Who")[0]
    missing = [
        path.relative_to(PROJECT).as_posix()
        for room in ("moderation", "notify")
        for path in (PROJECT / "services" / room).iterdir()
        if (path / "__init__.py").exists() and not re.search(rf"\b{path.name}\b", picture)
    ]
    assert missing == []


def test_documents_have_no_long_lines_outside_tables():
    long = [
        f"{document}:{number}"
        for document in MAPS
        for number, line in enumerate((PROJECT / document).read_text("utf-8").splitlines(), 1)
        if len(line) > 102 and not line.startswith("|")
    ]
    assert long == []


@pytest.mark.parametrize("code", Code)
def test_every_finding_is_documented(code):
    assert f"`{code.value}`" in (PROJECT / "docs" / "checks.md").read_text("utf-8")
