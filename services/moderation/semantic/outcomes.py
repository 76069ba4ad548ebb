"""What follows from a look at an idea's meaning. It advises: no status changes, with one exception.

An idea that a council lets publish itself stays received until the look is over; then it is
published, or, when something was suggested or the look failed, sent to people.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import duplicates, verdicts
from services.moderation.checking.switches import SEMANTIC
from services.moderation.checks.finding import Finding
from services.moderation.decisions import deciding, entries
from shared.idea_locks import lock_idea
from shared.models import (
    Decision,
    FindingRow,
    Idea,
    IdeaStatus,
    Outcome,
    QueueEntry,
    Reason,
)


def conclude_look(
    session: SqlSession, idea: Idea, findings: Sequence[Finding], *, failed: bool = False
) -> None:
    """Store what a look found in the text that stands, and act on it.

    Doing it again changes nothing that a person sees. The idea is locked, its council loaded, and
    who calls this has its turn (`checking.duplicates.take_turn`).
    """
    known = set(
        session.scalars(
            select(FindingRow.similar_to).where(
                FindingRow.idea_id == idea.id, FindingRow.check_name == SEMANTIC
            )
        )
    )
    reached = verdicts.replace_findings(session, idea, SEMANTIC, findings, unchecked=failed)
    if reached is None:
        return
    if idea.status is IdeaStatus.RECEIVED:
        clear = reached.outcome is Outcome.CLEAR and not findings
        if clear and deciding.may_publish_itself(idea):
            deciding.publish_by_policy(session, idea)
        else:
            verdicts.send_to_people(session, [idea])
            entries.open_entry(session, idea.id, Reason.NEW, reached.priority)
        return
    is_new = any(finding.similar_to not in known for finding in findings)
    if is_new and idea.status is not IdeaStatus.WAITING and _a_person_has_decided(session, idea):
        entries.open_entry(session, idea.id, Reason.LATE_FINDING, reached.priority)


def _a_person_has_decided(session: SqlSession, idea: Idea) -> bool:
    """Tell whether a person decided and nothing is open: where it is, somebody looks anyway."""
    decided = exists().where(Decision.idea_id == idea.id, Decision.staff_id.is_not(None))
    is_open = exists().where(QueueEntry.idea_id == idea.id, QueueEntry.closed_at.is_(None))
    return bool(session.scalar(select(decided & ~is_open)))


def give_up(session: SqlSession, idea_id: UUID, payload: Mapping[str, object]) -> None:
    """Say that the look could not be done: `unchecked`. Called by the relay; no model is needed."""
    idea = lock_idea(session, idea_id)
    if payload["text_version"] != idea.text_version or idea.destroyed_at is not None:
        return
    if idea.status is not IdeaStatus.WITHDRAWN:
        duplicates.take_turn(session)
        conclude_look(session, idea, (), failed=True)
