"""Tokens of the API: made, changed, turned on and off. The token itself is nowhere kept."""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared.ids import new_id, read_uuid
from shared.models import ApiToken, ApiTokenUse, Council, Scope

# By what stands first, a token that got where it should not be is found by those who look for such.
PREFIX = "radslag_"
SHAPE = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{43}")
# How long the token of before a change stays good: the other side is often somebody else's.
OVERLAP = timedelta(days=7)
_A_MOMENT = timedelta(microseconds=1)


class TitleTakenError(ValueError):
    """There is a token with that name."""


class AlreadyChangedError(Exception):
    """Somebody has changed the token since this person looked, or this person, twice."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an administrator decides about a token."""

    title: str
    scopes: tuple[Scope, ...]
    council_id: int | None
    per_minute: int
    expires_at: datetime | None


def new_secret() -> str:
    """Return a token: 256 random bits."""
    return PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii").rstrip("=")


def hash_secret(secret: str) -> bytes:
    """Return what the database knows of a token, which is far too long to be guessed."""
    return hashlib.sha256(secret.encode()).digest()


def add_token(
    session: SqlSession, wanted: Wanted, *, by: UUID | None, now: datetime
) -> tuple[ApiToken, str]:
    """Add a token, and return it with what is to be shown once. Raises TitleTakenError."""
    # Two who add at once wait for one another.
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    named_so = select(ApiToken.id).where(func.lower(ApiToken.title) == wanted.title.lower())
    if session.scalar(named_so) is not None:
        raise TitleTakenError
    secret = new_secret()
    token = ApiToken(
        id=new_id(),
        title=wanted.title,
        scopes=list(wanted.scopes),
        council_id=wanted.council_id,
        per_minute=wanted.per_minute,
        sha256=hash_secret(secret),
        made_at=now,
        expires_at=wanted.expires_at,
        created_by=by,
    )
    session.add(token)
    session.flush()
    return token, secret


_LOCK = 7_261_993_027


def change_secret(token: ApiToken, *, seen: str, at_once: bool, now: datetime) -> str:
    """Give a locked token new characters, and return them; the old ones are good for a week more.

    With `at_once` they are good no more: they may be in wrong hands. `seen` is the `stamp_of` what
    the person looked at. Raises AlreadyChangedError.
    """
    if seen != stamp_of(token):
        raise AlreadyChangedError
    secret = new_secret()
    token.old_sha256 = None if at_once else token.sha256
    token.old_until = None if at_once else now + OVERLAP
    token.sha256, token.made_at = hash_secret(secret), now
    return secret


def stamp_of(token: ApiToken) -> str:
    """Return what is another word after each change of the characters."""
    return token.sha256[:6].hex()


def is_old_one_good(token: ApiToken, now: datetime) -> bool:
    """Whether the characters of before the last change are good still."""
    return token.old_until is not None and now < token.old_until


def lock_token(session: SqlSession, token_id: UUID) -> ApiToken:
    """Return a token that nobody else changes meanwhile. Raises LookupError."""
    token = session.get(ApiToken, token_id, with_for_update=True)
    if token is None:
        raise LookupError
    return token


@dataclass(frozen=True, slots=True)
class Known:
    """A token, what its council is called, and when it was used and refused."""

    token: ApiToken
    council: str | None
    used_at: datetime | None
    refused_at: datetime | None


def list_tokens(session: SqlSession, only: UUID | None = None) -> Sequence[Known]:
    """Return all tokens by name, or one."""
    rows = (
        select(ApiToken, Council.title, ApiTokenUse.used_at, ApiTokenUse.refused_at)
        .outerjoin(Council, Council.id == ApiToken.council_id)
        .outerjoin(ApiTokenUse, ApiTokenUse.token_id == ApiToken.id)
        .order_by(func.lower(ApiToken.title), ApiToken.id)
    )
    if only is not None:
        rows = rows.where(ApiToken.id == only)
    return [Known(*row) for row in session.execute(rows)]


def find_titles(session: SqlSession, ids: set[str]) -> dict[str, str]:
    """Return what the tokens with these ids are called."""
    known = [each for each in map(read_uuid, ids) if each]
    rows = session.execute(select(ApiToken.id, ApiToken.title).where(ApiToken.id.in_(known)))
    return {str(each): title for each, title in rows}


def list_councils(session: SqlSession) -> Sequence[Council]:
    """Return the councils that a token may be for, by name."""
    return session.scalars(select(Council).order_by(Council.title)).all()


def list_facts(session: SqlSession, token: ApiToken) -> dict[str, Any]:
    """Return what may be told of a token in a log; nothing of its characters."""
    council = session.get(Council, token.council_id) if token.council_id else None
    return {
        "title": token.title,
        "scopes": ",".join(token.scopes),
        "council": council.slug if council else "",
        "per_minute": token.per_minute,
        "expires_at": token.expires_at.isoformat() if token.expires_at else "",
        "is_on": token.is_on,
    }


def write_last_day(token: ApiToken, timezone: ZoneInfo) -> str:
    """Return the last day on which a token is good; empty for one without an end."""
    if token.expires_at is None:
        return ""
    return (token.expires_at - _A_MOMENT).astimezone(timezone).date().isoformat()


def has_expired(token: ApiToken, now: datetime) -> bool:
    """Whether the day until which a token was good is over."""
    return token.expires_at is not None and token.expires_at <= now
