"""The security log: what is done at the door of the desk, and what is tried there.

Who, what, and from which place, as ids and keyed hashes: no address, no words. It is kept for
RADSLAG_SECURITY_LOG_DAYS. What anybody can cause is counted, not listed, so nobody can fill a disk
with it.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import log_pages
from shared.addresses import mailboxes, places
from shared.clock import utcnow
from shared.config import Settings
from shared.forgetting.batches import forget_some
from shared.models import SecurityEvent, SecurityKind, Staff
from shared.telemetry import metrics

log = logging.getLogger(__name__)

# What needs no right password is counted in steps of so long, and of each step so many rows of a
# kind are kept.
SLOT = timedelta(minutes=10)
MOST_IN_SLOT = 200
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
        # The public web has it counted by the database (migration 0036).
        SecurityKind.API_REFUSED,
    }
)


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
    if slot is not None and _is_full(session, slot, kind):
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


def forget_old(session: SqlSession, settings: Settings) -> int:
    """Remove some of what is older than the log is kept; return how many."""
    kept = timedelta(days=settings.security_log_days)
    return forget_some(session, SecurityEvent, SecurityEvent.at < utcnow() - kept)


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
    return log_pages.read_page(
        session,
        select(SecurityEvent, name).outerjoin(Staff, Staff.id == SecurityEvent.staff_id),
        SecurityEvent.id,
        wanted.before,
        (SecurityEvent.kind, wanted.kind),
        (SecurityEvent.staff_id, wanted.staff_id),
        (SecurityEvent.place_hash, wanted.place),
    )


def _find_owner(session: SqlSession, email: str) -> UUID | None:
    return session.scalar(
        select(Staff.id).where(func.lower(Staff.email) == mailboxes.known_as(email))
    )


def _slot_of(moment: datetime) -> datetime:
    step = int(SLOT.total_seconds())
    return datetime.fromtimestamp(int(moment.timestamp()) // step * step, UTC)


def _is_full(session: SqlSession, slot: datetime, kind: SecurityKind) -> bool:
    """Whether a slot has so many rows of a kind that what else there is is told apart no more.

    Each kind by itself: nobody hides what they try among refusals that cost them nothing.
    """
    there = (
        select(SecurityEvent.id)
        .where(SecurityEvent.slot == slot, SecurityEvent.kind == kind)
        .limit(MOST_IN_SLOT)
    )
    return session.scalar(select(func.count()).select_from(there.subquery())) == MOST_IN_SLOT


def _keyed(settings: Settings, purpose: str, value: str) -> bytes:
    return places.hash_for_log(settings.secret_key, purpose, value) if value else b""
