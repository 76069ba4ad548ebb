"""A new look goes to another person than the one whose decision it is about.

While an idea has an open re-review, whoever made the decision in question may not decide about it,
unless no other moderator has an open account; that is then written on the decision.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import literal, select, true
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.decisions.transitions import NotAllowedError
from shared.i18n import gettext as _
from shared.models import Decision, DecisionKind, QueueEntry, Reason, Role, Staff

# What a decision must be to be looked at anew, and to be the answer of a new look. Who published
# a correction may be looked at anew; to publish one is for anybody, also for who decided first.
JUDGEMENTS = frozenset(
    {
        DecisionKind.PUBLISH,
        DecisionKind.ACCEPT_CORRECTION,
        DecisionKind.REJECT,
        DecisionKind.MERGE,
        DecisionKind.KEEP,
    }
)


@dataclass(frozen=True, slots=True)
class NewLook:
    """Who decided the first time, and whether another moderator could look now."""

    first: UUID
    somebody_else: bool

    def barred(self, staff_id: UUID) -> bool:
        """Whether this person has to leave the new look to a colleague."""
        return self.first == staff_id and self.somebody_else


class OthersTurnError(NotAllowedError):
    """The new look is another person's to take."""


def read_pending_look(session: SqlSession, idea_id: UUID) -> NewLook | None:
    """Return the new look that an idea waits for; None when there is none, or nobody was first.

    An idea that came back because its merge target left has no judgement to look at anew.
    """
    undoing = aliased(Decision)
    entry = select(QueueEntry.id).where(
        QueueEntry.idea_id == idea_id,
        QueueEntry.reason == Reason.RE_REVIEW,
        QueueEntry.closed_at.is_(None),
    )
    stands = ~select(undoing.id).where(undoing.undoes == Decision.id).exists()
    last = (
        select(Decision.staff_id, Decision.kind)
        .where(
            Decision.idea_id == idea_id,
            stands,
            # A person who reopens or masks has judged nothing yet; the system's reopening has
            # nobody behind it and ends the search.
            Decision.kind.in_(JUDGEMENTS)
            | (Decision.kind == DecisionKind.REOPEN) & Decision.staff_id.is_(None),
        )
        .order_by(Decision.seq.desc())
        .limit(1)
        .subquery()
    )
    others = (
        select(literal(1))
        .where(
            Staff.disabled_at.is_(None),
            Staff.role.in_([Role.MODERATOR, Role.ADMIN]),
            Staff.id != last.c.staff_id,
        )
        .exists()
    )
    row = session.execute(
        select(last.c.staff_id, others)
        .select_from(last)
        .join(entry.limit(1).subquery(), true())
        .where(last.c.staff_id.is_not(None))
    ).first()
    return NewLook(row[0], row[1]) if row else None


def require_another(session: SqlSession, idea_id: UUID, kind: DecisionKind, staff_id: UUID) -> bool:
    """Return whether the first person decides anew because nobody else is there.

    Raises OthersTurnError when somebody else is.
    """
    if kind not in JUDGEMENTS:
        return False
    look = read_pending_look(session, idea_id)
    if look is None or look.first != staff_id:
        return False
    if look.somebody_else:
        raise OthersTurnError(
            _("Du fattade beslutet som ska prövas igen. Låt en kollega göra den nya prövningen.")
        )
    return True
