"""Half a sign-in: the password was right, and the second factor is asked for. It opens no door."""

from typing import Any
from uuid import UUID

from flask import session
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.models import Staff

# How long somebody whose password was right may look for their phone.
HALF_LASTS_S = 10 * 60


def begin_half(staff: Staff) -> None:
    """Remember whose password was right while the second factor is asked for; opens no door."""
    session.clear()
    session.permanent = True
    session["half"] = [str(staff.id), staff.session_epoch, int(utcnow().timestamp())]


def find_half(reading: SqlSession) -> Staff | None:
    """Return whose password was right a moment ago, while the account is open and unchanged."""
    kept: Any = session.get("half")
    if kept is None or utcnow().timestamp() - kept[2] > HALF_LASTS_S:
        return None
    staff = reading.get(Staff, UUID(kept[0]))
    if staff is None or staff.disabled_at is not None or staff.session_epoch != kept[1]:
        return None
    return staff
