"""What the desk shows of alarms: what goes on, what is over, who was told, what cannot leave."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, text
from sqlalchemy.orm import Session as SqlSession

from services.notify.alarms import alarm_facts, alarm_words
from services.notify.alarms.alarm_facts import Said
from shared import heartbeat
from shared.models import Heartbeat, Incident, Letter, LetterState, Notice, NoticeItem, Staff

PAGE = 30
# More than this at once is a bad day, and the page says so.
MOST_OPEN = 100


@dataclass(frozen=True, slots=True)
class Heard:
    """Somebody who was told, and what became of the mail; `at` is when it left, or was written."""

    name: str
    state: LetterState
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """An incident, and who heard of it."""

    id: UUID
    kind: str
    said: Said
    opened_at: datetime
    resolved_at: datetime | None
    heard: Sequence[Heard]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Mails about alarms that could not leave: how many, since when, and what the server said."""

    count: int
    since: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What each page of the desk says: how many alarms go on, and since when nothing leaves."""

    open: int
    clock_stands_since: datetime | None
    mail_stands_since: datetime | None


def going_on(session: SqlSession) -> list[Line]:
    """Return the open incidents, newest first."""
    return _lines(
        session,
        session.scalars(
            select(Incident)
            .where(Incident.resolved_at.is_(None))
            .order_by(Incident.id.desc())
            .limit(MOST_OPEN)
        ).all(),
    )


def list_over(session: SqlSession, before: UUID | None = None) -> list[Line]:
    """Return a page of those that are over, newest first; `before` is the last one seen."""
    wanted = select(Incident).where(Incident.resolved_at.is_not(None))
    if before is not None:
        wanted = wanted.where(Incident.id < before)
    return _lines(session, session.scalars(wanted.order_by(Incident.id.desc()).limit(PAGE)).all())


def read_stuck(session: SqlSession) -> Stuck | None:
    """Return the mails that were tried and did not leave; None when all do."""
    rows = session.execute(
        select(Letter.created_at, Letter.error).where(_stuck()).order_by(Letter.created_at)
    ).all()
    return Stuck(len(rows), rows[0].created_at, rows[-1].error or "") if rows else None


def read_frame(session: SqlSession, now: datetime) -> Frame:
    """Return what each page says. One statement."""
    number = (
        select(func.count())
        .select_from(Incident)
        .where(Incident.resolved_at.is_(None))
        .scalar_subquery()
    )
    beat = select(Heartbeat.at).where(Heartbeat.name == heartbeat.CLOCK).scalar_subquery()
    since = select(func.min(Letter.created_at)).where(_stuck()).scalar_subquery()
    row = session.execute(select(number, beat, since)).one()
    is_late = row[1] is not None and now - row[1] > heartbeat.LATE_CLOCK
    return Frame(row[0], row[1] if is_late else None, row[2])


def _stuck() -> ColumnElement[bool]:
    return and_(
        # Literally as in the partial index of notices on their way.
        text("letters.state IN ('waiting', 'claimed') AND letters.notice_id IS NOT NULL"),
        Letter.error.is_not(None),
    )


def _lines(session: SqlSession, incidents: Sequence[Incident]) -> list[Line]:
    facts = alarm_facts.read_known(session, incidents)
    heard = _heard(session, [each.id for each in incidents])
    return [
        Line(
            each.id,
            alarm_words.name_kind(each.kind),
            alarm_words.say_incident(each, facts),
            each.opened_at,
            each.resolved_at,
            heard[each.id],
        )
        for each in incidents
    ]


def _heard(session: SqlSession, ids: Sequence[UUID]) -> dict[UUID, list[Heard]]:
    """Return who was told that each began, in the order of their names."""
    name = func.coalesce(func.nullif(Staff.name, ""), Staff.email)
    rows = session.execute(
        select(
            NoticeItem.incident_id,
            name,
            Letter.state,
            func.coalesce(Letter.sent_at, Letter.created_at),
        )
        .join(Notice, Notice.id == NoticeItem.notice_id)
        .join(Letter, Letter.notice_id == Notice.id)
        .join(Staff, Staff.id == NoticeItem.staff_id)
        .where(NoticeItem.incident_id.in_(ids), ~NoticeItem.is_over)
        .order_by(name)
    )
    found: dict[UUID, list[Heard]] = defaultdict(list)
    for incident_id, *heard in rows:
        found[incident_id].append(Heard(*heard))
    return found
