"""Decisions about many ideas in one act, and the undoing of such an act.

Five hundred copies take a dozen statements, not six thousand: each is changed as a single decision
changes it, and what follows from that is done for all at once. An idea about which more has to be
thought (it moved, others are merged into it, somebody asked for a new look) goes the whole way of a
single decision. Both ways make the same rows.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID

from sqlalchemy import select, tuple_, union
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.decisions import entries, requirements, supporters, track_record
from services.moderation.decisions.acknowledging import HeldError, Leave
from services.moderation.decisions.deciding import apply_decision, conclude_decisions, decide_idea
from services.moderation.decisions.decision_request import DecisionRequest, PreparedDecision
from services.moderation.decisions.re_reviews import OthersTurnError
from services.moderation.decisions.transitions import ConflictError, NotAllowedError, new_decision
from services.moderation.decisions.undoing import restore_idea, shown_again, undo_decision
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided
from shared.i18n import gettext as _
from shared.idea_locks import lock_ideas
from shared.ids import new_id
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, IdeaText, QueueEntry, Reason

# What can be decided about many at once.
KINDS = (DecisionKind.PUBLISH, DecisionKind.MERGE, DecisionKind.REJECT, DecisionKind.KEEP)


_Refusals = tuple[type[Exception], ...]


@dataclass(slots=True)
class BulkResult:
    """What became of many decisions made in one act."""

    bulk_id: UUID
    done: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    # By number, the grave findings that nobody named: nothing was decided about these.
    held: dict[str, list[str]] = field(default_factory=dict)

    def try_one(self, number: str, act: Callable[[], object], refusals: _Refusals) -> None:
        """Do one of them by itself; those that cannot be done are left as they were."""
        try:
            act()
        except HeldError as held:
            self.held[number] = held.codes
        except refusals:
            self.conflicts.append(number)
        else:
            self.done.append(number)


def decide_many(
    session: SqlSession,
    request: DecisionRequest,
    items: Sequence[tuple[str, int]],
    acknowledged: Mapping[str, Collection[str]] | None = None,
) -> BulkResult:
    """Make one decision about each (number, seen_version); those that moved are left alone.

    So are those that are held: grave findings in them are named neither by the request nor, for the
    one idea, in `acknowledged`.

    So is one whose new look is another person's to take, and, of a merge, the idea `into` which
    the others go. Raises NotAllowedError, and decides nothing, when the kind does not fit one that
    did not move.
    """
    if request.kind not in KINDS:
        raise NotAllowedError(
            _("Det går bara att publicera, slå ihop, avslå eller behålla flera på en gång.")
        )
    if request.kind is not DecisionKind.MERGE:
        request = replace(request, into=None)
    result = BulkResult(bulk_id=new_id())
    seen = dict(sorted(set(items)))
    numbers = {*seen, request.into} - {None}
    by_number = {each.number: each for each in lock_ideas(session, Idea.number.in_(numbers))}
    target = requirements.target_of(by_number, request.into)
    if target is not None:
        seen.pop(target.number, None)
    prepared = requirements.prepare_decision(session, request, target, result.bulk_id)
    alone = _with_more_to_it(session, [idea.id for idea in by_number.values()])
    plain = [
        idea
        for number, version in seen.items()
        if (idea := by_number.get(number)) and idea.version == version and idea.id not in alone
    ]
    # Before those that go alone: one of them may let go of others that stand here.
    for idea in plain:
        requirements.require_allowed(idea, prepared)
    for number in sorted(seen.keys() - {idea.number for idea in plain}):
        own = {*request.acknowledged, *(acknowledged or {}).get(number, ())}
        act = partial(
            decide_idea,
            session,
            replace(request, acknowledged=own),
            number=number,
            seen_version=seen[number],
            bulk_id=result.bulk_id,
        )
        result.try_one(number, act, (ConflictError, OthersTurnError, LookupError))
    if request.kind is DecisionKind.PUBLISH:
        held = prepared.leave.ask(
            session, [(idea, idea.text_version) for idea in plain], acknowledged
        )
        result.held |= held
        plain = [idea for idea in plain if idea.number not in held]
    staying = [idea for idea in plain if requirements.asks_whether_it_stays(request, idea)]
    held = prepared.leave.ask(
        session, [(idea, idea.text_version) for idea in staying], acknowledged, stays=True
    )
    result.held |= held
    plain = [idea for idea in plain if idea.number not in held]
    _decide_together(session, prepared, plain)
    result.done += [idea.number for idea in plain]
    return result


def _decide_together(
    session: SqlSession, prepared: PreparedDecision, ideas: Sequence[Idea]
) -> None:
    """Decide about locked ideas that the decision fits, and with which nothing else goes along."""
    counted: Collection[UUID] = ()
    if prepared.target is not None and prepared.request.counts_as_support:
        counted = supporters.find_new_supporters(session, _oldest_first(ideas), prepared.target)
    texts = _texts(session, ideas)
    made = [apply_decision(session, prepared, idea, counted=counted) for idea in ideas]
    session.add_all(made)
    session.flush()
    del texts  # held, so that `apply_decision` found each of them in the session
    conclude_decisions(session, prepared, made)


def undo_many(
    session: SqlSession,
    *,
    bulk_id: UUID,
    staff_id: UUID,
    acknowledged: Collection[str] = (),
) -> BulkResult:
    """Undo every decision of one bulk act that is still the latest of its idea.

    Those are held that would be public again with grave findings that are not acknowledged. Raises
    LookupError when there is no such act.
    """
    result = BulkResult(bulk_id=bulk_id)
    ideas = lock_ideas(
        session, Idea.id.in_(select(Decision.idea_id).where(Decision.bulk_id == bulk_id))
    )
    by_id = {idea.id: idea for idea in ideas}
    later = aliased(Decision)
    is_latest = ~(
        select(later.id).where(later.idea_id == Decision.idea_id, later.seq > Decision.seq).exists()
    )
    rows = session.execute(
        select(Decision, is_latest).where(Decision.bulk_id == bulk_id).order_by(Decision.seq)
    ).all()
    if not rows:
        raise LookupError
    alone = _with_more_to_it(session, list(by_id), [decision.id for decision, _latest in rows])
    together: list[tuple[Idea, Decision]] = []
    for undone, stands in rows:
        idea = by_id[undone.idea_id]
        is_plain = (
            stands
            and undone.kind in KINDS
            and idea.id not in alone
            and idea.status is not IdeaStatus.WITHDRAWN
            and idea.destroyed_at is None
            and not undone.before["merged_into"]
            and not undone.before["children"]
        )
        if is_plain:
            together.append((idea, undone))
        else:
            act = partial(
                undo_decision,
                session,
                decision_id=undone.id,
                staff_id=staff_id,
                acknowledged=acknowledged,
            )
            result.try_one(idea.number, act, (ConflictError, NotAllowedError))
    leave = Leave(acknowledged)
    shown = [(idea, shown_again(undone)) for idea, undone in together]
    result.held |= leave.ask(session, [(idea, version) for idea, version in shown if version])
    together = [pair for pair in together if pair[0].number not in result.held]
    _undo_together(session, together, staff_id, leave)
    result.done += [idea.number for idea, _undone in together]
    return result


def _undo_together(
    session: SqlSession, together: Sequence[tuple[Idea, Decision]], staff_id: UUID, leave: Leave
) -> None:
    """Undo the latest decision of each of these locked ideas."""
    texts = _texts(session, [idea for idea, _undone in together])
    made = []
    with session.no_autoflush:
        for idea, undone in together:
            decision = new_decision(idea, DecisionKind.UNDO, staff_id=staff_id, undoes=undone)
            decision.before["acknowledged"] = restore_idea(session, idea, undone.before, leave)
            made.append(decision)
        session.add_all(made)
        session.flush()
    del texts
    undone_ids = [undone.id for _idea, undone in together]
    entries.reopen_closed_by(session, *undone_ids)
    track_record.take_back(session, *(undone for _idea, undone in together))
    outbox.record_all(session, [IdeaDecided(each.idea_id, each.id, each.kind) for each in made])


def _oldest_first(ideas: Iterable[Idea]) -> list[Idea]:
    return sorted(ideas, key=lambda idea: (idea.received_at, idea.id))


def _with_more_to_it(
    session: SqlSession, ideas: Collection[UUID], made: Collection[UUID] = ()
) -> set[UUID]:
    """Return the ideas that wait for a new look, or that hold or held others.

    `made` are the decisions about them that are being undone.
    """
    child, released = aliased(Idea), aliased(Decision)
    asked = select(QueueEntry.idea_id).where(
        QueueEntry.idea_id.in_(ideas),
        QueueEntry.reason == Reason.RE_REVIEW,
        QueueEntry.closed_at.is_(None),
    )
    hold = select(child.merged_into).where(child.merged_into.in_(ideas))
    held = (
        select(Decision.idea_id)
        .join(released, released.bulk_id == Decision.id)
        .where(Decision.id.in_(made))
    )
    return set(session.scalars(union(asked, hold, held)))


def _texts(session: SqlSession, ideas: Iterable[Idea]) -> Sequence[IdeaText]:
    """Read the texts that may be shown, at once; the session finds them as long as they live."""
    versions = {
        (idea.id, version)
        for idea in ideas
        for version in (idea.text_version, idea.public_version)
        if version is not None
    }
    return session.scalars(
        select(IdeaText).where(tuple_(IdeaText.idea_id, IdeaText.version).in_(versions))
    ).all()
