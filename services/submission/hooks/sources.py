"""Form sources: made, turned on and off; their secrets made and changed; how it goes with each."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.submission.hooks import secrets
from services.submission.hooks.mapping import FieldMap
from services.submission.published import SLUG
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id, read_uuid
from shared.models import Council, FormMapping, FormSource, InboxItem, InboxState

# How long the secret of before a change stays good: the other side is often somebody else's.
OVERLAP = timedelta(days=7)
MAX_TITLE = 80
# "1000 or more" says enough.
MOST_COUNTED = 1000
_LETTERS = str.maketrans({"ø": "o", "æ": "a", "ß": "ss", "đ": "d", "ł": "l"})


class BadTitleError(ValueError):
    """The name is too long, or has no letter or digit that an address can hold."""


class TitleTakenError(ValueError):
    """There is a source with that name, or one whose name makes the same address."""


class MovedError(Exception):
    """Somebody else saved a mapping after this person had read it."""


def make_slug(title: str) -> str:
    """Return the last part of the address of a source with this name; empty when there is none."""
    plain = unicodedata.normalize("NFKD", title.casefold().translate(_LETTERS))
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"[\u0300-\u036f]", "", plain)))


def add_source(
    session: SqlSession,
    settings: Settings,
    title: str,
    council: Council | None,
    *,
    by: UUID | None,
) -> FormSource:
    """Add a source, whose secret is to be shown once. Raises BadTitleError, TitleTakenError."""
    title = " ".join(title.split())
    slug = make_slug(title)
    if not slug or len(title) > MAX_TITLE or not title.isprintable():
        raise BadTitleError
    # Two who add at once wait for one another.
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    if find_source(session, slug) is not None:
        raise TitleTakenError
    source = FormSource(
        id=new_id(),
        slug=slug,
        title=title,
        council_id=council.id if council else None,
        created_by=by,
        is_on=True,
    )
    _give_secret(source, settings)
    session.add(source)
    session.flush()
    return source


_LOCK = 7_261_993_021


def find_source(session: SqlSession, named: str) -> FormSource | None:
    """Return the source with this address, or with this name."""
    slug = named if SLUG.fullmatch(named) else make_slug(named)
    return session.scalar(select(FormSource).where(FormSource.slug == slug)) if slug else None


def find_by_slug(session: SqlSession, slug: str) -> FormSource | None:
    """Return the source with exactly this address."""
    if SLUG.fullmatch(slug) is None:
        return None
    return session.scalar(select(FormSource).where(FormSource.slug == slug))


def lock_source(session: SqlSession, source_id: UUID) -> FormSource:
    """Return a source that nobody else changes meanwhile. Raises LookupError."""
    source = session.get(FormSource, source_id, with_for_update=True)
    if source is None:
        raise LookupError
    return source


def list_sources(session: SqlSession) -> Sequence[FormSource]:
    """Return all sources by name."""
    return session.scalars(select(FormSource).order_by(FormSource.title, FormSource.id)).all()


def list_councils(session: SqlSession) -> Sequence[Council]:
    """Return the councils that a source may be for, by name."""
    return session.scalars(select(Council).order_by(Council.title)).all()


def council_of(session: SqlSession, source: FormSource) -> Council | None:
    """Return the council of a source; None where a field says which."""
    return session.get(Council, source.council_id) if source.council_id else None


def find_titles(session: SqlSession, ids: set[str]) -> dict[str, str]:
    """Return what the sources with these ids are called."""
    known = [each for each in map(read_uuid, ids) if each]
    rows = session.execute(select(FormSource.id, FormSource.title).where(FormSource.id.in_(known)))
    return {str(each): title for each, title in rows}


def list_facts(session: SqlSession, source: FormSource) -> dict[str, Any]:
    """Return what may be told of a source in a log; no secret."""
    council = council_of(session, source)
    return {
        "title": source.title,
        "council": council.slug if council else "",
        "is_on": source.is_on,
    }


def make_url(settings: Settings, source: FormSource) -> str:
    """Return where a source posts to."""
    return f"{settings.public_url}/hooks/forms/{source.slug}"


def change_secret(source: FormSource, settings: Settings) -> None:
    """Give a locked source a new secret; the old one is good beside it for a week.

    Twice in a row ends the first one: there are never more than two.
    """
    source.old_nonce, source.old_sha256 = source.nonce, source.secret_sha256
    source.old_until = utcnow() + OVERLAP
    _give_secret(source, settings)


def show_secret(source: FormSource, settings: Settings) -> str | None:
    """Return the secret of a locked source, the first time that somebody asks; then None.

    None also when the key of the system has changed since: what was made with it is gone.
    """
    shown = secrets.show_secret(settings, source.nonce)
    if source.secret_seen_at is not None or secrets.hash_secret(shown) != source.secret_sha256:
        return None
    source.secret_seen_at = utcnow()
    return shown


def _give_secret(source: FormSource, settings: Settings) -> None:
    source.nonce = secrets.new_plain_nonce(settings)
    source.secret_sha256 = secrets.hash_secret(secrets.show_secret(settings, source.nonce))
    source.secret_seen_at = None


@dataclass(frozen=True, slots=True)
class Going:
    """How it goes with a source: when it last posted, and how many are in each state."""

    last_seen_at: datetime | None
    counts: Mapping[InboxState, int]


def read_going(session: SqlSession, source_id: UUID) -> Going:
    """Say how it goes with a source; no state is counted beyond MOST_COUNTED + 1."""
    last = select(InboxItem.received_at).where(InboxItem.source_id == source_id)
    counts = {}
    for state in InboxState:
        some = (
            select(InboxItem.id)
            .where(InboxItem.source_id == source_id, InboxItem.state == state)
            .limit(MOST_COUNTED + 1)
            .subquery()
        )
        counts[state] = session.scalar(select(func.count()).select_from(some)) or 0
    return Going(session.scalar(last.order_by(InboxItem.id.desc()).limit(1)), counts)


def mapping_of(session: SqlSession, source_id: UUID) -> tuple[int, FieldMap | None]:
    """Return the version in force and its mapping; 0 and None where none was saved."""
    found = session.scalar(
        select(FormMapping)
        .where(FormMapping.source_id == source_id)
        .order_by(FormMapping.version.desc())
        .limit(1)
    )
    return (found.version, FieldMap.from_json(found.rules)) if found else (0, None)


def save_mapping(
    session: SqlSession,
    source: FormSource,
    by_keys: FieldMap,
    *,
    seen_version: int,
    by: UUID | None,
) -> int:
    """Save a mapping of a locked source as its next version, and return that. Raises MovedError."""
    version, _standing = mapping_of(session, source.id)
    if version != seen_version:
        raise MovedError
    session.add(
        FormMapping(source_id=source.id, version=version + 1, rules=by_keys.to_json(), made_by=by)
    )
    session.flush()
    return version + 1


def turn_source(source: FormSource, *, on: bool) -> None:
    """Let a locked source post, or refuse what it posts from now on."""
    source.is_on = on
