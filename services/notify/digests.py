"""Digest runs: whose hour has come, and which entries each person has not yet been told of.

A run takes an advisory lock, stamps the open queue entries that no run has seen with its id, and
writes a digest and a letter for each person, all in one transaction: it happened or it did not.
Runs follow one another in the order of their ids, so "new since last" is what was stamped by the
runs after the person's last one. Windows by id, by time or by transaction number lose entries that
commit late; here those are stamped by the next run.

A day has one digest per person, whatever the clock does: the row of (person, city date) is unique.
After an outage the first run tells everything in one mail; a digest that is still waiting for a
mail server is replaced by the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, Select, and_, exists, func, insert, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session as SqlSession

from services.notify import addresses
from services.notify.letters import DIGEST, INTERRUPTED, SUPERSEDED, message_id
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.models import (
    Digest,
    DigestPosition,
    DigestRun,
    Letter,
    LetterState,
    QueueEntry,
    Role,
    Staff,
    Subscription,
)

# When a person has chosen nothing; the city's clock.
USUAL_HOUR = 7
_LOCK = 7_261_993_002
# Who can have a digest at all: those who can do something about what waits.
TOLD = frozenset({Role.MODERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True)
class Reader:
    """A member of staff who gets digests."""

    id: UUID
    email: str
    language: str
    hour: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What a run means for one person: how much is new to them, and how much waits."""

    reader: Reader
    new: int
    waiting: int


def readers(session: SqlSession) -> list[Reader]:
    """Return the moderators and administrators who want a daily digest; all do until they say no.

    In the order of their accounts.
    """
    rows = session.execute(_readers().order_by(Staff.id))
    return [_reader(row) for row in rows]


def due(session: SqlSession, timezone: ZoneInfo, now: datetime) -> list[Reader]:
    """Return those whose hour has passed today on the city's clock and who have no digest today.

    Whoever got the account after today's hour waits until tomorrow. An hour that does not exist
    (last Sunday of March) has passed when the clock has gone beyond it; one that comes twice
    counts when it first comes.
    """
    local = now.astimezone(timezone)
    todays = exists().where(Digest.staff_id == Staff.id, Digest.for_day == local.date())
    rows = session.execute(
        _readers()
        .where(func.coalesce(Subscription.hour, USUAL_HOUR) <= local.hour, ~todays)
        .order_by(Staff.id)
    )
    found = [_reader(row) for row in rows]
    return [
        reader for reader in found if reader.since <= hour_of(local.date(), reader.hour, timezone)
    ]


def hour_of(day: date, hour: int, timezone: ZoneInfo) -> datetime:
    """Return the moment of an hour on the city's clock; the first of two."""
    return datetime.combine(day, time(hour), timezone)


def run_scheduled(session: SqlSession, settings: Settings, now: datetime) -> list[Told]:
    """Make the digests that are due; nothing when another run is at it, or was in this hour."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return []
    local = now.astimezone(settings.timezone)
    # Asked again under the lock: another run may just have told them.
    people = due(session, settings.timezone, now)
    if not people:
        return []
    return _run(session, f"{local:%Y-%m-%dT%H}", people, local.date(), settings)


def run_now(session: SqlSession, settings: Settings) -> list[Told]:
    """Make a digest for everybody, whatever their hour; today's own comes nevertheless."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    return _run(session, f"now-{new_id()}", readers(session), None, settings)


def _run(
    session: SqlSession,
    slot: str,
    people: Sequence[Reader],
    for_day: date | None,
    settings: Settings,
) -> list[Told]:
    run_id = session.scalar(
        insert_or(DigestRun)
        .values(slot=slot, started_at=utcnow())
        .on_conflict_do_nothing(index_elements=["slot"])
        .returning(DigestRun.id)
    )
    if run_id is None:
        return []
    _stamp(session, run_id)
    _replace_unsent(session, people)
    waiting_by_run = dict(
        session.execute(
            select(DigestPosition.run_id, func.count())
            .join(QueueEntry, QueueEntry.id == DigestPosition.entry_id)
            .where(QueueEntry.closed_at.is_(None))
            .group_by(DigestPosition.run_id)
        ).all()
    )
    last_told = _last_told(session, people)
    told = [_tell(reader, last_told.get(reader.id), waiting_by_run) for reader in people]
    _write(session, run_id, told, last_told, for_day, settings)
    session.execute(update(DigestRun).where(DigestRun.id == run_id).values(finished_at=utcnow()))
    return told


