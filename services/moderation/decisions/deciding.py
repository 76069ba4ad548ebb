"""Decisions: what people do about ideas, and the two that the system makes.

A decision is one row, one change of the idea, the entries it closes, and one event, all in the
caller's transaction. It is made against the version that the person saw: of two people who act,
the second gets `Conflict`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import (
    entries,
    masks,
    re_reviews,
    requirements,
    supporters,
    track_record,
)
from services.moderation.decisions.transitions import (
    Conflict,
    NotAllowed,
    latest,
    leave_status,
    merged_into,
    new_decision,
    release_merged,
    show,
)
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided, IdeaSubmitted
from shared.i18n import gettext as _
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, IdeaText, Reason, Rule, TextKind

_UNDECIDABLE = (DecisionKind.UNDO, DecisionKind.IMPORT, DecisionKind.POLICY)
# What masking a public idea has dealt with; a writer's own request waits for its own answer.
_MASK_CLOSES = (Reason.CLEAN_UP, Reason.LATE_FINDING, Reason.REPORT, Reason.SAMPLE)


def decide(  # noqa: PLR0913 - all that a decision can say
    session: SqlSession,
    *,
    number: str,
    kind: DecisionKind,
    staff_id: UUID,
    seen_version: int,
    rule_code: str | None = None,
    into: str | None = None,
    note: str | None = None,
    reason_text: str | None = None,
    mask_spans: Sequence[tuple[int, int]] = (),
    mask_author: bool = False,
    counts_as_support: bool = False,
    bulk_id: UUID | None = None,
) -> Decision:
    """Make a person's decision about the idea with this number.

    `mask_spans` are [start, end) in code points of the text that stands; `reason_text` is what the
    writer of a rejected idea reads beside the rule. The same decision again,
    by the same person against the same version, changes nothing and returns the first one.

    Raises LookupError for an unknown number, Conflict when the idea moved since `seen_version`, and
    NotAllowed when the kind does not fit the idea's status or lacks its rule, target or words.
    """
    if kind in _UNDECIDABLE:
        raise NotAllowed(_("Det beslutet kan ingen välja."))
    idea, target = requirements.locked(session, number, into)
    rule = requirements.rule_in_force(session, rule_code) if kind is DecisionKind.REJECT else None
    last = latest(session, idea.id)
    if idea.version != seen_version:
        earlier = session.scalar(
            select(Decision).where(
                Decision.idea_id == idea.id, Decision.seen_version == seen_version
            )
        )
        if (
            earlier is not None
            and _is_same(earlier, kind, staff_id, rule, target)
            and (
                kind is not DecisionKind.MASK
                or _is_masked(session, earlier, mask_spans, author=mask_author)
            )
        ):
            return earlier
        raise Conflict(seen_version=seen_version, version=idea.version, last=last)
    requirements.require(idea, kind, rule, target, masked=bool(mask_spans) or mask_author)
    by_the_first = re_reviews.require_another(session, idea.id, kind, staff_id)
    decision = new_decision(
        idea,
        kind,
        staff_id=staff_id,
        rule=rule,
        target=target,
        note=note,
        # Only a rejection says why in words of its own; other letters say it all themselves.
        reason_text=reason_text if kind is DecisionKind.REJECT else None,
        by_the_first=by_the_first,
        bulk_id=bulk_id,
        children=merged_into(session, idea) if kind is DecisionKind.MERGE else (),
    )
    session.add(decision)
    session.flush()  # entries and children name the decision
    # The columns of a status change together: half of them would break its constraint.
    with session.no_autoflush:
        _apply(
            session,
            idea,
            decision,
            target=target,
            mask_spans=mask_spans,
            mask_author=mask_author,
            counts_as_support=counts_as_support,
        )
    if kind is not DecisionKind.MASK:
        track_record.note(session, decision, rule.code if rule else None)
    outbox.record(session, IdeaDecided(idea.id, decision.id, kind))
    return decision


def accept_import(session: SqlSession, idea: Idea) -> Decision:
    """Publish an idea that was public before it came here, at its own moment. Tells nobody."""
    return _by_the_system(session, idea, DecisionKind.IMPORT, published_at=idea.received_at)


def publish_by_policy(session: SqlSession, idea: Idea) -> Decision:
    """Publish a clear idea because its council says so (DESIGN, section 11)."""
    decision = _by_the_system(session, idea, DecisionKind.POLICY, published_at=utcnow())
    outbox.record(session, IdeaDecided(idea.id, decision.id, DecisionKind.POLICY))
    return decision


def _is_same(
    earlier: Decision, kind: DecisionKind, staff_id: UUID, rule: Rule | None, target: Idea | None
) -> bool:
    return (earlier.kind, earlier.staff_id, earlier.rule_id, earlier.into_id) == (
        kind,
        staff_id,
        rule.id if rule else None,
        target.id if target else None,
    )


def _is_masked(
    session: SqlSession, earlier: Decision, spans: Sequence[tuple[int, int]], *, author: bool
) -> bool:
    """Whether an earlier mask took the same words: other words are another decision."""
    was = earlier.before["public_version"] or earlier.before["text_version"]
    standing = session.get_one(IdeaText, (earlier.idea_id, was))
    wanted = masks.masked_version(standing, spans, mask_author=author)
    made = select(IdeaText.text, IdeaText.author).where(
        IdeaText.idea_id == earlier.idea_id,
        IdeaText.version > was,
        IdeaText.kind == TextKind.MASK,
    )
    return (wanted.text, wanted.author) in session.execute(made).all()


def _apply(
    session: SqlSession,
    idea: Idea,
    decision: Decision,
    *,
    target: Idea | None,
    mask_spans: Sequence[tuple[int, int]],
    mask_author: bool,
    counts_as_support: bool,
) -> None:
    """Change the idea as its new decision says, and close what it has answered."""
    kind = decision.kind
    if kind is DecisionKind.MASK:
        _mask(session, idea, decision, mask_spans, mask_author=mask_author)
        return
    settle(session, idea, decision)
    if kind is DecisionKind.MERGE and target is not None:
        _merge(session, idea, target, counts_as_support=counts_as_support)
    entries.close(session, idea.id, closed_by=decision.id)
    if kind is DecisionKind.REOPEN:
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, entries.RETURNED_PRIORITY)
    elif kind is DecisionKind.REJECT:
        release_merged(session, idea, decision.id)


def _merge(session: SqlSession, idea: Idea, target: Idea, *, counts_as_support: bool) -> None:
    """Put an idea under another; flattened: what was merged into this one follows it there."""
    following = merged_into(session, idea)
    counting = [idea] if counts_as_support else []
    counting += [child for child in following if child.counts_as_support]
    new = supporters.heard(session, counting, target)
    for each in (idea, *following):
        each.merged_into = target.id
        each.counts_as_support = each.id in new


def settle(session: SqlSession, idea: Idea, decision: Decision) -> None:
    """Change the idea's own columns as a decision says: status, rule, what the public reads."""
    if decision.kind is not DecisionKind.KEEP:
        leave_status(idea)
        idea.status = decision.status_after
    if decision.kind is DecisionKind.PUBLISH:
        show(session, idea, idea.text_version)
        idea.published_at = idea.published_at or utcnow()
    elif decision.kind is DecisionKind.REJECT:
        idea.rule_id = decision.rule_id


