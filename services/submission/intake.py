"""Receiving an idea: everything that belongs to it in the caller's one transaction.

The broker is never touched: the event lies in the outbox, and the relay finds it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as SqlSession

from services.submission.forms import IdeaForm
from services.submission.published import SLUG
from shared import outbox, receipts
from shared.clock import utcnow
from shared.config import Settings
from shared.events import IdeaSubmitted
from shared.ids import new_id, next_number
from shared.models import (
    Contact,
    Council,
    Idea,
    IdeaText,
    IdempotencyKey,
    Original,
    Precision,
    Source,
)
from shared.text import fold, fold_hash

KEY_LIFETIME = timedelta(hours=24)


class UnknownCouncilError(LookupError):
    """There is no such council."""


class ClosedCouncilError(Exception):
    """The council takes no ideas now."""


class KeyReusedError(Exception):
    """The key was used with another body. Says nothing about that one."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """How something came in: the raw body with its type, and what is known of the way.

    `key` makes the post safe to repeat. `sender_hash` is keyed and never the address itself.
    `signals` are what the intake noticed (`services.submission.signals`).
    """

    source: Source
    body: bytes
    content_type: str
    language: str = "sv"
    key: str | None = None
    sender_hash: bytes | None = None
    signals: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """What the resident is told: the idea's number and the token of its receipt."""

    idea_id: UUID
    number: str
    token: str
    replayed: bool = False


def receive(
    session: SqlSession, settings: Settings, slug: str, form: IdeaForm, arrival: Arrival
) -> Received:
    """Store an idea with its original, text version, receipt and event; the status is `received`.

    The same key with the same council, text, name and address gives the first answer again, for 24
    hours and also when both come at the same instant.

    Raises UnknownCouncilError, ClosedCouncilError, and KeyReusedError for a key with another body.
    """
    council = find_council(session, slug)
    key_hash = _digest(arrival.key) if arrival.key else None
    body_hash = _digest(json.dumps([slug, form.text, form.author, form.email]))
    if key_hash is not None:
        earlier = _earlier(session, settings, key_hash, body_hash)
        if earlier is not None:
            return earlier
    now = utcnow()
    if not is_open(council.open_from, council.open_until, now):
        raise ClosedCouncilError
    idea = store(session, council, form, arrival, received_at=now, timezone=settings.timezone)
    if form.email:
        session.add(Contact(idea_id=idea.id, email=form.email))
    if key_hash is not None:
        session.add(IdempotencyKey(key_hash=key_hash, body_hash=body_hash, idea_id=idea.id))
    token = receipts.issue(session, settings.secret_key, idea.id, idea.receipt_nonce)
    outbox.record(session, IdeaSubmitted(idea.id, idea.text_version))
    return Received(idea.id, idea.number, token)


def store(
    session: SqlSession,
    council: Council,
    form: IdeaForm,
    arrival: Arrival,
    *,
    received_at: datetime,
    timezone: ZoneInfo,
    precision: Precision = Precision.INSTANT,
    source_id: str | None = None,
) -> Idea:
    """Insert the rows that every idea has: itself, its sealed original, its first text version."""
    folded = fold(form.text)
    idea = Idea(
        id=new_id(),
        number=next_number(session, received_at, timezone),
        council_id=council.id,
        source=arrival.source,
        source_id=source_id,
        sender_hash=arrival.sender_hash,
        signals=dict(arrival.signals),
        received_at=received_at,
        precision=precision,
        fold_hash=fold_hash(folded),
        language=arrival.language,
        receipt_nonce=receipts.new_nonce(),
    )
    session.add(idea)
    session.flush()  # the rows below point at it
    session.add_all(
        [
            Original(
                idea_id=idea.id,
                body=arrival.body,
                content_type=arrival.content_type,
                sha256=hashlib.sha256(arrival.body).digest(),
            ),
            IdeaText(idea_id=idea.id, version=1, text=form.text, author=form.author, folded=folded),
        ]
    )
    return idea


def find_council(session: SqlSession, slug: str) -> Council:
    """Return the council with this slug; raises UnknownCouncilError."""
    plain = SLUG.fullmatch(slug) is not None
    council = session.scalar(select(Council).where(Council.slug == slug)) if plain else None
    if council is None:
        raise UnknownCouncilError
    return council


def is_open(open_from: datetime | None, open_until: datetime | None, now: datetime) -> bool:
    """Whether a council with these bounds takes ideas now; an empty bound never closes."""
    return (open_from is None or open_from <= now) and (open_until is None or now < open_until)


def forget_old_keys(session: SqlSession) -> None:
    """Remove idempotency keys older than 24 hours."""
    session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.stored_at < utcnow() - KEY_LIFETIME)
    )


def _digest(words: str) -> bytes:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()


def _earlier(
    session: SqlSession, settings: Settings, key_hash: bytes, body_hash: bytes
) -> Received | None:
    """Return the answer already given under this key, waiting for one that is being made."""
    # The lock ends with the transaction: of two posts at one instant the second finds the first.
    session.execute(
        select(func.pg_advisory_xact_lock(int.from_bytes(key_hash[:8], "big", signed=True)))
    )
    known = session.get(IdempotencyKey, key_hash)
    if known is None:
        return None
    if known.stored_at < utcnow() - KEY_LIFETIME:
        session.delete(known)
        session.flush()  # its key is written anew
        return None
    if known.body_hash != body_hash:
        raise KeyReusedError
    idea = session.get_one(Idea, known.idea_id)
    # Issued, not only made: the key may have changed since, and its token must be known.
    token = receipts.issue(session, settings.secret_key, idea.id, idea.receipt_nonce)
    return Received(idea.id, idea.number, token, replayed=True)
