"""The worker of letters is killed again and again while letters leave through a stormy server.

What was promised: a letter about a decision or an account is taken at least once, always under the
same Message-ID; a digest at most once; one that was refused for good has failed and is never tried
again; nothing is lost, and the ledger adds up. `python -m bench letters_killed` does the same with
1000 letters and 50 kills.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import deciding
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.people import resets
from services.notify.digests import runs
from services.notify.letters import account_letters
from services.notify.mail import letters
from services.notify.sending.claims import LEASE_S
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import ledger, outbox, queues
from shared.delivery.worker import make_celery
from shared.ids import new_id
from shared.models import (
    DecisionKind,
    IdeaStatus,
    Letter,
    LetterState,
    OutboxDelivery,
    QueueEntry,
    Reason,
    Role,
)
from tests.factories import a_council, a_member_of_staff, an_idea
from tests.journeys.storm import Storm, stormy_server
from tests.journeys.system import children

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

# The measuring program asks for more.
LETTERS = int(os.environ.get("STORM_LETTERS", "40"))
KILLS = int(os.environ.get("STORM_KILLS", "4"))
SEED = int(os.environ.get("STORM_SEED", "20261129"))
WORKER = (
    *("celery", "-A", "services.notify.worker", "worker", "-Q", "letters,clock", "-c", "1"),
    *("--pool", "prefork", "--loglevel", "critical"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)
# Every so many kills the whole worker goes, not only the process in it that sends.
WHOLE_WORKER = 3
# So many letters are begun between two kills, so that there is something to kill to the end.
BETWEEN = LETTERS // (2 * KILLS)
# Patience, not a promise: machines that run tests are busy.
PATIENCE_S = 300


@pytest.fixture
def storm() -> Storm:
    return Storm(SEED)


@pytest.fixture
def environment(environment: dict[str, str], storm: Storm) -> Iterator[dict[str, str]]:
    with stormy_server(storm) as url:
        yield {
            **environment,
            "RADSLAG_SMTP_URL": url,
            "RADSLAG_MAIL_FROM": "Rådslag <radslag@stad.example>",
            "RADSLAG_LOG_LEVEL": "error",
        }


class Worker:
    """The worker, and the process in it that sends, as the system's table of processes has them."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**os.environ, **environment, "RADSLAG_DIE_WITH_PARENT": "1"}
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", *WORKER],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def sender(self) -> int | None:
        return max(children(self._process.pid), default=None)

    def kill_sender(self) -> None:
        pid = self.sender()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def worker(environment: dict[str, str]) -> Iterator[Worker]:
    running = Worker(environment)
    yield running
    running.kill_all()