def _mask(
    session: SqlSession,
    idea: Idea,
    decision: Decision,
    spans: Sequence[tuple[int, int]],
    *,
    mask_author: bool,
) -> None:
    """Write a new text version without the words; the sealed original keeps them."""
    public = idea.status is IdeaStatus.PUBLISHED
    standing = session.get_one(
        IdeaText, (idea.id, idea.public_version if public else idea.text_version)
    )
    newest = session.scalar(select(func.max(IdeaText.version)).where(IdeaText.idea_id == idea.id))
    track_record.note_masked(session, decision, standing.version, spans, author=mask_author)
    masked = masks.masked_version(standing, spans, mask_author=mask_author)
    masked.version = (newest or 0) + 1
    session.add(masked)
    session.flush()  # it is read again below
    if standing.version == idea.text_version:
        # Otherwise a correction waits there, which this mask is not about.
        idea.text_version = masked.version
    if public:
        show(session, idea, masked.version)
        entries.close(session, idea.id, closed_by=decision.id, reasons=_MASK_CLOSES)
    outbox.record(session, IdeaSubmitted(idea.id, masked.version))


def _by_the_system(
    session: SqlSession, idea: Idea, kind: DecisionKind, *, published_at: datetime
) -> Decision:
    decision = new_decision(idea, kind)
    session.add(decision)
    with session.no_autoflush:
        show(session, idea, idea.text_version)
        idea.status = IdeaStatus.PUBLISHED
        idea.published_at = published_at
    return decision
