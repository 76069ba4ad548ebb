"""What the page about security promises is tried by tests that exist, chapter by chapter."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "security.md").read_text("utf-8")
ROWS = re.findall(r"^\| V(\d+) ([^|]+) \| ([^|]+) \| ([^|]*)\|$", PAGE, re.MULTILINE)
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


@cache
def names_in(file: Path) -> frozenset[str]:
    """Every test of a file, those of its classes too."""
    return frozenset(
        node.name
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef)
    )


def test_every_chapter_is_answered_in_order():
    assert [int(number) for number, *_rest in ROWS] == list(range(1, 18))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"V{row[0]}")
def test_a_chapter_is_tried_or_says_why_there_is_nothing_to_try(row):
    _number, _title, how, tried = row
    assert bool(re.search(r"`tests/[\w/]+\.py::\w+`", tried)) != how.startswith("*Not for us*")


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda each: str(each).rpartition("/")[2])
def test_each_test_that_is_named_exists(file, name):
    assert name.startswith("test_")
    assert name in names_in(PROJECT / file)


def test_what_looks_is_locked_apart_from_what_tests_load():
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[<>=]", each)[0] for each in extras["optional-dependencies"]["security"]}
    locked = {
        name: set(re.findall(r"^([\w.-]+)==", (PROJECT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements-security.txt", "requirements-dev.txt")
    }
    assert wanted <= locked["requirements-security.txt"]
    # Their plugins would be loaded by every test.
    assert locked["requirements-security.txt"].isdisjoint(locked["requirements-dev.txt"])
