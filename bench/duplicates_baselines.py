"""The duplicate check beside two others: MinHash of words (datasketch), and pg_trgm in PostgreSQL.

    python -m bench duplicates_baselines DATA

Each real idea is changed in the ways of `duplicates_text`; found is the share of copies that are
linked with their idea. False are pairs linked among the ideas as they are, and how many of them are
true is for a person to read. pg_trgm is used as Decidim uses it (similarity above a threshold), by
reading every row and with a GIN index. Needs requirements-bench.txt.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import psycopg
from datasketch import MinHash, MinHashLSH
from rich.console import Console
from rich.table import Table

from bench.duplicates_text import (
    dressed,
    dropped,
    embedded,
    embedded4,
    put_among,
    swapped,
    turned,
    typos,
)
from bench.texts import real_texts
from radslag.data_folder import DataFolder
from radslag.embedded.postgres import Postgres
from services.moderation.checks.duplicates import HINT, confirm_match, is_elsewhere, keys_of
from shared.text import fold_text

CHANGES = (typos, swapped, dropped, dressed, turned, embedded, embedded4)
TRGM_THRESHOLD = 0.6
JACCARD = 0.5

# Gives the places of the ideas that a text is linked with.
Search = Callable[[str], set[int]]


def ours(texts: list[str]) -> Search:
    """Keys and confirmation, as the workers do, kept in memory."""
    folded = list(map(fold_text, texts))
    buckets: dict[int, list[int]] = {}
    for place, keys in enumerate(keys_of(folded)):
        for key in keys.stored:
            buckets.setdefault(key, []).append(place)

    def search(text: str) -> set[int]:
        own = fold_text(text)
        [keys] = keys_of([own])
        near = {place for key in keys.query for place in buckets.get(key, ())}
        return {
            place
            for place in near
            if own == folded[place]
            or (
                (match := confirm_match(own, folded[place])) is not None
                and not is_elsewhere(match, text, texts[place])
            )
        }

    return search


def word_minhash(texts: list[str]) -> Search:
    """MinHash of words and their pairs, Jaccard 0.5."""
    lsh = MinHashLSH(threshold=JACCARD, num_perm=128)
    for place, text in enumerate(texts):
        lsh.insert(str(place), _signature(text))
    return lambda text: {int(key) for key in lsh.query(_signature(text))}


def _signature(text: str) -> MinHash:
    words = fold_text(text).split()
    signature = MinHash(num_perm=128)
    signature.update_batch(
        [each.encode() for each in [*words, *(f"{a} {b}" for a, b in pairwise(words))]]
    )
    return signature


def trigrams(texts: list[str], connection: psycopg.Connection, *, index: bool) -> Search:
    """pg_trgm, similarity above 0.6."""
    connection.execute("DROP TABLE IF EXISTS ideas")
    connection.execute("CREATE TABLE ideas (place int PRIMARY KEY, text text)")
    with connection.cursor().copy("COPY ideas FROM STDIN") as copy:
        for place, text in enumerate(texts):
            copy.write_row((place, text))
    if index:
        connection.execute("CREATE INDEX ON ideas USING gin (text gin_trgm_ops)")
    connection.execute("ANALYZE ideas")
    connection.execute(f"SET enable_seqscan = {'off' if index else 'on'}")
    question = "SELECT place FROM ideas WHERE text % %s"
    return lambda text: {
        row[0] for row in connection.execute(question.replace("%", "%%", 1), [text])
    }


def measure(texts: list[str], search: Search) -> list[str]:
    """Return the shares found per change, the pairs linked as they are, and ms a text."""
    cells = []
    began = time.perf_counter()
    for change in CHANGES:
        chance = random.Random(1)
        found = sum(place in search(change(text, chance)) for place, text in enumerate(texts))
        cells.append(f"{found / len(texts):.3f}")
    spent = time.perf_counter() - began
    pairs = sum(len(search(text) - {place}) for place, text in enumerate(texts)) // 2
    return [*cells, str(pairs), f"{1000 * spent / len(texts) / len(CHANGES):.2f}"]


def main(data: Path) -> None:
    """Print the table."""
    texts = [row["text"] for row in real_texts.ideas(data)]
    put_among(texts)
    names = [change.__name__ for change in CHANGES]
    table = Table("Judge", *names, "pairs as they are", "ms", title=f"{len(texts)} ideas")
    table.add_row("this check (hints too)", *measure(texts, ours(texts)))
    table.add_row("datasketch, words", *measure(texts, word_minhash(texts)))
    with tempfile.TemporaryDirectory(prefix="trgm ") as path:
        folder = DataFolder(Path(path))
        postgres = Postgres(folder)
        postgres.start()
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            connection.execute(f"SET pg_trgm.similarity_threshold = {TRGM_THRESHOLD}")
            for index in (False, True):
                name = f"pg_trgm {TRGM_THRESHOLD}, {'GIN' if index else 'every row'}"
                table.add_row(name, *measure(texts, trigrams(texts, connection, index=index)))
        postgres.stop()
        folder.release()
    Console(width=150).print(table)
    print(f"a hint (a part of under 60 characters) has a score of {HINT} and links nothing")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
