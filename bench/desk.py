"""How fast the desk answers: server time of the queue, of an idea and of the search.

    python -m bench desk [STORED] [WAITING] [--requests N]

One million ideas stored and a hundred thousand waiting by default, through PostgreSQL as it is
shipped and the whole application (session, statements, template), without the network. What waits
is spread over councils, lanes, languages and ages; some ideas are copies, and one in twenty belongs
to a wave of a single text. Texts are made of real words (`bench.filling`) where those are.
"""

import argparse
import itertools
import json
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from flask.testing import FlaskClient
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import event

from bench.databases import database
from bench.filling import DATA, made_texts
from bench.texts.real_texts import IDEAS
from radslag.desk import create_app
from services.moderation.people import accounts
from services.moderation.settings.seed import seed_rules
from shared import db
from shared.clock import utcnow
from shared.ids import new_id
from shared.models import Role
from shared.text import fold_hash, fold_text

_CHUNK = 5000
_WORDS = (
    *("bänk", "cykel", "park", "träd", "lekplats", "buss", "skola", "vatten", "strand", "lampa"),
    *("gata", "torg", "bibliotek", "simhall", "gångväg", "papperskorg", "fontän", "odling"),
    *("hundrastgård", "utegym", "brygga", "toalett", "skylt", "staty", "rondell"),
)
EMAIL, PASSWORD = "matt@example.org", "ett långt lösenord för mätning"
# Priority (see checks/verdict.py) and share of what waits.
_LANES = ((405, 2), (303, 8), (252, 3), (204, 15), (100, 60), (57, 12))


def texts(count: int, seed: int = 1) -> Iterator[str]:
    """Give texts of real words in new order; of a few words where the real ideas are not."""
    if (DATA / IDEAS).is_file():
        yield from made_texts(count, seed=seed)
        return
    chance = random.Random(seed)
    for _ in range(count):
        yield " ".join(chance.choices(_WORDS, k=chance.randint(8, 60)))


