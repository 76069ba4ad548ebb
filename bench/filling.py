"""A database with as many ideas as wanted: real words in new order, stored by COPY.

Needs the real ideas of ../shared/data/goteborgsforslaget. Each word of a text is one that follows
the word before it in some real idea (a Markov chain of the first order), and texts are as long as
real ones: so the words, their frequencies and their 4-grams are real, and no text is a copy of
another. Whole real sentences put together anew would make thousands of copies, which no city has.
"""

import itertools
import multiprocessing
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
from rich.progress import track

from bench.texts import real_texts
from services.moderation.checks.duplicates import keys_of
from shared.ids import new_id
from shared.text import fold_hash, fold_text

DATA = Path(__file__).resolve().parents[2] / "shared/data"
CHUNK = 5000
# The first of them came on this day, and one a minute since.
_BEGAN = datetime(2022, 1, 1, tzinfo=UTC)


def real_ideas() -> list[str]:
    """Return the real ideas, title and text; ends the program where they are not."""
    if not (DATA / real_texts.IDEAS).is_file():
        sys.exit(f"This measures on real ideas, and {DATA / real_texts.IDEAS} is not here.")
    return [f"{row['title']}. {row['text']}".strip() for row in real_texts.ideas(DATA)]


def made_texts(count: int, seed: int) -> Iterator[str]:
    """Give texts made of real words, each followed by one that follows it somewhere in real ideas.

    As long as the real ones (title and text). The same seed, the same texts.
    """
    chance = random.Random(seed)
    ideas = [text.split() for text in real_ideas()]
    lengths = [len(words) for words in ideas]
    firsts = [words[0] for words in ideas if words]
    after: dict[str, list[str]] = {}
    for words in ideas:
        for word, following in itertools.pairwise(words):
            after.setdefault(word, []).append(following)
    for _ in range(count):
        word = chance.choice(firsts)
        told = [word]
        for _ in range(chance.choice(lengths) - 1):
            word = chance.choice(after.get(word, firsts))
            told.append(word)
        yield " ".join(told)[:2000]


def spam_texts(count: int, seed: int) -> Iterator[str]:
    """Give nearly identical spam, one text with a word changed: the hottest buckets there are."""
    chance = random.Random(seed)
    base = (
        "Tjäna pengar hemifrån redan i dag utan risk, vi hjälper dig att komma igång och du får "
        "bonus direkt när du registrerar dig på vår sida med koden"
    )
    for number in range(count):
        told = base.split()
        told[chance.randrange(len(told))] = f"ord{number % 997}"
        yield f"{' '.join(told)} {number}"


def fill(database_url: str, texts: Sequence[str] | Iterator[str], total: int) -> None:
    """Store texts as published ideas of the first council, with their fingerprints."""
    # Not forked: the library of the fingerprints has threads, which do not live on in a child.
    processes = multiprocessing.get_context("spawn")
    with psycopg.connect(database_url) as connection, processes.Pool() as pool:
        row = connection.execute("SELECT min(id) FROM councils").fetchone()
        last = connection.execute("SELECT coalesce(max(seq), 0) FROM ideas").fetchone()
        assert row is not None
        assert last is not None
        prepared = pool.imap(prepare_texts, in_chunks(texts), chunksize=1)
        number = last[0]
        for chunk in track(prepared, total=-(-total // CHUNK), description="Filling"):
            number = _store(connection, row[0], number, chunk)
        connection.commit()
        connection.execute("SELECT setval(pg_get_serial_sequence('ideas', 'seq'), %s)", [number])
        connection.execute("SELECT setval('idea_numbers', %s)", [number])
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def in_chunks(texts: Sequence[str] | Iterator[str]) -> Iterator[list[str]]:
    """Give texts so many at a time."""
    chunk: list[str] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


# A text, the same folded, its hash and its keys.
Prepared = tuple[str, str, int, tuple[int, ...]]


def prepare_texts(texts: list[str]) -> list[Prepared]:
    """Return each text with what is stored of it: folded, hashed, its keys."""
    folded = [fold_text(text) for text in texts]
    return [
        (text, words, fold_hash(words), keys.stored)
        for text, words, keys in zip(texts, folded, keys_of(folded), strict=True)
    ]


def _store(
    connection: "psycopg.Connection[tuple[object, ...]]",
    council_id: int,
    number: int,
    chunk: list[Prepared],
) -> int:
    ids: list[UUID] = [new_id() for _ in chunk]
    moments = [_BEGAN + timedelta(minutes=number + n) for n in range(1, len(chunk) + 1)]
    with connection.cursor() as cursor:
        with cursor.copy(
            "COPY ideas (id, seq, number, council_id, status, version, source, received_at,"
            " stored_at, precision, text_version, fold_hash, public_version, public_text,"
            " public_author, published_at, receipt_nonce) FROM STDIN"
        ) as copy:
            for n, (idea_id, (text, _words, hashed, _keys)) in enumerate(
                zip(ids, chunk, strict=True)
            ):
                at = moments[n]
                seq = number + n + 1
                copy.write_row(
                    (
                        *(idea_id, seq, f"R-2022-{seq:06}", council_id, "published", 2, "api"),
                        *(at, at, "instant", 1, hashed, 1, text, "", at, b"n" * 16),
                    )
                )
        with cursor.copy(
            "COPY idea_texts (idea_id, version, kind, text, folded, written_at) FROM STDIN"
        ) as copy:
            for idea_id, at, (text, words, _hashed, _keys) in zip(ids, moments, chunk, strict=True):
                copy.write_row((idea_id, 1, "received", text, words, at))
        with cursor.copy("COPY fingerprints (key, seq) FROM STDIN") as copy:
            for n, (_text, _words, _hashed, keys) in enumerate(chunk):
                for key in set(keys):
                    copy.write_row((key, number + n + 1))
    connection.commit()
    return number + len(chunk)
