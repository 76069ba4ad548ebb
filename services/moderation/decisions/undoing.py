"""Undo: put back what stood before the latest decision. It is itself a decision."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.decisions import entries, re_reviews, supporters, track_record
from services.moderation.decisions.acknowledging import Leave
from services.moderation.decisions.transitions import (
    CAN_HOLD_MERGED,
    ConflictError,
    NotAllowedError,
    leave_status,
    new_decision,
    read_latest_decision,
    release_merged,
    say_destroyed,
    show_version,
)
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided
from shared.i18n import gettext as _
from shared.idea_locks import lock_ideas
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, IdeaText, Reason, TextKind

# Nobody undoes these: an idea goes nowhere from where it came in, and an undo is no toggle.
LASTING = frozenset(
    {DecisionKind.UNDO, DecisionKind.IMPORT, DecisionKind.POLICY, DecisionKind.TAKE_BACK}
)


def undo_decision(
    session: SqlSession,
    *,
    decision_id: UUID,
    staff_id: UUID,
    acknowledged: Collection[str] = (),
) -> Decision:
    """Put back what stood before a decision; itself a decision, and only on the latest one.

    Raises LookupError, ConflictError when something was decided since, and NotAllowedError when the
    writer has withdrawn the idea or its words are destroyed, for what the system decided as the
    idea came in, for an undo, and for the one who decided when the writer has asked that somebody
    looks anew; of those HeldError, when a text with grave findings that are not acknowledged would
    become public again.
    """
    undone = session.get(Decision, decision_id)
    if undone is None:
        raise LookupError
    idea, target = _lock_with_target(session, undone)
    last = read_latest_decision(session, idea.id)
    if last is not None and last.undoes == undone.id:
        return last
    _require_standing(undone, idea, target, last)
    # Undoing what a writer has asked to have looked at anew is the answer, too.
    by_the_first = re_reviews.require_another(session, idea.id, undone.kind, staff_id)
    leave = Leave(acknowledged)
    leave.require(session, idea, shown_again(undone))
    decision = new_decision(
        idea, DecisionKind.UNDO, staff_id=staff_id, undoes=undone, by_the_first=by_the_first
    )
    session.add(decision)
    session.flush()  # entries name the decision
    # Back with a target that may have been joined by the same person meanwhile.
    counts = (
        target is None
        or idea.merged_into is not None
        or bool(supporters.find_new_supporters(session, [idea], target))
    )
    with session.no_autoflush:
        _give_children_back(session, idea, undone)
        decision.before["acknowledged"] = restore_idea(session, idea, undone.before, leave)
        idea.counts_as_support &= counts
    if idea.status not in CAN_HOLD_MERGED:
        # What was merged into it while it could hold others.
        release_merged(session, idea, decision.id)
    if undone.status_before is not IdeaStatus.WAITING and undone.kind is not DecisionKind.MASK:
        # What came of the decision, and a request about it; an older request waits on.
        entries.close_entries(
            session,
            idea.id,
            closed_by=decision.id,
            reasons=[Reason.RE_REVIEW],
            since=undone.decided_at,
        )
    entries.reopen_closed_by(session, undone.id)
    if undone.kind is DecisionKind.REJECT:
        _take_children_back(session, undone, staff_id)
    track_record.take_back(session, undone)
    outbox.record_event(session, IdeaDecided(idea.id, decision.id, DecisionKind.UNDO))
    return decision


def _require_standing(
    undone: Decision, idea: Idea, target: Idea | None, last: Decision | None
) -> None:
    """Raise when a decision is not what stands of the idea, or can no longer be taken back."""
    if last is None or last.id != undone.id:
        raise ConflictError(seen_version=undone.seen_version, version=idea.version, last=last)
    if idea.status is IdeaStatus.WITHDRAWN:
        raise NotAllowedError(_("Den som skrev idén har tagit tillbaka den."))
    if idea.destroyed_at is not None:
        raise NotAllowedError(say_destroyed())
    if undone.kind in LASTING:
        raise NotAllowedError(
            _("Det beslutet går inte att ångra. Fatta ett nytt beslut i stället.")
        )
    if target is not None and target.status not in CAN_HOLD_MERGED:
        raise NotAllowedError(
            _("Idén som den var sammanslagen med går inte längre att slå ihop med.")
        )


def _lock_with_target(session: SqlSession, undone: Decision) -> tuple[Idea, Idea | None]:
    """Lock the idea, and the one that it would be merged into again, in the order of their ids."""
    before = undone.before["merged_into"]
    ids = [undone.idea_id, UUID(before)] if before else [undone.idea_id]
    by_id = {idea.id: idea for idea in lock_ideas(session, Idea.id.in_(ids))}
    return by_id[undone.idea_id], by_id[UUID(before)] if before else None


def shown_again(undone: Decision) -> int | None:
    """Return the text version that the public reads when a decision is undone, if any."""
    version: int | None = undone.before["public_version"]
    return version


def restore_idea(
    session: SqlSession, idea: Idea, before: Mapping[str, Any], leave: Leave
) -> list[str]:
    """Put back what `new_decision` noted; return what was named of what is public then."""
    named: list[str] = []
    leave_status(idea)
    idea.status = IdeaStatus(before["status"])
    idea.rule_id = before["rule_id"]
    idea.merged_into = UUID(before["merged_into"]) if before["merged_into"] else None
    idea.counts_as_support = before["counts_as_support"]
    # Only a mask moves it; a correction that came since then waits on.
    if session.get_one(IdeaText, (idea.id, idea.text_version)).kind is TextKind.MASK:
        idea.text_version = before["text_version"]
    if before["public_version"] is not None:
        named = show_version(session, idea, before["public_version"], leave)
    if before["published_at"] is None:
        idea.published_at = None
    return named


def _give_children_back(session: SqlSession, idea: Idea, undone: Decision) -> None:
    """Let those that followed a merged idea come back to it, unless they have left meanwhile."""
    before = undone.before
    if not before["children"]:
        return
    later = aliased(Decision)
    decided_since = select(later.id).where(later.idea_id == Idea.id, later.seq > undone.seq)
    followed = lock_ideas(
        session,
        Idea.id.in_([UUID(child) for child in before["children"]])
        & (Idea.merged_into == idea.merged_into)
        & ~decided_since.exists(),
    )
    for child in followed:
        child.merged_into = idea.id
        if "counted" in before:  # not noted by older versions
            child.counts_as_support = str(child.id) in before["counted"]


def _take_children_back(session: SqlSession, undone: Decision, staff_id: UUID) -> None:
    """Undo what `release_merged` did to ideas about which nothing was decided since."""
    released = session.scalars(
        select(Decision.id).where(Decision.bulk_id == undone.id).order_by(Decision.seq)
    ).all()
    for decision_id in released:
        try:
            undo_decision(session, decision_id=decision_id, staff_id=staff_id)
        except (ConflictError, NotAllowedError):
            continue
