"""How long one round of digests takes: noting what waits, writing, and handing to a mail server.

    python -m bench notify [PEOPLE] [WAITING]

Five hundred people and ten thousand waiting ideas by default. People want twenty different parts of
the queue. The mail server is a real one in a process of its own; two threads compose and send. The
baseline is the same round with nothing
read once for several people. Peak memory is that of the process, whose beginning stands beside it.
"""

import argparse
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from bench.databases import database
from bench.desk import fill, texts
from radslag.ports import free_port
from services.moderation.settings.seed import seed_rules
from services.notify.digests import digest_contents, runs
from services.notify.sending.mailing import send_due
from shared.config import Settings
from shared.db import Session
from shared.lanes import Lane
from shared.models import Council, Letter, LetterState, Role, Staff, Subscription


@contextmanager
def mail_server() -> Iterator[str]:
    """Give the address of a mail server, in a process of its own, that takes all and keeps none."""
    port = free_port()
    words = ("-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{port}")
    process = subprocess.Popen([sys.executable, *words])
    try:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        yield f"smtp://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def hire(people: int) -> None:
    """Make members of staff who want different parts of the queue."""
    with Session.begin() as session:
        councils = list(session.scalars(select(Council.id)))
        lanes = [lane.value for lane in Lane]
        staff = [
            Staff(email=f"p{n}@example.org", name=f"Person {n}", role=Role.MODERATOR)
            for n in range(people)
        ]
        session.add_all(staff)
        session.flush()
        session.add_all(
            Subscription(
                staff_id=person.id,
                council_ids=[councils[n % len(councils)]] if n % 5 else None,
                lanes=[lanes[n % 2], lanes[2 + n % 4]] if n % 2 else None,
            )
            for n, person in enumerate(staff)
        )


def one_round(settings: Settings) -> tuple[float, float, int]:
    """Run, compose and send; return seconds of the run, seconds of it all, and letters sent."""
    began = time.perf_counter()
    with Session.begin() as session:
        told = runs.run_now(session, settings)
    ran = time.perf_counter() - began
    owed, sent = sum(each.is_written for each in told), 0
    while sent < owed:
        with ThreadPoolExecutor(2) as senders:
            sent += sum(senders.map(lambda _: send_due(settings, budget_s=600), range(2)))
    return ran, time.perf_counter() - began, sent


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("people", nargs="?", type=int, default=500)
    parser.add_argument("waiting", nargs="?", type=int, default=10_000)
    asked = parser.parse_args()
    title = f"Digests to {asked.people:,} people, {asked.waiting:,} ideas waiting"
    table = Table("Round", "Run, s", "All, s", "Letters", "Peak, MB", title=title)
    with mail_server() as smtp_url, database() as made:
        settings = replace(made, smtp_url=smtp_url)
        hire(asked.people)
        with Session.begin() as session:
            seed_rules(session)
        fill(
            made.database_url,
            asked.waiting,
            asked.waiting,
            asked.waiting // 20,
            texts(asked.waiting),
        )
        table.add_row("before", "", "", "", _peak())
        for name, fresh in (("as it is", digest_contents.FRESH), ("nothing shared", timedelta())):
            digest_contents.FRESH = fresh
            ran, whole, sent = one_round(settings)
            table.add_row(name, f"{ran:.1f}", f"{whole:.1f}", str(sent), _peak())
        _all_have_left()
    Console().print(table)
    Console().print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


def _all_have_left() -> None:
    with Session() as session:
        left = session.scalar(
            select(func.count()).select_from(Letter).where(Letter.state != LetterState.SENT)
        )
    assert not left, left


def _peak() -> str:
    return str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


if __name__ == "__main__":
    sys.exit(main())
