"""Which words are due to be destroyed: how long after the last that was done, and what holds them.

Each idea that was rejected or taken back is of one sort, and each sort has its own period. It is
counted from the last decision, or the last that its writer asked for. Nothing is due that somebody
waits for: an open entry of the queue, a question to a colleague, an event or a letter under way. A
question as old as the period, to one who has left, and what was given up hold nothing.

What is merged is part of the idea that stands, and what stands, waits or is merged is never due.
"""

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session as SqlSession

from shared.config import Settings

AT_ONCE = 200


class Sort(enum.StrEnum):
    """A sort of ideas whose words have a period of their own."""

    UNLAWFUL = "unlawful"
    SPAM = "spam"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


def read_periods(settings: Settings) -> Mapping[Sort, timedelta]:
    """Return how long words of each sort are kept; what is kept for ever is not there.

    Without the number of a decision there is none at all.
    """
    if not settings.destruction_decision:
        return {}
    days = {
        Sort.UNLAWFUL: settings.destroy_unlawful_days,
        Sort.SPAM: settings.destroy_spam_days,
        Sort.REJECTED: settings.destroy_rejected_days,
        Sort.WITHDRAWN: settings.destroy_withdrawn_days,
    }
    return {sort: timedelta(days=each) for sort, each in days.items() if each}


# What may be evidence is of that sort whatever else it is: who takes back what was rejected as
# unlawful does not take it out of there, so the last judgement on it that stands is asked.
_SORT = """CASE
    WHEN r.code = 'unlawful' OR EXISTS (
        SELECT FROM findings f WHERE f.idea_id = i.id AND f.code = 'threat') OR (
        SELECT u.code FROM decisions d LEFT JOIN rules u ON u.id = d.rule_id
        WHERE d.idea_id = i.id AND d.kind NOT IN (
                'undo', 'mask', 'keep', 'reopen', 'ask_correction', 'take_back')
            AND NOT EXISTS (SELECT FROM decisions x WHERE x.undoes = d.id)
        ORDER BY d.seq DESC LIMIT 1) = 'unlawful' THEN 'unlawful'
    WHEN i.status = 'withdrawn' THEN 'withdrawn'
    WHEN r.code = 'spam' THEN 'spam'
    ELSE 'rejected' END"""
# The oldest first, and what somebody holds is left for the next time.
_DUE = text(f"""
    SELECT i.id FROM ideas i LEFT JOIN rules r ON r.id = i.rule_id
    WHERE i.status IN ('rejected', 'withdrawn') AND i.destroyed_at IS NULL
      AND i.received_at <= :until
      -- What a state or a rule rules out is not looked into.
      AND (:sort <> 'withdrawn' OR i.status = 'withdrawn')
      AND (:sort NOT IN ('spam', 'rejected') OR i.status = 'rejected')
      AND (:sort <> 'spam' OR r.code = 'spam')
      AND {_SORT} = :sort
      AND greatest(
          (SELECT max(d.decided_at) FROM decisions d WHERE d.idea_id = i.id),
          (SELECT max(e.occurred_at) FROM outbox_events e
           WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction')) <= :until
      AND NOT EXISTS (
          SELECT FROM queue_entries q WHERE q.idea_id = i.id AND q.closed_at IS NULL)
      AND NOT EXISTS (
          SELECT FROM asks a
          WHERE a.idea_id = i.id AND a.closed_at IS NULL AND a.asked_at > :until)
      AND NOT EXISTS (
          SELECT FROM letters l WHERE l.idea_id = i.id AND l.state IN ('waiting', 'claimed'))
      AND NOT EXISTS (
          SELECT FROM outbox_events e JOIN outbox_deliveries d ON d.event_id = e.id
          WHERE e.subject_id = i.id AND d.done_at IS NULL AND d.failed_at IS NULL)
    ORDER BY i.received_at, i.id LIMIT :most FOR UPDATE OF i SKIP LOCKED""")  # noqa: S608 - constants
# Put aside by a version that did not note when: counted from here on.
_NOTE_ASIDE = text("""
    UPDATE inbox SET put_aside_at = :now
    WHERE state = 'put_aside' AND put_aside_at IS NULL AND body <> ''""")
_DUE_ASIDE = text("""
    SELECT id FROM inbox WHERE state = 'put_aside' AND body <> '' AND put_aside_at <= :until
    ORDER BY put_aside_at, id LIMIT :most FOR UPDATE SKIP LOCKED""")


def find_due_ideas(
    session: SqlSession, sort: Sort, period: timedelta, *, now: datetime
) -> Sequence[UUID]:
    """Lock and return some ideas of a sort whose words have been kept for their period."""
    told = {"sort": sort.value, "until": now - period, "most": AT_ONCE}
    return session.scalars(_DUE, told).all()


def find_due_deliveries(session: SqlSession, period: timedelta, *, now: datetime) -> Sequence[UUID]:
    """Lock and return some deliveries of form tools that were put aside for as long."""
    session.execute(_NOTE_ASIDE, {"now": now})
    return session.scalars(_DUE_ASIDE, {"until": now - period, "most": AT_ONCE}).all()
