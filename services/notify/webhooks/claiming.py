"""Claiming webhooks, and what becomes of them.

A claim is one statement: due, free, its endpoint's turn, and still true (the decision stands). A
worker that dies with a webhook in its hands leaves it claimed; when the lease ends it is sent again
with the same `webhook-id`: at least once.

Turns are by endpoint: the one with the fewest on their way is next, so a heap for one never waits
before a single one for another. An endpoint that has failed some times in a row rests, and then
gets one at a time until it answers.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow

# Longer than any request, also when a name server is slow to say that it does not know.
LEASE_S = 120
# On their way to one endpoint at the most.
AT_ONCE = 4
# So many failures in a row make an endpoint rest, and hear one at a time afterwards.
ENOUGH = 3

# Why one was cancelled, as its `error` says. The statement below has the same words.
UNDONE = "undone"
NEVER_LEFT = "never left"

_SEND = "send"
_LOOK_AGAIN_S = 2


@dataclass(frozen=True, slots=True)
class Claimed:
    """A webhook in our hands: `attempts` tells this claim from later ones."""

    id: UUID
    webhook_id: UUID
    event_id: int | None
    kind: str
    attempts: int
    tries: int
    begun_at: datetime


# Literally as in the partial indexes of what is on its way.
_FREE = """d.state IN ('waiting', 'claimed') AND d.due_at <= :now
      AND (d.state = 'waiting' OR d.claimed_until < :now)"""
_NEXT = f"""
    SELECT d.id, d.due_at, d.attempts FROM webhook_deliveries d
    WHERE d.webhook_id = w.id AND {_FREE}
    ORDER BY d.due_at, d.id LIMIT 1"""  # noqa: S608 - all words are ours
_MAY_HEAR = "w.state = 'on' AND (w.rests_until IS NULL OR w.rests_until <= :now)"
# Tests go out at once, also to an endpoint that hears nothing else now.
_TESTS = f"FROM webhook_deliveries d WHERE d.event_id IS NULL AND {_FREE} ORDER BY d.due_at"

_ITS_TURN = f"""
    SELECT next.id
    FROM webhooks w
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM webhook_deliveries f
        WHERE f.webhook_id = w.id AND f.state = 'claimed' AND f.claimed_until >= :now) flying
    CROSS JOIN LATERAL ({_NEXT} FOR UPDATE SKIP LOCKED) next
    WHERE {_MAY_HEAR}
      AND flying.number < CASE WHEN w.failures >= :enough THEN 1 ELSE :at_once END
    ORDER BY flying.number, next.due_at LIMIT 1"""  # noqa: S608 - all words are ours
_A_TEST = f"SELECT d.id {_TESTS} LIMIT 1 FOR UPDATE SKIP LOCKED"

# Of a decision or an official answer: it stands. Of an undo: what it undoes may have been heard.
_CLAIM = """
    WITH picked AS MATERIALIZED ({picked}),
    judged AS (
        SELECT d.id, CASE
            WHEN told.act IS NULL THEN 'send'
            WHEN EXISTS (SELECT FROM decisions undo WHERE undo.undoes = told.act)
              OR EXISTS (SELECT FROM official_answers undo WHERE undo.undoes = told.act)
              THEN 'undone'
            WHEN original.attempts IS NULL OR original.attempts > 0 THEN 'send'
            WHEN original.state = 'waiting' THEN 'wait'
            ELSE 'never left' END AS verdict
        FROM picked
        JOIN webhook_deliveries d ON d.id = picked.id
        LEFT JOIN outbox_events e ON e.id = d.event_id
        LEFT JOIN LATERAL (SELECT CAST(
            coalesce(e.payload ->> 'decision_id', e.payload ->> 'answer_id') AS uuid) AS act) told
            ON true
        LEFT JOIN LATERAL (
            SELECT undoes FROM decisions WHERE id = told.act
            UNION ALL SELECT undoes FROM official_answers WHERE id = told.act) taken_back ON true
        LEFT JOIN outbox_events about ON about.subject_id = e.subject_id
            AND coalesce(about.payload ->> 'decision_id', about.payload ->> 'answer_id')
                = CAST(taken_back.undoes AS text)
        LEFT JOIN webhook_deliveries original
            ON original.webhook_id = d.webhook_id AND original.event_id = about.id)
    UPDATE webhook_deliveries d SET
        state = CASE verdict WHEN 'send' THEN 'claimed' WHEN 'wait' THEN 'waiting'
                     ELSE 'cancelled' END,
        claimed_until = CASE verdict WHEN 'send' THEN CAST(:claimed_until AS timestamptz) END,
        due_at = CASE verdict WHEN 'wait' THEN CAST(:later AS timestamptz) ELSE d.due_at END,
        attempts = d.attempts + CASE verdict WHEN 'send' THEN 1 ELSE 0 END,
        tries = d.tries + CASE verdict WHEN 'send' THEN 1 ELSE 0 END,
        tried_at = CASE verdict WHEN 'send' THEN CAST(:now AS timestamptz) ELSE d.tried_at END,
        error = CASE WHEN verdict IN ('send', 'wait') THEN d.error ELSE verdict END,
        closed_at = CASE WHEN verdict IN ('send', 'wait') THEN NULL
                         ELSE CAST(:now AS timestamptz) END
    FROM judged WHERE judged.id = d.id
    RETURNING judged.verdict, d.id, d.webhook_id, d.event_id, d.kind, d.attempts, d.tries,
              d.begun_at"""

_CLAIMS = tuple(text(_CLAIM.format(picked=each)) for each in (_A_TEST, _ITS_TURN))


def claim_webhook(session: SqlSession) -> Claimed | None:
    """Take a webhook that is due, or None. What is no longer true is cancelled on the way."""
    now = utcnow()
    moments = {
        "now": now,
        "claimed_until": now + timedelta(seconds=LEASE_S),
        "later": now + timedelta(seconds=_LOOK_AGAIN_S),
    }
    for statement in _CLAIMS:
        turns = {"enough": ENOUGH, "at_once": AT_ONCE} if statement is _CLAIMS[1] else {}
        while (row := session.execute(statement, {**moments, **turns}).one_or_none()) is not None:
            verdict, *fields = row
            if verdict == _SEND:
                return Claimed(*fields)
    return None


def something_due(session: SqlSession) -> object | None:
    """Return what changes with every webhook that leaves while some are due, or None."""
    found = session.execute(_DUE, {"now": utcnow()}).all()
    return [tuple(row) for row in found] or None


_DUE = text(
    f"""
    SELECT next.id, next.attempts
    FROM webhooks w CROSS JOIN LATERAL ({_NEXT}) next
    WHERE {_MAY_HEAR}
    UNION ALL (SELECT d.id, d.attempts {_TESTS} LIMIT 1)"""  # noqa: S608 - all words are ours
)
