"""What the documents promise is what the code has."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from services.moderation.checks import Code
from shared import config
from shared.models import Base

PROJECT = Path(__file__).resolve().parents[2]


def test_every_setting_is_documented_and_every_documented_one_exists():
    text = (PROJECT / "docs" / "settings.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(RADSLAG_[A-Z_]+)`", text, re.MULTILINE))
    known = {f"RADSLAG_{each.name.upper()}" for each in fields(config.Settings)}
    # Read by commands before there are settings.
    known |= {"RADSLAG_DATA", "RADSLAG_DIE_WITH_PARENT"}
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


@pytest.mark.parametrize("code", Code)
def test_every_finding_is_documented(code):
    assert f"`{code.value}`" in (PROJECT / "docs" / "checks.md").read_text("utf-8")
