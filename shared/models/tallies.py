"""What the database notes by itself (triggers of migration 0019), so that nobody has to count.

docs/decisions/012 says how a number moves without anybody waiting for anybody.
"""

from uuid import UUID

from sqlalchemy import BigInteger, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, RowId


class Tally(Base):
    """A part of a number: the number is the sum of its rows.

    `public 7` moves with each transaction that changes what the public sees of council 7 (0: of
    what belongs to none); `ideas rejected` and `letters sent` count what is settled.
    """

    __tablename__ = "tallies"
    __table_args__ = (Index(None, "what", "moved_in"),)

    id: Mapped[RowId]
    what: Mapped[str]
    number: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[Moment]
    # The transaction that wrote it.
    moved_in: Mapped[int] = mapped_column(BigInteger)


class PublicChange(Base):
    """A moment at which the public saw an idea in another way, or no longer.

    The first publishing is not among them. Appended only; no foreign keys, so that noting a change
    locks neither the idea nor the council.
    """

    __tablename__ = "public_changes"
    __table_args__ = (
        Index(None, "idea_id", "at"),
        Index("ix_public_changes_hidden", "council_id", "at", postgresql_where=text("NOT shown")),
    )

    id: Mapped[RowId]
    idea_id: Mapped[UUID]
    council_id: Mapped[int] = mapped_column(Integer)
    at: Mapped[Moment]
    # Whether the public reads the idea after it.
    shown: Mapped[bool]
