"""Many ideas a second for minutes, and whether what waits to be checked stays bounded."""

import subprocess
import tempfile
import threading
import time

import psycopg
from rich.table import Table

from bench.intake.system import RunningSystem

_CONNECTIONS = 16
_LOOKS_EVERY_S = 10
# What wrk waits for, on each connection, before it sends the next.
_DELAY = "\nfunction delay() return {ms} end\n"
_WAITING = """
    SELECT count(*) FILTER (WHERE d.done_at IS NULL),
           coalesce(extract(epoch FROM now() - min(e.occurred_at)
                            FILTER (WHERE d.done_at IS NULL)), 0)::float,
           count(*)
    FROM outbox_deliveries d JOIN outbox_events e ON e.id = d.event_id
    WHERE d.consumer = 'moderation.check'"""


def sustain(system: RunningSystem, script: str, rate: float, seconds: int) -> Table:
    """Send about so many ideas a second by wrk, and return what waits for its check meanwhile."""
    table = Table("After s", "Ideas taken", "Wait for their check", "The oldest since, s")
    ended = threading.Event()
    sender = threading.Thread(
        target=_send, args=(system.public, script, rate, seconds, ended), daemon=True
    )
    sender.start()
    passed = 0
    with psycopg.connect(system.settings.database_url, autocommit=True) as connection:
        while True:
            passed += _LOOKS_EVERY_S
            time.sleep(_LOOKS_EVERY_S)
            is_over = ended.is_set()
            row = connection.execute(_WAITING).fetchone()
            assert row is not None
            waiting, oldest_s, taken = row
            table.add_row(str(passed), str(taken), str(waiting), f"{oldest_s:.1f}")
            if is_over and waiting == 0:
                return table
            if passed > 3 * seconds:
                table.title = "What waits was not checked in three times as long"
                return table


def _send(url: str, script: str, rate: float, seconds: int, ended: threading.Event) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script + _DELAY.format(ms=round(1000 * _CONNECTIONS / rate)))
        file.flush()
        command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{seconds}", "-s", file.name, url]
        subprocess.run(command, capture_output=True, check=True)
    ended.set()
