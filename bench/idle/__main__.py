"""What a system costs that nobody uses, and how soon an idea is in the queue when it is quiet.

    python -m bench idle [--size small|large|both] [--seconds N] [--ideas N] [--rate N]

`radslag up` as an operator starts it, in a folder of its own. For each process: memory (PSS: what
is shared with others is divided among them; /proc/PID/smaps_rollup), processor time (user and
system, /proc/PID/stat) and how often it woke up (/proc/PID/task/*/status). Then ideas one a second,
and for each the time from sending it until its entry in the queue is there to be read.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import psycopg
import requests
from rich.console import Console
from rich.table import Table

from bench.filling import made_texts
from radslag.ports import free_port

# After the start: the first look at alarms, the first count of days, what is read only once.
_SETTLES_S = 40
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has used so far, and holds now."""

    name: str
    pss_kb: int
    ticks: int
    wakes: int


def main() -> int:
    """Start each size in turn, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=("small", "large", "both"), default="both")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--ideas", type=int, default=60)
    parser.add_argument("--rate", type=float, default=1.0, help="ideas a second")
    asked = parser.parse_args()
    sizes = ("small", "large") if asked.size == "both" else (asked.size,)
    for size in sizes:
        with _running(size) as (up, public, database):
            time.sleep(_SETTLES_S)
            _print_costs(size, up, asked.seconds)
            if asked.ideas:
                _print_waits(size, public, database, asked.ideas, asked.rate)
                _print_after(up)
    Console().print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


@contextmanager
def _running(size: str) -> Iterator[tuple[int, str, str]]:
    """Give the process id of a running system, the address of its web, and its database."""
    with tempfile.TemporaryDirectory(prefix="idle ") as folder:
        data = Path(folder) / "data"
        public, desk, mail = (free_port() for _ in range(3))
        environment = {
            **{name: value for name, value in os.environ.items() if name[:8] != "RADSLAG_"},
            "RADSLAG_SIZE": size,
            "RADSLAG_SUBMIT_LIMIT": "off",
            "RADSLAG_DATA": str(data),
        }
        ports = (f"--public-port={public}", f"--desk-port={desk}", f"--mail-port={mail}")
        up = subprocess.Popen(
            [sys.executable, "-m", "radslag", "up", *ports],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert up.stdout is not None
        try:
            for line in up.stdout:
                if "Ctrl-C" in line:
                    break
            asked = subprocess.run(
                [sys.executable, "-m", "radslag", "env", "--json"],
                env=environment,
                capture_output=True,
                check=True,
            )
            settings = json.loads(asked.stdout)
            yield up.pid, settings["RADSLAG_PUBLIC_URL"], settings["RADSLAG_DATABASE_URL"]
        finally:
            up.send_signal(signal.SIGINT)
            up.stdout.close()
            up.wait(60)


def costs(root: int) -> dict[int, Cost]:
    """Return what each process below one, and that one itself, has cost."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(stat[1])
    below, grown = {root}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        below, grown = below | more, bool(more)
    found = {}
    for pid in sorted(below):
        try:
            found[pid] = _cost(Path("/proc", str(pid)))
        except OSError:
            continue
    return found


def _cost(entry: Path) -> Cost:
    stat = (entry / "stat").read_text().rpartition(")")[2].split()
    pss = re.search(r"^Pss:\s+(\d+)", (entry / "smaps_rollup").read_text(), re.MULTILINE)
    wakes = 0
    for status in entry.glob("task/*/status"):
        switches = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status.read_text(), re.MULTILINE)
        wakes += int(switches[1]) if switches else 0
    return Cost(
        _name((entry / "cmdline").read_bytes().decode(errors="replace")),
        int(pss[1]) if pss else 0,
        int(stat[11]) + int(stat[12]),
        wakes,
    )


