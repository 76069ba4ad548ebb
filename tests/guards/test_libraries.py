"""What runs is installed where it runs: nothing that only tests bring along is imported."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from radslag.up import forked
from tests.guards.test_architecture import known_libraries

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("services", "shared", "radslag")
# What `make up` installs (tools/install.py); a container has the first only.
LOCKS = ("requirements.txt", "requirements-embedded.txt", "requirements-semantic.txt")


def installed_by_up() -> set[str]:
    locks = "\n".join((PROJECT / name).read_text("utf-8") for name in LOCKS)
    names = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==", locks, re.MULTILINE)
    return {_plain(name) for name in names}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanting(names: set[str]) -> set[str]:
    there, known = installed_by_up(), packages_distributions()
    # `_typeshed` is there for the type checker alone.
    ours = {*ROOMS, *sys.stdlib_module_names, "_typeshed"}
    return {
        name
        for name in names - ours
        if not any(_plain(each) in there for each in known.get(name, ()))
    }


def test_no_module_imports_what_only_tests_bring():
    files = [path for room in ROOMS for path in (PROJECT / room).rglob("*.py")]
    found = set().union(*(known_libraries(path.relative_to(PROJECT).as_posix()) for path in files))
    assert len(found) > 40
    assert wanting(found) == set()


def test_what_is_loaded_before_the_fork_is_there():
    assert wanting({name.partition(".")[0] for name in forked._LOADED}) == set()
