"""Ids: opaque ones for machines, numbers for people."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Sequence, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

# One sequence for all years: gaps are allowed, and it is never reset.
IDEA_NUMBERS = Sequence("idea_numbers")


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562): opaque, and in the order of time."""
    return UUID(int=uuid7().int)


def least_id_at(moment: datetime) -> UUID:
    """Return an id below every one that `new_id` made from this moment on, to a millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def read_uuid(raw: str) -> UUID | None:
    """Read an id that was written down; None for what is none."""
    try:
        return UUID(raw)
    except ValueError:
        return None


def next_number(session: Session, received_at: datetime, timezone: ZoneInfo) -> str:
    """Draw the public number of an idea, `R-2026-000123`, with the year of arrival in city time."""
    value: int = session.scalar(select(IDEA_NUMBERS.next_value())) or 0
    return f"R-{received_at.astimezone(timezone).year}-{value:06d}"
