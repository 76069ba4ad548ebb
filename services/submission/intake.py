"""Receiving an idea: everything that belongs to it in one transaction.

Nobody waits for the broker: the event lies in the outbox, and the relay finds it.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import TextClause, select, text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session as SqlSession

from services.submission.forms import IdeaForm
from services.submission.published import SLUG
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import doorbell, outbox
from shared.delivery.events import IdeaSubmitted
from shared.forgetting.batches import forget_some
from shared.ids import new_id, next_number
from shared.links import receipts
from shared.models import (
    Council,
    Idea,
    IdeaText,
    IdempotencyKey,
    Original,
    Precision,
    Source,
)
from shared.telemetry import metrics
from shared.text import fold_hash, fold_text

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


# Runs one statement and returns its rows: in a unit of work, `shared.db.run_alone`, or together
# with those of others (`storing.gathering`).
RunStatement = Callable[[TextClause, Mapping[str, Any]], Sequence[Any]]


def receive_idea(
    run: RunStatement, settings: Settings, slug: str, form: IdeaForm, arrival: Arrival
) -> Received:
    """Store an idea with its original, text version, receipt and event; the status is `received`.

    All of it is one call of the database's function `receive_ideas` (migration 0041), so that a
    resident waits for one journey. Run again because its answer was lost, it makes no second idea.

    The same key with the same council, text, name and address gives the first answer again, for 24
    hours and also when both come at the same instant.

    Raises UnknownCouncilError, ClosedCouncilError, and KeyReusedError for a key with another body.
    """
    if SLUG.fullmatch(slug) is None:
        raise UnknownCouncilError
    began, now = time.perf_counter(), utcnow()
    idea_id, nonce, folded = new_id(), receipts.new_nonce(), fold_text(form.text)
    token = receipts.make_receipt_token(settings.secret_key, nonce)
    key = _key_of(slug, form, arrival)
    posted = {
        "slug": slug,
        "id": idea_id,
        "year": now.astimezone(settings.timezone).year,
        "now": now,
        "source": arrival.source,
        "sender_hash": arrival.sender_hash,
        "signals": dict(arrival.signals),
        "language": arrival.language,
        "body": arrival.body,
        "content_type": arrival.content_type,
        "sha256": hashlib.sha256(arrival.body).digest(),
        "text": form.text,
        "author": form.author,
        "folded": folded,
        "fold_hash": fold_hash(folded),
        "email": form.email,
        "nonce": nonce,
        "token_sha256": receipts.hash_receipt_token(token),
        "payload": outbox.payload_of(IdeaSubmitted(idea_id, _FIRST_VERSION)),
        **(key or {}),
        "valid_since": now - KEY_LIFETIME,
    }
    locks = [_lock_of(key)] if key else []
    (row,) = run(_RECEIVE, {"posted": _as_json([posted]), "locks": _as_json(locks), **_event()})
    metrics.INTAKE_SECONDS.observe(time.perf_counter() - began, arrival.source.value)
    if row.outcome in _REFUSALS:
        raise _REFUSALS[row.outcome]
    doorbell.ring_doorbell()
    if row.idea_nonce != nonce:
        token = receipts.make_receipt_token(settings.secret_key, row.idea_nonce)
    if row.outcome == "replayed":
        # The secret key may have changed since: the token that it makes today must be known.
        run(
            _KNOW_TOKEN,
            {"sha256": receipts.hash_receipt_token(token), "id": row.idea_id, "now": now},
        )
    return Received(row.idea_id, row.idea_number, token, replayed=row.outcome == "replayed")


def _key_of(slug: str, form: IdeaForm, arrival: Arrival) -> dict[str, bytes] | None:
    if not arrival.key:
        return None
    return {"key_hash": _digest(arrival.key), "body_hash": _digest_of(slug, form)}


def _lock_of(key: Mapping[str, bytes]) -> int:
    """Of two posts under one key at one instant, the second waits for the lock; finds the first."""
    return int.from_bytes(key["key_hash"][:8], "big", signed=True)


def _as_json(values: list[Any]) -> str:
    """Write down a list for the database; bytes as base64.

    Raises DataError for a zero, which the database takes in no text: it would quote all the words
    when it says so.
    """
    written = msgspec.json.encode(values).decode()
    if _ZERO in written and any("\0" in each for each in _texts_in(values)):
        raise DataError(None, None, ValueError("a zero in a text"))
    return written


def _texts_in(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Mapping):
            yield from _texts_in(list(value.values()))
        elif isinstance(value, str):
            yield value


@cache
def _event() -> dict[str, Any]:
    consumers, queues, public_names = outbox.list_recipients(IdeaSubmitted.__name__)
    return {
        "event": IdeaSubmitted.__name__,
        "event_version": IdeaSubmitted.version,
        "consumers": consumers,
        "queues": queues,
        "public_names": public_names,
    }


_FIRST_VERSION = 1
_ZERO = "\\u0000"
_REFUSALS: Mapping[str, type[Exception]] = {
    "unknown_council": UnknownCouncilError,
    "closed_council": ClosedCouncilError,
    "key_reused": KeyReusedError,
}
_RECEIVE = text("""
    SELECT outcome, idea_id, idea_number, idea_nonce FROM receive_ideas(
        CAST(:posted AS json), CAST(:locks AS json), :event, :event_version,
        CAST(:consumers AS text[]), CAST(:queues AS text[]), CAST(:public_names AS text[]))""")
_KNOW_TOKEN = text("""
    INSERT INTO receipt_tokens (sha256, idea_id, issued_at) VALUES (:sha256, :id, :now)
    ON CONFLICT DO NOTHING RETURNING idea_id""")


def store_idea(
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
    folded = fold_text(form.text)
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


def forget_old_keys(session: SqlSession) -> int:
    """Remove some idempotency keys older than 24 hours; return how many."""
    return forget_some(session, IdempotencyKey, IdempotencyKey.stored_at < utcnow() - KEY_LIFETIME)


def _digest_of(slug: str, form: IdeaForm) -> bytes:
    """Tell one post from another that comes under the same key."""
    return _digest(json.dumps([slug, form.text, form.author, form.email]))


def _digest(words: str) -> bytes:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()
