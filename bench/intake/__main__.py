"""How many ideas a second the public web takes in, and whether anybody can stand in its door.

    python -m bench intake [--rounds 5] [--seconds 6] [--isso URL] [--wordpress URL]
    python -m bench intake --attack | --sustained 300 [--seconds 120]

A whole system is started as `radslag up` starts it, in a folder of its own, without a limit per
source; wrk (Debian's package) sends one new idea with each request, and each is committed: what was
answered is counted in the database. The rounds of all rows are interleaved and the median counts:
these machines are noisy, and only ratios of one run mean something. Isso and WordPress run
elsewhere on this machine, with moderation on and their flood guards off, and are named by their
addresses. Beside them stands the statement that our web runs for an idea, run by pgbench on the
same database.

With `--attack` half requests, idle connections, dripping bodies and readers of ten bytes a second
come at once, and beside them a visitor, who is timed before and meanwhile.

With `--sustained` about so many ideas a second come for a while, and what waits to be checked is
counted every ten seconds.
"""

import argparse
import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.intake import statement
from bench.intake.attack import attack
from bench.intake.rounds import Round
from bench.intake.sustained import sustain
from bench.intake.system import RunningSystem, started

_STATEMENT = "statement"
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
done = function(summary, latency, requests)
  for _, part in pairs({{50, 95, 99}}) do
    io.write(string.format("p%d %f\\n", part, latency:percentile(part) / 1000))
  end
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
    # Ours are compared with these.
    is_peer: bool = False


def main() -> int:
    """Start, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--isso", metavar="URL")
    parser.add_argument("--wordpress", metavar="URL")
    parser.add_argument("--attack", action="store_true")
    parser.add_argument("--sustained", type=float, metavar="RATE", help="ideas a second")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="intake ") as path, started(Path(path)) as system:
        if asked.attack:
            Console().print(attack(system))
            return 0
        if asked.sustained:
            script = _written("json", system.public)
            Console().print(sustain(system, script, asked.sustained, asked.seconds))
            return 0
        for program in ("wrk", "pgbench"):
            if shutil.which(program) is None:
                print(f"needs {program} (Debian: wrk, postgresql-contrib)", file=sys.stderr)
                return 2
        rows = [
            Row("Rådslag, JSON, workers paused", system.public, "json", 8, paused=True),
            Row("Rådslag, JSON, workers paused", system.public, "json", 64, paused=True),
            Row("Rådslag, JSON, all checked", system.public, "json", 8),
            Row("Rådslag, form, all checked", system.public, "form", 8),
            # Ours stand still meanwhile: what they still have to check is not the peers' burden.
            *(
                Row(name, url, name.lower(), 8, paused=True, is_peer=True)
                for name, url in (("Isso", asked.isso), ("WordPress", asked.wordpress))
                if url
            ),
            Row("the statement", "", _STATEMENT, 8, paused=True, is_peer=True),
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
                found[row].append(_run(system, row, seconds))
    rate = {row: statistics.median(one.a_second for one in each) for row, each in found.items()}
    peers = [row for row in rows if row.is_peer]
    columns = ("What", "Connections", "Ideas/s", "p50 ms", "p95 ms", "p99 ms", "Failed")
    table = Table(*columns, *(f"x {peer.name}" for peer in peers))
    for row, each in found.items():
        rates = [one.a_second for one in each]
        table.add_row(
            row.name,
            str(row.connections),
            f"{rate[row]:.0f} ({min(rates):.0f}-{max(rates):.0f})",
            f"{statistics.median(one.p50_ms for one in each):.1f}",
            f"{statistics.median(one.p95_ms for one in each):.1f}",
            f"{statistics.median(one.p99_ms for one in each):.1f}",
            str(sum(one.failed for one in each)),
            *("" if row.is_peer else f"{rate[row] / rate[peer]:.2f}" for peer in peers),
        )
    return table


def _run(system: RunningSystem, row: Row, seconds: int) -> Round:
    """Run a row once; whatever we said of ours that was stored must be there."""
    before = statement.count(system.settings)
    if row.script == _STATEMENT:
        line = statement.written(system.settings, _COUNCIL, _TEXT)
        done = statement.load(system.settings, line, row.connections, seconds)
    else:
        done = load(row, seconds)
    stored = statement.count(system.settings) - before
    if not (row.is_peer and row.url) and stored < done.taken:
        raise AssertionError(f"{done.taken} ideas were said to be stored, {stored} are")
    return done


def load(row: Row, seconds: int) -> Round:
    """Let wrk send ideas for so many seconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_written(row.script, row.url))
        script.flush()
        command = ["wrk", "-t1", f"-c{row.connections}", f"-d{seconds}"]
        done = subprocess.run(
            [*command, "-s", script.name, row.url], capture_output=True, text=True, check=True
        )
    said = done.stdout
    sent = int(_found(r"(\d+) requests in", said))
    failed = int(_found(r"Non-2xx or 3xx responses: (\d+)", said) or 0)
    took_ms = (float(_found(rf"^p{part} ([\d.]+)$", said)) for part in (50, 95, 99))
    return Round(sent - failed, seconds, *took_ms, failed)


def _written(script: str, origin: str) -> str:
    """Return what wrk runs."""
    return _SCRIPT.format(**{"origin": origin, "gap": " ", "after": "", **_SCRIPTS[script]})


def _found(pattern: str, words: str) -> str:
    match = re.search(pattern, words, re.MULTILINE)
    return match[1] if match else ""


if __name__ == "__main__":
    sys.exit(main())
