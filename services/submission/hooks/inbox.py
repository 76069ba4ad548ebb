"""The inbox: what form tools delivered is stored here first, byte for byte, and mapped afterwards.

The row and its event are one transaction, so whoever was answered 202 need not send again. Mapping
is one transaction too: the idea, the row's new state and the delivery of the event that is done.
The body moves into the idea's sealed original, so that it stands in one place.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.submission import intake
from services.submission.hooks import bodies, mapping, sources
from services.submission.hooks.bodies import UnreadableBodyError
from services.submission.hooks.mapping import Draft, FieldMap, UnmappableError
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import FormDelivered
from shared.ids import new_id
from shared.models import (
    Council,
    FormSource,
    Idea,
    InboxFault,
    InboxItem,
    InboxKey,
    InboxState,
    Original,
    Source,
)
from shared.telemetry import request_ids

MAX_BODY_BYTES = 256 * 1024
MAX_TYPE_LENGTH = 200
# At one press of the button; what is left is tried at the next.
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a delivery: its id, and whether it could be read."""

    id: UUID
    is_readable: bool


def store_delivery(
    session: SqlSession, source: FormSource, body: bytes, content_type: str, key: str
) -> Stored:
    """Store what a source delivered, with the event that has it mapped.

    `key` is the id that the sender gave it (empty: none). The same words under the same id are
    stored once; other words under an id that was used wait for a person.
    """
    content_type = content_type[:MAX_TYPE_LENGTH]
    is_readable = _is_readable(body, content_type)
    fault = None if is_readable else InboxFault.UNREADABLE
    # What nobody can read uses up no id: mended, it is sent under the same one.
    hashed = _hash_key(b"header" if is_readable else b"unreadable", key) if key else b""
    if hashed:
        _take_turn(session, source.id, hashed)
        first = session.get(InboxKey, (source.id, hashed))
        if first is not None:
            if first.body_sha256 == _digest(body):
                return Stored(first.inbox_id, is_readable)
            fault, hashed = fault or InboxFault.KEY_REUSED, b""
    item = InboxItem(
        id=new_id(),
        source_id=source.id,
        state=InboxState.FAILED if fault else InboxState.RECEIVED,
        fault=fault,
        body=body,
        content_type=content_type,
        left_out=[],
    )
    session.add(item)
    session.flush()
    if hashed:
        _remember_key(session, item, hashed, body)
    if fault is None:
        outbox.record_event(session, FormDelivered(item.id))
    return Stored(item.id, is_readable)


def map_deliveries(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery], settings: Settings
) -> None:
    """Make ideas of what a batch of events tells of, and mark the batch done.

    Repeating it changes nothing: a row that is no longer `received` is left alone. Raises
    StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    items = session.scalars(
        select(InboxItem)
        .where(
            InboxItem.id.in_([each.subject_id for each in deliveries]),
            InboxItem.state == InboxState.RECEIVED,
        )
        .order_by(InboxItem.id)
        .with_for_update()
    ).all()
    known: dict[UUID, _Known] = {}
    read: list[tuple[bytes, InboxItem, Draft]] = []
    for item in items:
        if item.source_id not in known:
            known[item.source_id] = _read_known(session, item.source_id)
        version, by = known[item.source_id].mapping
        item.mapping_version = version or None
        try:
            draft = read_draft(item.body or b"", item.content_type, by, settings)
        except UnmappableError as error:
            _fail(item, error.fault)
            continue
        key = _hash_key(b"field", draft.delivery) if draft.delivery else b""
        read.append((key, item, draft))
    # In one order, so that two batches with the same ids wait for each other in no circle.
    for key, item, draft in sorted(read, key=lambda each: (each[0], each[1].id)):
        request_ids.turn_to(item.id)
        _settle(session, item, draft, key, known[item.source_id], settings)


def read_draft(body: bytes, content_type: str, by: FieldMap | None, settings: Settings) -> Draft:
    """Say which idea a body would make, by a mapping or by what is obvious.

    Raises UnmappableError.
    """
    try:
        fields = bodies.read_body(body, content_type)
    except UnreadableBodyError:
        raise UnmappableError(InboxFault.UNREADABLE) from None
    by = by or mapping.guess_map(fields)
    return mapping.draft_idea(fields, by, now=utcnow(), timezone=settings.timezone)


def find_council(session: SqlSession, fixed: Council | None, said: str) -> str | None:
    """Return the address of the council of a delivery: the source's, or the one that it names."""
    if fixed is not None:
        return fixed.slug
    if not said:
        return None
    named = select(Council.slug).where(
        or_(Council.slug == said.lower(), func.lower(Council.title) == said.lower())
    )
    found = session.scalars(named.limit(2)).all()
    return found[0] if len(found) == 1 else None


def try_again(session: SqlSession, source_id: UUID, only: Iterable[UUID] | None = None) -> int:
    """Have what failed mapped again, all of a source or some of it, and return how many."""
    failed = select(InboxItem.id).where(
        InboxItem.source_id == source_id, InboxItem.state == InboxState.FAILED
    )
    if only is not None:
        failed = failed.where(InboxItem.id.in_(list(only)))
    chosen = failed.order_by(InboxItem.id).limit(_AT_ONCE).with_for_update(skip_locked=True)
    ids = session.scalars(chosen).all()
    if ids:
        session.execute(
            update(InboxItem)
            .where(InboxItem.id.in_(ids))
            .values(state=InboxState.RECEIVED, fault=None)
        )
        outbox.record_all(session, [FormDelivered(each) for each in ids])
    return len(ids)


