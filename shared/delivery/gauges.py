"""What the database alone knows of the work, for `/metrics`: how old the oldest of each is.

Each question is the first entry of an index, so it costs the same however much is stored.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.delivery import queues
from shared.heartbeat import CLOCK, UNKNOWN_PROXY
from shared.models import Heartbeat
from shared.version import read_version

_OLDEST = text("""
    SELECT asked.queue, extract(epoch FROM now() - occurred_at) AS age
    FROM unnest(CAST(:queues AS text[])) AS asked(queue)
    LEFT JOIN LATERAL (
        SELECT e.occurred_at FROM outbox_deliveries d JOIN outbox_events e ON e.id = d.event_id
        WHERE d.queue = asked.queue AND d.done_at IS NULL AND d.failed_at IS NULL
        ORDER BY d.id LIMIT 1) oldest ON true""")
# Those about incidents are the clock's, and do not wait for workers.
_LATE_LETTER = text("""
    SELECT extract(epoch FROM now() - min(due_at)) FROM letters
    WHERE state IN ('waiting', 'claimed') AND notice_id IS NULL AND due_at < now()""")


def write_build() -> bytes:
    """Return which code this is, and that it asks a database."""
    registry = CollectorRegistry()
    built = Gauge(
        *("radslag_build_info", "Which code this is", ["version", "commit", "schema"]),
        registry=registry,
    )
    known = read_version()
    built.labels(known["version"], known["commit"] or "", known["schema"]).set(1)
    return generate_latest(registry)


def write_database_state(*, is_up: bool) -> bytes:
    """Return whether the database answers."""
    registry = CollectorRegistry()
    Gauge("radslag_database_up", "Whether the database answers", registry=registry).set(is_up)
    return generate_latest(registry)


def write_ages(session: SqlSession) -> bytes:
    """Return how old the oldest work of each queue is, and since when processes are silent."""
    registry = CollectorRegistry()
    ages = Gauge(
        *("radslag_queue_oldest_seconds", "Age of the oldest work of a queue", ["queue"]),
        registry=registry,
    )
    for queue, age in session.execute(_OLDEST, {"queues": list(queues.ALL)}):
        ages.labels(queue).set(max(0.0, float(age or 0)))
    late = Gauge(
        "radslag_letters_late_seconds", "How late the letter is that is due longest",
        registry=registry,
    )  # fmt: skip
    late.set(max(0.0, float(session.scalar(_LATE_LETTER) or 0)))
    silent = Gauge(
        *("radslag_heartbeat_age_seconds", "Since a process said that it works", ["process"]),
        registry=registry,
    )
    for process, age in _read_silence(session):
        silent.labels(process).set(age)
    return generate_latest(registry)


def _read_silence(session: SqlSession) -> Iterable[tuple[str, float]]:
    """Return of each process, on whichever machines it runs, since when nobody heard of it."""
    now = utcnow()
    latest: dict[str, float] = {}
    for name, at in session.execute(select(Heartbeat.name, Heartbeat.at)):
        if name in (CLOCK, UNKNOWN_PROXY):
            continue
        process = name.partition("@")[0]
        age = max(0.0, (now - at).total_seconds())
        latest[process] = min(age, latest.get(process, age))
    return sorted(latest.items())