def _stamp(session: SqlSession, run_id: int) -> None:
    """Give the open entries that no run has seen their place in the order of digests."""
    unseen = select(QueueEntry.id, literal(run_id)).where(
        QueueEntry.closed_at.is_(None),
        ~exists().where(DigestPosition.entry_id == QueueEntry.id),
    )
    session.execute(insert(DigestPosition).from_select(["entry_id", "run_id"], unseen))


def _replace_unsent(session: SqlSession, people: Sequence[Reader]) -> None:
    """Cancel digests that no mail server has seen: the new ones tell all that they would have."""
    session.execute(
        update(Letter)
        .where(
            text("letters.state IN ('waiting', 'claimed')"),
            Letter.state == LetterState.WAITING,
            Letter.digest_id.is_not(None),
            Letter.staff_id.in_([reader.id for reader in people]),
        )
        .values(state=LetterState.CANCELLED, error=SUPERSEDED)
        .execution_options(synchronize_session=False)
    )


def _last_told(session: SqlSession, people: Sequence[Reader]) -> dict[UUID, int]:
    """Return the last run that each person has been told of, or may have been."""
    told = or_(
        Letter.id.is_(None),  # there was nothing to say
        Letter.state.in_([LetterState.SENT, LetterState.CLAIMED]),
        Letter.error == INTERRUPTED,
        and_(
            Letter.state == LetterState.CANCELLED,
            Letter.error.not_in((SUPERSEDED, addresses.ADDRESS_DEAD)),
        ),
    )
    last = (
        select(Digest.run_id)
        .outerjoin(Letter, Letter.digest_id == Digest.id)
        .where(Digest.staff_id == Staff.id, told)
        .order_by(Digest.run_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Staff.id, last).where(Staff.id.in_([reader.id for reader in people]))
    )
    return {staff_id: run_id for staff_id, run_id in rows if run_id is not None}


def _tell(reader: Reader, after_run: int | None, waiting_by_run: dict[int, int]) -> Told:
    new = sum(
        count for run, count in waiting_by_run.items() if after_run is None or run > after_run
    )
    return Told(reader, new, sum(waiting_by_run.values()))


def _write(
    session: SqlSession,
    run_id: int,
    told: Sequence[Told],
    last_told: dict[UUID, int],
    for_day: date | None,
    settings: Settings,
) -> None:
    """Write a digest for each person, and a letter for those who have something to read."""
    now = utcnow()
    digests = []
    letters = []
    for each in told:
        digest_id = new_id()
        digests.append(
            {
                "id": digest_id,
                "run_id": run_id,
                "staff_id": each.reader.id,
                "for_day": for_day,
                "after_run_id": last_told.get(each.reader.id),
                "new_count": each.new,
                "waiting_count": each.waiting,
                "made_at": now,
            }
        )
        if not each.waiting:
            continue
        letter_id = new_id()
        letters.append(
            {
                "id": letter_id,
                "template": DIGEST,
                "language": each.reader.language,
                "digest_id": digest_id,
                "staff_id": each.reader.id,
                "message_id": message_id(letter_id, settings.mail_from),
                "due_at": now,
            }
        )
    if digests:
        session.execute(insert(Digest), digests)
    if letters:
        session.execute(insert(Letter), letters)


def _readers() -> Select[UUID, str, str, int, datetime]:
    return (
        select(
            Staff.id,
            Staff.email,
            Staff.language,
            func.coalesce(Subscription.hour, USUAL_HOUR).label("hour"),
            Staff.created_at,
        )
        .outerjoin(Subscription, Subscription.staff_id == Staff.id)
        .where(
            Staff.disabled_at.is_(None),
            Staff.role.in_(TOLD),
            func.coalesce(Subscription.daily, True),
            addresses.reaches(Staff.id),
        )
    )


def _reader(row: Row[UUID, str, str, int, datetime]) -> Reader:
    return Reader(row.id, row.email, row.language, row.hour, row.created_at)
