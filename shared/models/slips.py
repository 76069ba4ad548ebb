"""Slips: which ideas staff entered, for whom they speak, and how those said them. By submission."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Now, store_enum
from shared.models.enums import Channel


class Slip(Base):
    """What somebody said to a member of staff, who entered it; the words are the idea's.

    `key` is a hash of the form that was sent and what it said, so that a form that is sent twice
    makes nothing twice, whenever that is.
    """

    __tablename__ = "slips"
    __table_args__ = (CheckConstraint("octet_length(key) = 32", name="key_is_whole"),)

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    # Those of one form have the same.
    batch_id: Mapped[UUID] = mapped_column(index=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    channel: Mapped[Channel] = mapped_column(store_enum(Channel, "channel"))
    key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    entered_at: Mapped[Now]
