"""What colleagues decided since somebody's last digest: kinds, people, numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from shared.i18n import ngettext
from shared.models import Decision, DecisionKind, Idea, Staff

# What people do, in the order in which it is told.
_KINDS = (
    DecisionKind.PUBLISH,
    DecisionKind.ACCEPT_CORRECTION,
    DecisionKind.REJECT,
    DecisionKind.ASK_CORRECTION,
    DecisionKind.MERGE,
    DecisionKind.MASK,
    DecisionKind.KEEP,
    DecisionKind.REOPEN,
)
# So many people are named.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Decided:
    """Decisions that stand: who made how many of which kind."""

    counts: Sequence[tuple[UUID, str, DecisionKind, int]] = ()

    def by_others_than(self, staff_id: UUID) -> "Decided":
        """Leave out one's own, which one knows."""
        return Decided([each for each in self.counts if each[0] != staff_id])

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(count for _id, _name, _kind, count in self.counts)

    def kinds(self) -> list[str]:
        """Say how many of each kind: "3 publicerade"."""
        found: Counter[DecisionKind] = Counter()
        for _id, _name, kind, count in self.counts:
            found[kind] += count
        return [_said(kind, found[kind]) for kind in _KINDS if found[kind]]

    def people(self) -> list[tuple[str, int]]:
        """Return who decided how many, those with most first, and as many as fit in a line."""
        found: Counter[tuple[UUID, str]] = Counter()
        for staff_id, name, _kind, count in self.counts:
            found[staff_id, name] += count
        ordered = sorted(found.items(), key=lambda each: (-each[1], each[0][1]))
        return [(name, count) for (_id, name), count in ordered[:_NAMED]]

    @property
    def unnamed(self) -> int:
        """How many more people decided something."""
        return max(0, len({staff_id for staff_id, *_rest in self.counts}) - _NAMED)


def decided_since(
    session: SqlSession, since: datetime, council_ids: frozenset[int] | None
) -> Decided:
    """Count what people have decided after a moment, in some councils or all."""
    undo = aliased(Decision)
    counted = (
        select(
            Decision.staff_id,
            func.coalesce(func.nullif(Staff.name, ""), Staff.email),
            Decision.kind,
            func.count(),
        )
        .join(Staff, Staff.id == Decision.staff_id)
        .where(
            Decision.decided_at > since,
            Decision.kind.in_(_KINDS),
            ~exists().where(undo.undoes == Decision.id),
        )
        .group_by(Decision.staff_id, Staff.name, Staff.email, Decision.kind)
    )
    if council_ids is not None:
        counted = counted.join(Idea, Idea.id == Decision.idea_id).where(
            Idea.council_id.in_(council_ids)
        )
    return Decided([(row[0], row[1], row[2], row[3]) for row in session.execute(counted)])


def _said(kind: DecisionKind, n: int) -> str:
    return {
        DecisionKind.PUBLISH: lambda: ngettext("%(n)s publicerad", "%(n)s publicerade", n),
        DecisionKind.ACCEPT_CORRECTION: lambda: ngettext(
            "%(n)s rättad och publicerad", "%(n)s rättade och publicerade", n
        ),
        DecisionKind.ASK_CORRECTION: lambda: ngettext(
            "%(n)s tillbaka till skribenten för rättelse",
            "%(n)s tillbaka till skribenterna för rättelse",
            n,
        ),
        DecisionKind.REJECT: lambda: ngettext("%(n)s avslagen", "%(n)s avslagna", n),
        DecisionKind.MERGE: lambda: ngettext("%(n)s sammanslagen", "%(n)s sammanslagna", n),
        DecisionKind.MASK: lambda: ngettext("%(n)s maskad", "%(n)s maskade", n),
        DecisionKind.KEEP: lambda: ngettext(
            "%(n)s lämnad som den var", "%(n)s lämnade som de var", n
        ),
        DecisionKind.REOPEN: lambda: ngettext("%(n)s öppnad igen", "%(n)s öppnade igen", n),
    }[kind]()
