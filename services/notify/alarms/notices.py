"""Notices: who is told, in one mail, of the incidents that began, and once that they are over.

Content goes to those on duty, or to administrators while nobody is; what concerns the running of
the system goes to administrators. Rows come first, under an advisory lock: two clocks tell once.
After a mail the next one to the same people waits a while, so that a bad hour is a few mails.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session as SqlSession

from services.notify.alarms import duty
from services.notify.alarms.duty import Person
from services.notify.mail.incidents import GATHER
from services.notify.mail.letters import message_id
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.models import (
    Incident,
    IncidentKind,
    Letter,
    LetterState,
    Notice,
    NoticeItem,
    Role,
    Staff,
    ToldAs,
)

ALERT = "alert"
ALERT_OVER = "alert-over"
# What begins in the same few minutes travels in one mail, even when the first was too urgent to
# wait for the others.
SPACING = timedelta(minutes=5)
# About ideas, for people who moderate; all others are about the system, for administrators.
CONTENT = frozenset(
    {
        *(IncidentKind.THREAT, IncidentKind.DESPAIR, IncidentKind.CHILD),
        *(IncidentKind.WAVE, IncidentKind.OVERDUE),
    }
)
_OPERATION = frozenset(IncidentKind) - CONTENT
_LOCK = 7_261_993_011
_UNDECIDED = frozenset({LetterState.WAITING, LetterState.CLAIMED})


@dataclass(frozen=True, slots=True)
class _Hearer:
    """Somebody who is told, and why they are."""

    staff_id: UUID
    language: str
    told_as: ToldAs


def is_anything_untold(session: SqlSession) -> bool:
    """Whether there is an incident of which somebody may have to be told, now or later."""
    untold = Incident.resolved_at.is_(None) & Incident.told_at.is_(None)
    over = Incident.resolved_at.is_not(None) & Incident.told_at.is_not(None)
    found = exists().where(untold | (over & Incident.over_told_at.is_(None)))
    return bool(session.scalar(select(found)))


def write_notices(session: SqlSession, settings: Settings, now: datetime) -> None:
    """Write the notices that are due; nothing when somebody else is at it."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return
    for kinds in (CONTENT, _OPERATION):
        _tell_begun(session, kinds, settings, now)
        _tell_over(session, kinds, settings, now)


def list_administrators(session: SqlSession) -> list[Person]:
    """Return those who hear of the system, and of ideas while nobody is on duty.

    Everybody who moderates, should there be no administrator.
    """
    able = list(duty.list_people(session).values())
    return [person for person in able if person.role is Role.ADMIN] or able


def _tell_begun(
    session: SqlSession, kinds: Collection[IncidentKind], settings: Settings, now: datetime
) -> None:
    # With the one whose minute is over go those that began within it.
    untold = session.execute(
        select(Incident.id, Incident.tell_at)
        .where(
            Incident.kind.in_(kinds),
            Incident.resolved_at.is_(None),
            Incident.told_at.is_(None),
            Incident.tell_at <= now + GATHER,
        )
        .order_by(Incident.opened_at, Incident.id)
    ).all()
    is_time = any(tell_at <= now for _id, tell_at in untold)
    if not is_time or _told_lately(session, kinds, now, is_over=False):
        return
    told_as, people = _hearers(session, kinds, now, settings.timezone)
    ids = [incident_id for incident_id, _tell_at in untold]
    heard = {_Hearer(person.id, person.language, told_as): ids for person in people}
    _write(session, heard, settings, now, is_over=False)
    session.execute(update(Incident).where(Incident.id.in_(ids)).values(told_at=now))


