"""Undo: put back what stood before the latest decision. It is itself a decision."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from services.moderation import entries, re_reviews, track_record
from services.moderation.transitions import (
    CAN_HOLD_MERGED,
    Conflict,
    NotAllowed,
    latest,
    leave_status,
    new_decision,
    show,
)
from shared import outbox
from shared.events import IdeaDecided
from shared.i18n import gettext as _
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, Reason


def undo(session: SqlSession, *, decision_id: UUID, staff_id: UUID) -> Decision:
    """Put back what stood before a decision; itself a decision, and only on the latest one.

    Raises LookupError, Conflict when something was decided since, and NotAllowed when the writer
    has withdrawn the idea, for an undo or an import, and for the one who decided when the writer
    has asked that somebody looks anew.
    """
    undone = session.get(Decision, decision_id)
    if undone is None:
        raise LookupError
    idea = session.get_one(
        Idea, undone.idea_id, with_for_update={"key_share": True}, populate_existing=True
    )
    last = latest(session, idea.id)
    if last is not None and last.undoes == undone.id:
        return last
    if last is None or last.id != undone.id:
        raise Conflict(seen_version=undone.seen_version, version=idea.version, last=last)
    if idea.status is IdeaStatus.WITHDRAWN:
        raise NotAllowed(_("Den som skrev idén har tagit tillbaka den."))
    if undone.kind in {DecisionKind.UNDO, DecisionKind.IMPORT}:
        raise NotAllowed(_("Det beslutet går inte att ångra. Fatta ett nytt beslut i stället."))
    _require_target(session, undone.before)
    # Undoing what a writer has asked to have looked at anew is the answer, too.
    by_the_first = re_reviews.require_another(session, idea.id, undone.kind, staff_id)
    decision = new_decision(
        idea, DecisionKind.UNDO, staff_id=staff_id, undoes=undone, by_the_first=by_the_first
    )
    session.add(decision)
    session.flush()  # entries name the decision
    with session.no_autoflush:
        restore(session, idea, undone.before)
    if undone.status_before is not IdeaStatus.WAITING:
        entries.close(session, idea.id, closed_by=decision.id, reasons=[Reason.RE_REVIEW])
    entries.reopen_closed_by(session, undone.id)
    if undone.kind is DecisionKind.REJECT:
        _take_children_back(session, undone, staff_id)
    track_record.take_back(session, undone)
    outbox.record(session, IdeaDecided(idea.id, decision.id, DecisionKind.UNDO))
    return decision


def _require_target(session: SqlSession, before: Mapping[str, Any]) -> None:
    """An idea goes back to `merged` only while its target can still hold it."""
    if not before["merged_into"]:
        return
    target = session.get_one(
        Idea,
        UUID(before["merged_into"]),
        with_for_update={"key_share": True},
        populate_existing=True,
    )
    if target.status not in CAN_HOLD_MERGED:
        raise NotAllowed(_("Idén som den var sammanslagen med går inte längre att slå ihop med."))


def restore(session: SqlSession, idea: Idea, before: Mapping[str, Any]) -> None:
    """Put back what `new_decision` noted."""
    leave_status(idea)
    idea.status = IdeaStatus(before["status"])
    idea.rule_id = before["rule_id"]
    idea.merged_into = UUID(before["merged_into"]) if before["merged_into"] else None
    idea.counts_as_support = before["counts_as_support"]
    idea.text_version = before["text_version"]
    if before["public_version"] is not None:
        show(session, idea, before["public_version"])
    if before["published_at"] is None:
        idea.published_at = None
    if before["children"]:
        back: dict[str, Any] = {"merged_into": idea.id}
        if "counted" in before:  # not noted by older versions
            back["counts_as_support"] = Idea.id.in_([UUID(child) for child in before["counted"]])
        session.execute(
            update(Idea)
            .where(Idea.id.in_([UUID(child) for child in before["children"]]))
            .where(Idea.status == IdeaStatus.MERGED)
            .values(back)
            .execution_options(synchronize_session="fetch")
        )


def _take_children_back(session: SqlSession, undone: Decision, staff_id: UUID) -> None:
    """Undo what `release_merged` did to ideas about which nothing was decided since."""
    released = session.scalars(
        select(Decision.id).where(
            Decision.bulk_id == undone.id,
            Decision.kind == DecisionKind.REOPEN,
            Decision.staff_id.is_(None),
        )
    ).all()
    for decision_id in released:
        try:
            undo(session, decision_id=decision_id, staff_id=staff_id)
        except (Conflict, NotAllowed):
            continue
