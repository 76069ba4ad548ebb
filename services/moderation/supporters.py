"""Supporters: merged ideas that a moderator counted, the same source or address only once."""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Contact, Idea


def counts_once(session: SqlSession, idea: Idea, target: Idea) -> bool:
    """Whether this idea's writer is someone else than the target's and than those counted."""
    email = session.scalar(select(Contact.email).where(Contact.idea_id == idea.id))
    same = []
    if idea.sender_hash is not None:
        same.append(Idea.sender_hash == idea.sender_hash)
    if email is not None:
        address = func.lower(Contact.email) == email.lower()
        same.append(Idea.id.in_(select(Contact.idea_id).where(address)))
    if not same:
        return True
    counted = or_(
        Idea.id == target.id, (Idea.merged_into == target.id) & Idea.counts_as_support.is_(True)
    )
    return session.scalar(select(Idea.id).where(counted, or_(*same)).limit(1)) is None
