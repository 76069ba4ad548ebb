"""How much memory this process and those beside it may have, as the kernel says (cgroups)."""

import sys
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

_OF = "proc/self/cgroup"
_FILES = {"": "memory.max", "memory": "memory.limit_in_bytes"}
# What a task needs at once, and files that the kernel keeps, have the rest.
_FILLED = 90
# With less room than this for its own a child would be replaced after each task.
_LEAST_KB = 64 * 1024


def find_memory_limit(root: Path = Path("/")) -> int | None:
    """Return the bytes of the closest limit, or None where there is none that anybody can see.

    It is that of a container or of a unit, or of what either lies in.
    """
    limits = []
    for file in _list_files(root):
        try:
            said = file.read_text("ascii").strip()
        except OSError:
            continue
        if said.isdecimal():
            limits.append(int(said))
    # What is as good as none is written as a number that no machine has.
    return min((each for each in limits if each < 1 << 60), default=None)


def _list_files(root: Path) -> Iterator[Path]:
    """Give where limits may stand: of our own group and of each above it, old hierarchy and new."""
    try:
        lines = (root / _OF).read_text("utf-8").splitlines()
    except OSError:
        return
    mounted = root / "sys" / "fs" / "cgroup"
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        for controller, name in _FILES.items():
            if controller in controllers.split(","):
                top = mounted / controller if controller else mounted
                inside = Path(path.lstrip("/"))
                for folder in (inside, *inside.parents):
                    yield top / folder / name


def fit_child(told_mb: int, children: int, *, own_kb: int, whole: int | None) -> int | None:
    """Return how many kilobytes a child of a worker may have needed, or None for any number.

    All of them together stay under the limit of what they run in: else the kernel would end one
    under its task, before it was asked. What a child shares with its parent, which has `own_kb`,
    counts in each of them and is there once.
    """
    if told_mb == 0:
        return None
    told = told_mb * 1024
    if whole is None:
        return told
    shared_out = whole // 1024 * _FILLED // 100 - own_kb
    return min(told, own_kb + max(_LEAST_KB, shared_out // max(1, children)))


def read_own_memory() -> int:
    """Return how many kilobytes this process has needed."""
    most = getrusage(RUSAGE_SELF).ru_maxrss
    # Elsewhere it is told in bytes.
    return most if sys.platform == "linux" else most // 1024
