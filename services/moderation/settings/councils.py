"""Councils as administrators make and change them; each change goes to the log."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import audit, versioned
from services.moderation.settings.council_form import Facts, facts_of
from shared.models import Council


class SlugTakenError(Exception):
    """There is a council with this address."""


def list_councils(session: SqlSession) -> Sequence[Council]:
    """Return all councils, newest first."""
    return session.scalars(select(Council).order_by(Council.id.desc())).all()


def has_council(session: SqlSession) -> bool:
    """Whether there is a council at all."""
    return bool(session.scalar(select(exists(select(Council.id)))))


def find_council(session: SqlSession, slug: str) -> Council | None:
    """Return one council."""
    return session.scalar(select(Council).where(Council.slug == slug))


def lock_council(session: SqlSession, slug: str) -> Council:
    """Return a council that nobody else changes meanwhile. Raises LookupError.

    Its key stays, so ideas that come in meanwhile, which lock the key, need not wait.
    """
    found = select(Council).where(Council.slug == slug).with_for_update(key_share=True)
    council = session.scalar(found)
    if council is None:
        raise LookupError
    return council


def is_open(council: Council, now: datetime) -> bool:
    """Whether it takes ideas now."""
    begun = council.open_from is None or council.open_from <= now
    return begun and (council.open_until is None or now < council.open_until)


def create_council(session: SqlSession, slug: str, facts: Facts, *, by: UUID) -> None:
    """Make a council. Raises SlugTakenError."""
    made = session.execute(
        postgresql.insert(Council)
        .values(slug=slug, **asdict(facts))
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Council.id)
    )
    if made.scalar_one_or_none() is None:
        raise SlugTakenError
    audit.record_change(
        session, by=by, action="council.created", subject=("council", slug), after=asdict(facts)
    )


def change_council(
    session: SqlSession, slug: str, facts: Facts, *, seen_version: int, by: UUID
) -> None:
    """Change a council that still is as this person saw it; its address stays.

    Raises LookupError, and MovedError when somebody changed it meanwhile. The same again is fine.
    """
    council = lock_council(session, slug)
    versioned.change_row(
        session,
        council,
        before=asdict(facts_of(council)),
        after=asdict(facts),
        seen_version=seen_version,
        action="council.changed",
        subject=("council", slug),
        by=by,
    )
