"""What writers ask for from their receipts, and readers' reports: acted on in order, each once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import entries, transitions
from shared.delivery import outbox
from shared.delivery.events import IdeaSubmitted
from shared.idea_locks import lock_ideas
from shared.models import Idea, IdeaStatus, IdeaText, Reason, ReceiptVerb, TextKind
from shared.telemetry import request_ids
from shared.text import fold_hash

_DECIDED = frozenset({IdeaStatus.PUBLISHED, IdeaStatus.REJECTED, IdeaStatus.MERGED})


def act_on_receipts(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery]
) -> None:
    """Act on every request of a batch, and mark them done."""
    ideas = lock_ideas(session, Idea.id.in_({delivery.subject_id for delivery in deliveries}))
    by_id = {idea.id: idea for idea in ideas}
    outbox.mark_done(session, batch, deliveries)
    for delivery in deliveries:
        request_ids.turn_to(delivery.subject_id)
        idea = by_id[delivery.subject_id]
        verb = ReceiptVerb(delivery.payload["verb"])
        if idea.status is IdeaStatus.WITHDRAWN:
            continue
        if verb is ReceiptVerb.WITHDRAW:
            withdraw_idea(session, idea)
        elif verb is ReceiptVerb.CORRECT:
            correct_idea(session, idea, delivery.payload["text_version"])
        elif verb is ReceiptVerb.RE_REVIEW and idea.status in _DECIDED:
            entries.open_entry(session, idea.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
        elif verb is ReceiptVerb.REPORT and idea.status is IdeaStatus.PUBLISHED:
            entries.open_entry(session, idea.id, Reason.REPORT, entries.REPORT_PRIORITY)


def withdraw_idea(session: SqlSession, idea: Idea) -> None:
    """Take an idea back for its writer; the public stopped seeing it when they asked."""
    transitions.leave_status(idea)
    idea.status = IdeaStatus.WITHDRAWN
    idea.version += 1
    entries.close_entries(session, idea.id)
    transitions.release_merged(session, idea, cause=None)


def correct_idea(session: SqlSession, idea: Idea, text_version: int) -> None:
    """Put the writer's corrected text under check; a public text stands until a person accepts it.

    An older correction that arrives late, and the same one again, change nothing.
    """
    newest = session.scalar(
        select(func.max(IdeaText.version)).where(
            IdeaText.idea_id == idea.id, IdeaText.kind == TextKind.CORRECTION
        )
    )
    if text_version == idea.text_version or text_version != newest:
        return
    corrected = session.get_one(IdeaText, (idea.id, text_version))
    idea.text_version = text_version
    idea.fold_hash = fold_hash(corrected.folded or "")
    # Who decides now must have seen the new words.
    idea.version += 1
    outbox.record_event(session, IdeaSubmitted(idea.id, text_version))
