"""The states of an idea and the moves between them: what every decision is made of."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import entries
from shared.delivery import outbox
from shared.delivery.events import IdeaDecided
from shared.i18n import gettext as _
from shared.idea_locks import lock_ideas
from shared.ids import new_id
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Reason,
)

if TYPE_CHECKING:
    from services.moderation.decisions.acknowledging import Leave

ANONYMOUS = "Anonym"

# From which statuses a kind may be chosen, and where it leads; None leaves the status as it is.
TRANSITIONS: Mapping[DecisionKind, tuple[frozenset[IdeaStatus], IdeaStatus | None]] = (
    MappingProxyType(
        {
            DecisionKind.PUBLISH: (
                # From `published` it accepts a correction.
                frozenset({IdeaStatus.WAITING, IdeaStatus.PUBLISHED}),
                IdeaStatus.PUBLISHED,
            ),
            DecisionKind.REJECT: (
                frozenset({IdeaStatus.WAITING, IdeaStatus.PUBLISHED}),
                IdeaStatus.REJECTED,
            ),
            DecisionKind.MERGE: (
                frozenset({IdeaStatus.WAITING, IdeaStatus.PUBLISHED}),
                IdeaStatus.MERGED,
            ),
            DecisionKind.MASK: (frozenset({IdeaStatus.WAITING, IdeaStatus.PUBLISHED}), None),
            DecisionKind.KEEP: (
                frozenset({IdeaStatus.PUBLISHED, IdeaStatus.REJECTED, IdeaStatus.MERGED}),
                None,
            ),
            DecisionKind.REOPEN: (
                frozenset({IdeaStatus.PUBLISHED, IdeaStatus.REJECTED, IdeaStatus.MERGED}),
                IdeaStatus.WAITING,
            ),
            # While a correction waits for somebody.
            DecisionKind.ACCEPT_CORRECTION: (
                frozenset(
                    {
                        IdeaStatus.WAITING,
                        IdeaStatus.PUBLISHED,
                        IdeaStatus.REJECTED,
                        IdeaStatus.MERGED,
                    }
                ),
                IdeaStatus.PUBLISHED,
            ),
            DecisionKind.ASK_CORRECTION: (frozenset({IdeaStatus.WAITING}), None),
        }
    )
)
# What makes the text that stands public.
PUBLISHES = frozenset({DecisionKind.PUBLISH, DecisionKind.ACCEPT_CORRECTION})
CAN_HOLD_MERGED = frozenset({IdeaStatus.PUBLISHED, IdeaStatus.WAITING})


class Last(NamedTuple):
    """The decision that stands in the way of another; values, which outlive the transaction."""

    id: UUID
    idea_id: UUID
    kind: DecisionKind
    decided_at: datetime


class ConflictError(Exception):
    """The idea moved since the person saw it."""

    def __init__(self, *, seen_version: int, version: int, last: Decision | None) -> None:
        super().__init__("the idea moved")
        self.seen_version = seen_version
        self.version = version
        self.last = (
            Last(last.id, last.idea_id, last.kind, last.decided_at) if last is not None else None
        )


class NotAllowedError(Exception):
    """The decision does not fit; `reason` is a sentence for the person who tried."""

    def __init__(self, reason: str) -> None:
        super().__init__("decision not allowed")
        self.reason = reason


def say_destroyed() -> str:
    """Say why nothing can be decided about an idea whose words are gone."""
    return _("Texten är gallrad. Det går inte att besluta om idén längre.")


def read_latest_decision(session: SqlSession, idea_id: UUID) -> Decision | None:
    """Return the newest decision about an idea."""
    return session.scalar(
        select(Decision).where(Decision.idea_id == idea_id).order_by(Decision.seq.desc()).limit(1)
    )


def new_decision(
    idea: Idea,
    kind: DecisionKind,
    *,
    staff_id: UUID | None = None,
    undoes: Decision | None = None,
    by_the_first: bool = False,
    bulk_id: UUID | None = None,
    children: Sequence[Idea] = (),
) -> Decision:
    """Make the row: what stood before is noted in it, and the idea's version moves on."""
    if undoes is not None:
        after = undoes.status_before
    elif kind in TRANSITIONS:
        after = TRANSITIONS[kind][1] or idea.status
    elif kind is DecisionKind.TAKE_BACK:
        after = IdeaStatus.WITHDRAWN
    else:
        after = IdeaStatus.PUBLISHED
    decision = Decision(
        id=new_id(),
        idea_id=idea.id,
        kind=kind,
        staff_id=staff_id,
        undoes=undoes.id if undoes else None,
        bulk_id=bulk_id,
        by_the_first=by_the_first,
        seen_version=idea.version,
        status_before=idea.status,
        status_after=after,
        text_version=idea.text_version,
        before={
            "status": idea.status.value,
            "rule_id": idea.rule_id,
            "merged_into": str(idea.merged_into) if idea.merged_into else None,
            "counts_as_support": idea.counts_as_support,
            "public_version": idea.public_version,
            "text_version": idea.text_version,
            "published_at": idea.published_at.isoformat() if idea.published_at else None,
            # Merged into this one, and following it into its own target.
            "children": [str(child.id) for child in children],
            # Those of them that counted as supporters of this one.
            "counted": [str(child.id) for child in children if child.counts_as_support],
        },
    )
    idea.version += 1
    return decision


def leave_status(idea: Idea) -> None:
    """Let go of what belongs to the status that the idea is leaving."""
    idea.public_version = idea.public_text = idea.public_author = None
    idea.rule_id = None
    idea.merged_into = None
    idea.counts_as_support = False


def show_version(session: SqlSession, idea: Idea, version: int, leave: "Leave") -> list[str]:
    """Make a text version the public one; return what is grave in it and was named.

    Nothing becomes public but through here. Raises LookupError without leave for this text.
    """
    named = leave.named_in(idea, version)
    standing = session.get_one(IdeaText, (idea.id, version))
    idea.public_version = version
    idea.public_text = standing.text
    idea.public_author = standing.author or ANONYMOUS
    return named


def lock_merged(session: SqlSession, target: Idea) -> Sequence[Idea]:
    """Lock the ideas that are merged into this one, and return them, the earliest first."""
    return lock_ideas(session, Idea.merged_into == target.id)


def release_merged(session: SqlSession, target: Idea, cause: UUID | None) -> None:
    """Send the ideas merged into one that leaves back to a moderator.

    `cause` is the decision that made it leave; its undo takes them back. None: its writer withdrew.
    """
    for child in lock_merged(session, target):
        decision = new_decision(child, DecisionKind.REOPEN, bulk_id=cause)
        session.add(decision)
        session.flush()  # the event names the decision
        leave_status(child)
        child.status = IdeaStatus.WAITING
        entries.open_entry(session, child.id, Reason.RE_REVIEW, entries.RETURNED_PRIORITY)
        outbox.record_event(session, IdeaDecided(child.id, decision.id, DecisionKind.REOPEN))
