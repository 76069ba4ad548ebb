"""What became of somebody's last digest, and when the next one comes, in one line."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, text
from sqlalchemy.orm import Session as SqlSession

from services.notify import readers, schedules
from services.notify.readers import Reader
from services.notify.schedule_words import when
from services.notify.subscribing import choices
from shared.clock import utcnow
from shared.config import Settings
from shared.i18n import gettext as _
from shared.i18n import ngettext

# The latest digest of each, but tests and those that a newer one replaced.
_LATEST = text("""
    SELECT s.id, t.* FROM unnest(CAST(:people AS uuid[])) s(id) CROSS JOIN LATERAL (
        SELECT d.made_at, d.waiting_count, d.is_calm, l.state, l.sent_at
        FROM digests d LEFT JOIN letters l ON l.digest_id = d.id
        WHERE d.staff_id = s.id AND NOT d.is_test AND l.error IS DISTINCT FROM 'superseded'
        ORDER BY d.run_id DESC LIMIT 1) t""")


@dataclass(frozen=True, slots=True)
class Status:
    """One person's line: "Skickad 07:00, 12 idéer, nästa i morgon 07:00"."""

    staff_id: UUID
    name: str
    line: str


def of_one(session: SqlSession, settings: Settings, staff_id: UUID) -> str | None:
    """Return somebody's line; None for who can have no digest."""
    found = statuses(session, settings, only=staff_id)
    return found[0].line if found else None


def statuses(session: SqlSession, settings: Settings, *, only: UUID | None = None) -> list[Status]:
    """Return the line of everybody who can have digests, or of one, in the order of names."""
    people = [each for each in choices(session) if only in {None, each.staff_id}]
    on = {each.id: each for each in readers.readers(session)}
    latest = _latest(session, [each.staff_id for each in people])
    now, zone = utcnow(), settings.timezone
    return [
        Status(each.staff_id, each.name, ", ".join([*last, _next(reader, now, zone)]))
        for each in people
        for last in [_last(latest.get(each.staff_id), now, zone)]
        for reader in [on.get(each.staff_id)]
    ]


def _latest(session: SqlSession, people: Collection[UUID]) -> dict[UUID, Row[Any]]:
    return {row.id: row for row in session.execute(_LATEST, {"people": list(people)})}


def _last(row: Row[Any] | None, now: datetime, zone: ZoneInfo) -> list[str]:
    if row is None:
        return [_("Inget brev än")]
    at = _at(row.sent_at or row.made_at, now, zone)
    if row.state is None or row.is_calm:
        return [_("Inget väntade %(at)s", at=at)]
    said = {
        "sent": _("Skickad %(at)s", at=at),
        "waiting": _("På väg sedan %(at)s", at=at),
        "claimed": _("På väg sedan %(at)s", at=at),
        "failed": _("Gick inte fram %(at)s", at=at),
        "cancelled": _("Inställd %(at)s", at=at),
    }[row.state]
    return [said, ngettext("%(n)s idé", "%(n)s idéer", row.waiting_count)]


def _next(reader: Reader | None, now: datetime, zone: ZoneInfo) -> str:
    slot = schedules.following(reader.schedule, now, zone) if reader else None
    if reader is None or slot is None:
        return _("inga fler brev")
    missed = schedules.latest(reader.schedule, now, zone)
    if missed is not None and missed.at > reader.since:
        return _("nästa alldeles strax")
    return _("nästa %(when)s", when=when(slot.at, now, zone))


def _at(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say when something was; of today the time is enough."""
    local = moment.astimezone(zone)
    is_today = local.date() == now.astimezone(zone).date()
    return f"{local:%H:%M}" if is_today else when(moment, now, zone)