def _tell_over(
    session: SqlSession, kinds: Collection[IncidentKind], settings: Settings, now: datetime
) -> None:
    """Tell those whose mail about the beginning has left; while that is open, wait."""
    over = session.scalars(
        select(Incident.id)
        .where(
            Incident.kind.in_(kinds),
            Incident.resolved_at <= now - GATHER,
            Incident.told_at.is_not(None),
            Incident.over_told_at.is_(None),
        )
        .order_by(Incident.resolved_at, Incident.id)
    ).all()
    if not over or _told_lately(session, kinds, now, is_over=True):
        return
    heard: dict[_Hearer, list[UUID]] = defaultdict(list)
    done = []
    for incident_id in over:
        told = _told(session, incident_id)
        if _UNDECIDED & {state for _hearer, state in told}:
            continue
        done.append(incident_id)
        for hearer, state in told:
            if state is LetterState.SENT:
                heard[hearer].append(incident_id)
    _write(session, heard, settings, now, is_over=True)
    session.execute(update(Incident).where(Incident.id.in_(done)).values(over_told_at=now))


def _told(session: SqlSession, incident_id: UUID) -> list[tuple[_Hearer, LetterState]]:
    """Return who was told that an incident began, and what became of the letter."""
    rows = session.execute(
        select(Staff.id, Staff.language, Notice.told_as, Letter.state)
        .join(NoticeItem, NoticeItem.staff_id == Staff.id)
        .join(Notice, Notice.id == NoticeItem.notice_id)
        .join(Letter, Letter.notice_id == Notice.id)
        .where(NoticeItem.incident_id == incident_id, ~NoticeItem.is_over)
    )
    return [
        (_Hearer(staff_id, language, told_as), state) for staff_id, language, told_as, state in rows
    ]


def _hearers(
    session: SqlSession, kinds: Collection[IncidentKind], now: datetime, timezone: ZoneInfo
) -> tuple[ToldAs, list[Person]]:
    if kinds is not CONTENT:
        return ToldAs.ADMIN, list_administrators(session)
    if on_duty := duty.on_duty(session, now, timezone):
        return ToldAs.ON_DUTY, on_duty
    return ToldAs.INSTEAD, list_administrators(session)


def _told_lately(
    session: SqlSession, kinds: Collection[IncidentKind], now: datetime, *, is_over: bool
) -> bool:
    reasons = [ToldAs.ON_DUTY, ToldAs.INSTEAD] if kinds is CONTENT else [ToldAs.ADMIN]
    lately = select(Notice.id).where(
        Notice.made_at > now - SPACING, Notice.is_over == is_over, Notice.told_as.in_(reasons)
    )
    return session.scalar(lately.limit(1)) is not None


def _write(
    session: SqlSession,
    heard: Mapping[_Hearer, Sequence[UUID]],
    settings: Settings,
    now: datetime,
    *,
    is_over: bool,
) -> None:
    """Write a notice, what is in it, and its letter, for each who hears of something."""
    for hearer, incident_ids in heard.items():
        about = {"staff_id": hearer.staff_id, "is_over": is_over}
        notice_id, letter_id = new_id(), new_id()
        session.execute(
            insert(Notice).values(id=notice_id, told_as=hearer.told_as, made_at=now, **about)
        )
        # Told again of what got worse: the newest mail is the one that tells of it.
        items = postgresql.insert(NoticeItem).values(_items(notice_id, incident_ids, about))
        session.execute(
            items.on_conflict_do_update(
                index_elements=["incident_id", "staff_id", "is_over"],
                set_={"notice_id": items.excluded.notice_id},
            )
        )
        session.execute(
            insert(Letter).values(
                id=letter_id,
                template=ALERT_OVER if is_over else ALERT,
                language=hearer.language,
                notice_id=notice_id,
                staff_id=hearer.staff_id,
                message_id=message_id(letter_id, settings.mail_from),
                due_at=utcnow(),
            )
        )


def _items(
    notice_id: UUID, incident_ids: Iterable[UUID], about: dict[str, object]
) -> list[dict[str, object]]:
    return [
        {"notice_id": notice_id, "incident_id": incident_id, **about}
        for incident_id in incident_ids
    ]
