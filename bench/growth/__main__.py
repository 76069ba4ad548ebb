"""What ten years leave behind: MB per idea by table and index, and what grows with them.

    python -m bench growth [IDEAS …] [--requests N]

10 000, 30 000 and 100 000 ideas by default, up to a million by argument: each the ideas of one city
in ten years (`bench.growth.filling`), in a database of its own, through PostgreSQL as it is shipped
and the whole application without the network. First the clock takes away what is old, then the rest
is weighed and asked. The last column is the straight line through all sizes, at ten million; where
little grows the line is mostly noise. Beside it what real ideas write, checked and decided by the
application, which shows what the filling forgets.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import psycopg
from flask.testing import FlaskClient
from rich.console import Console
from rich.table import Table

from bench.databases import database
from bench.desk import EMAIL, PASSWORD, sign_in, texts
from bench.growth.filling import fill_ten_years
from bench.growth.lives import live_ideas
from bench.pages.__main__ import Database
from radslag import desk, tidying
from services import submission
from services.moderation.checking.duplicates import Asked, search_copies
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared import db
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import ledger
from shared.ids import new_id
from shared.models import Base, Role
from shared.text import fold_hash, fold_text

_AT = 10_000_000
_PAGES = {
    "queue": "/",
    "queue, a lane": "/?lane=ordinary",
    "search, a common word": "/search?q=cykel",
    "search, a rare word": "/search?q=rondell",
    "search, no word of any": "/search?q=finnsinteord",
    "an idea": "/ideas/{number}",
}


class Spent(NamedTuple):
    """What something took: by the clock on the wall, and of processors, ours and the database's."""

    seconds: float
    cpu: float


class Size(NamedTuple):
    """What was seen with so many ideas."""

    ideas: int
    # Bytes by table, and by index ("table, index").
    held: Mapping[str, int]
    # What was asked, by name.
    asked: Mapping[str, Spent]
    # Rows that the clock took, by table, and what that took in all.
    gone: Mapping[str, int]
    tidying: Spent
    # Rows that an idea leaves, by table: as filled, and as the application writes them.
    filled: Mapping[str, float]
    lived: Mapping[str, float]


class Meter:
    """Measures by both clocks."""

    def __init__(self) -> None:
        self._server = Database()

    def measure(self, do: Callable[[], object], times: int = 1) -> Spent:
        """Do something so often, and return the median of the wall's clock and the mean of CPU."""
        walls = []
        ours, theirs = time.process_time(), self._server.seconds()
        for _ in range(times):
            began = time.perf_counter()
            do()
            walls.append(time.perf_counter() - began)
        cpu = time.process_time() - ours + self._server.seconds() - theirs
        return Spent(statistics.median(walls), cpu / times)


