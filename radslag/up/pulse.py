"""Whether a process goes on: it touches a file as long as it does."""

import contextlib
import time
from pathlib import Path

# Whoever looks so seldom has stood still itself, and knows nothing of the others.
_ABSENT_S = 20.0


class Pulse:
    """What is known of one process by its file; without a file, that it may be well."""

    def __init__(self, file: Path, silence_s: float) -> None:
        self.file = file
        self.silence_s = silence_s
        self._seen: int | None = None
        self._since = self._looked = time.monotonic()

    def begin(self) -> None:
        """A new process has all its time before it."""
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(exist_ok=True)
            self.file.touch()
        self._seen = self._read()
        self._since = self._looked = time.monotonic()

    def is_gone(self) -> bool:
        """Whether nothing was seen of it for too long. Clocks that are set change nothing."""
        now, read = time.monotonic(), self._read()
        if read is None or read != self._seen or now - self._looked > _ABSENT_S:
            self._seen, self._since = read, now
        self._looked = now
        return now - self._since > self.silence_s

    def _read(self) -> int | None:
        try:
            return self.file.stat().st_mtime_ns
        except OSError:
            return None
