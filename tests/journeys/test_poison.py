"""Ideas that kill or hang their worker: the others are checked, these go to a person unchecked."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared.models import FailedJob, Idea, IdeaStatus, QueueEntry, Verdict
from tests.factories import a_council, an_idea
from tests.journeys.poison import KILLS, NEVER_RETURNS
from tests.journeys.system import PROJECT, eventually

pytestmark = pytest.mark.slow
IDEAS = 60


def test_two_of_sixty_are_poison(session: SqlSession, environment: dict[str, str]):
    council = a_council(session)
    for number in range(IDEAS):
        text = {10: KILLS, 45: NEVER_RETURNS}.get(number, f"Idé {number} om bänkar och träd")
        an_idea(session, council, text=text)
    session.commit()
    commands = (
        ["-m", "radslag", "relay"],
        [
            *("-m", "celery", "-A", "tests.journeys.poisonous_worker", "worker"),
            *("-Q", "checks", "-c", "2", "--without-gossip", "--without-mingle"),
        ],
    )
    processes = [
        subprocess.Popen([sys.executable, *command], cwd=PROJECT, env=_whole(environment))
        for command in commands
    ]
    try:

        def all_waiting() -> bool:
            session.rollback()
            waiting = session.scalar(select(func.count()).where(Idea.status == IdeaStatus.WAITING))
            return waiting == IDEAS

        eventually(all_waiting, what="all ideas waiting for a person", seconds=150)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
    unchecked = session.scalars(
        select(Verdict.idea_id).where(func.cardinality(Verdict.unchecked) > 0)
    ).all()
    assert len(unchecked) == 2
    entries = session.execute(
        select(func.count(), func.count(QueueEntry.idea_id.distinct())).where(
            QueueEntry.closed_at.is_(None)
        )
    ).one()
    assert tuple(entries) == (IDEAS, IDEAS)
    jobs = session.scalars(select(FailedJob)).all()
    assert {job.subject_id for job in jobs} == set(unchecked)
    assert {job.attempts for job in jobs} == {3}


def _whole(environment: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **environment}
