"""What a process is called in the lists of the machine, when it was not started by that name."""

import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_NAME = 15  # linux/prctl.h
# Of the fields after the name in /proc/PID/stat (proc(5)): arg_start, arg_end, env_start, env_end.
_FROM, _TO = 45, 49


def show_as(name: str, words: Sequence[str], *, kept: str) -> None:
    """Be shown with this command line, and with `kept` in the environment, as far as that goes.

    The kernel shows what lies where it put the arguments and the environment when the program
    began. Nothing else may need what is there: of the environment there must be a copy elsewhere
    (`os.environ` makes one of every variable that it sets). Elsewhere than on Linux nothing is
    done.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    argv, argv_end, environ, environ_end = map(int, fields.rpartition(")")[2].split()[_FROM:_TO])
    if not argv < argv_end <= environ <= environ_end or environ != argv_end:
        return
    shown = _laid_out(words, kept, argv_end - argv, environ_end - argv)
    ctypes.memmove(argv, shown, len(shown))


def _laid_out(words: Sequence[str], kept: str, arguments: int, room: int) -> bytes:
    """Lay out the two areas, which are one: a line that ends in the second has no NUL between.

    Then the kernel shows it up to the first NUL (get_mm_proctitle in fs/proc/base.c).
    """
    tail = os.fsencode(kept) + b"\0"
    if len(tail) >= room - arguments:
        tail = b""
    line = b"".join(os.fsencode(word) + b"\0" for word in words)
    if arguments < len(line) and arguments < room:
        line = line[:-1].replace(b"\0", b" ")
    line = line[: room - 1 - len(tail)]
    return line.ljust(room - len(tail), b"\0") + tail
