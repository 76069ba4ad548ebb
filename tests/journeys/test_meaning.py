"""The same wish in other words, through a worker of its own that is killed on the way."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.semantic import model
from shared.db import Session
from shared.delivery import ledger
from shared.models import Embedding, FindingRow, Idea
from tests.factories import a_council, an_idea
from tests.journeys.system import PROJECT, children, eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        model.why_off() is not None,
        reason=f"NO SEMANTIC MODEL: {model.why_off()}; no meaning was compared",
    ),
]

FIRST = "Lys upp gångvägen genom skogen, det är otäckt att gå hem på kvällen."
AGAIN = "Belysningen på stigen hem genom skogen är för dålig, det är otäckt på kvällarna."


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "RADSLAG_SEMANTIC": "on", "RADSLAG_DIE_WITH_PARENT": "1"}


@pytest.fixture
def workers(environment: dict[str, str], session: SqlSession) -> Iterator[dict[str, int]]:
    """The relay, and a worker for each of the two queues; their processes by name."""
    of_moderation = ("celery", "-A", "services.moderation.worker", "worker", "--pool", "prefork")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-c", "1")
    started = {
        name: subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], **environment},
        )
        for name, command in {
            "relay": ("radslag", "relay"),
            "checks": (*of_moderation, "-Q", "checks", "-n", "checks@%h", *quiet),
            "semantic": (*of_moderation, "-Q", "semantic", "-n", "semantic@%h", *quiet),
        }.items()
    }
    yield {name: process.pid for name, process in started.items()}
    for process in started.values():
        process.terminate()
    for process in started.values():
        process.wait(30)


def stored(question: object) -> int:
    with Session() as session:
        return session.scalar(question) or 0  # type: ignore[call-overload]


def test_a_suggestion_comes_though_its_worker_was_killed(
    session: SqlSession, workers: dict[str, int]
):
    council = a_council(session)
    first = an_idea(session, council, text=FIRST)
    session.commit()
    vectors = select(func.count()).select_from(Embedding)
    eventually(lambda: stored(vectors), what="the first idea's vector", pause=0.05)
    again = an_idea(session, council, text=AGAIN)
    session.commit()
    for pid in children(workers["semantic"]):
        os.kill(pid, signal.SIGKILL)
    suggestion = select(FindingRow).where(FindingRow.code == "semantic")
    eventually(
        lambda: stored(select(func.count()).select_from(suggestion.subquery())),
        what="a suggestion",
        seconds=120,
    )
    with Session() as reading:
        found = reading.scalars(suggestion).one()
        assert found.idea_id == again.id
        assert first.number in str(found.params)
        assert reading.get_one(Idea, again.id).status.value == "waiting"
    with Session() as books:
        assert ledger.read_ledger(books).violations == []
