"""The books: what came in must be what is there. Read in one snapshot, never repaired here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import String, func, select, text, type_coerce
from sqlalchemy.orm import Session as SqlSession

from shared import heartbeat
from shared.clock import utcnow
from shared.delivery import queues
from shared.ids import least_id_at
from shared.models import (
    Heartbeat,
    Idea,
    IdeaStatus,
    OutboxDelivery,
    SecurityKind,
    Tally,
)

_NOT_DONE = text("done_at IS NULL")

# Each rule of the ledger: its name, and a question whose rows break it.
VIOLATIONS: Mapping[str, str] = {
    "an idea without original": """
        SELECT i.number FROM ideas i LEFT JOIN originals o ON o.idea_id = i.id
        WHERE o.idea_id IS NULL""",
    "an idea without its text version": """
        SELECT i.number FROM ideas i
        LEFT JOIN idea_texts t ON t.idea_id = i.id AND t.version = i.text_version
        WHERE t.idea_id IS NULL""",
    # One whose writer was asked to correct it sleeps until they do or the days are over.
    "waiting without an open entry": """
        SELECT i.number FROM ideas i WHERE i.status = 'waiting' AND NOT EXISTS (
            SELECT FROM queue_entries q WHERE q.idea_id = i.id AND q.closed_at IS NULL)
        AND coalesce((
            SELECT d.kind FROM public.decisions d WHERE d.idea_id = i.id
            ORDER BY d.seq DESC LIMIT 1), '') <> 'ask_correction'""",
    "waiting without a verdict": """
        SELECT i.number FROM ideas i WHERE i.status = 'waiting' AND NOT EXISTS (
            SELECT FROM verdicts v WHERE v.idea_id = i.id)""",
    # The status must be the fold of the decisions, undone ones put back. `status_after` of the
    # newest decision is that fold, and CHECK constraints tie it to the kind; a withdrawal is the
    # writer's own, and before any decision an idea is received or waiting.
    "a status that is not the fold of its decisions": """
        SELECT i.number FROM ideas i
        LEFT JOIN LATERAL (
            SELECT d.status_after FROM public.decisions d WHERE d.idea_id = i.id
            ORDER BY d.seq DESC LIMIT 1) last ON true
        WHERE i.status <> 'withdrawn'
          AND CASE WHEN last.status_after IS NULL THEN i.status NOT IN ('received', 'waiting')
                   ELSE i.status <> last.status_after END""",
    "a decision that does not begin where the one before it ended": """
        SELECT i.number FROM (
            SELECT d.idea_id, d.status_before, d.status_after,
                   lag(d.status_after) OVER (PARTITION BY d.idea_id ORDER BY d.seq) AS previous
            FROM decisions d) step
        JOIN ideas i ON i.id = step.idea_id
        WHERE step.previous IS NOT NULL AND step.previous <> step.status_before""",
    "a delivery not done in time": """
        SELECT d.id::text FROM outbox_deliveries d JOIN outbox_events e ON e.id = d.event_id
        WHERE d.done_at IS NULL AND d.consumer <> ALL(:advisers)
          AND e.occurred_at < now() - interval '10 minutes'""",
    # Nobody waits for advice: after a big import it may be hours late and nothing is wrong.
    "advice not given in time": """
        SELECT d.id::text FROM outbox_deliveries d JOIN outbox_events e ON e.id = d.event_id
        WHERE d.done_at IS NULL AND d.consumer = ANY(:advisers)
          AND e.occurred_at < now() - interval '24 hours'""",
    # Of what was done long ago the delivery is gone (`done_work`); it is not done while the
    # idea is still as it was received.
    "an idea without a delivery to the checks": """
        SELECT i.number FROM ideas i
        WHERE (i.status = 'received' OR i.received_at > now() - interval '80 days')
        AND NOT EXISTS (
            SELECT FROM outbox_events e
            JOIN outbox_deliveries d ON d.event_id = e.id AND d.consumer = 'moderation.check'
            WHERE e.subject_id = i.id AND e.kind = 'IdeaSubmitted')""",
    "a decision owed a letter without one": """
        SELECT i.number FROM decisions d
        JOIN ideas i ON i.id = d.idea_id
        JOIN contacts c ON c.idea_id = i.id
        JOIN outbox_events e ON e.subject_id = i.id AND e.kind = 'IdeaDecided'
                            AND e.payload ->> 'decision_id' = d.id::text
        JOIN outbox_deliveries o ON o.event_id = e.id AND o.consumer = 'notify.letter'
        WHERE (d.kind IN ('publish', 'reject', 'merge', 'accept_correction', 'ask_correction')
               OR d.kind = 'mask' AND d.status_before = 'published')
          AND o.done_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM letters l WHERE l.decision_id = d.id)""",
    # Notify was told of those only that are to be confirmed, and also writes down what it does not
    # send (`arrivals`): so none may be missing.
    "an arrival to be confirmed without a letter": """
        SELECT i.number FROM outbox_deliveries d
        JOIN outbox_events e ON e.id = d.event_id
        JOIN contacts c ON c.idea_id = e.subject_id
        JOIN ideas i ON i.id = e.subject_id
        WHERE d.consumer = 'notify.arrival' AND d.done_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM letters l WHERE l.received_id = e.subject_id)""",
    # Of the writer whose idea it is; whose idea was merged into it and when, letters cannot tell.
    "an answer owed a letter without one": """
        SELECT i.number FROM official_answers a
        JOIN ideas i ON i.id = a.idea_id
        JOIN contacts c ON c.idea_id = i.id
        JOIN outbox_events e ON e.subject_id = i.id AND e.kind = 'IdeaAnswered'
                            AND e.payload ->> 'answer_id' = a.id::text
        JOIN outbox_deliveries d ON d.event_id = e.id AND d.consumer = 'notify.answer'
        WHERE a.tells AND d.done_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM letters l WHERE l.answer_id = a.id AND l.idea_id = i.id)""",
    "an idea twice in the queue for one reason": """
        SELECT i.number FROM queue_entries q JOIN ideas i ON i.id = q.idea_id
        WHERE q.closed_at IS NULL GROUP BY i.number, q.reason HAVING count(*) > 1""",
}
_SHOWN = 20
# How far back the books are read of what is settled, unless all of it is asked for.
MONTH = timedelta(days=31)
# The same questions, of ideas that wait for something and those that came in or were acted upon
# since a moment: in here the two tables hold nothing else. Ids are in the order of time. Arrays,
# because the planner takes them for short and goes along indexes: joined, it read every idea there
# ever was to find the fiftieth part of them. What is asked of one idea, asks the table itself.
_OF_LATE = """
    WITH late AS MATERIALIZED (
        SELECT id FROM public.ideas WHERE id >= :since
        UNION SELECT id FROM public.ideas WHERE status = 'received'
        UNION SELECT id FROM public.ideas WHERE status = 'waiting'
        UNION SELECT idea_id FROM public.decisions WHERE id >= :since
        UNION SELECT idea_id FROM public.official_answers WHERE id >= :since
        UNION SELECT idea_id FROM public.queue_entries WHERE closed_at IS NULL),
    ideas AS (
        SELECT i.* FROM public.ideas i WHERE i.id = ANY(ARRAY(SELECT id FROM late))),
    decisions AS (
        SELECT d.* FROM public.decisions d WHERE d.idea_id = ANY(ARRAY(SELECT id FROM late)))
    """


@dataclass(frozen=True, slots=True)
class Health:
    """How late the work is, in seconds; None when there is none, or no clock has run.

    Advice that nobody waits for is counted by itself.
    """

    unprocessed: int
    oldest_unprocessed_s: int | None
    clock_age_s: int | None
    advice_waiting: int


def read_health(session: SqlSession) -> Health:
    """Ask how old the oldest unprocessed row is: the one sign that a deaf worker cannot fake."""
    advises = OutboxDelivery.consumer.in_(queues.ADVISERS)
    unprocessed, advice = session.execute(
        select(func.count().filter(~advises), func.count().filter(advises))
        .select_from(OutboxDelivery)
        .where(_NOT_DONE)
    ).one()
    oldest = session.scalar(
        text("""
            SELECT extract(epoch FROM now() - e.occurred_at)::int
            FROM outbox_deliveries d JOIN outbox_events e ON e.id = d.event_id
            WHERE d.done_at IS NULL AND d.consumer <> ALL(:advisers)
            ORDER BY d.event_id LIMIT 1"""),
        {"advisers": list(queues.ADVISERS)},
    )
    beat = session.scalar(select(Heartbeat.at).where(Heartbeat.name == heartbeat.CLOCK))
    age = None if beat is None else max(0, int((utcnow() - beat).total_seconds()))
    return Health(unprocessed, oldest, age, advice)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books at one instant. `received` counts ideas still in that status.

    `since`: of what is settled, they were read from then on; None: all of it.

    `unprocessed` counts deliveries that are not done; those of advice are in `advice_waiting`.
    """

    received: int
    waiting: int
    published: int
    rejected: int
    merged: int
    withdrawn: int
    unprocessed: int
    oldest_unprocessed_s: int | None
    advice_waiting: int
    violations: list[dict[str, Any]]
    since: str | None = None

    @property
    def adds_up(self) -> bool:
        """Whether no rule is broken."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """Return the contract's JSON object."""
        return asdict(self)


