"""Taking back what an import brought: as if it had never come, but for the record of it."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import entries, transitions
from shared.idea_locks import lock_ideas
from shared.models import DecisionKind, Idea, IdeaStatus, Source


def take_back_imported(session: SqlSession, ids: Collection[UUID], staff_id: UUID) -> int:
    """Take back these imported ideas, whatever was decided about them; return how many it was.

    Nobody sees them any more, nor that they were there: they were never handed in here. Their ids
    are free, so that a mended file can come. What others sent in and was merged into them is back
    with a moderator. Again changes nothing.
    """
    taken = 0
    for idea in lock_ideas(session, Idea.id.in_(ids) & (Idea.source == Source.IMPORT)):
        if idea.status is IdeaStatus.WITHDRAWN:
            continue
        decision = transitions.new_decision(idea, DecisionKind.TAKE_BACK, staff_id=staff_id)
        session.add(decision)
        session.flush()  # entries name the decision
        with session.no_autoflush:
            transitions.leave_status(idea)
            idea.status = IdeaStatus.WITHDRAWN
            # Without it no page says that its writer has taken it back.
            idea.published_at = None
            idea.source_id = f"{idea.id}/{idea.source_id}"
        entries.close_entries(session, idea.id, closed_by=decision.id)
        transitions.release_merged(session, idea, decision.id)
        taken += 1
    return taken