def main() -> int:
    """Fill each size, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ideas", nargs="*", type=int, default=[10_000, 30_000, 100_000])
    parser.add_argument("--requests", type=int, default=50)
    asked = parser.parse_args()
    sizes = [_look_at(number, asked.requests) for number in sorted(asked.ideas)]
    console = Console(width=140)
    for table in (_show_weights(sizes), _show_times(sizes), _show_gone(sizes), _show_rows(sizes)):
        console.print(table)
    console.print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


def _look_at(ideas: int, requests: int) -> Size:
    with database() as made:
        settings = replace(made, submit_limit="off")
        with db.Session.begin() as session:
            seed_rules(session)
            accounts.add_staff(session, EMAIL, Role.MODERATOR, PASSWORD, name="Mätaren")
        fill_ten_years(settings.database_url, texts(ideas), ideas)
        meter = Meter()
        before = _count_rows(settings)
        tidied = meter.measure(lambda: _tidy(settings))
        after = _count_rows(settings)
        # What is left lies as closely as a database that works lets it lie.
        _run(settings, "VACUUM ANALYZE")
        held = _weigh(settings)
        asked = dict(_ask(settings, meter, requests))
        return Size(
            ideas,
            held,
            asked,
            {table: before[table] - after[table] for table in before},
            tidied,
            {table: number / ideas for table, number in before.items()},
            live_ideas(settings, partial(_count_rows, settings)),
        )


def _run(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        answer = connection.execute(statement)
        return answer.fetchall() if answer.description else []


def _count_rows(settings: Settings) -> dict[str, int]:
    return {
        table: _run(settings, f"SELECT count(*) FROM {table}")[0][0]
        for table in Base.metadata.tables
    }


def _tidy(settings: Settings) -> None:
    for forget in tidying.list_forgettings(settings):
        gone = 1
        while gone:
            with db.Session.begin() as session:
                gone = forget(session)


def _weigh(settings: Settings) -> dict[str, int]:
    """Return the bytes of each table, with what is too long for a row, and of each index."""
    return dict(
        _run(
            settings,
            """
            SELECT relname, pg_table_size(oid) FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
            UNION ALL
            SELECT t.relname || ', ' || i.relname, pg_relation_size(i.oid)
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            JOIN pg_class t ON t.oid = x.indrelid
            WHERE i.relnamespace = 'public'::regnamespace""",
        )
    )


def _ask(settings: Settings, meter: Meter, requests: int) -> Iterator[tuple[str, Spent]]:
    """Ask what an operator, a moderator and a resident ask, each so many times."""

    def read_books(*, all_of_it: bool) -> None:
        with db.Session() as session:
            since = None if all_of_it else utcnow() - ledger.MONTH
            found = ledger.read_ledger(session, since=since)
        if not found.adds_up:
            raise SystemExit(f"the books do not add up: {found.violations}")

    db.configure_sessions(settings, statement_timeout_s=3600)
    read_books(all_of_it=False)
    yield "radslag ledger", meter.measure(lambda: read_books(all_of_it=False), 5)
    yield "radslag ledger --all", meter.measure(lambda: read_books(all_of_it=True))
    db.configure_sessions(settings)
    staff, web = desk.create_app(settings), submission.create_app(settings)
    moderator, resident = staff.test_client(), web.test_client()
    sign_in(moderator, settings.desk_url)
    for path in ("/readyz", "/metrics"):
        yield path, _requested(meter, resident, path, settings.public_url, requests)
    number = _run(settings, "SELECT max(number) FROM ideas WHERE status = 'waiting'")[0][0]
    for name, path in _PAGES.items():
        asked = path.format(number=number)
        yield name, _requested(meter, moderator, asked, settings.desk_url, requests)
    new = list(texts(2 * requests, seed=2))
    sent = iter(new[:requests])

    def send() -> None:
        idea = {"council": "pizza-och-politik", "text": next(sent)}
        answer = resident.post("/api/v1/ideas", json=idea)
        if answer.status_code != 202:
            raise SystemExit(answer.text)

    yield "an idea is taken in", meter.measure(send, requests)
    sought = iter(new[requests:])

    def seek_copies() -> None:
        words = next(sought)
        folded = fold_text(words)
        idea = Asked(new_id(), -1, "", utcnow(), words, folded, fold_hash(folded))
        with db.Session() as session:
            search_copies(session, [idea])

    yield "copies of an idea are sought", meter.measure(seek_copies, requests)
    web.extensions["submit_limits"].close()


def _requested(meter: Meter, web: FlaskClient, path: str, base: str, requests: int) -> Spent:
    def get() -> None:
        answer = web.get(path, base_url=base)
        # Nobody beats here, which /readyz says of a database that answers.
        if answer.status_code not in {200, 503 if path == "/readyz" else 200}:
            raise SystemExit(f"{path}: {answer.status_code}")

    for _ in range(5):
        get()
    return meter.measure(get, requests)


def _at_ten_million(sizes: Sequence[Size], values: Sequence[float]) -> float:
    """Return where the straight line through what was seen stands at ten million."""
    if len(sizes) < 2:
        return values[0] * _AT / sizes[0].ideas
    slope, begin = statistics.linear_regression([each.ideas for each in sizes], values)
    return begin + slope * _AT


def _show_weights(sizes: Sequence[Size]) -> Table:
    columns = [f"{each.ideas:,}: MB" for each in sizes]
    title = "What is held, and kB per idea"
    table = Table("Table, index", *columns, "kB per idea", "10,000,000: GB", title=title)
    largest = sizes[-1]

    def add(name: str, values: Sequence[float]) -> None:
        each = values[-1] / largest.ideas
        at_end = _at_ten_million(sizes, values) / 1e9
        megabytes = [f"{value / 1e6:.1f}" for value in values]
        table.add_row(name, *megabytes, f"{each / 1e3:.2f}", f"{at_end:.1f}")

    total = sum(largest.held.values())
    add("all", [sum(each.held.values()) for each in sizes])
    for name, held in sorted(largest.held.items(), key=lambda each: -each[1]):
        if held > total / 200:
            add(name, [each.held[name] for each in sizes])
    return table


def _show_times(sizes: Sequence[Size]) -> Table:
    columns = [f"{each.ideas:,}: ms (of processors)" for each in sizes]
    table = Table("Asked", *columns, "10,000,000: s of processors", title="What it takes")
    for name in sizes[-1].asked:
        seen = [each.asked[name] for each in sizes]
        cells = [f"{1e3 * each.seconds:.1f} ({1e3 * each.cpu:.1f})" for each in seen]
        at_end = _at_ten_million(sizes, [each.cpu for each in seen])
        table.add_row(name, *cells, f"{at_end:.3f}")
    return table


def _show_gone(sizes: Sequence[Size]) -> Table:
    title = "What the clock takes away of half a year and more"
    table = Table("Rows", *(f"{each.ideas:,}" for each in sizes), title=title)
    for name, gone in sizes[-1].gone.items():
        if gone:
            table.add_row(name, *(f"{each.gone[name]:,}" for each in sizes))
    costs = [1e6 * each.tidying.cpu / max(1, sum(each.gone.values())) for each in sizes]
    table.add_row("µs of processors for a row", *(f"{cost:.0f}" for cost in costs))
    return table


def _show_rows(sizes: Sequence[Size]) -> Table:
    title = "Rows that an idea leaves"
    table = Table("Table", "as filled", "as the application writes them", title=title)
    largest = sizes[-1]
    for name in sorted(largest.lived):
        if largest.lived[name] or largest.filled[name] > 0.001:
            table.add_row(name, f"{largest.filled[name]:.2f}", f"{largest.lived[name]:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
