"""Ideas that come at one time are stored together, and each fares as if it had come alone."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from sqlalchemy import TextClause, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from services.submission import intake
from services.submission.forms import IdeaForm
from services.submission.storing import gathering
from services.submission.storing.gathering import Gathering
from shared import db
from shared.clock import utcnow
from shared.models import Contact, Idea, IdeaText, IdempotencyKey, Source
from tests.databases import run_in
from tests.factories import a_council

_LONGEST_S = 20
Run = Callable[[TextClause, Mapping[str, Any]], Any]


class Watched:
    """`shared.db.run_alone`, the first call of which waits until it may go."""

    def __init__(self, run: Run | None = None) -> None:
        self.ideas: list[int] = []
        self.began, self.may_go = threading.Event(), threading.Event()
        self._run = run or db.run_alone

    def __call__(self, statement: TextClause, parameters: Mapping[str, Any]) -> Any:
        if "posted" not in parameters:
            return self._run(statement, parameters)
        self.ideas.append(len(json.loads(parameters["posted"])))
        if not self.began.is_set():
            self.began.set()
            assert self.may_go.wait(_LONGEST_S)
        return self._run(statement, parameters)


class Posting:
    """Posts that come while the first one is under way."""

    def __init__(self, watched: Watched, settings: Any, slug: str) -> None:
        self.watched = watched
        self.gathering = Gathering(watched)
        self._settings, self._slug = settings, slug
        self._pool = ThreadPoolExecutor(12)

    def post(self, words: str, *, key: str | None = None, run: Run | None = None) -> Future[Any]:
        arrival = intake.Arrival(Source.API, words.encode(), "application/json", key=key)
        is_first, before = not self.watched.began.is_set(), len(self.gathering._waiting)
        posted = self._pool.submit(
            intake.receive_idea,
            run or self.gathering.run,
            self._settings,
            self._slug,
            IdeaForm(words, email=f"{len(words)}@example.org"),
            arrival,
        )
        if is_first and not self.gathering._coming:
            assert self.watched.began.wait(_LONGEST_S)
        until = time.monotonic() + _LONGEST_S
        follows = not is_first or self.gathering._coming
        while follows and len(self.gathering._waiting) == before and not posted.done():
            assert time.monotonic() < until
            time.sleep(0.001)
        return posted


@contextmanager
def posting(settings: Any, slug: str, run: Run | None = None) -> Iterator[Posting]:
    watched = Watched(run)
    one = Posting(watched, settings, slug)
    try:
        yield one
    finally:
        watched.may_go.set()
        one._pool.shutdown()


def test_those_that_come_while_another_is_stored_are_stored_together(session, settings, council):
    words = [f"Fler bänkar vid ån, {number}." for number in range(6)]
    with posting(settings, council.slug) as posts:
        told = [posts.post(each) for each in words]
        posts.watched.may_go.set()
        received = [each.result(_LONGEST_S) for each in told]
    assert posts.watched.ideas == [1, 5]
    stored = select(Idea.id, Idea.number, IdeaText.text, Contact.email)
    rows = session.execute(stored.where(IdeaText.idea_id == Idea.id, Contact.idea_id == Idea.id))
    assert {(row.id, row.number, row.text, row.email) for row in rows} == {
        (each.idea_id, each.number, said, f"{len(said)}@example.org")
        for each, said in zip(received, words, strict=True)
    }


def test_whoever_comes_when_nobody_is_under_way_goes_at_once_and_alone(session, settings, council):
    with posting(settings, council.slug) as posts:
        posts.watched.may_go.set()
        for number in range(3):
            assert posts.post(f"Nummer {number}").result(_LONGEST_S).number
    assert posts.watched.ideas == [1, 1, 1]


def test_one_that_fails_fails_alone(session, settings, council):
    def spoiled(statement: TextClause, parameters: Mapping[str, Any]) -> Any:
        [idea] = json.loads(parameters["posted"])
        broken = json.dumps([{**idea, "content_type": None}])
        return posts.gathering.run(statement, {**parameters, "posted": broken})

    with posting(settings, council.slug) as posts:
        told = [posts.post("Den första"), posts.post("Den andra")]
        bad = posts.post("Den trasiga", run=spoiled)
        told.append(posts.post("Den sista"))
        posts.watched.may_go.set()
        assert len({each.result(_LONGEST_S).number for each in told}) == 3
        with pytest.raises(IntegrityError):
            bad.result(_LONGEST_S)
    assert posts.watched.ideas == [1, 3, 1, 1, 1]
    assert session.scalar(select(func.count()).select_from(Idea)) == 3


def test_while_the_database_is_away_nobody_tries_twice(settings, council):
    def away(_statement: TextClause, _parameters: Mapping[str, Any]) -> Any:
        raise OperationalError(None, None, Exception())

    with posting(settings, council.slug, away) as posts:
        told = [posts.post(f"Nummer {number}") for number in range(4)]
        posts.watched.may_go.set()
        for each in told:
            with pytest.raises(OperationalError):
                each.result(_LONGEST_S)
    assert posts.watched.ideas == [1, 3]


def test_of_those_under_one_key_the_second_comes_after_the_first(session, settings, council):
    with posting(settings, council.slug) as posts:
        told = [posts.post("Den första")]
        told += [posts.post("Fler bänkar.", key="k") for _ in range(3)]
        told.append(posts.post("Den sista", key="another"))
        posts.watched.may_go.set()
        received = [each.result(_LONGEST_S) for each in told]
    assert posts.watched.ideas == [1, 2, 1, 1]
    assert len({each.idea_id for each in received[1:4]}) == 1
    assert [each.replayed for each in received[1:4]].count(False) == 1
    assert session.scalar(select(func.count()).select_from(Idea)) == 3


def test_those_that_are_being_read_are_waited_for_a_moment(session, settings, council, monkeypatch):
    monkeypatch.setattr(gathering, "MOMENT_S", _LONGEST_S)
    with posting(settings, council.slug) as posts:
        posts.watched.may_go.set()
        waits = posts.gathering.expected()
        waits.__enter__()
        told = [posts.post("Den första"), posts.post("Den andra")]
        assert posts.watched.ideas == []
        # Whoever was expected and was refused instead is waited for no more.
        waits.__exit__(None, None, None)
        assert len({each.result(_LONGEST_S).number for each in told}) == 2
        assert posts.watched.ideas == [2]
        # Whoever asks is not waited for by others, nor by themselves.
        with posts.gathering.expected():
            arrival = intake.Arrival(Source.API, b"x", "text/plain")
            form = IdeaForm("Den tredje")
            intake.receive_idea(posts.gathering.run, settings, council.slug, form, arrival)
            assert posts.post("Den sista").result(_LONGEST_S).number
        assert posts.gathering._coming == 0
    assert posts.watched.ideas == [2, 1, 1]


def test_nobody_is_waited_for_longer_than_a_moment(session, settings, council):
    with posting(settings, council.slug) as posts:
        posts.watched.may_go.set()
        with posts.gathering.expected():
            assert posts.post("Den första").result(_LONGEST_S).number


def posted_by(settings: Any, slug: str, words: str, **how: Any) -> Mapping[str, Any]:
    """What would be asked for an idea."""
    caught: list[Mapping[str, Any]] = []

    class CaughtError(Exception):
        pass

    def catch(_statement: TextClause, parameters: Mapping[str, Any]) -> Any:
        caught.append(parameters)
        raise CaughtError

    arrival = intake.Arrival(Source.API, words.encode(), "application/json", **how)
    with pytest.raises(CaughtError):
        intake.receive_idea(catch, settings, slug, IdeaForm(words), arrival)
    return caught[0]


def test_each_of_several_is_judged_by_itself(session, settings, council):
    closed = a_council(session, slug="stangt", open_until=utcnow() - timedelta(hours=1))
    session.commit()

    def alone(words: str, **how: Any) -> intake.Received:
        arrival = intake.Arrival(Source.API, words.encode(), "application/json", **how)
        return intake.receive_idea(db.run_alone, settings, council.slug, IdeaForm(words), arrival)

    known, old = alone("Känd", key="known"), alone("Gammal", key="old")
    (key,) = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.idea_id == old.idea_id)
    ).all()
    key.stored_at -= timedelta(hours=25)
    session.commit()
    lost = posted_by(settings, council.slug, "Svaret kom bort")
    [stored] = db.run_alone(intake._RECEIVE, lost)
    asked = [
        posted_by(settings, "finns-inte", "Ett"),
        posted_by(settings, council.slug, "Känd", key="known"),
        posted_by(settings, closed.slug, "Två"),
        posted_by(settings, council.slug, "En annan", key="known too"),
        lost,
        posted_by(settings, council.slug, "Färre", key="known"),
        posted_by(settings, council.slug, "Tre"),
        posted_by(settings, council.slug, "Gammal", key="old"),
    ]
    rows = db.run_alone(intake._RECEIVE, gathering._gathered(asked))
    assert [row.outcome for row in rows] == [
        *("unknown_council", "replayed", "closed_council", "received"),
        *("received", "key_reused", "received", "received"),
    ]
    assert (rows[1].idea_id, rows[1].idea_number) == (known.idea_id, known.number)
    assert rows[4] == stored
    assert rows[7].idea_id != old.idea_id
    for nobodys in (rows[0], rows[2], rows[5]):
        assert (nobodys.idea_id, nobodys.idea_number, nobodys.idea_nonce) == (None, None, None)
    numbers = [row.idea_number for row in (rows[3], rows[6], rows[7])]
    assert numbers == sorted(set(numbers))
    assert session.scalar(select(func.count()).select_from(Idea)) == 6
    said = dict(session.execute(select(IdeaText.idea_id, IdeaText.text)).all())
    assert said[rows[6].idea_id] == "Tre"
    assert said[rows[7].idea_id] == "Gammal"


def test_locks_are_taken_in_one_order_by_all(session, settings, council):
    keys = [posted_by(settings, council.slug, "Ord", key=key) for key in ("a", "b", "c")]
    lowest, highest = (
        most(keys, key=lambda each: json.loads(each["locks"])[0]) for most in (min, max)
    )
    lock = text("SELECT pg_try_advisory_xact_lock(:lock)")
    [low], [high] = json.loads(lowest["locks"]), json.loads(highest["locks"])
    with db.Session() as holder, db.Session() as other, ThreadPoolExecutor(1) as pool:
        assert holder.scalar(lock, {"lock": low})
        asked = gathering._gathered([highest, lowest])
        told = pool.submit(db.run_alone, intake._RECEIVE, asked)
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        until = time.monotonic() + _LONGEST_S
        while not other.scalar(waits):
            assert time.monotonic() < until
            assert not told.done()
        assert other.scalar(lock, {"lock": high})
        other.rollback()
        holder.rollback()
        assert [row.outcome for row in told.result(_LONGEST_S)] == ["received", "received"]


def test_its_plan_reads_no_table_whole_however_small_it_was_when_it_was_made(
    session, settings, council
):
    for number in range(8):
        asked = [
            posted_by(settings, council.slug, f"{number} {key}", key=f"{number} {key}")
            for key in "ab"
        ]
        run_in(session)(intake._RECEIVE, gathering._gathered(asked))
    read = text("""
        SELECT relname, seq_scan FROM pg_stat_xact_user_tables
        WHERE relname IN ('ideas', 'councils', 'idempotency_keys', 'outbox_events')""")
    assert dict(session.execute(read).all()) == dict.fromkeys(
        ("ideas", "councils", "idempotency_keys", "outbox_events"), 0
    )
    session.rollback()


def test_a_connection_plans_once_what_stores_ideas(council: Any, settings: Any, database_url: str):
    """And not at each call, which would cost as much as the storing."""
    with psycopg.connect(database_url, autocommit=True, row_factory=namedtuple_row) as connection:
        planned: list[str] = []
        connection.add_notice_handler(lambda told: planned.append(told.message_primary or ""))

        def run(statement: TextClause, parameters: Mapping[str, Any]) -> Any:
            planned.clear()
            return connection.execute(db._written(statement), parameters).fetchall()

        def count_plans(words: str) -> int:
            arrival = intake.Arrival(Source.API, words.encode(), "application/json")
            intake.receive_idea(run, settings, council.slug, IdeaForm(words), arrival)
            return planned.count("PLANNER STATISTICS")

        connection.execute("SET log_planner_stats = on")
        connection.execute("SET client_min_messages = log")
        assert count_plans("Fler bänkar i parken") > 1
        # That of the call itself, which chooses nothing.
        assert count_plans("Fler lampor i parken") == 1
