"""What an administrator has said about the beginning of a system. Written by moderation."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Now


class FirstStep(Base):
    """One thing that only a person can say: that the rules are the city's, that the list may go."""

    __tablename__ = "first_steps"
    __table_args__ = (CheckConstraint("step IN ('rules', 'list')", name="step_is_known"),)

    step: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[Now]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
