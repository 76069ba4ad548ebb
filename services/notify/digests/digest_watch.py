"""Seeing on the second when a digest is due, without asking about everybody each second."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import readers
from shared.clock import utcnow

# So soon a new account, and a new choice, is seen.
_LOOK_AGAIN = timedelta(seconds=30)


class Watch:
    """Tells who is due. While nobody is it asks again at the next hour that anybody has chosen.

    And every half minute, for what was chosen meanwhile.
    """

    def __init__(self, timezone: ZoneInfo) -> None:
        self._timezone = timezone
        self._ask_at: datetime | None = None

    def __call__(self, session: SqlSession) -> object | None:
        """Return something that changes when somebody else is due; None for nobody."""
        now = utcnow()
        if self._ask_at is not None and now < self._ask_at <= now + _LOOK_AGAIN:
            return None
        found = readers.list_due(session, self._timezone, now)
        self._ask_at = None if found else self._next(session, now)
        return [(each.reader.id, each.slot.name) for each in found] or None

    def _next(self, session: SqlSession, now: datetime) -> datetime:
        slot = readers.next_slot(session, self._timezone, now)
        return min(slot or now + _LOOK_AGAIN, now + _LOOK_AGAIN)
