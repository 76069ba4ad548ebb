"""What looking for copies costs and finds as more and more ideas are stored, spam among them.

    python -m bench duplicates_scale DATA [STORED …] [--spam N]

The real ideas of DATA are stored first, then made ones (`bench.filling`) up to each number, through
PostgreSQL as it is shipped. At each number: the milliseconds of `duplicates.search_copies` for one
idea that is new (keys, the statement, confirmation), and the share of changed copies of the real
ideas (`duplicates_text`) that are linked with their idea. Then nearly identical spam is stored, and
the same is measured again, for new ideas and for one more of the spam.
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from bench.databases import database
from bench.duplicates_baselines import CHANGES
from bench.duplicates_text import put_among
from bench.filling import fill, made_texts, spam_texts
from bench.texts import real_texts
from services.moderation.checking import duplicates
from services.moderation.checking.duplicates import Asked
from services.moderation.checks.duplicates import is_elsewhere
from shared import db
from shared.clock import utcnow
from shared.ids import new_id
from shared.text import fold_hash, fold_text

_LOOKS = 1000


def asked(idea: str, seq: int = -1) -> Asked:
    """Return an idea that nobody stored."""
    folded = fold_text(idea)
    return Asked(new_id(), seq, "", utcnow(), idea, folded, fold_hash(folded))


def milliseconds(ideas: Sequence[str]) -> tuple[float, float, float]:
    """Return median, 95th and 99th percentile of looking for the copies of one idea."""
    spent = []
    for idea in ideas:
        one = [asked(idea)]
        with db.Session() as session:
            session.execute(text("SELECT 1"))
            began = time.perf_counter()
            duplicates.search_copies(session, one)
            spent.append(1000 * (time.perf_counter() - began))
    of_100 = statistics.quantiles(spent, n=100)
    return of_100[49], of_100[94], of_100[98]


def recall(ideas: Sequence[str]) -> list[float]:
    """Return the shares of copies that are linked with their ideas, which are the first stored."""
    shares = []
    for change in CHANGES:
        chance = random.Random(1)
        copies = [change(idea, chance) for idea in ideas]
        found = 0
        for start in range(0, len(ideas), 100):
            batch = [asked(copy) for copy in copies[start : start + 100]]
            with db.Session() as session:
                seen = duplicates.search_copies(session, batch)
            for place, copy in enumerate(batch, start):
                match = seen.matches[copy.id].get(place + 1)
                same = copy.folded == fold_text(ideas[place])
                found += same or (
                    match is not None and not is_elsewhere(match, copy.text, ideas[place])
                )
        shares.append(found / len(ideas))
    return shares


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("stored", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--spam", type=int, default=50_000)
    wanted = parser.parse_args()
    real = [row["text"] for row in real_texts.ideas(wanted.data)]
    put_among(real)
    new = list(made_texts(_LOOKS, seed=-1))
    changes = [change.__name__ for change in CHANGES]
    table = Table("Stored", "Sought", "ms: median", "p95", "p99", *changes, title="Copies")
    with database() as settings:
        url = settings.database_url
        fill(url, real, len(real))
        stored = len(real)
        for number in sorted(wanted.stored):
            fill(url, made_texts(number - stored, seed=number), number - stored)
            stored = number
            milliseconds(new[:100])  # what is read for the first time is not what is asked
            cells = [f"{ms:.2f}" for ms in milliseconds(new)]
            found = [f"{share:.3f}" for share in recall(real)]
            table.add_row(f"{stored:,}", "new ideas", *cells, *found)
        spam = list(spam_texts(wanted.spam + _LOOKS, seed=1))
        fill(url, spam[: wanted.spam], wanted.spam)
        named = f"{stored:,} + {wanted.spam:,} spam"
        for what, texts in (("new ideas", new), ("spam", spam[wanted.spam :])):
            table.add_row(named, what, *(f"{ms:.2f}" for ms in milliseconds(texts)))
    Console(width=150).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
