"""What the children say: kept in files, warnings shown short on the terminal."""

import json
from collections.abc import Iterator
from pathlib import Path

_SHOWN = {"warning": "warning", "error": "error", "critical": "error"}
_LARGE = 20_000_000


def make_room(folder: Path) -> None:
    """Put logs aside that have grown large; one older one of each is kept."""
    for path in folder.glob("*.log"):
        if path.stat().st_size > _LARGE:
            path.replace(path.with_suffix(".log.1"))


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
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        self._offset += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return lines
