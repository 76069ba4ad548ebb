"""What is said of incidents: its shape, and what must be known besides the incidents themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from shared.models import Council, Idea, IdeaStatus, Incident


@dataclass(frozen=True, slots=True)
class Said:
    """An incident in words. `path` is the page of the desk that helps, `place` what it is called.

    `over` says how it ended.
    """

    title: str
    what: str
    todo: str
    over: str
    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Known:
    """What incidents are about, as it is today."""

    # Slug → title and limit.
    councils: Mapping[str, tuple[str, int | None]]
    # The numbers of ideas that everybody can read.
    public: frozenset[str]

    def title(self, slug: str) -> str:
        """Return what a council is called; one that is gone keeps its address."""
        return self.councils[slug][0] if slug in self.councils else slug

    def limit(self, slug: str) -> int | None:
        """Return how many hours anything may wait there."""
        return self.councils[slug][1] if slug in self.councils else None


def read_known(session: SqlSession, incidents: Sequence[Incident]) -> Known:
    """Read, in two statements, what is said of incidents besides themselves."""
    keys = {incident.key for incident in incidents if incident.key}
    councils = session.execute(
        select(Council.slug, Council.title, Council.wait_limit_h).where(Council.slug.in_(keys))
    )
    public = session.scalars(
        select(Idea.number).where(Idea.number.in_(keys), Idea.status == IdeaStatus.PUBLISHED)
    )
    return Known({slug: (title, limit) for slug, title, limit in councils}, frozenset(public))
