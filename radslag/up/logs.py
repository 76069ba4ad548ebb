"""What the children say: kept in files, warnings shown short on the terminal."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_SHOWN = {"warning": "warning", "error": "error", "critical": "error"}
_LARGE = 20_000_000
# A copy is made only where so many more would fit.
_COPIES_FREE = 5


def make_room(folder: Path) -> None:
    """Put logs aside that have grown large; one older one of each is kept.

    Who writes one goes on in the same file, which begins anew: it is copied, not moved. What is
    written in between, a line or two, is in neither.
    """
    for path in folder.glob("*.log"):
        with contextlib.suppress(OSError):
            if path.stat().st_size > _LARGE:
                _begin_anew(path)


def _begin_anew(path: Path) -> None:
    copy, older = path.with_suffix(".log.new"), path.with_suffix(".log.1")
    if not _has_room(path):
        # Rather no older one than a disk that is full, which the database shares.
        older.unlink(missing_ok=True)
        if not _has_room(path):
            os.truncate(path, 0)
            return
    try:
        shutil.copyfile(path, copy)
        os.truncate(path, 0)
        copy.replace(older)
    finally:
        # What a full disk has left of it.
        copy.unlink(missing_ok=True)


def _has_room(path: Path) -> bool:
    return shutil.disk_usage(path.parent).free > _COPIES_FREE * path.stat().st_size


class Tail:
    """Reads what was added to a log since it was last asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def warnings(self) -> Iterator[str]:
        """Give the new warnings and errors, each as one short line."""
        for line in self._new_lines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get("level") in _SHOWN:
                place = f" ({record['error']})" if record.get("error") else ""
                sentence = str(record.get("message", "")).partition("\n")[0]
                yield f"{_SHOWN[record['level']]}: {sentence}{place}"

    def _new_lines(self) -> list[bytes]:
        try:
            with self._path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._offset:
                    # It was put aside, and begins anew.
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return lines
