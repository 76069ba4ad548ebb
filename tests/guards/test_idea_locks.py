"""Ideas are locked in one place: in one order, in one strength, and read anew."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# `of=Idea`, or a select or get of ideas with a lock further on in the same statement.
LOCK = re.compile(
    r"of=Idea\b|(?:select|get|get_one|refresh)\(\s*Idea\b(?:(?!\n\n|\n    \w).)*with_for_update",
    re.DOTALL,
)


def test_ideas_are_locked_in_one_place():
    locking = {
        path.relative_to(PROJECT).as_posix()
        for folder in ("shared", "services", "radslag")
        for path in (PROJECT / folder).rglob("*.py")
        if LOCK.search(path.read_text("utf-8"))
    }
    assert locking == {"shared/idea_locks.py"}
