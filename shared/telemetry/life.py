"""Signs of life for whoever watches this process on its machine, given where it would stand still.

`radslag up` looks at a file that is touched; a container has nobody who looks, so there the process
sets itself an alarm clock that ends it, unless it is set anew in time. Neither needs the database:
who waits for it lives.
"""

import contextlib
import faulthandler
import os
import signal
from pathlib import Path

from shared.config import beat_file, longest_silence_s

_pid = 0
_file: Path | None = None
_alarm_s = 0


def show_life() -> None:
    """Say that the process goes on; costs next to nothing."""
    if os.getpid() != _pid:
        _learn_watchers()
    if _file is not None:
        # A disk that takes nothing any more ends nothing: whoever watches sees that too.
        with contextlib.suppress(OSError):
            _file.touch()
    if _alarm_s:
        signal.alarm(_alarm_s)


def _learn_watchers() -> None:
    global _pid, _file, _alarm_s  # noqa: PLW0603 - of this process
    _pid = os.getpid()
    _file = beat_file()
    _alarm_s = longest_silence_s()
    if _alarm_s:
        # Where it stood when it ended, by file and line.
        faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)