def count_ideas(session: SqlSession) -> dict[str, int]:
    """Count ideas by status, every status named. Destroyed ideas are tombstones and count.

    A status that nobody knows is not among them, and does not stop the count of the others.
    """
    status_as_stored = type_coerce(Idea.status, String)
    grouped = session.execute(select(status_as_stored, func.count()).group_by(Idea.status))
    found = {row[0]: row[1] for row in grouped}
    return {status.value: found.get(status, 0) for status in IdeaStatus}


def kept_counts(session: SqlSession) -> dict[str, int]:
    """Return the same numbers, however many ideas there are, at the price of a few rows.

    What is settled is counted as it happens (`Tally`); what is not, along indexes of it alone.
    """
    open_ones = (IdeaStatus.RECEIVED, IdeaStatus.WAITING)
    found = _tallied(session, "ideas")
    for status in open_ones:
        # The very words of the index: a parameter could be of any status.
        found[status.value] = session.scalar(
            text(f"SELECT count(*) FROM ideas WHERE status = '{status.value}'")  # noqa: S608 - ours
        )
    return {status.value: found.get(status.value, 0) for status in IdeaStatus}


def _tallied(session: SqlSession, table: str) -> dict[str, int]:
    rows = session.execute(
        select(Tally.what, func.sum(Tally.number))
        .where(Tally.what.startswith(f"{table} "))
        .group_by(Tally.what)
    )
    return {what.partition(" ")[2]: int(number) for what, number in rows}


