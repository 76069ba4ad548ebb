"""Whether a server that runs still hears: somebody knocks now and then, and it says anything."""

import contextlib
import socket
import time
from pathlib import Path

from radslag.up.pulse import ABSENT_S


class Knock:
    """What is known of one server by its socket. Nothing here waits, however slow the server is.

    Each knock is a connection that nobody else shares. It may be answered as late as `silence_s`,
    and by whatever words: a server that recovers, reads what it keeps or has no room for one more
    connection says so, and hears.
    """

    def __init__(self, door: Path, words: bytes, *, every_s: float, silence_s: float) -> None:
        self.silence_s = silence_s
        self.every_s = every_s
        self._door = door
        self._words = words
        self._line: socket.socket | None = None
        self._heard = self._looked = time.monotonic()
        # Since when it is knocked at without an answer.
        self._since: float | None = None

    def begin(self) -> None:
        """A new server has all its time before it."""
        self.end()
        self._heard = self._looked = time.monotonic()
        self._since = None

    def is_gone(self) -> bool:
        """Whether it has not answered for too long; knocks where that is due."""
        now = time.monotonic()
        if self._since is not None and now - self._looked > ABSENT_S:
            # Who was away itself knows nothing of others.
            self._since = now
        self._looked = now
        if self._line is not None:
            self._listen(self._line, now)
        if self._line is None and now - self._heard >= self.every_s:
            if self._since is None:
                self._since = now
            self._knock()
        return self._since is not None and now - self._since > self.silence_s

    def _knock(self) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.setblocking(False)
        try:
            line.connect(str(self._door))
            line.send(self._words)
        except OSError:
            # Nobody at the door, or so many that it does not take in.
            line.close()
            return
        self._line = line

    def _listen(self, line: socket.socket, now: float) -> None:
        """Note an answer. Who hangs up without a word is asked again."""
        try:
            said = line.recv(64)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        self.end()
        if said:
            self._heard = now
            self._since = None

    def end(self) -> None:
        """Hang up."""
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.close()
            self._line = None
