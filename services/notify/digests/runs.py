"""Digest runs: whose hour has come, and what is new to each of them.

A run takes an advisory lock, notes where every open entry waits (`positions`), and writes a digest
and a letter for each person, all in one transaction: it happened or it did not. Runs follow one
another in the order of their ids, and what is new to somebody is what no digest of theirs that left
has looked at.

A slot ("2026-11-23T07" on the city's clock) has one digest per person, whatever the clocks do: the
row of (person, slot) is unique. After an outage the first run tells everything in one mail; a
digest that is still waiting for a mail server is replaced by the next. While one is in the hands of
a worker its reader waits: only when it is known whether it left is it known what is new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import exists, func, insert, select, text, update
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import positions
from services.notify.digests.positions import Known, Last
from services.notify.digests.readers import Reader, list_due, list_readers
from services.notify.mail.letters import DIGEST, SUPERSEDED, give_up_interrupted, message_id
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id
from shared.models import Digest, DigestRun, Letter, LetterState, Rhythm

_LOCK = 7_261_993_002
# Literally as in the partial index of what is on its way.
_UNDER_WAY = text("letters.state IN ('waiting', 'claimed')")
# Somebody who hears nothing for so long, and has asked for it, is told that nothing waits.
_CALM_AFTER = timedelta(days=6, hours=12)
# A digest that has not been made so long after its hour is late.
_OVERDUE_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Told:
    """What a run means for one person: how much is new and how much waits, and if a mail comes."""

    reader: Reader
    slot: str | None
    new: int
    waiting: int
    after_run_id: int | None
    is_written: bool
    is_calm: bool = False


def run_scheduled(session: SqlSession, settings: Settings, now: datetime) -> list[Told]:
    """Make the digests that are due; nothing when another run is at it."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return []
    # Asked under the lock: another run may just have told them.
    people = list_due(session, settings.timezone, now)
    if not people:
        return []
    slots = {each.reader.id: each.slot.name for each in people}
    return _run(session, "due", [each.reader for each in people], slots, settings, now)


def run_now(session: SqlSession, settings: Settings, now: datetime | None = None) -> list[Told]:
    """Make a digest for everybody, whatever their hour; their own comes nevertheless."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    return _run(session, "now", list_readers(session), {}, settings, now or utcnow())


def make_test_digest(session: SqlSession, settings: Settings, reader: Reader) -> Digest:
    """Make a digest that shows somebody what theirs would say now; it counts as nothing told."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    now = utcnow()
    run_id = _begin(session, "test", now)
    [told] = _tell(session, run_id, [reader], {}, now, settings.timezone)
    digest = Digest(**_digest_row(run_id, told, now), is_test=True)
    session.add(digest)
    session.flush()
    return digest


def send_test(session: SqlSession, settings: Settings, reader: Reader) -> bool:
    """Write somebody a test digest, unless one is on its way already."""
    under_way = select(Letter.id).where(
        _UNDER_WAY,
        Letter.staff_id == reader.id,
        exists().where(Digest.id == Letter.digest_id, Digest.is_test),
    )
    if session.scalar(under_way.limit(1)) is not None:
        return False
    digest = make_test_digest(session, settings, reader)
    session.execute(insert(Letter), [_letter_row(digest.id, reader, settings)])
    return True


def count_overdue(session: SqlSession, timezone: ZoneInfo, now: datetime) -> int:
    """Count those whose digest has been due for a quarter of an hour and was not made."""
    return sum(now - each.slot.at > _OVERDUE_AFTER for each in list_due(session, timezone, now))


def _run(
    session: SqlSession,
    kind: str,
    people: Sequence[Reader],
    slots: Mapping[UUID, str],
    settings: Settings,
    now: datetime,
) -> list[Told]:
    people = _without_letters_under_way(session, people)
    if not people:
        return []
    run_id = _begin(session, kind, now)
    told = _tell(session, run_id, people, slots, now, settings.timezone)
    _write(session, run_id, told, settings, now)
    session.execute(update(DigestRun).where(DigestRun.id == run_id).values(finished_at=utcnow()))
    return told


