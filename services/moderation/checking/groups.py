"""Groups of copies: one root each, the earliest by (received_at, id).

Used under the global lock of `services.moderation.checking.duplicates`, so changes are kept in
memory and written in as few statements as can be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.models import DuplicateLink, FindingRow, Idea


@dataclass(frozen=True, slots=True)
class Known:
    """An idea that another may be a copy of."""

    id: UUID
    seq: int
    number: str
    received_at: datetime
    folded: str
    original_id: UUID | None
    # As it was written; empty where nobody compares it.
    text: str = ""

    @property
    def age(self) -> tuple[datetime, UUID]:
        """What decides who was first."""
        return (self.received_at, self.id)


@dataclass(frozen=True, slots=True)
class Link:
    """An idea is a copy of a root: `kind` exact, near or contained; `score` 0 to 1.

    `words` are folded words that it shares with the idea it was found to be like.
    """

    idea_id: UUID
    root: Known
    kind: str
    score: float
    words: frozenset[str] = frozenset()


@dataclass(slots=True)
class Groups:
    """The groups that one batch touches."""

    session: SqlSession
    # Ideas of the batch that lead no stored copies; some do, whose copies were checked before them.
    alone: set[UUID]
    links: dict[UUID, Link] = field(default_factory=dict)
    # Too little for a link: a moderator is told, and no group is made of it.
    hints: dict[UUID, Link] = field(default_factory=dict)
    _roots: dict[UUID, Known] = field(default_factory=dict)

    @classmethod
    def of(cls, session: SqlSession, idea_ids: Sequence[UUID]) -> "Groups":
        """Read which ideas of a batch lead groups; what they were linked to is forgotten."""
        session.execute(delete(DuplicateLink).where(DuplicateLink.idea_id.in_(idea_ids)))
        leaders = session.scalars(
            select(DuplicateLink.original_id)
            .where(DuplicateLink.original_id.in_(idea_ids))
            .distinct()
        )
        return cls(session, set(idea_ids) - set(leaders))

    def join(
        self,
        idea: Known,
        other: Known,
        kind: str,
        score: float,
        words: frozenset[str] = frozenset(),
    ) -> None:
        """Make one group of two ideas' groups; the earlier of the two roots leads it.

        `words` stand in both ideas.
        """
        roots = sorted((self._root(idea), self._root(other)), key=lambda known: known.age)
        earlier, later = roots
        if earlier.id == later.id:
            return
        self._follow(later.id, earlier)
        shared = words if later.id == idea.id else frozenset()
        self.links[later.id] = Link(later.id, earlier, kind, score, shared)

    def hint(self, idea: Known, other: Known, score: float, words: frozenset[str]) -> None:
        """Note that an idea may hold a part of an earlier one."""
        root = self._root(other)
        if root.age < idea.age:
            self.hints[idea.id] = Link(idea.id, root, "contained", score, words)

    def write(self) -> None:
        """Store the links."""
        if not self.links:
            return
        rows = insert(DuplicateLink).values(
            [
                {
                    "idea_id": link.idea_id,
                    "original_id": link.root.id,
                    "kind": link.kind,
                    "score": link.score,
                    "linked_at": utcnow(),
                }
                for link in self.links.values()
            ]
        )
        self.session.execute(
            rows.on_conflict_do_update(
                index_elements=["idea_id"],
                set_={name: rows.excluded[name] for name in ("original_id", "kind", "score")},
            )
        )

    def _root(self, known: Known) -> Known:
        """Return the root of an idea's group; its own, when it stands alone."""
        if known.id in self.links:
            return self.links[known.id].root
        if known.original_id is None:
            return known
        if known.original_id in self.links:
            return self.links[known.original_id].root
        if known.original_id not in self._roots:
            row = self.session.execute(
                select(Idea.id, Idea.seq, Idea.number, Idea.received_at).where(
                    Idea.id == known.original_id
                )
            ).one()
            self._roots[known.original_id] = Known(*row, folded="", original_id=None)
        return self._roots[known.original_id]

    def _follow(self, old_root: UUID, new_root: Known) -> None:
        """Give everything that was linked to one root to another, findings included."""
        for idea_id, link in self.links.items():
            if link.root.id == old_root:
                self.links[idea_id] = replace(link, root=new_root)
        if old_root in self.alone:
            return
        members = self.session.scalars(
            update(DuplicateLink)
            .where(DuplicateLink.original_id == old_root, DuplicateLink.idea_id != new_root.id)
            .values(original_id=new_root.id)
            .returning(DuplicateLink.idea_id)
        ).all()
        if members:
            self.session.execute(
                update(FindingRow)
                .where(FindingRow.idea_id.in_(members), FindingRow.similar_to == old_root)
                .values(
                    similar_to=new_root.id,
                    params=FindingRow.params.op("||")(
                        literal({"number": new_root.number}, FindingRow.params.type)
                    ),
                )
            )
