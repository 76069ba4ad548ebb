"""Become another program that ends with its parent, as another user if told so.

Run by path (`python -I -S launch.py '{…}' program argument …`), with the standard library only: the
steps below must happen between fork and exec, and Python offers no safe place for that in a process
that has threads. The first argument is the JSON of `radslag.child.Launch`.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_GONE = 127


class _CapHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def _capabilities(libc: ctypes.CDLL, data: "ctypes.Array[_CapData]", name: str) -> None:
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    if getattr(libc, name)(ctypes.byref(header), data) != 0:
        raise OSError(ctypes.get_errno(), name)


def change_user(uid: int, gid: int, *, may_search: bool) -> None:
    """Become an unprivileged user; with `may_search` one that can still pass closed folders.

    PostgreSQL refuses to run as root, but its folder or its programs may lie under one that only
    root may enter (/root). One capability is kept over the change and over exec as an ambient one:
    CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE in a container that has only that (capabilities(7)).
    """
    if not may_search:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    data = (_CapData * 2)()
    _capabilities(libc, data, "capget")
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        bit = 1 << capability
        if not data[0].permitted & bit:
            continue
        kept = (_CapData * 2)(_CapData(bit, bit, bit), _CapData(0, 0, 0))
        _capabilities(libc, kept, "capset")
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)
        return


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
    if launch["uid"] is not None:
        change_user(launch["uid"], launch["gid"], may_search=launch["may_search"])
    if sys.platform != "linux":
        return watch_and_wait(arguments, launch["death_signal"])
    # After the change of user, which would clear it.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, launch["death_signal"], 0, 0, 0)
    if os.getppid() == launch["parent"]:
        _become(arguments)
    return _GONE


def _become(arguments: list[str]) -> NoReturn:
    os.execvp(arguments[0], arguments)  # noqa: S606


if __name__ == "__main__":
    raise SystemExit(main())
