"""A batch of ideas and the services: read what may be asked, ask, and hand over the answers.

Three steps, so that no row is locked and no connection held while somebody else's service thinks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.lookups import asking
from services.moderation.lookups.asking import Told
from services.moderation.lookups.service import Access, Question
from shared.delivery import outbox
from shared.models import Contact, Council, Idea, IdeaStatus, IdeaText, Source

Version = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """The lookups that are on, and what they may be asked, by idea and text version."""

    on: frozenset[str] = frozenset()
    questions: Mapping[Version, Question] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the lookups that are on said."""

    on: frozenset[str] = frozenset()
    told: Mapping[Version, Told] = field(default_factory=dict)

    def of(self, idea: Idea) -> Told:
        """Return what was said of the text that stands; one that is newer is `unchecked`."""
        if idea.status is IdeaStatus.WITHDRAWN:
            return Told()
        unasked = Told((), tuple(sorted(self.on)))
        return self.told.get((idea.id, idea.text_version), unasked)


def read_texts(
    session: SqlSession, deliveries: Sequence[outbox.Delivery], on: frozenset[str]
) -> Asked:
    """Read the texts that stand now of the ideas that the deliveries name.

    Nothing is read when no lookup is on. What was withdrawn or destroyed is nobody's business.
    """
    if not on:
        return Asked()
    found = session.execute(
        select(
            Idea.id,
            Idea.source,
            IdeaText.version,
            IdeaText.text,
            IdeaText.author,
            Contact.email,
            Council.language,
        )
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .join(Council, Council.id == Idea.council_id)
        .outerjoin(Contact, Contact.idea_id == Idea.id)
        .where(
            Idea.id.in_({delivery.subject_id for delivery in deliveries}),
            Idea.destroyed_at.is_(None),
            Idea.status != IdeaStatus.WITHDRAWN,
        )
        .order_by(Idea.id)
    )
    return Asked(
        on,
        {
            (row.id, row.version): Question(
                text=row.text or "",
                author=row.author or "",
                email=row.email or "",
                language=row.language,
                imported=row.source is Source.IMPORT,
            )
            for row in found
        },
    )


def look_up_texts(access: Access, asked: Asked, *, budget_s: float) -> Looked:
    """Ask the services, for so many seconds at most."""
    questions = list(asked.questions.values())
    told = asking.ask_services(access, asked.on, questions, budget_s=min(budget_s, asking.BUDGET_S))
    return Looked(asked.on, dict(zip(asked.questions, told, strict=True)))
