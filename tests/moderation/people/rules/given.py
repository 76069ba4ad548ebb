"""What the tests beside this one begin with."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import sessions
from shared.models import AuditEntry, Staff

NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)
PASSWORD = "ett långt lösenord för prov"


def audited(unit: SqlSession) -> list[tuple[str, UUID | None, str]]:
    """Return what the log holds: what was done, by whom, about whom."""
    unit.flush()
    rows = select(AuditEntry.action, AuditEntry.staff_id, AuditEntry.subject_id)
    return [tuple(row) for row in unit.execute(rows.order_by(AuditEntry.id))]


def begun(unit: SqlSession, staff: Staff, **how: str) -> UUID:
    return sessions.begin_session(
        unit, staff, **{"via": sessions.PASSWORD, "browser": "Firefox"} | how
    )
