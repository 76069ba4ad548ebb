"""The worker of imports has all that an import needs, and does what its message says."""

from importlib import import_module

import pytest
from celery.signals import setup_logging, task_failure, worker_process_init, worker_ready
from sqlalchemy import select, update

from services.submission import imports
from services.submission.imports import runs
from shared import db
from shared.delivery import queues
from shared.ids import new_id
from shared.models import Idea, IdeaStatus, Import, ImportState, OutboxDelivery, Role
from tests.factories import a_council, a_member_of_staff, count

CSV = b"id,text,created_at\n1,Ring 070-174 06 35,2021-11-19\n2,En gunga,2021-11-20\n"


@pytest.fixture
def app(environment, monkeypatch):
    """The worker's application; what it hears of, nobody hears of afterwards."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    signals = (setup_logging, worker_process_init, task_failure, worker_ready)
    before = [each.receivers[:] if each.receivers else [] for each in signals]
    with import_module("radslag.bulk_worker").celery_app as made:
        made.loader.import_default_modules()
        yield made
    for each, receivers in zip(signals, before, strict=True):
        each.receivers = receivers
        each.sender_receivers_cache.clear()


def test_it_looks_at_a_file_brings_it_in_and_takes_it_back(app, settings, session):
    by = a_member_of_staff(session, Role.ADMIN)
    council = a_council(session)
    reading = imports.read_entries(CSV, "csv", settings.timezone)
    run = runs.keep_reading(
        session, council, reading, form="csv", file_name="a.csv", data=CSV, by=by.id
    )
    session.commit()

    def work() -> ImportState:
        batch = new_id()
        with db.Session.begin() as writing:
            waits = OutboxDelivery.consumer == queues.IMPORT.name
            writing.execute(update(OutboxDelivery).where(waits).values(batch=batch))
        app.tasks[queues.IMPORT.task](batch=str(batch))
        session.rollback()
        session.expire_all()
        return session.scalars(select(Import.state)).one()

    assert work() is ImportState.READY
    assert [line.found for line, _number in runs.list_lines(session, run.id)] == [
        ["phone"],
        [],
    ]
    with db.Session.begin() as writing:
        runs.begin_run(writing, run.id, by=by.id, as_read=False)
    assert work() is ImportState.DONE
    assert count(session, Idea, Idea.status == IdeaStatus.PUBLISHED) == 2
    with db.Session.begin() as writing:
        runs.take_back(writing, run.id, by=by.id)
    assert work() is ImportState.TAKEN_BACK
    assert count(session, Idea, Idea.status == IdeaStatus.WITHDRAWN) == 2
    # A message that comes again finds nothing to do.
    assert work() is ImportState.TAKEN_BACK
