"""What became of somebody's last digest, and when the next one comes, in one line."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select, true
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import readers, schedules
from services.notify.digests.readers import Reader
from services.notify.digests.schedule_words import say_when
from services.notify.mail.letters import SUPERSEDED
from shared.clock import utcnow
from shared.config import Settings
from shared.i18n import gettext as _
from shared.i18n import ngettext
from shared.models import Digest, Letter, Staff

# The latest digest of each, but tests and those that a newer one replaced.
_LATEST = (
    select(Digest.made_at, Digest.waiting_count, Digest.is_calm, Letter.state, Letter.sent_at)
    .outerjoin(Letter, Letter.digest_id == Digest.id)
    .where(
        Digest.staff_id == Staff.id,
        ~Digest.is_test,
        Letter.error.is_distinct_from(SUPERSEDED),
    )
    .order_by(Digest.run_id.desc())
    .limit(1)
    .correlate(Staff)
    .lateral("latest")
)


@dataclass(frozen=True, slots=True)
class Status:
    """One person's line: "Skickad 07:00, 12 idéer, nästa i morgon 07:00"."""

    staff_id: UUID
    name: str
    line: str


def of_one(session: SqlSession, settings: Settings, staff_id: UUID) -> str | None:
    """Return somebody's line; None for who can have no digest."""
    return next((each.line for each in read_statuses(session, settings, only=staff_id)), None)


def read_statuses(
    session: SqlSession, settings: Settings, *, only: UUID | None = None
) -> list[Status]:
    """Return the line of everybody who can have digests, or of one, in the order of names.

    One statement: that of one stands on the page of the queue.
    """
    question = readers.select_everybody(readers.IS_ON, *_LATEST.c).outerjoin(_LATEST, true())
    if only is not None:
        question = question.where(Staff.id == only)
    now, zone = utcnow(), settings.timezone
    found = []
    for row in session.execute(question):
        reader = readers.make_reader(row)
        following = _next(reader if row.is_on else None, now, zone)
        line = ", ".join([*_last(row, now, zone), following])
        found.append(Status(reader.id, reader.name or reader.email, line))
    return sorted(found, key=lambda each: each.name.lower())


def _last(row: Row[Any], now: datetime, zone: ZoneInfo) -> list[str]:
    if row.made_at is None:
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
    slot = schedules.find_following_slot(reader.schedule, now, zone) if reader else None
    if reader is None or slot is None:
        return _("inga fler brev")
    missed = schedules.find_latest_slot(reader.schedule, now, zone)
    if missed is not None and missed.at > reader.since:
        return _("nästa alldeles strax")
    return _("nästa %(when)s", when=say_when(slot.at, now, zone))


def _at(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Say when something was; of today the time is enough."""
    local = moment.astimezone(zone)
    is_today = local.date() == now.astimezone(zone).date()
    return f"{local:%H:%M}" if is_today else say_when(moment, now, zone)
