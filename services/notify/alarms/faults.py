"""Signs that the system does not work as it should, for administrators; see `signs`."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import String, exists, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.notify.alarms.signs import MOST_COUNTED, Now, Sign
from services.notify.digests import runs
from shared import heartbeat
from shared.delivery import queues
from shared.ids import least_id_at
from shared.models import (
    Digest,
    FailedJob,
    FormSource,
    InboxItem,
    InboxState,
    Letter,
    LetterState,
    OutboxDelivery,
    OutboxEvent,
    SecurityEvent,
    SecurityKind,
    Staff,
)

# What the ledger calls too late; an import takes its time, and for advice nobody waits.
LATE_AFTER = timedelta(minutes=10)
_LATE_BULK = timedelta(hours=2)
_LATE_ADVICE = timedelta(hours=24)
# Letters wait for a mail server, and for their turn.
_LATE_LETTER = timedelta(minutes=30)
# As `/readyz` says of the clock.
SILENT_AFTER = heartbeat.LATE_CLOCK
# A digest that failed longer ago is no news.
_LATELY = timedelta(days=7)

# Somebody who mends a mapping at once need not be told.
UNMAPPED_AFTER = timedelta(hours=1)
# Within so long so many accounts at which somebody fails, or so many failures from so many places,
# are no colleagues who mistype.
SPRAY_WINDOW = timedelta(hours=1)
SPRAY_ACCOUNTS, SPRAY_PLACES, SPRAY_TIMES = 10, 10, 50
_FAILURES = (SecurityKind.WRONG_PASSWORD, SecurityKind.WRONG_CODE, SecurityKind.THROTTLED)

ACCOUNTS, PLACES = "accounts", "places"
QUEUE, PROCESS, LETTERS_DUE = "queue:", "process:", "letters"
# The digests themselves are late, and no letter is to blame.
OVERDUE_DIGESTS = "overdue"


def failed_jobs(session: SqlSession, _now: Now) -> Iterator[Sign]:
    """Find work that was given up and not done again, by who should have done it."""
    newest = (
        select(FailedJob.consumer)
        .where(FailedJob.replayed_at.is_(None))
        .order_by(FailedJob.failed_at.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    grouped = select(newest.c.consumer, func.count()).group_by(newest.c.consumer)
    yield from (Sign(*row) for row in session.execute(grouped))


def find_unmapped(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find form sources of which something has waited for a person for an hour; its key is its id.

    What was delivered and is no idea yet is a resident's words that nobody reads.
    """
    late = (
        select(InboxItem.id)
        .where(
            InboxItem.source_id == FormSource.id,
            InboxItem.state == InboxState.FAILED,
            InboxItem.received_at < now.moment - UNMAPPED_AFTER,
        )
        .limit(MOST_COUNTED)
        .correlate(FormSource)
        .lateral("late")
    )
    counted = (
        select(FormSource.id, func.count()).join(late, literal(value=True)).group_by(FormSource.id)
    )
    yield from (Sign(str(source_id), count) for source_id, count in session.execute(counted))


def find_deaf(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find queues whose oldest work is too old, letters that do not leave, and silent processes.

    That a process runs says nothing: the age of the oldest row that nobody has worked on does.
    """
    for queue, since in _oldest_work(session):
        if since < now.moment - _late_after(queue):
            yield Sign(QUEUE + queue)
    if not now.letters_are_held and _letters_wait(session, now):
        yield Sign(LETTERS_DUE)
    # The one that looks, the clock, cannot be its own witness.
    yield from (Sign(PROCESS + each) for each in heartbeat.find_silent(session, now.moment))


def failed_digests(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find people whose digest failed for good in this week, and whom none has reached since."""
    failed, newer, sent = aliased(Digest), aliased(Digest), aliased(Letter)
    arrived = (
        select(newer.id)
        .join(sent, sent.digest_id == newer.id)
        .where(
            newer.staff_id == failed.staff_id,
            newer.run_id > failed.run_id,
            sent.state == LetterState.SENT,
        )
    )
    question = (
        select(failed.staff_id, func.count())
        .join(Letter, Letter.digest_id == failed.id)
        .join(Staff, Staff.id == failed.staff_id)
        .where(
            Letter.state == text("'failed'"),
            Letter.digest_id.is_not(None),
            Letter.id > least_id_at(now.moment - _LATELY),
            Staff.disabled_at.is_(None),
            ~arrived.exists(),
        )
        .group_by(failed.staff_id)
    )
    yield from (Sign(str(staff_id), count) for staff_id, count in session.execute(question))


def late_digests(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find out whether digests are not made at their hour."""
    if count := runs.count_overdue(session, now.timezone, now.moment):
        yield Sign(OVERDUE_DIGESTS, count)


def find_sprays(session: SqlSession, now: Now) -> Iterator[Sign]:
    """Find out whether somebody tries many accounts, or comes from many places, and fails.

    Who came in since, from that very place, only mistyped.
    """
    failed, came_in = aliased(SecurityEvent), aliased(SecurityEvent)
    since = now.moment - SPRAY_WINDOW
    mistyped = exists().where(
        came_in.kind == SecurityKind.SIGNED_IN,
        came_in.at > since,
        came_in.at >= failed.at,
        came_in.who_hash == failed.who_hash,
        came_in.place_hash == failed.place_hash,
    )
    accounts, places, times = session.execute(
        select(
            func.count(failed.who_hash.distinct()),
            func.count(failed.place_hash.distinct()),
            func.coalesce(func.sum(failed.times), 0),
        ).where(failed.at > since, failed.kind.in_(_FAILURES), ~mistyped)
    ).one()
    if accounts >= SPRAY_ACCOUNTS:
        yield Sign(ACCOUNTS, accounts)
    if places >= SPRAY_PLACES and times >= SPRAY_TIMES:
        yield Sign(PLACES, times)


def _oldest_work(session: SqlSession) -> Iterable[tuple[str, datetime]]:
    """Return since when the oldest delivery of each queue waits that is not done."""
    queue = (
        func.unnest(literal(list(queues.ALL), ARRAY(String)))
        .table_valued("name")
        .render_derived(name="queue")
    )
    oldest = (
        select(OutboxDelivery.id, OutboxDelivery.event_id)
        .where(
            OutboxDelivery.queue == queue.c.name,
            OutboxDelivery.done_at.is_(None),
            OutboxDelivery.failed_at.is_(None),
        )
        .order_by(OutboxDelivery.id)
        .limit(1)
        .correlate(queue)
        .lateral("oldest")
    )
    # What was given up and is done again is as old as that.
    again = (
        select(func.max(FailedJob.replayed_at))
        .where(FailedJob.delivery_id == oldest.c.id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(queue.c.name, func.coalesce(again, OutboxEvent.occurred_at))
        .select_from(queue)
        .join(oldest, literal(value=True))
        .join(OutboxEvent, OutboxEvent.id == oldest.c.event_id)
    )
    return [(name, since) for name, since in rows]


def _late_after(queue: str) -> timedelta:
    return {queues.BULK: _LATE_BULK, queues.SEMANTIC: _LATE_ADVICE}.get(queue, LATE_AFTER)


def _letters_wait(session: SqlSession, now: Now) -> bool:
    """Whether a letter that was due long ago has not been tried; each try sets a later hour."""
    due = select(Letter.id).where(
        text("letters.state IN ('waiting', 'claimed')"),
        Letter.notice_id.is_(None),
        Letter.due_at < now.moment - _LATE_LETTER,
    )
    return session.scalar(due.limit(1)) is not None
