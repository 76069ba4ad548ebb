"""Become another program that ends with its parent, as another user if told so.

Run by path (`python -I -S launch.py '{…}' program argument …`), with the standard library only: the
steps below must happen between fork and exec, and Python offers no safe place for that in a process
that has threads. The first argument is the JSON of `radslag.child.Launch`.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_GONE = 127


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def change_user(uid: int, gid: int, groups: Sequence[int] = ()) -> None:
    """Become another user, of its own group and these, for good."""
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def give_up_privileges(kept: int | None = None) -> None:
    """Put down every capability, and be given none by what is run later (capabilities(7)).

    What PostgreSQL's superuser starts then has no more rights than PostgreSQL. One capability may
    be `kept`, also by what is run later.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    held = (_CapData * 2)()
    if kept is not None:
        held[0] = _CapData(1 << kept, 1 << kept, 1 << kept)
    asked = [
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        libc.capset(ctypes.byref(_CapHeader(_CAPABILITY_VERSION_3, 0)), held),
    ]
    if kept is not None:
        asked.append(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, kept, 0, 0))
    if any(asked):
        raise OSError(ctypes.get_errno(), "capabilities")


def go_down(uid: int | None, gid: int | None, groups: Sequence[int], kept: int | None) -> None:
    """Become somebody else if told so, and put down every capability but the one that is kept."""
    if uid is not None and gid is not None:
        if kept is not None:
            ctypes.CDLL(None).prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        change_user(uid, gid, groups)
    elif groups:
        # Where root has no rights it may not even do this, and needs no group.
        with contextlib.suppress(PermissionError):
            os.setgroups(groups)
    if sys.platform == "linux":
        give_up_privileges(kept)


def watch_and_wait(arguments: list[str], death_signal: int) -> int:
    """Where the kernel cannot tell a child: stay as its parent, and watch ours through a pipe.

    Standard input is the read end of a pipe that only our parent can write to; it ends when the
    parent does.
    """
    child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, close_fds=False)

    def watch() -> None:
        while os.read(0, 1):
            pass
        child.send_signal(death_signal)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


def main() -> int:
    """Do what the first argument says, then become the program that the others name."""
    launch = json.loads(sys.argv[1])
    arguments = sys.argv[2:]
    if launch["unprivileged"]:
        go_down(launch["uid"], launch["gid"], launch["groups"], launch["kept"])
    if sys.platform != "linux":
        return watch_and_wait(arguments, launch["death_signal"])
    # After the change of user, which would clear it.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, launch["death_signal"], 0, 0, 0)
    if os.getppid() == launch["parent"]:
        _become(arguments)
    return _GONE


def _become(arguments: list[str]) -> NoReturn:
    os.execvp(arguments[0], arguments)  # noqa: S606 - what it was asked to


if __name__ == "__main__":
    raise SystemExit(main())
