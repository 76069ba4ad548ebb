"""How many ideas a second the public web takes in, and whether anybody can stand in its door.

    python -m bench intake [--rounds 5] [--seconds 6] [--isso URL] [--wordpress URL] [--attack]

A whole system is started as `radslag up` starts it, in a folder of its own, without a limit per
source; wrk (Debian's package) sends one new idea with each request, and each is committed. The
rounds of all rows are interleaved and the median counts: these machines are noisy, and only ratios
of one run mean something. Isso and WordPress run elsewhere on this machine, with moderation on and
their flood guards off, and are named by their addresses.

With `--attack` half requests, idle connections, dripping bodies and readers of ten bytes a second
come at once, and beside them a visitor, who is timed before and meanwhile.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path

import requests
from rich.console import Console
from rich.table import Table

from radslag.ports import free_port

_START_S = 120
_QUIET_S = 5
_COUNCIL = "pizza-och-politik"
_TEXT = "Fler soptunnor i parken nummer "
# What wrk sends: a text that nobody sent before, from each of its threads.
_SCRIPT = """
local n, thread = 0, 1
init = function(args)
  math.randomseed(os.time() + tonumber(tostring({{}}):sub(8), 16) % 100000)
  thread = math.random(1e9)
end
request = function()
  n = n + 1
  local words = thread .. "{gap}" .. n
  return wrk.format("POST", "{path}", {{["Content-Type"] = "{kind}", ["Origin"] = "{origin}"}},
    '{before}' .. words .. '{after}')
end
"""
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_SCRIPTS = {
    "json": {
        "path": "/api/v1/ideas",
        "kind": _JSON,
        "before": f'{{"council":"{_COUNCIL}","text":"{_TEXT}',
        "after": '"}',
    },
    "form": {
        "path": f"/councils/{_COUNCIL}/ideas",
        "kind": _FORM,
        "before": f"author=&email=&text={_TEXT.replace(' ', '+')}",
        "gap": "+",
    },
    "isso": {
        "path": "/new?uri=%2Fidea",
        "kind": _JSON,
        "origin": "http://localhost:9999",
        "before": f'{{"author":"Anonym","title":"t","text":"{_TEXT}',
        "after": '"}',
    },
    "wordpress": {
        "path": "/wp-comments-post.php",
        "kind": _FORM,
        "before": (
            "author=Anonym&email=&url=&comment_post_ID=1&comment_parent=0"
            f"&comment={_TEXT.replace(' ', '+')}"
        ),
        "gap": "+",
    },
}


@dataclass(frozen=True, slots=True)
class Row:
    """Who is measured, what is sent, over how many connections, and what stands still meanwhile."""

    name: str
    url: str
    script: str
    connections: int
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """What one round gave: requests a second, milliseconds, and answers that were no success."""

    a_second: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A system that runs, by its addresses and the process that started it."""

    public: str
    desk: str
    pid: int

    @contextlib.contextmanager
    def paused(self, words: str) -> Iterator[None]:
        """Let the processes whose command line holds one of the words stand still."""
        found = [pid for pid in children_of(self.pid) if re.search(words, command_of(pid))]
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in found:
                os.kill(pid, signal.SIGCONT)


def main() -> int:
    """Start, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--isso", metavar="URL")
    parser.add_argument("--wordpress", metavar="URL")
    parser.add_argument("--attack", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="intake ") as path, started(Path(path)) as system:
        if asked.attack:
            Console().print(attack(system))
            return 0
        if shutil.which("wrk") is None:
            print("needs wrk (Debian's package of that name)", file=sys.stderr)
            return 2
        rows = [
            Row("Rådslag, JSON, workers paused", system.public, "json", 8, paused=True),
            Row("Rådslag, JSON, workers paused", system.public, "json", 64, paused=True),
            Row("Rådslag, JSON, all checked", system.public, "json", 8),
            Row("Rådslag, form, all checked", system.public, "form", 8),
            *([Row("Isso", asked.isso, "isso", 8)] if asked.isso else []),
            *([Row("WordPress", asked.wordpress, "wordpress", 8)] if asked.wordpress else []),
        ]
        Console().print(measure(system, rows, asked.rounds, asked.seconds))
    return 0


def measure(system: RunningSystem, rows: list[Row], rounds: int, seconds: int) -> Table:
    """Run each row once in each round, and return the medians."""
    found: dict[Row, list[Round]] = defaultdict(list)
    for _ in range(rounds):
        for row in rows:
            pause = system.paused("celery|radslag relay|radslag clock")
            with pause if row.paused else contextlib.nullcontext():
                found[row].append(load(row, seconds))
    table = Table("What", "Connections", "Requests/s", "p50 ms", "p99 ms", "Failed")
    for row, each in found.items():
        rates = [one.a_second for one in each]
        table.add_row(
            row.name,
            str(row.connections),
            f"{statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})",
            f"{statistics.median(one.p50_ms for one in each):.1f}",
            f"{statistics.median(one.p99_ms for one in each):.1f}",
            str(sum(one.failed for one in each)),
        )
    return table


def load(row: Row, seconds: int) -> Round:
    """Let wrk send ideas for so many seconds."""
    values = {"origin": row.url, "gap": " ", "after": "", **_SCRIPTS[row.script]}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT.format(**values))
        script.flush()
        command = ["wrk", "-t1", f"-c{row.connections}", f"-d{seconds}", "--latency"]
        done = subprocess.run(
            [*command, "-s", script.name, row.url], capture_output=True, text=True, check=True
        )
    said = done.stdout
    sent = int(_found(r"(\d+) requests in", said))
    failed = int(_found(r"Non-2xx or 3xx responses: (\d+)", said) or 0)
    return Round((sent - failed) / seconds, _ms("50%", said), _ms("99%", said), failed)


def _found(pattern: str, words: str) -> str:
    match = re.search(pattern, words)
    return match[1] if match else ""


def _ms(part: str, said: str) -> float:
    match = re.search(rf"^\s+{part}\s+([\d.]+)(us|ms|s)$", said, re.MULTILINE)
    if match is None:
        return float("nan")
    return float(match[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[match[2]]


@contextlib.contextmanager
def started(folder: Path) -> Iterator[RunningSystem]:
    """Start a whole system, and end it."""
    ports = {name: free_port() for name in ("public", "desk", "mail")}
    words = [f"--{name}-port={port}" for name, port in ports.items()]
    process = subprocess.Popen(
        [sys.executable, "-m", "radslag", "up", "--data", str(folder / "data"), *words],
        env={**os.environ, "RADSLAG_SUBMIT_LIMIT": "off"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    public, desk = (f"http://127.0.0.1:{ports[name]}" for name in ("public", "desk"))
    try:
        wait_for(lambda: requests.get(f"{public}/readyz", timeout=5).json()["status"] == "ok")
        yield RunningSystem(public, desk, process.pid)
    finally:
        process.terminate()
        process.wait()


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until something is true; raises TimeoutError when it does not become so."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with contextlib.suppress(requests.RequestException, ValueError):
            if true():
                return
        time.sleep(0.2)
    raise TimeoutError


def children_of(pid: int) -> list[int]:
    """Return the processes below one, however deep."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    found = [int(word) for word in listed.read_text().split()] if listed.exists() else []
    return [each for child in found for each in (child, *children_of(child))]


def command_of(pid: int) -> str:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


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


if __name__ == "__main__":
    sys.exit(main())
