"""Vectors of ideas: how they are stored, and the newest ones kept in memory for searching.

The work of a search is bounded however many ideas there are: an idea is compared with the newest
WINDOW ideas of its own council and the newest WINDOW of all. Each worker process keeps both as
matrices (15 MB each) and reads only what was added since it last looked.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import numpy.typing as npt
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.semantic.model import DIMENSIONS, MODEL, Vectors
from shared.clock import utcnow
from shared.models import Embedding, Idea

WINDOW = 10_000
# Councils whose windows a process keeps; of others they are read again when needed.
_KEPT_COUNCILS = 3
# A row is seen when its transaction commits, which may be after a later one's.
_OVERLAP = timedelta(seconds=90)
_STORED = np.dtype("<f2")


def to_bytes(vector: npt.NDArray[np.float32]) -> bytes:
    """Return a vector as it is stored: float16, little-endian, half the size and as good."""
    return vector.astype(_STORED).tobytes()


def from_bytes(stored: bytes) -> Vectors:
    """Return stored vectors, one after the other, as rows."""
    return np.frombuffer(stored, dtype=_STORED).astype(np.float32).reshape(-1, DIMENSIONS)


def read_vectors(session: SqlSession, ideas: Sequence[Idea]) -> dict[UUID, Vectors]:
    """Return the vectors that are stored for the texts which stand now."""
    rows = session.execute(
        select(Embedding.idea_id, Embedding.vector)
        .join(Idea, Idea.id == Embedding.idea_id)
        .where(
            Embedding.idea_id.in_([idea.id for idea in ideas]),
            Embedding.model == MODEL,
            Embedding.text_version == Idea.text_version,
        )
    )
    return {idea_id: from_bytes(vector)[0] for idea_id, vector in rows}


def store_vectors(
    session: SqlSession, made: Sequence[tuple[Idea, int, npt.NDArray[np.float32]]]
) -> None:
    """Store the vectors of ideas' text versions; each idea has one, that of the text that stands.

    Embedding takes a while: what was read of a text that stands no more is dropped.
    """
    ids = [idea.id for idea, _version, _vector in made]
    rows_now = session.execute(select(Idea.id, Idea.text_version).where(Idea.id.in_(ids)))
    standing = dict(iter(rows_now))
    made = [each for each in made if standing.get(each[0].id) == each[1]]
    if not made:
        return
    rows = insert(Embedding).values(
        [
            {
                "idea_id": idea.id,
                "text_version": text_version,
                "council_id": idea.council_id,
                "model": MODEL,
                "vector": to_bytes(vector),
                "made_at": utcnow(),
            }
            for idea, text_version, vector in sorted(made, key=lambda each: each[0].id)
        ]
    )
    session.execute(
        rows.on_conflict_do_update(
            index_elements=["idea_id"],
            set_={
                name: rows.excluded[name]
                for name in ("text_version", "council_id", "model", "vector", "made_at")
            },
        )
    )


_NEWEST_OF_ONE = text("""
    SELECT e.idea_id, e.council_id, e.vector, e.made_at FROM embeddings e
    WHERE e.model = :model AND e.council_id = :council AND e.made_at > :since
    ORDER BY e.made_at DESC LIMIT :most
""")
# Councils are few: the newest of each by its index, then the newest of those.
_NEWEST_OF_ALL = text("""
    SELECT x.idea_id, x.council_id, x.vector, x.made_at FROM councils c
    CROSS JOIN LATERAL (
        SELECT e.idea_id, e.council_id, e.vector, e.made_at FROM embeddings e
        WHERE e.model = :model AND e.council_id = c.id AND e.made_at > :since
        ORDER BY e.made_at DESC LIMIT :most) x
    ORDER BY x.made_at DESC LIMIT :most
""")
_BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(slots=True)
class Window:
    """The vectors of the newest ideas of one council, or of all (`council` None)."""

    council: int | None
    size: int = WINDOW
    ids: list[UUID] = field(default_factory=list)
    councils: npt.NDArray[np.int32] = field(init=False)
    _matrix: Vectors = field(init=False)
    _rows: dict[UUID, int] = field(default_factory=dict)
    _next: int = 0
    _since: datetime = _BEGINNING

    def __post_init__(self) -> None:
        # Pages that are never written cost no memory.
        self._matrix = np.zeros((self.size, DIMENSIONS), dtype=np.float32)
        self.councils = np.zeros(self.size, dtype=np.int32)

    @property
    def matrix(self) -> Vectors:
        """The vectors, in the order of `ids`."""
        return self._matrix[: len(self.ids)]

    def refresh(self, session: SqlSession) -> None:
        """Read what was added or changed since the last time."""
        parameters = {"model": MODEL, "since": self._since - _OVERLAP, "most": self.size}
        if self.council is None:
            rows = session.execute(_NEWEST_OF_ALL, parameters).all()
        else:
            rows = session.execute(_NEWEST_OF_ONE, {**parameters, "council": self.council}).all()
        for row in reversed(rows):
            self._put(row.idea_id, row.council_id, row.vector)
            self._since = max(self._since, row.made_at)

    def _put(self, idea_id: UUID, council_id: int, vector: bytes) -> None:
        """Keep a vector: in its own place when it is known, else in that of the oldest."""
        place = self._rows.get(idea_id)
        if place is None:
            place = self._next
            self._next = (self._next + 1) % self.size
            if place < len(self.ids):
                del self._rows[self.ids[place]]
                self.ids[place] = idea_id
            else:
                self.ids.append(idea_id)
            self._rows[idea_id] = place
        self._matrix[place] = from_bytes(vector)[0]
        self.councils[place] = council_id


class Windows:
    """The windows that this process keeps: that of all, and those of the councils it met last."""

    def __init__(self, size: int = WINDOW) -> None:
        self._size = size
        self._all = Window(None, size)
        self._of: OrderedDict[int, Window] = OrderedDict()

    def of_all(self, session: SqlSession) -> Window:
        """Return the newest ideas of all councils, as they stand in the database now."""
        self._all.refresh(session)
        return self._all

    def of_council(self, session: SqlSession, council_id: int) -> Window:
        """Return the newest ideas of one council, as they stand in the database now."""
        window = self._of.pop(council_id, None) or Window(council_id, self._size)
        self._of[council_id] = window
        while len(self._of) > _KEPT_COUNCILS:
            self._of.popitem(last=False)
        window.refresh(session)
        return window
