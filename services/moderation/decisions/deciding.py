"""Decisions: what people do about ideas, and the two that the system makes.

A decision is one row, one change of the idea, the entries it closes, and one event, all in the
caller's transaction. It is made against the version that the person saw: of two people who act,
the second gets `ConflictError`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import (
    corrections,
    entries,
    masks,
    re_reviews,
    requirements,
    supporters,
    track_record,
)
from services.moderation.decisions.acknowledging import Leave
from services.moderation.decisions.decision_request import DecisionRequest, PreparedDecision
from services.moderation.decisions.transitions import (
    PUBLISHES,
    ConflictError,
    NotAllowedError,
    leave_status,
    lock_merged,
    new_decision,
    read_latest_decision,
    release_merged,
    show_version,
)
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided, IdeaSubmitted
from shared.i18n import gettext as _
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Reason,
    TextKind,
)

_UNDECIDABLE = (
    *(DecisionKind.UNDO, DecisionKind.IMPORT, DecisionKind.POLICY, DecisionKind.TAKE_BACK),
)
# What masking a public idea has dealt with; a writer's own request waits for its own answer.
_MASK_CLOSES = (Reason.CLEAN_UP, Reason.LATE_FINDING, Reason.REPORT, Reason.SAMPLE)


def decide_idea(
    session: SqlSession,
    request: DecisionRequest,
    *,
    number: str,
    seen_version: int,
    bulk_id: UUID | None = None,
) -> Decision:
    """Make a person's decision about the idea with this number.

    The same decision again, by the same person against the same version, changes nothing and
    returns the first one.

    Raises LookupError for an unknown number, ConflictError when the idea moved since
    `seen_version`, and NotAllowedError when the kind does not fit the idea's status or lacks its
    rule, target or words; of those HeldError, when the text would become public and has grave
    findings that are not acknowledged.
    """
    kind = request.kind
    if kind in _UNDECIDABLE:
        raise NotAllowedError(_("Det beslutet kan ingen välja."))
    idea, target = requirements.lock_with_target(session, number, request.into)
    prepared = requirements.prepare_decision(session, request, target, bulk_id)
    if idea.version != seen_version:
        return _find_same(session, prepared, idea, seen_version)
    requirements.require_allowed(idea, prepared)
    by_the_first = kind is not DecisionKind.ACCEPT_CORRECTION and re_reviews.require_another(
        session, idea.id, kind, request.staff_id
    )
    if kind is DecisionKind.ACCEPT_CORRECTION and not corrections.has_unseen_correction(
        session, idea
    ):
        raise NotAllowedError(_("Ingen rättelse väntar på att bli publicerad."))
    if kind in PUBLISHES:
        prepared.leave.require(session, idea, idea.text_version)
    elif requirements.asks_whether_it_stays(request, idea):
        prepared.leave.require(session, idea, idea.text_version, stays=True)
    following = lock_merged(session, idea) if kind is DecisionKind.MERGE else ()
    counted = _find_supporters(session, prepared, idea, following)
    decision = apply_decision(
        session, prepared, idea, following=following, counted=counted, by_the_first=by_the_first
    )
    session.add(decision)
    session.flush()  # entries and children name the decision
    if kind is DecisionKind.MASK:
        _mask(session, prepared, idea, decision)
        outbox.record_event(session, IdeaDecided(idea.id, decision.id, kind))
        return decision
    if kind is DecisionKind.REJECT:
        release_merged(session, idea, decision.id)
    conclude_decisions(session, prepared, [decision])
    if kind is DecisionKind.REOPEN:
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, entries.RETURNED_PRIORITY)
    return decision


def apply_decision(
    session: SqlSession,
    prepared: PreparedDecision,
    idea: Idea,
    *,
    following: Sequence[Idea] = (),
    counted: Collection[UUID] = (),
    by_the_first: bool = False,
) -> Decision:
    """Make the row of a decision about one locked idea, and change the idea's own columns.

    A merge takes along those `following` the idea, so that nothing is merged into a merged one;
    those `counted` support the target. The caller stores the row; the words of a mask are its own
    matter.
    """
    request = prepared.request
    decision = new_decision(
        idea,
        request.kind,
        staff_id=request.staff_id,
        by_the_first=by_the_first,
        bulk_id=prepared.bulk_id,
        children=following,
    )
    decision.rule_id, decision.into_id = prepared.rule_id, prepared.target_id
    decision.note = request.note or None
    if request.kind in (DecisionKind.REJECT, DecisionKind.ASK_CORRECTION):
        # Other letters say it all themselves.
        decision.reason_text = request.reason_text or None
    # The columns of a status change together: half of them would break its constraint.
    with session.no_autoflush:
        if request.kind is not DecisionKind.MASK:
            _settle(session, idea, decision, prepared.leave)
    if request.kind is DecisionKind.MERGE:
        for each in (idea, *following):
            each.merged_into = prepared.target_id
            each.counts_as_support = each.id in counted
    return decision


def conclude_decisions(
    session: SqlSession, prepared: PreparedDecision, made: Sequence[Decision]
) -> None:
    """Close what stored decisions of one request have answered, learn from them, tell of them."""
    entries.close_answered(session, made)
    track_record.note_decisions(session, made, prepared.rule.code if prepared.rule else None)
    outbox.record_all(session, [IdeaDecided(each.idea_id, each.id, each.kind) for each in made])


def accept_import(session: SqlSession, idea: Idea) -> Decision:
    """Publish an idea that was public before it came here, at its own moment. Tells nobody.

    No check has read it yet; what they find then opens an entry.
    """
    leave = Leave()
    leave.give(idea, idea.text_version)
    return _by_the_system(session, idea, DecisionKind.IMPORT, leave, published_at=idea.received_at)


def may_publish_itself(idea: Idea) -> bool:
    """Whether a clear idea needs no person: its council says so, and it was written to it.

    What an import brought unpublished was never open to everybody where it comes from, and what
    staff entered waits for a person in every council.
    """
    return idea.council.publishes_clear and not idea.source.is_from_elsewhere


def publish_by_policy(session: SqlSession, idea: Idea) -> Decision:
    """Publish a clear idea because its council says so. Raises HeldError for one that is not."""
    leave = Leave()
    leave.require(session, idea, idea.text_version)
    decision = _by_the_system(session, idea, DecisionKind.POLICY, leave, published_at=utcnow())
    outbox.record_event(session, IdeaDecided(idea.id, decision.id, DecisionKind.POLICY))
    return decision


def _find_same(
    session: SqlSession, prepared: PreparedDecision, idea: Idea, seen_version: int
) -> Decision:
    """Return the decision made about this version, if it is the same. Raises ConflictError."""
    request = prepared.request
    earlier = session.scalar(
        select(Decision).where(Decision.idea_id == idea.id, Decision.seen_version == seen_version)
    )
    if (
        earlier is not None
        and (earlier.kind, earlier.staff_id) == (request.kind, request.staff_id)
        and (earlier.rule_id, earlier.into_id) == (prepared.rule_id, prepared.target_id)
        and (request.kind is not DecisionKind.MASK or _is_masked(session, earlier, request))
    ):
        return earlier
    last = read_latest_decision(session, idea.id)
    raise ConflictError(seen_version=seen_version, version=idea.version, last=last)


def _is_masked(session: SqlSession, earlier: Decision, request: DecisionRequest) -> bool:
    """Whether an earlier mask took the same words: other words are another decision."""
    was = earlier.before["public_version"] or earlier.before["text_version"]
    standing = session.get_one(IdeaText, (earlier.idea_id, was))
    wanted = masks.masked_version(standing, request.mask_spans, mask_author=request.mask_author)
    made = select(IdeaText.text, IdeaText.author).where(
        IdeaText.idea_id == earlier.idea_id,
        IdeaText.version > was,
        IdeaText.kind == TextKind.MASK,
    )
    return (wanted.text, wanted.author) in session.execute(made).all()


def _find_supporters(
    session: SqlSession, prepared: PreparedDecision, idea: Idea, following: Sequence[Idea]
) -> set[UUID]:
    """Return which of an idea and those that follow it into another count there."""
    if prepared.request.kind is not DecisionKind.MERGE or prepared.target is None:
        return set()
    counting = [idea] if prepared.request.counts_as_support else []
    counting += [child for child in following if child.counts_as_support]
    return supporters.find_new_supporters(session, counting, prepared.target)


def _settle(session: SqlSession, idea: Idea, decision: Decision, leave: Leave) -> None:
    """Change the idea's own columns as a decision says: status, rule, what the public reads."""
    if decision.kind not in (DecisionKind.KEEP, DecisionKind.ASK_CORRECTION):
        leave_status(idea)
        idea.status = decision.status_after
    if decision.kind in PUBLISHES:
        decision.before["acknowledged"] = show_version(session, idea, idea.text_version, leave)
        idea.published_at = idea.published_at or utcnow()
    elif decision.kind is DecisionKind.KEEP and (
        named := leave.find_named(idea, idea.text_version)
    ):
        decision.before["acknowledged"] = named
    elif decision.kind is DecisionKind.REJECT:
        idea.rule_id = decision.rule_id