def fill(database_url: str, stored: int, waiting: int, wave: int, words: Iterator[str]) -> None:
    """Store ideas with verdicts, findings and decisions; the last `waiting` of them wait.

    The last `wave` are copies of one text. Expects councils and a member of staff.
    """
    chance = random.Random(2)
    with psycopg.connect(database_url) as connection:
        councils = [row[0] for row in connection.execute("SELECT id FROM councils ORDER BY id")]
        staff = connection.execute("SELECT id FROM staff").fetchone()
        assert staff is not None
        first_of_wave: UUID | None = None
        for start in track(range(0, stored, _CHUNK), description="Filling"):
            rows = []
            for n in range(start, min(start + _CHUNK, stored)):
                is_waiting = n >= stored - waiting
                in_wave = is_waiting and n >= stored - wave
                text = f"Tjäna pengar hemifrån med koden {n}" if in_wave else next(words)
                rows.append(_Row(n + 1, new_id(), text, is_waiting, in_wave))
                first_of_wave = first_of_wave or (rows[-1].id if in_wave else None)
            _store(connection, chance, councils, staff[0], rows, first_of_wave, stored)
        for sequence in ("pg_get_serial_sequence('ideas', 'seq')", "'idea_numbers'"):
            connection.execute(f"SELECT setval({sequence}, {stored + 1})")
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def make_searchable(database_url: str) -> None:
    """Do what triggers do when an idea has been checked; and reject every twentieth one."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE ideas SET status = 'rejected', rule_id = (SELECT min(id) FROM rules),"
            " public_version = NULL, public_text = NULL, public_author = NULL"
            " WHERE status = 'published' AND seq % 20 = 0"
        )
        connection.execute("SELECT count(keep_words(id)) FROM ideas")
        connection.execute("VACUUM ANALYZE")


class _Row(NamedTuple):
    seq: int
    id: UUID
    text: str
    waits: bool
    in_wave: bool


_TABLES = {
    "ideas": "id, seq, number, council_id, status, version, source, received_at, stored_at,"
    " precision, text_version, fold_hash, public_version, public_text, public_author,"
    " published_at, receipt_nonce",
    "idea_texts": "idea_id, version, kind, text, author, folded, written_at",
    "contacts": "idea_id, email, stored_at",
    "verdicts": "idea_id, text_version, outcome, priority, unchecked, ruleset, reached_at",
    "findings": "idea_id, text_version, check_name, check_version, code, severity, score, field,"
    " spans, params, found_at",
    "duplicate_links": "idea_id, original_id, kind, score, linked_at",
    "decisions": "id, idea_id, kind, staff_id, seen_version, status_before, status_after,"
    " text_version, before, decided_at",
    "queue_entries": "idea_id, reason, priority, opened_at, closed_at, closed_by",
}


def _store(
    connection: "psycopg.Connection[tuple[Any, ...]]",
    chance: random.Random,
    councils: Sequence[int],
    staff_id: UUID,
    rows: Sequence[_Row],
    wave_root: UUID | None,
    total: int,
) -> None:
    newest = utcnow() + timedelta(minutes=1)
    into: dict[str, list[tuple[object, ...]]] = {table: [] for table in _TABLES}
    alone: UUID | None = None
    for row in rows:
        # One every two minutes, the last of all just now.
        at = newest - timedelta(minutes=2 * (total + 1 - row.seq))
        priority = chance.choices(*zip(*_LANES, strict=True))[0]
        priority = 57 if row.in_wave else priority
        folded = fold_text(row.text)
        status = "waiting" if row.waits else "published"
        public = (None, None, None, None) if row.waits else (1, row.text, "Anonym", at)
        into["ideas"].append(
            (
                *(row.id, row.seq, f"R-2026-{row.seq:06}", chance.choice(councils), status, 2),
                *("api", at, at, "instant", 1, fold_hash(folded), *public, b"n" * 16),
            )
        )
        into["idea_texts"].append((row.id, 1, "received", row.text, None, folded, at))
        if not row.in_wave and chance.random() < 0.3:
            into["contacts"].append((row.id, f"n{row.seq}@example.org", at))
        outcome = {57: "likely_spam", 100: "clear"}.get(priority, "attention")
        unchecked = ["learned_spam"] if priority == 252 else []
        into["verdicts"].append((row.id, 1, outcome, priority, unchecked, 2, at))
        if priority != 100:
            what = ("personal_data", 1, "phone", "medium", 0.6, "text", Jsonb([[0, 3]]), Jsonb({}))
            into["findings"].append((row.id, 1, *what, at))
        if chance.random() < 0.05:
            code = Jsonb({"language": chance.choice(["ar", "so", "en", "fa"])})
            what = ("language", 1, "language", "low", 0.15, "text", Jsonb([]), code)
            into["findings"].append((row.id, 1, *what, at))
        if row.in_wave and row.id != wave_root:
            into["duplicate_links"].append((row.id, wave_root, "near", 0.95, at))
        elif row.waits and alone and chance.random() < 0.1:
            into["duplicate_links"].append((row.id, alone, "near", 0.9, at))
        else:
            alone = row.id
        if row.waits:
            into["queue_entries"].append((row.id, "new", priority, at, None, None))
            continue
        made = new_id()
        before = Jsonb({"status": "waiting", "children": []})
        into["decisions"].append(
            (made, row.id, "publish", staff_id, 1, "waiting", "published", 1, before, at)
        )
        into["queue_entries"].append((row.id, "new", priority, at, at, made))
        if chance.random() < 0.005:
            why = chance.choice(["clean-up", "report"])
            into["queue_entries"].append((row.id, why, 350, at, None, None))
    _copy(connection, into)
    connection.commit()


def _copy(
    connection: "psycopg.Connection[tuple[Any, ...]]",
    into: dict[str, list[tuple[object, ...]]],
) -> None:
    for table, columns in _TABLES.items():
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy,
        ):
            for values in into[table]:
                copy.write_row(values)


def sign_in(client: FlaskClient, base: str) -> None:
    """Sign the measuring moderator in, as a browser does."""
    form = client.get("/login", base_url=base).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None
    answer = client.post(
        "/login",
        data={"email": EMAIL, "password": PASSWORD, "csrf_token": token[1]},
        headers={"Origin": base},
        base_url=base,
    )
    assert answer.status_code == 303, answer.status_code


def measure(ask: Callable[[], str], count: int) -> tuple[float, float, int]:
    """Return median and 95th percentile in milliseconds, and the number of statements of one."""
    statements = 0

    def counted(*_rest: object) -> None:
        nonlocal statements
        statements += 1

    ask()
    engine = db.Session.kw["bind"]
    event.listen(engine, "before_cursor_execute", counted)
    ask()
    event.remove(engine, "before_cursor_execute", counted)
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        ask()
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent), statistics.quantiles(spent, n=20)[18], statements


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stored", nargs="?", type=int, default=1_000_000)
    parser.add_argument("waiting", nargs="?", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200)
    asked = parser.parse_args()
    title = f"The desk, {asked.stored:,} stored, {asked.waiting:,} waiting"
    table = Table("Page", "ms: median", "p95", "statements", title=title)
    with database() as settings:
        with db.Session.begin() as session:
            seed_rules(session)
            accounts.add_staff(session, EMAIL, Role.MODERATOR, PASSWORD, name="Mätaren")
        fill(
            settings.database_url,
            asked.stored,
            asked.waiting,
            asked.waiting // 20,
            texts(asked.stored),
        )
        make_searchable(settings.database_url)
        client = create_app(settings).test_client()
        sign_in(client, settings.desk_url)
        pages = _pages(client, settings.desk_url, asked.stored, asked.waiting)
        for name, ask in itertools.chain(pages, _searches(client, settings.desk_url)):
            median, p95, statements = measure(ask, asked.requests)
            table.add_row(name, f"{median:.1f}", f"{p95:.1f}", str(statements))
    Console().print(table)
    Console().print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


# Words that stand everywhere and nowhere, alone, together, filtered, and what is no word.
_SEARCHES = (
    "",
    "q=Göteborg",
    "q=Göteborg&state=waiting",
    "q=Göteborg&state=rejected",
    "q=Göteborg&council=pizza-och-politik&state=published",
    "q=cykel",
    "q=sko",
    "q=rondell",
    "q=rondell&state=published",
    "q=brygga+hundar",
    "q=%22vid+vattnet%22",
    "q=finnsinteord",
    "q=-cykel",
    "q=%23123",
    "q=123",
    "q=Anonym",
    "state=waiting&council=pizza-och-politik",
)


def _searches(client: FlaskClient, base: str) -> Iterator[tuple[str, Callable[[], str]]]:
    """Ask as a program does, which also shows that the answer is whole."""

    def get(path: str) -> str:
        answer = client.get(path, base_url=base, headers={"Accept": "application/json"})
        assert answer.status_code == 200, (path, answer.status_code)
        assert set(answer.get_json()) == {"ideas", "next"}
        return answer.text

    for query in _SEARCHES:
        yield f"search, {query}", lambda query=query: get(f"/search?{query}")  # type: ignore[misc]
    deep = ""
    for _ in range(40):
        following = json.loads(get(f"/search?q=cykel&after={deep}"))["next"]
        if following is None:
            break
        deep = following
    yield "search, forty pages on", lambda: get(f"/search?q=cykel&after={deep}")


def _pages(
    client: FlaskClient, base: str, stored: int, waiting: int
) -> Iterator[tuple[str, Callable[[], str]]]:
    def get(path: str) -> str:
        answer = client.get(path, base_url=base)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    chance = random.Random(3)
    yield "queue", lambda: get("/")
    yield "queue, its list alone", lambda: get("/?part=list")
    for query in (
        "lane=ordinary",
        "lane=likely-spam",
        "lane=clean-up",
        "council=pizza-och-politik",
        "council=pizza-och-politik&lane=urgent",
        "reason=report",
        "language=fa",
        "age=30",
        "q=cykel",
        "q=finnsinteord",
        "mine=1",
    ):
        yield f"queue, {query}", lambda query=query: get(f"/?{query}")  # type: ignore[misc]
    deep = "/?lane=ordinary"
    for _ in range(40):
        following = re.search(r'rel="next" href="([^"]+)"', get(deep))
        if following is None:
            break
        deep = following[1].replace("&amp;", "&")
    yield "queue, forty pages on", lambda: get(deep)
    yield (
        "an idea that waits",
        lambda: get(f"/ideas/R-2026-{stored - chance.randrange(waiting):06}"),
    )
    yield (
        "an idea decided on",
        lambda: get(f"/ideas/R-2026-{chance.randint(1, stored - waiting):06}"),
    )


if __name__ == "__main__":
    sys.exit(main())