def read_ledger(session: SqlSession, *, since: datetime | None = None) -> Ledger:
    """Read the books. The session must not have begun: one REPEATABLE READ snapshot is taken.

    With `since` what was settled before that is left out, and the settled are not counted anew: it
    then takes as long as what came since, not as all that there ever was.
    """
    session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    broken = []
    asked: dict[str, Any] = {"advisers": list(queues.ADVISERS)}
    of_late = ""
    if since is not None:
        of_late = _OF_LATE
        asked["since"] = least_id_at(since)
    for name, question in VIOLATIONS.items():
        rows = session.scalars(text(of_late + question), asked).all()
        if rows:
            broken.append({"rule": name, "count": len(rows), "examples": list(rows[:_SHOWN])})
    if since is None:
        by_status = count_ideas(session)
        total = session.scalar(select(func.count()).select_from(Idea)) or 0
        if sum(by_status.values()) != total or by_status != kept_counts(session):
            broken.append({"rule": "counts that differ", "count": 1, "examples": []})
    else:
        by_status = kept_counts(session)
    late = read_health(session)
    return Ledger(
        **by_status,
        unprocessed=late.unprocessed,
        oldest_unprocessed_s=late.oldest_unprocessed_s,
        advice_waiting=late.advice_waiting,
        violations=broken,
        since=None if since is None else since.isoformat(timespec="seconds"),
    )


def write_metrics(session: SqlSession) -> bytes:
    """Return the numbers an operator watches, as Prometheus reads them."""
    registry = CollectorRegistry()
    ideas = Gauge("radslag_ideas", "Ideas by status", ["status"], registry=registry)
    for status, number in kept_counts(session).items():
        ideas.labels(status).set(number)
    late = read_health(session)
    Gauge("radslag_unprocessed", "Deliveries not done", registry=registry).set(late.unprocessed)
    Gauge("radslag_oldest_unprocessed_seconds", "Age of the oldest of them", registry=registry).set(
        late.oldest_unprocessed_s or 0
    )
    Gauge("radslag_advice_waiting", "Semantic looks not done", registry=registry).set(
        late.advice_waiting
    )
    Gauge("radslag_clock_age_seconds", "Since the clock last ticked", registry=registry).set(
        -1 if late.clock_age_s is None else late.clock_age_s
    )
    letters = Gauge("radslag_letters", "Letters by state", ["state"], registry=registry)
    on_their_way = text("""
        SELECT state, count(*) FROM letters WHERE state IN ('waiting', 'claimed') GROUP BY 1""")
    by_state = _tallied(session, "letters")
    by_state |= {state: int(number) for state, number in session.execute(on_their_way)}
    for state, number in by_state.items():
        if number:
            letters.labels(state).set(number)
    webhooks = Gauge("radslag_webhooks", "Webhooks not heard", ["state"], registry=registry)
    # For each endpoint, so that the index leads past the many that were heard.
    counted = text("""
        SELECT coalesce(sum((SELECT count(*) FROM webhook_deliveries d
                             WHERE d.webhook_id = w.id AND d.state = :state)), 0)
        FROM webhooks w""")
    for state in ("waiting", "claimed", "failed"):
        webhooks.labels(state).set(session.scalar(counted, {"state": state}) or 0)
    failed = session.scalar(text("SELECT count(*) FROM failed_jobs WHERE replayed_at IS NULL"))
    Gauge("radslag_failed_jobs", "Jobs given up and not replayed", registry=registry).set(
        failed or 0
    )
    security = Gauge(
        "radslag_security_events", "At the desk's door within the hour", ["kind"], registry=registry
    )
    within_the_hour = text("""
        SELECT kind, sum(times) FROM security_events
        WHERE at > now() - interval '1 hour' GROUP BY 1""")
    happened = {kind: int(number) for kind, number in session.execute(within_the_hour)}
    for kind in SecurityKind:
        security.labels(kind.value).set(happened.get(kind.value, 0))
    return generate_latest(registry)
