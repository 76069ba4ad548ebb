"""The security log: what is done at the door of the desk, and what is tried there.

Who, what, and from which place, as ids and keyed hashes: no address, no words. It is kept for
RADSLAG_SECURITY_LOG_DAYS. What anybody can cause is counted, not listed, so nobody can fill a disk
with it.
"""

import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.addresses import mailboxes
from shared.clock import utcnow
from shared.config import Settings
from shared.models import SecurityEvent, SecurityKind, Staff
from shared.telemetry import metrics

log = logging.getLogger(__name__)

PAGE_SIZE = 50
# What needs no right password is counted in steps of so long, and so many rows are kept of each.
SLOT = timedelta(minutes=10)
MOST_IN_SLOT = 1000
COUNTED = frozenset(
    {
        SecurityKind.WRONG_PASSWORD,
        SecurityKind.WRONG_CODE,
        SecurityKind.THROTTLED,
        SecurityKind.DIRECTORY_REFUSED,
        SecurityKind.FORBIDDEN,
        SecurityKind.WRONG_TOKEN,
        SecurityKind.WRONG_SENDER,
        SecurityKind.WRONG_HOST,
        SecurityKind.PASSWORD_ASKED,
    }
)
_HASH_BYTES = 16


def record_event(
    session: SqlSession,
    settings: Settings,
    kind: SecurityKind,
    *,
    email: str = "",
    place: str = "",
) -> None:
    """Write down what happened at an account, from a place (`shared.addresses.places`).

    `email` is the address that was given, whether it has an account or not.
    """
    who = _keyed(settings, "who", mailboxes.known_as(email) if email else "")
    where = _keyed(settings, "place", place)
    staff_id = _find_owner(session, email) if email else None
    log.info(
        "something happened at the door of the desk",
        extra={"event": kind.value, "staff": str(staff_id or ""), "place": where.hex()},
    )
    if kind.value in metrics.LOGINS.known:
        metrics.LOGINS.add(kind.value)
    now = utcnow()
    slot = _slot_of(now) if kind in COUNTED else None
    if slot is not None and _is_full(session, slot):
        who, where, staff_id = b"", b"", None
    row = insert(SecurityEvent).values(
        kind=kind, staff_id=staff_id, who_hash=who, place_hash=where, at=now, slot=slot
    )
    session.execute(
        row.on_conflict_do_update(
            index_elements=["slot", "kind", "who_hash", "place_hash"],
            set_={"times": SecurityEvent.times + 1},
        )
    )


def forget_old(session: SqlSession, settings: Settings) -> None:
    """Remove what is older than the log is kept."""
    kept = timedelta(days=settings.security_log_days)
    session.execute(delete(SecurityEvent).where(SecurityEvent.at < utcnow() - kept))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events to show: of one kind, at one account, from one place, before one of them."""

    kind: SecurityKind | None = None
    staff_id: UUID | None = None
    place: bytes | None = None
    before: int | None = None


def read_events(
    session: SqlSession, wanted: Wanted
) -> tuple[list[tuple[SecurityEvent, str]], int | None]:
    """Return a page of events with the name of whose account it was, and where to go on.

    Newest first.
    """
    name = func.coalesce(func.nullif(Staff.name, ""), Staff.email, "")
    question = (
        select(SecurityEvent, name)
        .outerjoin(Staff, Staff.id == SecurityEvent.staff_id)
        .order_by(SecurityEvent.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    if wanted.kind is not None:
        question = question.where(SecurityEvent.kind == wanted.kind)
    if wanted.staff_id is not None:
        question = question.where(SecurityEvent.staff_id == wanted.staff_id)
    if wanted.place is not None:
        question = question.where(SecurityEvent.place_hash == wanted.place)
    if wanted.before is not None:
        question = question.where(SecurityEvent.id < wanted.before)
    found = [(event, whose) for event, whose in session.execute(question)]
    more = found[PAGE_SIZE - 1][0].id if len(found) > PAGE_SIZE else None
    return found[:PAGE_SIZE], more


def _find_owner(session: SqlSession, email: str) -> UUID | None:
    return session.scalar(
        select(Staff.id).where(func.lower(Staff.email) == mailboxes.known_as(email))
    )


def _slot_of(moment: datetime) -> datetime:
    step = int(SLOT.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // step * step, UTC)


def _is_full(session: SqlSession, slot: datetime) -> bool:
    """Whether a slot has so many rows that what else happens in it is told apart no more."""
    there = select(SecurityEvent.id).where(SecurityEvent.slot == slot).limit(MOST_IN_SLOT)
    return session.scalar(select(func.count()).select_from(there.subquery())) == MOST_IN_SLOT


def _keyed(settings: Settings, purpose: str, value: str) -> bytes:
    if not value:
        return b""
    named = f"security {purpose} {value}".encode("utf-8", "replace")
    return hmac.digest(settings.secret_key.encode(), named, "sha256")[:_HASH_BYTES]