def _begin(session: SqlSession, kind: str, now: datetime) -> int:
    run = DigestRun(slot=f"{kind}-{new_id()}", started_at=now)
    session.add(run)
    session.flush()
    positions.stamp_positions(session, run.id)
    return run.id


def _without_letters_under_way(session: SqlSession, people: Sequence[Reader]) -> list[Reader]:
    """Cancel digests that no mail server has seen; leave out those whose is being sent just now."""
    give_up_interrupted(session)
    under_way = (
        _UNDER_WAY,
        Letter.staff_id.in_([reader.id for reader in people]),
        exists().where(Digest.id == Letter.digest_id, ~Digest.is_test),
    )
    session.execute(
        update(Letter)
        .where(*under_way, Letter.state == LetterState.WAITING)
        .values(state=LetterState.CANCELLED, error=SUPERSEDED)
        .execution_options(synchronize_session=False)
    )
    busy = set(session.scalars(select(Letter.staff_id).where(*under_way)))
    return [reader for reader in people if reader.id not in busy]


def _tell(
    session: SqlSession,
    run_id: int,
    people: Sequence[Reader],
    slots: Mapping[UUID, str],
    now: datetime,
    timezone: ZoneInfo,
) -> list[Told]:
    groups = positions.count_groups(session, run_id)
    wanted = {reader.id: reader.wanted for reader in people}
    last = positions.last_told(session, wanted, run_id)
    known = positions.read_known(session, wanted, last, groups, run_id)
    # People who want the same and know the same are counted for once.
    counted: dict[object, tuple[int, int]] = {}
    told = []
    for reader in people:
        key = (reader.wanted, known[reader.id].key)
        if key not in counted:
            counted[key] = _count(groups, reader, known[reader.id])
        told.append(
            _decide(reader, slots.get(reader.id), counted[key], last.get(reader.id), now, timezone)
        )
    return told


def _count(groups: Sequence[positions.Group], reader: Reader, known: Known) -> tuple[int, int]:
    some = [each for each in groups if reader.wanted.has(each.council_id, each.lane)]
    return sum(each.count for each in some if not known.has(each)), sum(each.count for each in some)


def _decide(
    reader: Reader,
    slot: str | None,
    counted: tuple[int, int],
    last: Last | None,
    now: datetime,
    timezone: ZoneInfo,
) -> Told:
    """Decide whether there is something to say.

    Something waits; of several digests a day only the first repeats that without anything new.
    Nothing waits: a note once a week, to those who want it.
    """
    new, waiting = counted
    repeats = (
        slot is not None
        and reader.schedule.rhythm is Rhythm.HOURS
        and last is not None
        and last.made_at.astimezone(timezone).date() == now.astimezone(timezone).date()
    )
    calm = not waiting and reader.calm_note and (last is None or now - last.made_at > _CALM_AFTER)
    written = calm or bool(new or (waiting and not repeats))
    return Told(reader, slot, new, waiting, last.run_id if last else None, written, calm)


def _write(
    session: SqlSession, run_id: int, told: Sequence[Told], settings: Settings, now: datetime
) -> None:
    """Write a digest for each person, and a letter for those who have something to read."""
    digests = [_digest_row(run_id, each, now) for each in told]
    letters = [
        _letter_row(digest["id"], each.reader, settings)
        for digest, each in zip(digests, told, strict=True)
        if each.is_written
    ]
    session.execute(insert(Digest), digests)
    if letters:
        session.execute(insert(Letter), letters)


def _digest_row(run_id: int, told: Told, now: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "run_id": run_id,
        "staff_id": told.reader.id,
        "slot": told.slot,
        **told.reader.wanted.stored(),
        "after_run_id": told.after_run_id,
        "new_count": told.new,
        "waiting_count": told.waiting,
        "is_calm": told.is_calm,
        "made_at": now,
    }


def _letter_row(digest_id: object, reader: Reader, settings: Settings) -> dict[str, object]:
    letter_id = new_id()
    return {
        "id": letter_id,
        "template": DIGEST,
        "language": reader.language,
        "digest_id": digest_id,
        "staff_id": reader.id,
        "message_id": message_id(letter_id, settings.mail_from),
        "due_at": utcnow(),
    }
