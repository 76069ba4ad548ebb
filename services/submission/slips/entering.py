"""Entering slips: each an idea that waits for a person, with who entered it and how it came.

All of a form are one transaction: the ideas with their sealed originals, receipts and events, and
the slips. No limit counts them, for all of a city's staff come from one place.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from services.submission import intake
from services.submission.slips.reading import ReadSlip
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import IdeaSubmitted
from shared.i18n import ngettext
from shared.ids import read_uuid
from shared.links import receipts
from shared.models import (
    Channel,
    Contact,
    Council,
    Idea,
    IdeaStatus,
    IdeaText,
    Precision,
    Slip,
    Source,
)
from shared.times import move_to_city

_NOON = time(12)


class ClosedThatDayError(Exception):
    """The council took no ideas on the day of one of the slips; `place` says which."""

    def __init__(self, place: int) -> None:
        super().__init__(str(place))
        self.place = place


@dataclass(frozen=True, slots=True)
class Batch:
    """What a form made: its ideas in their order, and how many of them it made just now."""

    id: UUID
    numbers: list[str]
    new: int


@dataclass(frozen=True, slots=True)
class EnteredSlip:
    """An idea that was entered, as the page of its batch shows it."""

    number: str
    status: IdeaStatus
    text: str
    author: str
    entered_by: UUID


def enter_slips(
    session: SqlSession,
    settings: Settings,
    council: Council,
    channel: Channel,
    slips: Sequence[ReadSlip],
    *,
    by: UUID,
    form_key: str,
) -> Batch:
    """Store slips as ideas that nobody has checked yet, and return what became of the form.

    The same form with the same words again makes nothing twice, whenever it comes, also when both
    come at one instant; two slips of one form that say the same are two.

    Raises ClosedThatDayError.
    """
    _require_open(council, slips, settings.timezone)
    batch_id = _make_batch_id(by, form_key)
    # Of two that are sent at one instant the second waits, and finds the ideas of the first.
    turn = int.from_bytes(batch_id.bytes[:8], "big", signed=True)
    session.execute(select(func.pg_advisory_xact_lock(turn)))
    keys = _make_keys(batch_id, council, channel, slips)
    found = session.execute(
        select(Slip.key, Idea.number).join(Idea, Idea.id == Slip.idea_id).where(Slip.key.in_(keys))
    )
    known = {row.key: row.number for row in found}
    now = utcnow()
    numbers, events = list[str](), list[IdeaSubmitted]()
    for place, (key, slip) in enumerate(zip(keys, slips, strict=True)):
        if key in known:
            numbers.append(known[key])
            continue
        idea = _store(session, settings, council, channel, slip, now=now, place=place)
        session.add(Slip(idea_id=idea.id, batch_id=batch_id, staff_id=by, channel=channel, key=key))
        numbers.append(idea.number)
        events.append(IdeaSubmitted(idea.id, idea.text_version))
    session.flush()
    outbox.record_all(session, events)
    return Batch(batch_id, numbers, len(events))


def _store(
    session: SqlSession,
    settings: Settings,
    council: Council,
    channel: Channel,
    slip: ReadSlip,
    *,
    now: datetime,
    place: int,
) -> Idea:
    is_today = slip.day == move_to_city(now, settings.timezone).date()
    noon = datetime.combine(slip.day, _NOON, settings.timezone) + timedelta(seconds=place)
    idea = intake.store_idea(
        session,
        council,
        slip.form,
        intake.Arrival(
            source=Source.STAFF,
            body=_write_original(council, channel, slip),
            content_type="application/json",
            language=council.language,
        ),
        received_at=now if is_today else noon,
        timezone=settings.timezone,
        precision=Precision.INSTANT if is_today else Precision.DAY,
    )
    if slip.form.email:
        session.add(Contact(idea_id=idea.id, email=slip.form.email))
    receipts.issue_receipt(session, settings.secret_key, idea.id, idea.receipt_nonce)
    return idea


def _write_original(council: Council, channel: Channel, slip: ReadSlip) -> bytes:
    """Return what is sealed: all that was typed, as it was typed."""
    draft = slip.draft
    said = {"text": draft.text, "author": draft.author, "email": draft.email}
    way = {"council": council.slug, "channel": channel.value, "day": slip.day.isoformat()}
    return json.dumps(said | way, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _require_open(council: Council, slips: Sequence[ReadSlip], timezone: ZoneInfo) -> None:
    for place, slip in enumerate(slips):
        if not was_open_on(council, slip.day, timezone):
            raise ClosedThatDayError(place)


def was_open_on(council: Council, day: date, timezone: ZoneInfo) -> bool:
    """Whether a council took ideas at any time of a day.

    What came in then may be entered later.
    """
    begins = datetime.combine(day, time(), timezone)
    ends = datetime.combine(day + timedelta(days=1), time(), timezone)
    return (council.open_from is None or council.open_from < ends) and (
        council.open_until is None or begins < council.open_until
    )


def _make_batch_id(by: UUID, form_key: str) -> UUID:
    """Return the same id for the same form of the same person."""
    told = by.bytes + form_key.encode("utf-8", "backslashreplace")
    return UUID(bytes=hashlib.sha256(told).digest()[:16], version=4)


def _make_keys(
    batch_id: UUID, council: Council, channel: Channel, slips: Sequence[ReadSlip]
) -> list[bytes]:
    seen: Counter[str] = Counter()
    keys = []
    for slip in slips:
        form = slip.form
        said = [council.slug, channel.value, slip.day.isoformat()]
        what = json.dumps([*said, form.text, form.author, form.email])
        seen[what] += 1
        told = batch_id.bytes + f"{seen[what]} {what}".encode()
        keys.append(hashlib.sha256(told).digest())
    return keys


def list_batch(session: SqlSession, batch_id: UUID) -> list[EnteredSlip]:
    """Return what one form made, in its order."""
    rows = session.execute(
        select(Idea.number, Idea.status, IdeaText.text, IdeaText.author, Slip.staff_id)
        .join(Slip, Slip.idea_id == Idea.id)
        .join(IdeaText, (IdeaText.idea_id == Idea.id) & (IdeaText.version == Idea.text_version))
        .where(Slip.batch_id == batch_id)
        .order_by(Idea.id)
    )
    return [
        EnteredSlip(number, status, text or "", author or "", staff_id)
        for number, status, text, author, staff_id in rows
    ]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the person at the counter gets: the idea as it was entered, and its secret link."""

    idea: Idea
    slip: Slip
    text: str
    author: str
    has_contact: bool
    # Empty when the secret key has changed since, which makes other links.
    url: str


