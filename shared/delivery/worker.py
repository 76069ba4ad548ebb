"""Celery as this system uses it: JSON, ids, no results; the database is the truth.

Messages are acknowledged early on purpose: a delivery that is not done is offered again by the
relay, so the broker's own redelivery would only repeat it.
"""

import gc
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from celery import Celery, Task
from celery.exceptions import WorkerLostError
from celery.signals import (
    celeryd_init,
    setup_logging,
    task_failure,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_ready,
)
from sqlalchemy.exc import SQLAlchemyError

from shared import db, heartbeat, log
from shared.clock import utcnow
from shared.config import Settings, dies_with_parent
from shared.delivery import doorbell, memory, outbox, queues
from shared.process import count_cores, die_with_parent
from shared.telemetry import counting, life, metrics, reporting, request_ids, tracing

_log = logging.getLogger(__name__)


class BatchTask(Task):
    """A task that works on one batch of deliveries.

    When it fails, its batch is offered again at once; the failed job is written by the relay when
    all tries are used. When it is done there is room for the next one, and the relay is told.
    """

    def on_success(self, _result: Any, _task_id: str, _args: Any, _kwargs: dict[str, Any]) -> None:
        """Ring: what waited for room need not wait for the relay's next look."""
        doorbell.ring_doorbell()

    def on_failure(
        self, exc: BaseException, _task_id: str, _args: Any, kwargs: dict[str, Any], _einfo: Any
    ) -> None:
        """Let go of the batch, with the type and place of the error."""
        release_named(kwargs, exc)


def release_named(kwargs: dict[str, Any], error: BaseException) -> None:
    """Let go of the batch that a message names; should that fail, its lease ends by itself."""
    batch = kwargs.get("batch")
    if batch is None:
        return
    try:
        outbox.release_batch(UUID(batch), error)
    except SQLAlchemyError:
        _log.warning("a failed batch could not be released; its lease will end", exc_info=True)


# To the database, for the beats of a parent, which needs nothing else of what a pool would load.
_heart: psycopg.Connection[Any] | None = None


def _beat(name: str) -> None:
    global _heart  # noqa: PLW0603 - one for each process
    try:
        if _heart is None or _heart.closed:
            _heart = psycopg.connect(
                Settings.from_env(without=["secret_key", "smtp_url"]).database_url,
                autocommit=True,
                connect_timeout=3,
                application_name="radslag",
                options="-c statement_timeout=5000",
            )
        _heart.execute(heartbeat.BEAT, (name, utcnow()))
    except psycopg.Error:
        _log.warning("the database does not answer; this worker waits")


def make_celery(name: str, include: Sequence[str], settings: Settings) -> Celery:
    """Make the Celery application of a worker, or of whoever only sends."""
    app = Celery(name, broker=settings.celery_broker_url, include=list(include))
    # A hung RabbitMQ is given up as soon as a hung Valkey.
    of_rabbit = {"confirm_publish": True, "read_timeout": 10, "write_timeout": 10}
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        # For Flower, if somebody wants to look (RADSLAG_CELERY_EVENTS): ids, and names of ours.
        worker_send_task_events=settings.celery_events,
        task_send_sent_event=settings.celery_events,
        worker_consumer="shared.delivery.consumer:PatientConsumer",
        # Nobody else asks workers anything through the broker.
        worker_enable_remote_control=settings.celery_events,
        # A child that died has died: its batch need not wait for a last word from it.
        worker_lost_wait=1.0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        task_default_queue="unrouted",
        task_create_missing_queues=True,
        timezone="UTC",
        enable_utc=True,
        broker_transport_options=of_rabbit
        if settings.queue_url
        else {
            # Whoever sends tries again at its next turn: the clock beats and the relay gives up in
            # time although the broker is away.
            "max_retries": 0,
            "visibility_timeout": 600,
            "unacked_restore_interval": 60,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 2,
            "socket_timeout": 10,
            "socket_keepalive": True,
            "health_check_interval": 10,
            # The queues of a worker are named in the order in which they are emptied.
            "queue_order_strategy": "priority",
            # How long it waits for a message before it asks again; so soon it hears that it shall
            # end.
            "polling_interval": 2,
        },
    )
    return app


def make_worker(name: str, include: Sequence[str]) -> Celery:
    """Make the Celery application of a worker process, from the environment's settings.

    Not each of them is told every secret (`radslag.processes`): what one needs and was not told, it
    cannot use.
    """
    settings = Settings.from_env(without=["secret_key", "smtp_url"])
    app = make_celery(name, include, settings)
    app.conf.radslag_settings = settings
    counting.configure_counting(settings.metrics_folder)
    tracing.start_tracing(settings, f"radslag-{name}")
    reporting.start_reporting(settings)

    @setup_logging.connect(weak=False)
    def _logging(**_: Any) -> None:
        log.configure_log(settings.log_level, queues.TASKS)

    @celeryd_init.connect(weak=False)
    def _fit(conf: Any, options: Mapping[str, Any], **_: Any) -> None:
        # Whatever grows in a child, it ends with it.
        conf.worker_max_memory_per_child = memory.fit_child(
            settings.child_memory_mb,
            count_children(options),
            own_kb=memory.read_own_memory(),
            whole=memory.find_memory_limit(),
        )

    @worker_process_init.connect(weak=False)
    def _begin(**_: Any) -> None:
        if dies_with_parent():
            die_with_parent()
        db.forget_inherited_connections()
        db.configure_sessions(settings, statement_timeout_s=30)
        doorbell.configure_doorbell(settings)
        # What was loaded stays until the end: the search for garbage need not go through it again
        # and again, which would also unshare the parent's memory.
        gc.freeze()

    @task_failure.connect(weak=False)
    def _lost(exception: BaseException, kwargs: dict[str, Any] | None = None, **_: Any) -> None:
        # Sent in the parent when a child died under its task, where `on_failure` never ran.
        if isinstance(exception, WorkerLostError):
            db.configure_sessions(settings)
            release_named(kwargs or {}, exception)

    @worker_ready.connect(weak=False)
    def _live(sender: Any, **_: Any) -> None:
        # In the loop that takes messages: when that hangs, the heart stops.
        life.show_life()
        sender.timer.call_repeatedly(heartbeat.BEAT_S, life.show_life)
        _beat(sender.hostname)
        sender.timer.call_repeatedly(heartbeat.BEAT_S, _beat, (sender.hostname,))

    count_tasks()
    if dies_with_parent():
        die_with_parent()
    return app


def count_children(options: Mapping[str, Any]) -> int:
    """Return how many children a worker has at the most, by how it was started."""
    if autoscale := options.get("autoscale"):
        # "most,fewest", as it was typed or as it was read.
        told = autoscale.split(",") if isinstance(autoscale, str) else autoscale
        return max(map(int, told))
    return options.get("concurrency") or count_cores()


def count_tasks() -> None:
    """Count what this process works on from here on, and how long it takes."""
    task_prerun.connect(_note_begin, weak=False)
    task_postrun.connect(_count_task, weak=False)


def _note_begin(task: Task, **_: Any) -> None:
    request_ids.forget_work()
    task.request.radslag_began = time.perf_counter()


def _count_task(task: Task, state: str | None = None, **_: Any) -> None:
    began: float = task.request.radslag_began
    if task.name in queues.TASKS:
        metrics.TASKS.add(task.name, "done" if state == "SUCCESS" else "failed")
        metrics.TASK_SECONDS.observe(time.perf_counter() - began, task.name)
