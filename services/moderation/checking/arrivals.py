"""Which writers are told that their idea has arrived: an event goes to notify for those only."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Contact, Idea, IdeaStatus, Outcome, Source


def to_confirm(session: SqlSession, first_checked: Sequence[tuple[Idea, Outcome]]) -> set[UUID]:
    """Return the ids of ideas whose writers left an address and are owed a confirmation.

    Asked of ideas that were checked for the first time just now, before their status moves. Never
    for what is likely spam: its address may be somebody else's. An import writes to nobody. One
    statement for many ideas; none when no idea fits.
    """
    fit = [
        idea.id
        for idea, outcome in first_checked
        if idea.status is IdeaStatus.RECEIVED
        and idea.source is not Source.IMPORT
        and outcome is not Outcome.LIKELY_SPAM
    ]
    if not fit:
        return set()
    return set(session.scalars(select(Contact.idea_id).where(Contact.idea_id.in_(fit))))
