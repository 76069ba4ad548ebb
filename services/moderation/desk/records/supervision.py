"""Proof of supervision: on which days somebody looked at what had come in, and who it was.

The law on electronic notice boards asks the city to watch over what it lets people publish. Whoever
decided about something has looked. On a day without decisions somebody says that they have, and
that stands in the log which nothing is erased from.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import audit
from services.moderation.statistics.counting import find_day_bounds
from shared import red_days
from shared.models import AuditEntry, Idea
from shared.times import move_to_city

_SUBJECT = "supervision"

_TRACES = text("""
    SELECT (t.at AT TIME ZONE :zone)::date AS day, coalesce(nullif(s.name, ''), s.email) AS who,
           count(*) FILTER (WHERE NOT t.said) AS decided, bool_or(t.said) AS said,
           min(t.at) AS first, max(t.at) AS last
    FROM (SELECT d.staff_id, d.decided_at AS at, false AS said FROM decisions d
          WHERE d.decided_at >= :start AND d.decided_at < :end AND d.staff_id IS NOT NULL
            AND d.kind <> 'take_back'
          UNION ALL
          SELECT a.staff_id, a.at, true FROM audit_log a
          WHERE a.subject_kind = 'supervision' AND a.subject_id >= :first AND a.subject_id <= :last
         ) t
    JOIN staff s ON s.id = t.staff_id
    GROUP BY 1, s.id ORDER BY 1, 5""")


@dataclass(frozen=True, slots=True)
class Seen:
    """A person who looked on a day: how much they decided, whether they said so, and when."""

    who: str
    decided: int
    said: bool
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """A day in the city, and who looked on it."""

    day: date
    is_working: bool
    seen: list[Seen] = field(default_factory=list)

    @property
    def decided(self) -> int:
        """How many decisions were made."""
        return sum(each.decided for each in self.seen)

    @property
    def is_missed(self) -> bool:
        """Whether nobody looked on a day on which somebody should have."""
        return self.is_working and not self.seen


def read_days(session: SqlSession, first: date, last: date, zone: ZoneInfo) -> list[Day]:
    """Return every day from the first to the last, the newest first; none before the first idea."""
    began = session.scalar(select(Idea.stored_at).order_by(Idea.id).limit(1))
    if began is None:
        return []
    first = max(first, move_to_city(began, zone).date())
    asked = {
        "zone": zone.key,
        "start": find_day_bounds(first, zone)[0],
        "end": find_day_bounds(last, zone)[1],
        "first": first.isoformat(),
        "last": last.isoformat(),
    }
    found: dict[date, list[Seen]] = defaultdict(list)
    for day, *seen in session.execute(_TRACES, asked):
        found[day].append(Seen(*seen))
    return [Day(day, red_days.is_working(day), found[day]) for day in _back(first, last)]


def _back(first: date, last: date) -> Iterable[date]:
    return (last - timedelta(days=back) for back in range((last - first).days + 1))


def note_supervision(session: SqlSession, by: UUID, today: date) -> None:
    """Write down that this person has looked today; said twice it stands there once."""
    if not has_said(session, by, today):
        subject = (_SUBJECT, today.isoformat())
        audit.record_change(session, by=by, action="supervision.done", subject=subject)


def has_said(session: SqlSession, by: UUID, today: date) -> bool:
    """Whether this person has said so today."""
    said = select(AuditEntry.id).where(
        AuditEntry.subject_kind == _SUBJECT,
        AuditEntry.subject_id == today.isoformat(),
        AuditEntry.staff_id == by,
    )
    return session.scalar(said.limit(1)) is not None