def _name(line: str) -> str:
    """Return what tells processes of the system apart, without the paths of this machine."""
    if line.startswith("postgres:"):
        # "postgres: radslag radslag [local] idle": whose connection it is does not matter.
        return re.sub(r"\[local\].*", "(connection)", line).strip(" \0")
    words = [word.rpartition("/")[2] for word in re.split("[ \0]", line) if word]
    if words and words[0].startswith("python"):
        del words[0]
    for number, word in enumerate(words):
        if word == "-n" or word in {
            "radslag.desk:create_app()",
            "radslag.public:create_app()",
        }:
            return " ".join((words[1], words[min(number + (word == "-n"), len(words) - 1)]))
    return " ".join(words[:4])[:60]


def _print_costs(size: str, root: int, seconds: int) -> None:
    before = costs(root)
    began = time.monotonic()
    time.sleep(seconds)
    after = costs(root)
    lasted = time.monotonic() - began
    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0, 0])
    for pid, cost in after.items():
        earlier = before.get(pid, cost)
        row = rows[cost.name]
        row[0] += 1
        row[1] += cost.pss_kb / 1024
        row[2] += (cost.ticks - earlier.ticks) / _TICKS / lasted
        row[3] += (cost.wakes - earlier.wakes) / lasted
    table = Table(
        *("Process", "How many", "PSS, MB", "of a core, %", "wakes a second"),
        title=f"At rest, {size}: {lasted:.0f} s",
    )
    for name, row in sorted(rows.items(), key=lambda item: -item[1][1]):
        table.add_row(name, *_shown(row))
    whole = [sum(row[column] for row in rows.values()) for column in range(4)]
    table.add_row("all", *_shown(whole), style="bold")
    Console(width=110).print(table)


def _print_after(root: int) -> None:
    """Print what it holds when the ideas have been dealt with: caches, models, connections."""
    time.sleep(_SETTLES_S)
    held = sum(cost.pss_kb for cost in costs(root).values()) / 1024
    Console().print(f"{_SETTLES_S} s after the last idea: {held:.0f} MB")


def _shown(row: list[float]) -> tuple[str, str, str, str]:
    return f"{row[0]:.0f}", f"{row[1]:.0f}", f"{100 * row[2]:.2f}", f"{row[3]:.1f}"


def _print_waits(size: str, public: str, database: str, count: int, rate: float) -> None:
    """Send ideas at a rate, from as many threads as it takes, and print how long each waited."""
    answers: list[float] = []
    texts = list(made_texts(count, seed=time.time_ns()))
    threads = []
    began = time.monotonic()
    for number, text in enumerate(texts):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        thread = threading.Thread(target=_send, args=(public, text, answers))
        thread.start()
        threads.append(thread)
    with psycopg.connect(database, autocommit=True) as connection:
        _wait_for_all(connection, count)
    for thread in threads:
        thread.join()
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT extract(epoch FROM d.done_at - i.received_at)::float FROM ideas i"
            " JOIN outbox_events e ON e.subject_id = i.id AND e.kind = 'IdeaSubmitted'"
            " JOIN outbox_deliveries d ON d.event_id = e.id"
        ).fetchall()
    waits = [row[0] for row in rows]
    table = Table("", "p50, ms", "p95, ms", "most, ms", title=f"{count} ideas, {rate:g}/s, {size}")
    for name, values in (("answer to the post", answers), ("in the queue", waits)):
        cuts = quantiles(values, n=20)
        table.add_row(name, *(f"{1000 * each:.0f}" for each in (cuts[9], cuts[18], max(values))))
    Console().print(table)


def _send(public: str, text: str, answers: list[float]) -> None:
    began = time.monotonic()
    idea = {"council": "pizza-och-politik", "text": text}
    response = requests.post(f"{public}/api/v1/ideas", json=idea, timeout=30)
    assert response.status_code == 202, response.status_code
    answers.append(time.monotonic() - began)


def _wait_for_all(connection: psycopg.Connection, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        row = connection.execute(
            "SELECT count(*) FROM queue_entries WHERE reason <> 'clean-up'"
        ).fetchone()
        if row is not None and row[0] >= count:
            return
        time.sleep(0.2)
    raise SystemExit("not all ideas reached the queue in two minutes")


if __name__ == "__main__":
    sys.exit(main())
