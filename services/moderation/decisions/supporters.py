"""Supporters: merged ideas that a moderator counted, the same source or address only once."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Agreement, Contact, Idea

_ADDRESS = func.lower(Contact.email)


def find_new_supporters(session: SqlSession, ideas: Sequence[Idea], target: Idea) -> set[UUID]:
    """Return which ideas, taken in turn, are by somebody whom the target does not count yet.

    The target's own writer counts once, and so does each of those merged into it and counted, and
    who agreed with it without writing.
    """
    rows = session.execute(
        select(Contact.idea_id, _ADDRESS).where(Contact.idea_id.in_([idea.id for idea in ideas]))
    )
    addresses = {row.idea_id: row[1] for row in rows}
    hashes = {idea.sender_hash for idea in ideas} - {None}
    known = _known(session, target, hashes, set(addresses.values()))
    new = set()
    for idea in ideas:
        writer = {idea.sender_hash, addresses.get(idea.id)} - {None}
        if not writer & known:
            new.add(idea.id)
            known |= writer
    return new


def _known(
    session: SqlSession,
    target: Idea,
    hashes: Collection[bytes | None],
    addresses: Collection[str],
) -> set[bytes | str | None]:
    """Return the sources and addresses among these that the target counts."""
    counted = or_(
        Idea.id == target.id, (Idea.merged_into == target.id) & Idea.counts_as_support.is_(True)
    )
    by_address = select(Contact.idea_id).where(_ADDRESS.in_(addresses))
    rows = session.execute(
        select(Idea.sender_hash, _ADDRESS)
        .outerjoin(Contact, Contact.idea_id == Idea.id)
        .where(counted, or_(Idea.sender_hash.in_(hashes), Idea.id.in_(by_address)))
    )
    agreed = select(Agreement.sender_hash).where(
        Agreement.idea_id == target.id, Agreement.sender_hash.in_(hashes)
    )
    return {each for row in rows for each in row} - {None} | set(session.scalars(agreed))
