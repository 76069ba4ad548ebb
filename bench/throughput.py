"""How many ideas a second the workers check, all local checks, with many ideas stored.

    python -m bench throughput [STORED …] [--ideas N]

A real relay, a real broker and a real worker with two processes, as `radslag up` starts them. The
ideas lie in the outbox when the worker starts, and the clock runs from the first that is checked to
the last, so that starting costs nothing. Beside it, the same ideas through the same checks in one
process without a database: what the checks themselves cost.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from bench.databases import environment_of
from bench.filling import fill, made_texts
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from radslag.embedded.valkey import Valkey
from services.moderation.checks import CHECKS, Subject, run_all
from services.moderation.checks.verdict import combine_findings
from services.moderation.settings.seed import seed_councils
from services.submission.forms import IdeaForm
from services.submission.intake import Arrival, find_council, store_idea
from shared import db, migrate
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import IdeaSubmitted
from shared.models import Source

_PROCESSES = 2


def main() -> int:
    """Fill, check, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stored", nargs="*", type=int, default=[100_000])
    parser.add_argument("--ideas", type=int, default=20_000)
    asked = parser.parse_args()
    table = Table("Stored", "Ideas checked", "Seconds", "Ideas a second", title="Throughput")
    table.add_row("none (checks alone, one process)", *_alone(asked.ideas // 10))
    with tempfile.TemporaryDirectory(prefix="throughput ") as path:
        folder = DataFolder(Path(path))
        postgres = Postgres(folder, settings={"max_wal_size": "4GB", "shared_buffers": "512MB"})
        valkey = Valkey(folder)
        valkey.begin()
        postgres.start()
        valkey.wait()
        environment = {
            **environment_of(postgres.url, valkey.url),
            "RADSLAG_LOG_LEVEL": "warning",
        }
        settings = Settings.from_env(environment)
        migrate.upgrade_database(postgres.url)
        db.configure_sessions(settings)
        with db.Session.begin() as session:
            seed_councils(session)
        already = 0
        try:
            for stored in sorted(asked.stored):
                more = stored - already
                if more > 0:
                    fill(postgres.url, made_texts(more, seed=stored), more)
                _submit(settings, asked.ideas, seed=-stored)
                seconds = _checked_in(environment, postgres.url, asked.ideas)
                already = stored + asked.ideas
                table.add_row(
                    f"{stored:,}",
                    f"{asked.ideas:,}",
                    f"{seconds:.1f}",
                    f"{asked.ideas / seconds:.0f}",
                )
        finally:
            db.close_connections()
            postgres.stop()
            valkey.stop()
            folder.release()
    Console().print(table)
    Console().print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


def _alone(count: int) -> tuple[str, str, str]:
    texts = list(made_texts(count, seed=1))
    began = time.perf_counter()
    for text in texts:
        result = run_all(Subject(text), CHECKS)
        combine_findings(result.findings, result.unchecked)
    seconds = time.perf_counter() - began
    return f"{count:,}", f"{seconds:.1f}", f"{count / seconds:.0f}"


def _submit(settings: Settings, count: int, seed: int) -> None:
    """Store ideas as the intake does, many in a transaction."""
    texts = list(made_texts(count, seed))
    for start in range(0, count, 500):
        with db.Session.begin() as session:
            council = find_council(session, "pizza-och-politik")
            arrival = Arrival(Source.API, b"{}", "application/json")
            ideas = [
                store_idea(
                    session,
                    council,
                    IdeaForm(text),
                    arrival,
                    received_at=utcnow(),
                    timezone=settings.timezone,
                )
                for text in texts[start : start + 500]
            ]
            outbox.record_all(session, [IdeaSubmitted(idea.id, 1) for idea in ideas])


def _checked_in(environment: dict[str, str], database_url: str, count: int) -> float:
    """Start relay and worker, and return the seconds from the first checked idea to the last."""
    whole = {**os.environ, **environment}
    programs = (
        ("-m", "radslag", "relay"),
        (
            *("-m", "celery", "-A", "services.moderation.worker", "worker", "-Q", "checks"),
            *("-c", str(_PROCESSES), "--loglevel", "error"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
    )
    running = [subprocess.Popen([sys.executable, *words], env=whole) for words in programs]
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            question = "SELECT count(*) FROM ideas WHERE status = 'received'"
            began, left_then = 0.0, count
            while True:
                row = connection.execute(question).fetchone()
                assert row is not None
                left = row[0]
                if left < count and not began:
                    began, left_then = time.perf_counter(), left
                if left == 0:
                    return (time.perf_counter() - began) * count / left_then
                time.sleep(0.05)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


if __name__ == "__main__":
    sys.exit(main())
