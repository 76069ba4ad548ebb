"""What a digest says of the queue: counts, reasons, councils and ages; never a resident's words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_timedelta
from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session as SqlSession

from shared import i18n
from shared.clock import utcnow
from shared.i18n import gettext as _
from shared.models import Council, Digest, DigestPosition, Idea, QueueEntry, Reason

# A digest is a summary: this many of the most urgent entries are named.
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One reason or one council: how much of it is new, how much waits, since when."""

    label: str
    new: int
    waiting: int
    oldest: str


@dataclass(frozen=True, slots=True)
class Item:
    """One entry at the head of the queue."""

    number: str
    reason: str
    council: str
    age: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """All that a digest says."""

    new: int
    waiting: int
    oldest: str
    reasons: Sequence[Line]
    councils: Sequence[Line]
    first: Sequence[Item]


def label(reason: Reason) -> str:
    """Name a reason for looking, in the language now spoken."""
    return {
        Reason.NEW: _("Nya idéer"),
        Reason.CORRECTION: _("Rättade texter"),
        Reason.RE_REVIEW: _("Ny prövning"),
        Reason.CLEAN_UP: _("Redan publicerat, att se över"),
        Reason.LATE_FINDING: _("Upptäckt i efterhand"),
        Reason.REPORT: _("Anmält av läsare"),
        Reason.SAMPLE: _("Stickprov"),
    }[reason]


def age(since: datetime, now: datetime) -> str:
    """Write an age in words: "3 dagar", whole minutes at the least."""
    return format_timedelta(
        max(now - since, timedelta(minutes=1)), granularity="minute", locale=i18n.language()
    )


def read(session: SqlSession, digest: Digest) -> Contents:
    """Read what the digest's run saw and what of it still waits, in the language now spoken.

    Entries that came after the run belong to the next one, so each is new exactly once.
    """
    now = utcnow()
    seen = DigestPosition.run_id <= digest.run_id
    is_new = (
        literal(value=True)
        if digest.after_run_id is None
        else DigestPosition.run_id > digest.after_run_id
    )
    counts = session.execute(
        select(
            QueueEntry.reason,
            Council.title,
            func.count(),
            func.count().filter(is_new),
            func.min(QueueEntry.opened_at),
        )
        .join(DigestPosition, DigestPosition.entry_id == QueueEntry.id)
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .where(QueueEntry.closed_at.is_(None), seen)
        .group_by(QueueEntry.reason, Council.title)
    )
    counted = [_Counted(*row) for row in counts]
    first = session.execute(
        select(Idea.number, QueueEntry.reason, Council.title, QueueEntry.opened_at, is_new)
        .join(DigestPosition, DigestPosition.entry_id == QueueEntry.id)
        .join(Idea, Idea.id == QueueEntry.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .where(QueueEntry.closed_at.is_(None), seen)
        .order_by(QueueEntry.priority.desc(), QueueEntry.opened_at, QueueEntry.id)
        .limit(SHOWN)
    )
    order = {reason: place for place, reason in enumerate(Reason)}
    reasons = sorted({each.reason for each in counted}, key=lambda reason: order[reason])
    councils = sorted({each.council for each in counted})
    return Contents(
        new=sum(each.new for each in counted),
        waiting=sum(each.waiting for each in counted),
        oldest=age(min((each.since for each in counted), default=now), now),
        reasons=[
            _line(label(reason), [each for each in counted if each.reason is reason], now)
            for reason in reasons
        ],
        councils=[
            _line(council, [each for each in counted if each.council == council], now)
            for council in councils
        ],
        first=[
            Item(number, label(reason), council, age(opened_at, now), fresh)
            for number, reason, council, opened_at, fresh in first
        ],
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """Entries of one reason and one council."""

    reason: Reason
    council: str
    waiting: int
    new: int
    since: datetime


def _line(name: str, some: Sequence[_Counted], now: datetime) -> Line:
    return Line(
        name,
        sum(each.new for each in some),
        sum(each.waiting for each in some),
        age(min(each.since for each in some), now),
    )
