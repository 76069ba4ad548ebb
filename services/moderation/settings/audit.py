"""The log of what administrators change: who, when, what, from what to what. Append-only.

Everything that changes how the system works is recorded here, in the transaction of the change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import log_pages
from shared.models import AuditEntry, Staff

# What must never stand in a log that nothing can be erased from.
_PERSONAL = frozenset(
    {"email", "name", "password", "password_hash", "secret", "token", "address", "author"}
)


def record_change(
    session: SqlSession,
    *,
    by: UUID | None,
    action: str,
    subject: tuple[str, object],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down one change; `by` is None for a command on the machine.

    `action` is a code such as `council.changed`, which `audit_words` says in plain words. `subject`
    is a kind and an id, such as `("council", slug)` or `("staff", id)`. `before` and `after` hold
    the fields, never a resident's words and nothing personal; only those that differ are kept, and
    a change that changes nothing is not written. Raises ValueError for a personal field.
    """
    was, became = _plain(before or {}), _plain(after or {})
    if personal := _PERSONAL & {*was, *became}:
        raise ValueError(f"not for the log: {', '.join(sorted(personal))}")
    if before is not None and after is not None:
        differ = {name for name in {*was, *became} if was.get(name, ...) != became.get(name, ...)}
        if not differ:
            return
        was = {name: value for name, value in was.items() if name in differ}
        became = {name: value for name, value in became.items() if name in differ}
    append_entry(session, by=by, action=action, subject=subject, before=was, after=became)


def append_entry(
    session: SqlSession,
    *,
    by: UUID | None,
    action: str,
    subject: tuple[str, object],
    before: Mapping[str, Any] = MappingProxyType({}),
    after: Mapping[str, Any] = MappingProxyType({}),
) -> AuditEntry:
    """Append an entry whose fields have been sifted, and return it."""
    kind, subject_id = subject
    entry = AuditEntry(
        staff_id=by,
        action=action,
        subject_kind=kind,
        subject_id=str(subject_id),
        before=dict(before),
        after=dict(after),
    )
    session.add(entry)
    return entry


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in fields.items()}


def _value(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to show: those about one kind of thing, by one person, before one of them."""

    kind: str = ""
    by: UUID | None = None
    before: int | None = None


def read_entries(
    session: SqlSession, wanted: Wanted
) -> tuple[list[tuple[AuditEntry, str]], int | None]:
    """Return a page of entries with the name of who made each, newest first, and where to go on."""
    rows, more = log_pages.read_page(
        session,
        select(AuditEntry, Staff.name, Staff.email).outerjoin(
            Staff, Staff.id == AuditEntry.staff_id
        ),
        AuditEntry.id,
        wanted.before,
        (AuditEntry.subject_kind, wanted.kind or None),
        (AuditEntry.staff_id, wanted.by),
    )
    return [(entry, name or email or "") for entry, name, email in rows], more


@dataclass(frozen=True, slots=True)
class Last:
    """Who made the newest change to one thing, and when."""

    who: str
    at: datetime


def last_about(session: SqlSession, subject: tuple[str, object]) -> Last | None:
    """Return the newest change to a subject."""
    kind, subject_id = subject
    row = session.execute(
        select(Staff.name, Staff.email, AuditEntry.at)
        .outerjoin(Staff, Staff.id == AuditEntry.staff_id)
        .where(AuditEntry.subject_kind == kind, AuditEntry.subject_id == str(subject_id))
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).one_or_none()
    return Last(row.name or row.email or "", row.at) if row else None


def was_recorded(
    session: SqlSession,
    by: UUID,
    action: str,
    subject: tuple[str, object],
    after: Mapping[str, Any],
    since: datetime,
) -> bool:
    """Whether this person did this to this subject since then, with these fields among others."""
    kind, subject_id = subject
    found = select(AuditEntry.id).where(
        AuditEntry.subject_kind == kind,
        AuditEntry.subject_id == str(subject_id),
        AuditEntry.action == action,
        AuditEntry.staff_id == by,
        AuditEntry.at >= since,
        AuditEntry.after.contains(_plain(after)),
    )
    return session.scalar(found.limit(1)) is not None


def list_people(session: SqlSession) -> list[tuple[str, str]]:
    """Return the id and name of everybody who has or had an account, by name, for a filter."""
    rows = session.execute(select(Staff.id, Staff.name, Staff.email))
    found = [(str(staff_id), name or email) for staff_id, name, email in rows]
    return sorted(found, key=lambda each: each[1].lower())