def _mask(session: SqlSession, prepared: PreparedDecision, idea: Idea, decision: Decision) -> None:
    """Write a new text version without the words; the sealed original keeps them."""
    spans, author = prepared.request.mask_spans, prepared.request.mask_author
    public = idea.status is IdeaStatus.PUBLISHED
    standing = session.get_one(
        IdeaText, (idea.id, idea.public_version if public else idea.text_version)
    )
    newest = session.scalar(select(func.max(IdeaText.version)).where(IdeaText.idea_id == idea.id))
    track_record.note_masked(session, decision, standing.version, spans, author=author)
    masked = masks.masked_version(standing, spans, mask_author=author)
    masked.version = (newest or 0) + 1
    session.add(masked)
    session.flush()  # it is read again below
    if standing.version == idea.text_version:
        # Otherwise a correction waits there, which this mask is not about.
        idea.text_version = masked.version
    if public:
        prepared.leave.give(idea, masked.version)  # the public reads less than before
        show_version(session, idea, masked.version, prepared.leave)
        entries.close_entries(session, idea.id, closed_by=decision.id, reasons=_MASK_CLOSES)
    outbox.record_event(session, IdeaSubmitted(idea.id, masked.version))


def _by_the_system(
    session: SqlSession, idea: Idea, kind: DecisionKind, leave: Leave, *, published_at: datetime
) -> Decision:
    decision = new_decision(idea, kind)
    session.add(decision)
    with session.no_autoflush:
        show_version(session, idea, idea.text_version, leave)
        idea.status = IdeaStatus.PUBLISHED
        idea.published_at = published_at
    return decision
