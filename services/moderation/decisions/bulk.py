"""Decisions about many ideas in one act, and the undoing of such an act.

Five hundred copies take a dozen statements, not six thousand. What is the same for all is done for
all; an idea about which more has to be thought (it moved, others are merged into it, somebody asked
for a new look) goes the way of a single decision. Both ways make the same rows.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select, tuple_, union
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.decisions import entries, requirements, supporters, track_record
from services.moderation.decisions.deciding import decide, settle
from services.moderation.decisions.re_reviews import OthersTurn
from services.moderation.decisions.transitions import Conflict, NotAllowed, locked, new_decision
from services.moderation.decisions.undoing import restore, undo
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided
from shared.i18n import gettext as _
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

    def try_one(self, number: str, act: Callable[[], object], refusals: _Refusals) -> None:
        """Do one of them by itself; those that cannot be done are left as they were."""
        try:
            act()
        except refusals:
            self.conflicts.append(number)
        else:
            self.done.append(number)


def decide_many(  # noqa: PLR0913 - all that a decision can say
    session: SqlSession,
    *,
    items: Sequence[tuple[str, int]],
    kind: DecisionKind,
    staff_id: UUID,
    rule_code: str | None = None,
    into: str | None = None,
    note: str | None = None,
    reason_text: str | None = None,
    counts_as_support: bool = False,
) -> BulkResult:
    """Make one decision about each (number, seen_version); those that moved are left alone.

    So is one whose new look is another person's to take, and, of a merge, the idea `into` which
    the others go. Raises NotAllowed, and decides nothing, when the kind does not fit one that did
    not move.
    """
    if kind not in KINDS:
        raise NotAllowed(
            _("Det går bara att publicera, slå ihop, avslå eller behålla flera på en gång.")
        )
    result = BulkResult(bulk_id=new_id())
    seen = dict(sorted(set(items)))
    named = {into} if into else set()
    by_number = {each.number: each for each in locked(session, Idea.number.in_({*seen, *named}))}
    target = requirements.target_of(by_number, into) if kind is DecisionKind.MERGE else None
    if target is not None:
        seen.pop(target.number, None)
    alone = _with_more_to_it(session, [idea.id for idea in by_number.values()])
    plain = [
        idea
        for number, version in seen.items()
        if (idea := by_number.get(number)) and idea.version == version and idea.id not in alone
    ]
    rule = requirements.rule_in_force(session, rule_code) if kind is DecisionKind.REJECT else None
    # Before those that go alone: one of them may let go of others that stand here.
    for idea in plain:
        requirements.require(idea, kind, rule, target, masked=False)
    for number in sorted(seen.keys() - {idea.number for idea in plain}):

        def one(number: str = number) -> Decision:
            return decide(
                session,
                number=number,
                kind=kind,
                staff_id=staff_id,
                seen_version=seen[number],
                rule_code=rule_code,
                into=into if target else None,
                note=note,
                reason_text=reason_text,
                counts_as_support=counts_as_support,
                bulk_id=result.bulk_id,
            )

        result.try_one(number, one, (Conflict, OthersTurn, LookupError))
    heard = (
        supporters.heard(session, _oldest_first(plain), target)
        if target is not None and counts_as_support
        else set()
    )
    texts = _texts(session, plain)
    made = []
    with session.no_autoflush:
        for idea in plain:
            made.append(
                new_decision(
                    idea,
                    kind,
                    staff_id=staff_id,
                    rule=rule,
                    target=target,
                    note=note,
                    reason_text=reason_text if kind is DecisionKind.REJECT else None,
                    bulk_id=result.bulk_id,
                )
            )
            settle(session, idea, made[-1])
            if target is not None:
                idea.merged_into = target.id
                idea.counts_as_support = idea.id in heard
        session.add_all(made)
        session.flush()
    del texts  # held, so that `settle` found each of them in the session
    entries.close_many(session, made)
    track_record.note_many(session, made, rule.code if rule else None)
    outbox.record_all(session, [IdeaDecided(each.idea_id, each.id, kind) for each in made])
    result.done += [idea.number for idea in plain]
    return result


def undo_many(session: SqlSession, *, bulk_id: UUID, staff_id: UUID) -> BulkResult:
    """Undo every decision of one bulk act that is still the latest of its idea.

    Raises LookupError when there is no such act.
    """
    result = BulkResult(bulk_id=bulk_id)
    ideas = locked(
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
            and not undone.before["merged_into"]
            and not undone.before["children"]
        )
        if is_plain:
            together.append((idea, undone))
        else:

            def one(undone: Decision = undone) -> Decision:
                return undo(session, decision_id=undone.id, staff_id=staff_id)

            result.try_one(idea.number, one, (Conflict, NotAllowed))
    texts = _texts(session, [idea for idea, _undone in together])
    made = []
    with session.no_autoflush:
        for idea, undone in together:
            made.append(new_decision(idea, DecisionKind.UNDO, staff_id=staff_id, undoes=undone))
            restore(session, idea, undone.before)
        session.add_all(made)
        session.flush()
    del texts
    undone_ids = [undone.id for _idea, undone in together]
    entries.reopen_closed_by(session, *undone_ids)
    track_record.take_back(session, *(undone for _idea, undone in together))
    outbox.record_all(
        session, [IdeaDecided(each.idea_id, each.id, DecisionKind.UNDO) for each in made]
    )
    result.done += [idea.number for idea, _undone in together]
    return result


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
