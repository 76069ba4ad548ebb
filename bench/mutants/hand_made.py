"""Faults of SQL, templates and migrations, which are made by hand: `hand_made.toml`."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

from bench.mutants.areas import HAND_MADE
from bench.mutants.operators import Mutant

_LIST = Path(__file__).with_name("hand_made.toml")


def mutants(tree: Path) -> list[Mutant]:
    """All of the list; ValueError for one whose text is not in its file, or there twice."""
    listed = tomllib.loads(_LIST.read_text("utf-8"))
    near = [(of, _found(tree, patterns)) for of, patterns in listed["near"]]
    return [_mutant(tree, near, **each) for each in listed["mutant"]]


def _found(tree: Path, patterns: list[str]) -> tuple[str, ...]:
    """The files of tests that patterns name, each once, in their order."""
    paths = (path for pattern in patterns for path in sorted(tree.glob(pattern)))
    return tuple(dict.fromkeys(path.relative_to(tree).as_posix() for path in paths))


def _mutant(
    tree: Path,
    near: list[tuple[str, tuple[str, ...]]],
    *,
    kind: str,
    file: str,
    old: str,
    new: str,
    says: str,
) -> Mutant:
    text = (tree / file).read_text("utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{says}: what it changes is there {text.count(old)} times in {file}")
    start = text.index(old)
    return Mutant(
        file=file,
        operator=kind,
        line=text.count("\n", 0, start) + 1,
        start=start,
        old=old,
        new=new,
        where=says,
        area=HAND_MADE,
        tests=next(tests for of, tests in near if fnmatch(file, of)),
    )
