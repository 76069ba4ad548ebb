"""Faults of SQL, templates and migrations, which are made by hand: `hand_made.toml`."""

import tomllib
from pathlib import Path

from bench.mutants.areas import HAND_MADE
from bench.mutants.operators import Mutant

LIST = Path(__file__).with_name("hand_made.toml")


def mutants(tree: Path) -> list[Mutant]:
    """All of the list; ValueError for one whose text is not in its file, or there twice."""
    return [_mutant(tree, **each) for each in tomllib.loads(LIST.read_text("utf-8"))["mutant"]]


def _mutant(
    tree: Path, *, kind: str, file: str, old: str, new: str, tests: list[str], says: str
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
        tests=tuple(tests),
    )
