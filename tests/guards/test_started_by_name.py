"""What is started by name exists: modules of processes, and the commands that texts speak of."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from radslag.cli import COMMANDS
from radslag.processes import PROCESSES
from tests.conftest import PROJECT

TEXTS = [
    *(PROJECT / name for name in ("docker-compose.yml", "Dockerfile", "Makefile", ".ci/run")),
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "bench/README.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
]
# `radslag` as it stands in a line of code or of a command, with what follows it.
_CALL = re.compile(
    r"""(?:`|^ {4}|^\$ |\["|, "|bin/|-m )radslag"?,? "?([a-z][a-z-]+)""", re.MULTILINE
)
_MODULE = re.compile(r"(?<![\w.])((?:radslag|services|shared)(?:\.\w+)+)(?::(\w+))?")


def defined_in(module: str) -> str:
    """Return the text of a module, which need not be run for that."""
    spec = find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return Path(spec.origin).read_text("utf-8")


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_process_is_made_of_modules_that_exist(process):
    program, *arguments = process.command(host="127.0.0.1")
    named = [found for each in arguments for found in _MODULE.findall(each)]
    for module, attribute in named:
        text = defined_in(module)
        assert not attribute or f"def {attribute}(" in text
    if program == "radslag":
        assert arguments[0] in COMMANDS
    else:
        assert named


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_a_text_names_only_commands_that_exist(path):
    assert set(_CALL.findall(path.read_text("utf-8"))) - COMMANDS.keys() == set()


def test_they_name_many():
    named = {name for path in TEXTS for name in _CALL.findall(path.read_text("utf-8"))}
    assert named > {"up", "run", "health", "migrate", "ledger", "staff"}


@pytest.mark.parametrize("text", ["`radslag nope", '["CMD", "radslag", "nope', "bin/radslag nope"])
def test_a_command_is_found_however_it_is_written(text):
    assert _CALL.findall(text) == ["nope"]
