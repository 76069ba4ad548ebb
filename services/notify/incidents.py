"""Incidents: each is opened once, seen again as long as it lasts, and resolved once."""

from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.models import AlertKind, Incident


def open_or_see(session: SqlSession, kind: AlertKind, key: str = "", *, count: int = 1) -> UUID:
    """Open an incident, or note that the open one about the same thing lasts; return its id."""
    now = utcnow()
    row = insert(Incident).values(kind=kind, key=key, count=count, opened_at=now, seen_at=now)
    upsert = row.on_conflict_do_update(
        index_elements=["kind", "key"],
        index_where=text("resolved_at IS NULL"),
        set_={"seen_at": now, "count": row.excluded.count},
    ).returning(Incident.id)
    return session.execute(upsert).scalar_one()


def resolve(session: SqlSession, kind: AlertKind, key: str = "") -> bool:
    """Note that an incident is over, and say whether it was open."""
    done = (
        update(Incident)
        .where(Incident.kind == kind, Incident.key == key, Incident.resolved_at.is_(None))
        .values(resolved_at=utcnow())
        .returning(Incident.id)
    )
    return session.execute(done).first() is not None
