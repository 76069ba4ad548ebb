"""TCP ports: find a free one, say which one is taken."""

import errno
import os
import socket
import time


class PortError(Exception):
    """A port cannot be listened on; the text is one sentence that names it and the option."""


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(host: str, port: int, option: str, *, patience_s: float = 2.0) -> None:
    """Make sure that we can listen there.

    A port that is taken is tried again for a moment: processes of a supervisor that was killed end
    a little later than it. Raises PortError.
    """
    deadline = time.monotonic() + patience_s
    while (fault := _fault(host, port)) is not None:
        if fault == errno.EADDRINUSE and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        if fault == errno.EADDRINUSE:
            raise PortError(
                f"Port {port} on {host} is already used by another program: "
                f"end that, or choose another port with {option}."
            )
        raise PortError(
            f"Cannot listen on port {port} of {host} ({os.strerror(fault)}): "
            f"choose another with {option}."
        )


def reached_at(host: str) -> str:
    """Return the address under which this machine reaches what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared only


def make_url(host: str, port: int) -> str:
    """Return the web address of what listens there, as this machine reaches it."""
    reached = reached_at(host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _fault(host: str, port: int) -> int | None:
    """Return the errno of listening there, or None when it works."""
    try:
        with socket.socket(_family(host)) as probe:
            # As the servers do: a connection that lingers in TIME_WAIT does not take the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno
    return None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
