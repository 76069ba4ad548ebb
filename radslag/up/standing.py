"""Code in a folder that only root may enter, read by processes that are not root any more.

Whoever stands in a folder, or has it open, needs no right on the folders above it. So root, where
it starts the system from its closed home, opens each folder that Python looks for modules in and
begins once more with `/proc/self/fd/N` instead of their paths. What is loaded from there says that
it lies there, and so whatever it reads later (a module, a template, a model) is found by every
process that is forked with these descriptors, whoever that runs as. It must be readable for all
but for the folders above: where it is not (umask 077), this does nothing.

Only the standard library is used: nothing else may be loaded yet.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

# Which descriptors are such folders, with commas between.
_OPEN = "OPEN_FOLDERS_OF_RADSLAG"
_FIRST = 200
# What is ours, beside the packages that it needs; there may be closed things next to it.
_OURS = ("radslag", "services", "shared")


def begin_standing() -> None:
    """Begin `radslag up` once more where that is needed and helps, and only once."""
    is_up = sys.platform == "linux" and sys.argv[1:2] == ["up"]
    if not is_up or os.geteuid() != 0 or _OPEN in os.environ:
        return
    folders = [folder.resolve() for entry in sys.path if (folder := Path(entry)).is_dir()]
    closed = [folder for folder in folders if not is_open_to_all(folder)]
    if not closed or not all(_is_readable(folder) for folder in closed):
        return
    names = {folder: _FIRST + n for n, folder in enumerate(dict.fromkeys(closed))}
    for folder, number in names.items():
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        os.dup2(opened, number, inheritable=True)
        os.close(opened)
        if not Path(f"/proc/self/fd/{number}").is_dir():
            return
    found = [f"/proc/self/fd/{names[each]}" if each in names else str(each) for each in folders]
    environment = {
        **os.environ,
        _OPEN: ",".join(map(str, names.values())),
        "PYTHONPATH": os.pathsep.join(found),
    }
    # -P: nothing before that path.
    command = [sys.executable, "-P", "-m", "radslag", *sys.argv[1:]]
    os.execve(sys.executable, command, environment)  # noqa: S606 - this very program


def open_folders() -> list[int]:
    """Return the descriptors through which modules are found; nobody may close them."""
    return [int(number) for number in os.environ.get(_OPEN, "").split(",") if number]


def is_open_to_all(folder: Path) -> bool:
    """Whether everybody may pass all folders on the way there, and read this one."""
    folder = folder.resolve()
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IROTH) and all(
        path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents)
    )


def _is_readable(folder: Path) -> bool:
    """Whether everybody may read what is in a folder of modules, and in those below it."""
    mode = folder.stat().st_mode
    if not mode & stat.S_IROTH or not mode & stat.S_IXOTH:
        return False
    has_ours = all((folder / name).is_dir() for name in _OURS)
    return all(
        _is_readable_itself(entry)
        for top in ([folder / name for name in _OURS] if has_ours else [folder])
        for entry in _walk(top)
    )


def _is_readable_itself(entry: "os.DirEntry[str]") -> bool:
    mode = entry.stat(follow_symlinks=False).st_mode
    needed = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    return stat.S_ISLNK(mode) or mode & needed == needed


def _walk(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__":
                continue
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
