"""What a public page costs: processor time of the web and of the database, by page and by asker.

    python -m bench pages [IDEAS] [--requests N]

910 published ideas by default, through PostgreSQL as it is shipped and the whole application,
without network and server. The baseline of the same run is the page made anew for each request, as
it was before pages were kept; beside it the kept page, plain and compressed, and the answer to
whoever has it already (304). Processor time, not wall-clock time: it hardly changes with what else
the machine does. What else costs is the server: see `bench intake`.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import select, text
from werkzeug.test import EnvironBuilder, run_wsgi_app

from bench.databases import database
from bench.desk import texts
from services.moderation.decisions import deciding
from services.submission import create_app, intake, keeping
from services.submission.forms import IdeaForm
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Council, Source

_COUNCIL = "motesplatser"
_TICKS = os.sysconf("SC_CLK_TCK")


def fill(settings: Settings, ideas: int) -> str:
    """Publish so many ideas in one council, and return the number of the last."""
    with db.Session.begin() as session:
        council = session.scalars(select(Council).where(Council.slug == _COUNCIL)).one()
        for words in track(texts(ideas), total=ideas, description="Filling"):
            arrival = intake.Arrival(Source.FORM, words.encode(), "text/plain")
            idea = intake.store_idea(
                session,
                council,
                IdeaForm(words),
                arrival,
                received_at=utcnow(),
                timezone=settings.timezone,
            )
            session.flush()
            deciding.accept_import(session, idea)
        return idea.number


class Database:
    """The processor time of all server processes of a database, as Linux counts it."""

    def __init__(self) -> None:
        with db.Session() as session:
            backend = session.scalar(text("SELECT pg_backend_pid()"))
        self._server = self._parent_of(str(backend))

    def seconds(self) -> float:
        """Return what they have used so far."""
        used = 0.0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._parent_of(entry.name) == self._server:
                fields = self._fields(entry.name)
                used += (int(fields[11]) + int(fields[12])) / _TICKS
        return used

    def _parent_of(self, pid: str) -> str:
        fields = self._fields(pid)
        return fields[1] if fields else ""

    @staticmethod
    def _fields(pid: str) -> list[str]:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return []


def cost(ask: Callable[[], int], requests: int, server: Database) -> tuple[float, float]:
    """Return the microseconds of web and database for one request."""
    for _ in range(20):
        ask()
    web, rows = time.process_time(), server.seconds()
    for _ in range(requests):
        ask()
    return tuple(
        1e6 * used / requests for used in (time.process_time() - web, server.seconds() - rows)
    )  # type: ignore[return-value]


def asker(app: Flask, path: str, headers: dict[str, str], expected: int) -> Callable[[], int]:
    """Return what asks for a page and takes all of it."""
    environ = EnvironBuilder(path=path, headers=headers).get_environ()

    def ask() -> int:
        body, status, _headers = run_wsgi_app(app, dict(environ), buffered=True)
        found = int(status.split()[0])
        if found != expected:
            raise SystemExit(f"{path}: {status}")
        return sum(map(len, body))

    return ask


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ideas", nargs="?", type=int, default=910)
    parser.add_argument("--requests", type=int, default=500)
    given = parser.parse_args()
    with database() as settings:
        number = fill(settings, given.ideas)
        with db.Session() as session:
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            session.execute(text("VACUUM ANALYZE"))
        app, server = create_app(settings), Database()
        here = f"/councils/{_COUNCIL}"
        table = Table(
            *("Page", "Asked", "Bytes", "Web µs", "Database µs", "A second and core"),
            title=f"{utcnow().date()}, {given.ideas} ideas, Python {platform.python_version()}",
        )
        for name, path in (
            ("nothing (/healthz)", "/healthz"),
            ("home", "/"),
            ("council", here),
            ("idea", f"{here}/ideas/{number}"),
            ("ideas.json", f"{here}/ideas.json"),
            ("feed.atom", f"{here}/feed.atom"),
        ):
            for kind, ask in _ways(app, path):
                size = ask()
                web, rows = cost(ask, given.requests, server)
                rate = f"{1e6 / (web + rows):.0f}"
                table.add_row(name, kind, str(size), f"{web:.0f}", f"{rows:.0f}", rate)
            table.add_section()
        app.extensions["submit_limits"].close()
    Console().print(table)


def _ways(app: Flask, path: str) -> list[tuple[str, Callable[[], int]]]:
    plain = asker(app, path, {}, 200)
    etag = app.test_client().get(path).headers.get("ETag")
    if etag is None:
        return [("", plain)]

    def anew() -> int:
        app.extensions["kept_pages"] = keeping.Shelf()
        return plain()

    return [
        ("made anew", anew),
        ("kept", plain),
        ("kept, gzip", asker(app, path, {"Accept-Encoding": "gzip"}, 200)),
        ("304", asker(app, path, {"If-None-Match": etag}, 304)),
    ]


if __name__ == "__main__":
    main()
