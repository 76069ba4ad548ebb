"""Soft leases: who looks at what right now. Written by moderation."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now


class Lease(Base):
    """A member of staff has an idea open. It says so to others, blocks nobody, and expires."""

    __tablename__ = "leases"

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True, index=True)
    # The opened page that keeps it: a page that closes late must not let go what the next one took.
    page: Mapped[int]
    taken_at: Mapped[Now]
    # In no index, so that keeping a lease rewrites nothing but its row.
    expires_at: Mapped[Moment]