def read_receipt(session: SqlSession, settings: Settings, number: str, by: UUID) -> Receipt | None:
    """Return the receipt of a slip, for who entered it and nobody else: its link is a key."""
    row = session.execute(
        select(Idea, Slip, IdeaText.text, IdeaText.author, Contact.idea_id)
        .join(Slip, Slip.idea_id == Idea.id)
        .join(IdeaText, (IdeaText.idea_id == Idea.id) & (IdeaText.version == 1))
        .outerjoin(Contact, Contact.idea_id == Idea.id)
        .where(Idea.number == number, Slip.staff_id == by)
        .options(joinedload(Idea.council, innerjoin=True))
    ).one_or_none()
    if row is None:
        return None
    idea, slip, text, author, contact = row
    token = receipts.make_receipt_token(settings.secret_key, idea.receipt_nonce)
    is_known = receipts.find_receipt(session, token) == idea.id
    url = receipts.make_receipt_url(settings.public_url, token) if is_known else ""
    return Receipt(idea, slip, text or "", author or "", contact is not None, url)


def list_councils(session: SqlSession) -> Sequence[Council]:
    """Return all councils, by title: what came in while one was open is entered later, too."""
    return session.scalars(select(Council).order_by(Council.title, Council.id)).all()


def find_numbers(session: SqlSession, ids: set[str]) -> dict[str, str]:
    """Return what batches are called in a log: the number of the first idea, and how many more."""
    known = [each for each in map(read_uuid, ids) if each]
    rows = session.execute(
        select(Slip.batch_id, func.min(Idea.number), func.count())
        .join(Idea, Idea.id == Slip.idea_id)
        .where(Slip.batch_id.in_(known))
        .group_by(Slip.batch_id)
    )
    return {str(batch_id): _name_batch(first, count - 1) for batch_id, first, count in rows}


def _name_batch(first: str, more: int) -> str:
    if not more:
        return first
    return ngettext("%(first)s och %(n)s till", "%(first)s och %(n)s till", more, first=first)