def owe_letters(session: SqlSession, settings: Settings, number: int) -> None:
    """Owe that many letters: six of ten about decisions, three digests, one about an account."""
    moderator = a_member_of_staff(session, email="moa@example.org")
    council = a_council(session)
    session.add(QueueEntry(idea_id=an_idea(session, council).id, reason=Reason.NEW))
    for count in range(number * 6 // 10):
        idea = an_idea(session, council, email=f"skrivare{count}@by{count}.example")
        idea.status, idea.version = IdeaStatus.WAITING, 2
        session.flush()
        deciding.decide_idea(
            session,
            DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=moderator.id),
            number=idea.number,
            seen_version=2,
        )
    for count in range(number * 3 // 10 - 1):
        a_member_of_staff(session, email=f"personal{count}@example.org")
    session.flush()
    # Who reads only gets no digest, so that each address gets letters of one kind.
    a_member_of_staff(session, Role.READER, email="rut@example.org", password_hash="x")
    for _ in range(number // 10):
        resets.ask_reset(session, settings, "rut@example.org")
    session.commit()
    deliver(queues.CHECK.name, lambda *batch: outbox.mark_done(*batch[:3]), settings)
    deliver(queues.LETTER.name, letters.write_decision_letters, settings)
    deliver(queues.ACCOUNT.name, account_letters.write_account_letters, settings)
    with Session.begin() as opened:
        runs.run_now(opened, settings)


def deliver(consumer: str, write: Callable[..., None], settings: Settings) -> None:
    batch = new_id()
    with Session.begin() as session:
        session.execute(
            update(OutboxDelivery).where(OutboxDelivery.consumer == consumer).values(batch=batch)
        )
    claimed = outbox.claim_batch(batch)
    with Session.begin() as session:
        write(session, batch, claimed, settings)


def hurry(before: Any = None) -> None:
    """Let pauses pass; and the leases of what was in the hands of a worker that died then."""
    with Session.begin() as session:
        session.execute(
            update(Letter)
            .where(Letter.state == LetterState.WAITING, Letter.due_at > utcnow())
            .values(due_at=utcnow())
        )
        if before is not None:
            session.execute(
                update(Letter)
                .where(
                    Letter.state == LetterState.CLAIMED,
                    Letter.claimed_until < before + timedelta(seconds=LEASE_S),
                )
                .values(claimed_until=utcnow() - timedelta(seconds=1))
            )


def open_letters() -> int:
    with Session() as session:
        return session.scalar(
            select(func.count(Letter.id)).where(
                Letter.state.in_([LetterState.WAITING, LetterState.CLAIMED])
            )
        )


class Asking:
    """Asks for what is due, as the clock does: now and then, for a worker may be away."""

    def __init__(self, settings: Settings) -> None:
        self._celery = make_celery("a clock", [], settings)
        self._next_at = 0.0

    def ask(self) -> None:
        if time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + 0.3
            self._celery.send_task(queues.SEND_LETTERS, queue=queues.CLOCK, expires=5, retry=False)


def until(condition: Callable[[], bool], meanwhile: Callable[[], None], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        meanwhile()
        time.sleep(0.05)


def kill_again_and_again(worker: Worker, storm: Storm, clock: Asking) -> int:
    """Kill it as soon as it sends, until it has died often enough or nothing is left."""
    kills = 0
    died_at = utcnow()

    def go_on() -> None:
        hurry(died_at)
        clock.ask()

    while kills < KILLS:
        before = storm.named
        until(
            lambda before=before: storm.named > before + BETWEEN or not open_letters(),
            go_on,
            f"a worker that sends, after {kills} kills",
        )
        if not open_letters():
            break
        # Anywhere in the letter that has just begun, or in one of the next.
        time.sleep((kills % 10) * 0.006)
        kills += 1
        if kills % WHOLE_WORKER:
            worker.kill_sender()
        else:
            worker.kill_all()
            worker.start()
        died_at = utcnow()
    until(lambda: not open_letters(), go_on, "every letter done")
    return kills


def test_every_letter_as_promised(
    session: SqlSession, settings: Settings, worker: Worker, storm: Storm
):
    owe_letters(session, settings, LETTERS)
    owed = open_letters()
    assert owed == LETTERS
    began = time.monotonic()
    kills = kill_again_and_again(worker, storm, Asking(settings))
    took_s = time.monotonic() - began
    session.rollback()
    rows = session.scalars(select(Letter)).all()
    found: Counter[str] = Counter()
    for row in rows:
        times = storm.taken[row.message_id]
        refused = row.state is LetterState.FAILED and (row.error or "").startswith("5")
        found[f"{'digest' if row.digest_id else 'other'} {row.state.value} {row.error or ''}"] += 1
        assert row.state in {LetterState.SENT, LetterState.FAILED}
        if row.digest_id is not None:
            assert times <= 1, "a digest came twice"
            assert (times == 1) >= (row.state is LetterState.SENT), "a digest was said to be sent"
            assert not (refused and times), "a digest was refused and taken"
        elif row.state is LetterState.SENT:
            assert times >= 1, "a letter was said to be sent"
        else:
            # Only a refusal for good ends a letter to a writer or about an account.
            assert refused, f"a letter was lost: {row.error}"
        if refused and row.reset_id is None:
            # Never tried again: the refusal is the last thing that was said of it.
            assert storm.last_word[recipient(session, row)].startswith("5")
    assert sum(found.values()) == LETTERS
    # Nothing was sent that is not in the ledger.
    assert set(storm.taken) <= {row.message_id for row in rows}
    with Session() as books:
        assert ledger.read_ledger(books).violations == []
    assert kills >= min(KILLS, LETTERS // 20)
    again = sum(times - 1 for times in storm.taken.values() if times > 1)
    weather = {step: dict(seen) for step, seen in storm.weather_seen.items()}
    sys.stdout.write(
        f"{LETTERS} letters, {kills} kills, {took_s:.0f} s, {again} came again\n"
        f"in the ledger: {dict(found)}\nthe weather: {weather}\n"
    )


def recipient(session: SqlSession, letter: Letter) -> str:
    """Whom a letter goes to."""
    return str(
        session.scalar(
            text("""
                SELECT coalesce(s.email, c.email) FROM letters l
                LEFT JOIN staff s ON s.id = l.staff_id
                LEFT JOIN contacts c ON c.idea_id = l.idea_id WHERE l.id = :id"""),
            {"id": letter.id},
        )
    )
