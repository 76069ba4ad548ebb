"""Whether a process goes on: it touches a file as long as it does."""

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_BEAT_FILE, _METRICS_FOLDER = "RADSLAG_BEAT_FILE", "RADSLAG_METRICS_FOLDER"
# Below the folder of signs.
COUNTS = "metrics"

# Whoever looks so seldom has stood still itself, and knows nothing of the others.
ABSENT_S = 20.0
# A machine that is busy when it starts takes this many times as long to the first sign.
_BIRTH = 5


class Pulse:
    """What is known of one process by its file; without a file, that it may be well."""

    def __init__(self, file: Path, silence_s: float) -> None:
        self.file = file
        self.silence_s = silence_s
        self._seen: int | None = None
        self._is_born = False
        self._since = self._looked = time.monotonic()

    def begin(self) -> None:
        """A new process has all its time before it."""
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.touch()
        self._seen = self._read()
        self._is_born = False
        self._since = self._looked = time.monotonic()

    def is_gone(self) -> bool:
        """Whether nothing was seen of it for too long. Clocks that are set change nothing."""
        now, read = time.monotonic(), self._read()
        self._is_born = self._is_born or read != self._seen
        if read is None or read != self._seen or now - self._looked > ABSENT_S:
            self._seen, self._since = read, now
        self._looked = now
        patience_s = self.silence_s * (1 if self._is_born else _BIRTH)
        return now - self._since > patience_s and self._disk_takes()

    def end(self) -> None:
        """It holds nothing."""

    def _disk_takes(self) -> bool:
        """Whether a file can be touched there: else silence says nothing of whoever is watched."""
        try:
            self.file.with_name(".looked").touch()
        except OSError:
            return False
        return True

    def _read(self) -> int | None:
        try:
            return self.file.stat().st_mtime_ns
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class Signs:
    """What a process is told of where it shows life and counts, and what it is given open."""

    environment: Mapping[str, str]
    keep_open: tuple[int, ...] = ()


def open_signs(folder: Path, pulse: Pulse, *, opens: bool) -> Signs:
    """Make the places where a process shows life and counts, in a folder that is closed to others.

    Where it does not run as we do, it is given both open, and may write there by that alone.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    counts = folder / COUNTS
    counts.mkdir(exist_ok=True)
    pulse.begin()
    found = {_BEAT_FILE: pulse.file, _METRICS_FOLDER: counts}
    if not opens:
        return Signs({name: str(path) for name, path in found.items()})
    counts.chmod(0o777)
    pulse.file.chmod(0o666)
    held = {name: os.open(path, os.O_RDONLY) for name, path in found.items()}
    given = {name: f"/proc/self/fd/{number}" for name, number in held.items()}
    return Signs(given, tuple(held.values()))
