"""Visitors who are slow on purpose, of every kind at once, and one who is not beside them."""

import asyncio
import multiprocessing
import socket
import statistics
import time
from collections import defaultdict
from multiprocessing.queues import Queue
from pathlib import Path

import requests
from rich.table import Table

from bench.intake.system import RunningSystem

_QUIET_S = 5


def attack(system: RunningSystem) -> Table:
    """Attack both webs with everything at once; say who was dropped, and how a visitor fared."""
    table = Table("Web", "Attackers", "Dropped after s", "Visitor's p95, ms", "Before", "Longest")
    for name, url, path in (
        ("public", system.public, "/api/v1/ideas"),
        ("desk", system.desk, "/login"),
    ):
        port = int(url.rpartition(":")[2])
        times = multiprocessing.get_context("fork").Queue()
        # Another process: what the attackers cost themselves is not the visitor's waiting.
        visitor = multiprocessing.get_context("fork").Process(target=visit, args=(port, times))
        visitor.start()
        time.sleep(_QUIET_S)
        before = _drain(times)
        ended = asyncio.run(Attack(port, path).run())
        visitor.terminate()
        meanwhile = _drain(times)
        visitor.join()
        fared = (_p95(meanwhile), _p95(before), f"{max(meanwhile) * 1000:.0f}")
        for kind, when in ended.items():
            table.add_row(name, kind, when, *fared)
        table.add_row(name, "held by the server at the end", str(held(port)))
    return table


def visit(port: int, times: "Queue[float]") -> None:
    """Ask for /healthz all the time, on a new connection each time, and say how long it took."""
    while True:
        began = time.monotonic()
        answer = requests.get(
            f"http://127.0.0.1:{port}/healthz", headers={"Connection": "close"}, timeout=60
        )
        answer.raise_for_status()
        times.put(time.monotonic() - began)
        time.sleep(0.05)


def held(port: int) -> int:
    """Return how many connections to a port its server holds (proc(5), /proc/net/tcp)."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(
        int(line.split()[1].partition(":")[2], 16) == port and line.split()[3] == "01"
        for line in lines
    )


class Attack:
    """Connections that are slow on purpose, of each kind at once."""

    LASTS_S = 60

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._host = f"127.0.0.1:{port}"
        self._path = path
        self._ended: dict[str, list[float]] = defaultdict(list)

    async def run(self) -> dict[str, str]:
        """Attack, and return for each kind after how many seconds it was dropped."""
        page = f"GET /static/shared/base.css HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode()
        kinds = {
            "200 half requests": (200, self._head(9), b"", None),
            "200 idle": (200, b"", b"", None),
            "50 dripping heads": (50, b"GET / HTTP/1.1\r\n", b"X: y\r\n", None),
            "50 dripping bodies": (50, self._head(60_000), b"x", None),
            "50 readers of 10 bytes/s": (50, page * 40, b"", 10),
        }
        attackers = [
            asyncio.create_task(self._stand(kind, *how))
            for kind, (number, *how) in kinds.items()
            for _ in range(number)
        ]
        await asyncio.wait(attackers, timeout=self.LASTS_S)
        for attacker in attackers:
            attacker.cancel()
        return {kind: self._dropped(kind, number) for kind, (number, *_) in kinds.items()}

    def _dropped(self, kind: str, number: int) -> str:
        ended = self._ended[kind]
        rest = number - len(ended)
        when = f"{min(ended):.0f}-{max(ended):.0f}" if ended else ""
        # A reader sees the end only when it has read what the kernel keeps for it.
        return f"{when} ({rest} have not seen it)" if rest else when

    def _head(self, length: int) -> bytes:
        return (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}\r\nOrigin: http://{self._host}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    async def _stand(self, kind: str, first: bytes, drip: bytes, reads: int | None) -> None:
        began = time.monotonic()
        own = socket.socket()
        own.setblocking(False)
        if reads:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(own, ("127.0.0.1", self._port))
            await loop.sock_sendall(own, first)
            while True:
                if drip:
                    await asyncio.sleep(1)
                    await loop.sock_sendall(own, drip)
                elif not await loop.sock_recv(own, reads or 4096):
                    break
                elif reads:
                    await asyncio.sleep(1)
        except OSError:
            pass
        finally:
            own.close()
        self._ended[kind].append(time.monotonic() - began)


def _drain(times: "Queue[float]") -> list[float]:
    found = []
    while not times.empty():
        found.append(times.get())
    return found


def _p95(seconds: list[float]) -> str:
    return f"{statistics.quantiles(seconds, n=20)[-1] * 1000:.0f}"
