"""Incidents: each is opened once, seen again as long as it lasts, and resolved once.

Opening and resolving are events, for whoever listens. Mails about them are `notices`.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import AlertRaised, AlertResolved
from shared.models import Incident, IncidentKind

# Before anybody is told: what begins in the same minute travels in one mail, and what is over
# within it was nothing to run for.
GATHER = timedelta(minutes=1)
# What comes back so soon after it was over keeps quiet until then: told if it still lasts.
QUIET = timedelta(hours=1)


def open_or_see(session: SqlSession, kind: IncidentKind, key: str = "", *, count: int = 1) -> UUID:
    """Open an incident, or note that the open one about the same thing lasts; return its id."""
    while True:
        found = _see(session, kind, key, count) or _open(session, kind, key, count)
        if found is not None:
            return found
        # Somebody opened it between the two and has committed: now it can be seen.


def resolve_incident(session: SqlSession, kind: IncidentKind, key: str = "") -> bool:
    """Note that an incident is over, and say whether it was open."""
    done = (
        update(Incident)
        .where(Incident.kind == kind, Incident.key == key, Incident.resolved_at.is_(None))
        .values(resolved_at=utcnow())
        .returning(Incident.id)
    )
    incident_id = session.scalar(done)
    if incident_id is not None:
        outbox.record_event(session, AlertResolved(kind.value, incident_id))
    return incident_id is not None


def worsen_incident(session: SqlSession, kind: IncidentKind, key: str, *, count: int) -> None:
    """Note that an open incident has got worse, once; those who hear of it are told again."""
    worse = (
        update(Incident)
        .where(
            Incident.kind == kind,
            Incident.key == key,
            Incident.resolved_at.is_(None),
            Incident.count < count,
        )
        .values(count=count, told_at=None, tell_at=utcnow())
        .returning(Incident.id)
        .execution_options(synchronize_session=False)
    )
    incident_id = session.scalar(worse)
    if incident_id is not None:
        outbox.record_event(session, AlertRaised(kind.value, incident_id, is_worse=True))


def _see(session: SqlSession, kind: IncidentKind, key: str, count: int) -> UUID | None:
    return session.scalar(
        update(Incident)
        .where(Incident.kind == kind, Incident.key == key, Incident.resolved_at.is_(None))
        .values(seen_at=utcnow(), count=count)
        .returning(Incident.id)
        .execution_options(synchronize_session=False)
    )


def _open(session: SqlSession, kind: IncidentKind, key: str, count: int) -> UUID | None:
    now = utcnow()
    last_over = (
        select(func.max(Incident.resolved_at))
        .where(Incident.kind == kind, Incident.key == key)
        .scalar_subquery()
    )
    opened = session.scalar(
        insert(Incident)
        .values(
            kind=kind,
            key=key,
            count=count,
            opened_at=now,
            seen_at=now,
            tell_at=func.greatest(literal(now + GATHER), last_over + QUIET),
        )
        .on_conflict_do_nothing(
            index_elements=["kind", "key"], index_where=text("resolved_at IS NULL")
        )
        .returning(Incident.id)
    )
    if opened is not None:
        outbox.record_event(session, AlertRaised(kind.value, opened))
    return opened
