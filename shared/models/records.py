"""What administrators said and changed, and the texts a moderator starts from. By moderation."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, RowId


class AuditEntry(Base):
    """One change to how the system works. Appended, never overwritten (a trigger refuses it).

    Codes, ids and the administrators' own wording: never a resident's words, never an address.
    """

    __tablename__ = "audit_log"
    __table_args__ = (
        CheckConstraint("action ~ '^[a-z_]+[.][a-z_]+$'", name="action_is_a_code"),
        Index(None, "subject_kind", "id"),
        Index(None, "staff_id", "id"),
    )

    id: Mapped[RowId]
    at: Mapped[Now]
    # Empty: a command on the machine, or the system itself.
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")


class AnswerTemplate(Base):
    """A text that a moderator starts from when an idea is rejected."""

    __tablename__ = "answer_templates"
    __table_args__ = (CheckConstraint("language IN ('sv', 'en')", name="language"),)

    id: Mapped[RowId]
    # Empty: fits any rule.
    rule_code: Mapped[str | None]
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    title: Mapped[str]
    text: Mapped[str]
    # Raised with every change, so that two who edit at once notice.
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[Now]
    retired_at: Mapped[Moment | None]


class FirstStep(Base):
    """One thing that only a person can say: that the rules are the city's, that the list may go."""

    __tablename__ = "first_steps"
    __table_args__ = (CheckConstraint("step IN ('rules', 'list')", name="step_is_known"),)

    step: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[Now]
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
