"""Tell systemd, where it started us, that all works and that we go on (sd_notify(3))."""

import contextlib
import os
import socket

ADDRESS = "NOTIFY_SOCKET"


def tell_systemd(state: str) -> None:
    """Tell it a state, such as `READY=1`; nobody where nobody asked.

    It waits for nothing: who cannot be told now is told the next time.
    """
    address = os.environ.get(ADDRESS, "")
    if not address:
        return
    # One that is no file begins with a NUL, which is written so.
    address = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.sendto(state.encode(), address)