def put_aside(session: SqlSession, source_id: UUID, item_id: UUID) -> bool:
    """Let what failed be: it stays as it came, and waits for nobody. False when it is not there."""
    done = session.execute(
        update(InboxItem)
        .where(
            InboxItem.id == item_id,
            InboxItem.source_id == source_id,
            InboxItem.state == InboxState.FAILED,
        )
        .values(state=InboxState.PUT_ASIDE, fault=None, put_aside_at=utcnow())
        .returning(InboxItem.id)
    )
    return done.one_or_none() is not None


def read_item(session: SqlSession, source_id: UUID, item_id: UUID) -> tuple[bytes, str] | None:
    """Return body and type of what a source delivered, also where it is a sealed original now."""
    item = session.scalar(
        select(InboxItem).where(InboxItem.id == item_id, InboxItem.source_id == source_id)
    )
    if item is None:
        return None
    if item.state is InboxState.REPEATED:
        item = session.get_one(InboxItem, item.same_as)
    body = item.body
    if item.idea_id is not None:
        body = session.get_one(Original, item.idea_id).body
    return None if body is None else (body, item.content_type)


def list_items(
    session: SqlSession, source_id: UUID, *, state: InboxState | None = None, most: int = 10
) -> Sequence[tuple[InboxItem, str | None]]:
    """Return the newest that a source delivered, each with the number of its idea."""
    chosen = (
        select(InboxItem, Idea.number)
        .outerjoin(Idea, Idea.id == InboxItem.idea_id)
        .where(InboxItem.source_id == source_id)
        .order_by(InboxItem.id.desc())
        .limit(most)
    )
    if state is not None:
        chosen = chosen.where(InboxItem.state == state)
    return [(item, number) for item, number in session.execute(chosen)]


@dataclass(frozen=True, slots=True)
class _Known:
    """What a batch reads once of each source."""

    mapping: tuple[int, FieldMap | None]
    council: Council | None


def _read_known(session: SqlSession, source_id: UUID) -> _Known:
    source = session.get_one(FormSource, source_id)
    return _Known(sources.mapping_of(session, source_id), sources.council_of(session, source))


def _settle(
    session: SqlSession,
    item: InboxItem,
    draft: Draft,
    key: bytes,
    known: _Known,
    settings: Settings,
) -> None:
    slug = find_council(session, known.council, draft.council)
    if slug is None:
        _fail(item, InboxFault.NO_COUNCIL)
        return
    body = item.body or b""
    if key:
        _take_turn(session, item.source_id, key)
        first = session.get(InboxKey, (item.source_id, key))
        if first is not None and first.inbox_id != item.id:
            if first.body_sha256 == _digest(body):
                item.state, item.same_as, item.body = InboxState.REPEATED, first.inbox_id, None
            else:
                _fail(item, InboxFault.KEY_REUSED)
            return
    arrival = intake.Arrival(source=Source.HOOK, body=body, content_type=item.content_type)
    try:
        received = intake.receive_idea(_in(session), settings, slug, draft.form, arrival)
    except intake.ClosedCouncilError:
        _fail(item, InboxFault.CLOSED_COUNCIL)
        return
    if draft.written_at is not None:
        session.execute(
            update(Idea)
            .where(Idea.id == received.idea_id)
            .values(received_at=draft.written_at, precision=draft.precision)
        )
    if key:
        _remember_key(session, item, key, body)
    item.state, item.idea_id, item.body = InboxState.MAPPED, received.idea_id, None
    item.left_out = list(draft.left_out)


def _in(session: SqlSession) -> intake.RunStatement:
    def run(statement: TextClause, parameters: Mapping[str, Any]) -> Sequence[Any]:
        return session.execute(statement, dict(parameters)).all()

    return run


def _fail(item: InboxItem, fault: InboxFault) -> None:
    item.state, item.fault = InboxState.FAILED, fault


def _is_readable(body: bytes, content_type: str) -> bool:
    try:
        bodies.read_body(body, content_type)
    except UnreadableBodyError:
        return False
    return True


def _take_turn(session: SqlSession, source_id: UUID, key: bytes) -> None:
    """Of two deliveries under one id at one instant, the second waits; it finds the first."""
    turn = hashlib.sha256(source_id.bytes + key).digest()[:8]
    session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(turn, "big", signed=True))))


def _remember_key(session: SqlSession, item: InboxItem, key: bytes, body: bytes) -> None:
    session.execute(
        insert(InboxKey)
        .values(
            source_id=item.source_id,
            key_sha256=key,
            body_sha256=_digest(body),
            inbox_id=item.id,
            stored_at=utcnow(),
        )
        .on_conflict_do_nothing()
    )


def _hash_key(kind: bytes, key: str) -> bytes:
    return _digest(kind + b"\0" + key.encode("utf-8", "surrogatepass"))


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
