"""Celery as this system uses it: what a message may be, and who lets go of a batch when."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import WorkerLostError
from celery.signals import celeryd_init, task_failure, worker_ready
from celery.worker.consumer import Consumer
from sqlalchemy.exc import OperationalError

from shared import heartbeat
from shared.config import Settings
from shared.delivery import queues, worker
from shared.delivery.consumer import PatientConsumer
from shared.delivery.worker import BatchTask, make_celery
from shared.ids import new_id
from tests.factories import _ENVIRONMENT


@pytest.fixture
def released(monkeypatch) -> list[tuple[Any, BaseException]]:
    """What was let go of, and why."""
    found: list[tuple[Any, BaseException]] = []
    monkeypatch.setattr(worker.outbox, "release_batch", lambda *about: found.append(about))
    return found


def test_messages_are_json_and_their_results_are_nobody_s():
    with make_celery("x", ["a.b"], Settings.from_env(_ENVIRONMENT)) as app:
        conf = app.conf
        assert (conf.accept_content, conf.task_serializer) == (["json"], "json")
        assert conf.task_ignore_result
        assert not conf.task_store_errors_even_if_ignored
        assert not conf.result_backend
        assert conf.include == ["a.b"]
        # Acknowledged early: the relay offers again, the broker never does.
        assert not conf.task_acks_late
        assert conf.worker_prefetch_multiplier == 1
        assert (conf.timezone, conf.enable_utc) == ("UTC", True)
        assert conf.broker_connection_max_retries is None
        assert conf.broker_transport_options["socket_connect_timeout"] == 2
        assert conf.broker_transport_options["socket_timeout"] == 10


@pytest.mark.parametrize("is_on", [False, True])
def test_whoever_looks_with_flower_sees_workers_only_where_that_is_set(monkeypatch, is_on):
    settings = Settings.from_env({**_ENVIRONMENT, "RADSLAG_CELERY_EVENTS": str(int(is_on))})
    begun: dict[str, Any] = {}
    monkeypatch.setattr(Consumer, "__init__", lambda _self, **about: begun.update(about))
    with make_celery("x", [], settings) as app:
        assert app.conf.worker_send_task_events is is_on
        assert app.conf.task_send_sent_event is is_on
        assert app.conf.worker_enable_remote_control is is_on
        # As `radslag.processes` starts them: silent.
        PatientConsumer(app=app, worker_options={"without_heartbeat": True, "x": 1})
    assert begun["worker_options"] == {"without_heartbeat": not is_on, "x": 1}


def test_a_task_that_fails_lets_go_of_its_batch(released):
    batch, error = new_id(), ValueError()
    BatchTask().on_failure(error, "id", (), {"batch": str(batch)}, None)
    assert released == [(batch, error)]


def test_a_batch_that_is_done_makes_room_and_rings_for_the_next(monkeypatch):
    rung: list[int] = []
    monkeypatch.setattr(worker.doorbell, "ring_doorbell", lambda: rung.append(1))
    BatchTask().on_success(None, "id", (), {"batch": str(new_id())})
    assert rung == [1]


def test_a_task_without_a_batch_has_nothing_to_let_go_of(released):
    BatchTask().on_failure(ValueError(), "id", (), {}, None)
    assert released == []


def test_a_database_that_is_away_is_no_second_failure(monkeypatch, caplog):
    def away(*_about):
        raise OperationalError("SELECT", {}, Exception("Ada Hemlig"))

    monkeypatch.setattr(worker.outbox, "release_batch", away)
    worker.release_named({"batch": str(new_id())}, ValueError())
    assert [each.getMessage() for each in caplog.records] == [
        "a failed batch could not be released; its lease will end"
    ]


@pytest.fixture
def made(monkeypatch):
    """A worker of this process, which hears signals; and nobody else's afterwards."""
    for name, value in _ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(worker.db, "configure_sessions", lambda *_a, **_k: None)
    signals = (
        *(worker.setup_logging, worker.worker_process_init, task_failure, worker_ready),
        celeryd_init,
    )
    before = [each.receivers[:] if each.receivers else [] for each in signals]
    with worker.make_worker("x", []) as app:
        yield app
    for each, receivers in zip(signals, before, strict=True):
        each.receivers = receivers
        each.sender_receivers_cache.clear()


def _record(sentence: str, *values: str) -> logging.LogRecord:
    return logging.LogRecord("celery.worker", logging.WARNING, "", 1, sentence, values, None)


@pytest.mark.usefixtures("made")
class TestWorker:
    @pytest.mark.parametrize(
        ("error", "is_released"),
        [(WorkerLostError("killed"), True), (ValueError("x"), False), (MemoryError(), False)],
    )
    def test_the_parent_lets_go_only_for_a_child_that_died(self, released, error, is_released):
        """Any other failure is the child's own to tell of (`BatchTask.on_failure`)."""
        batch = new_id()
        task_failure.send(sender=None, exception=error, kwargs={"batch": str(batch)})
        assert released == ([(batch, error)] if is_released else [])

    def test_a_child_that_died_without_a_message_is_no_trouble(self, released):
        task_failure.send(sender=None, exception=WorkerLostError("killed"), kwargs=None)
        assert released == []

    def test_its_log_calls_our_tasks_by_their_names_and_no_others(self):
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        database = logging.getLogger("sqlalchemy").level
        try:
            worker.setup_logging.send(sender=None)
            [handler] = root.handlers
            said = [
                json.loads(handler.format(_record("late: %s", task)))["message"]
                for task in (*sorted(queues.TASKS), "Ada Hemlig")
            ]
        finally:
            logging.captureWarnings(capture=False)
            root.handlers[:], root.level = handlers, level
            logging.getLogger("sqlalchemy").setLevel(database)
        assert said == [*(f"late: {task}" for task in sorted(queues.TASKS)), "late: …"]

    def test_a_child_that_has_grown_is_replaced_before_there_is_no_room(self, made, monkeypatch):
        """As Celery itself asks, before the pool is made."""
        monkeypatch.setattr(worker.memory, "read_own_memory", lambda: 100 * 1024)
        for whole, children, megabytes in ((None, 3, 600), (1 << 29, 3, 220), (1 << 30, 1, 600)):
            monkeypatch.setattr(worker.memory, "find_memory_limit", lambda whole=whole: whole)
            with pytest.MonkeyPatch.context() as patch:
                # It warns of root, as whom tests may run.
                patch.setattr("celery.apps.worker.check_privileges", lambda _accepted: None)
                begun = made.Worker(concurrency=children, quiet=True)
            assert begun.max_memory_per_child // 1024 == megabytes

    def test_a_worker_beats_when_it_takes_messages_and_every_five_seconds(self, monkeypatch):
        beats, repeated = [], []
        monkeypatch.setattr(worker, "_beat", beats.append)

        class Ready:
            hostname = "x@y"
            timer = SimpleNamespace(call_repeatedly=lambda *about: repeated.append(about))

        worker_ready.send(sender=Ready())
        assert beats == ["x@y"]
        assert repeated == [
            (heartbeat.BEAT_S, worker.life.show_life),
            (heartbeat.BEAT_S, worker._beat, ("x@y",)),
        ]
        assert heartbeat.BEAT_S == 5
