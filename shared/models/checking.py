"""What the checks work with besides a text: word lists, learned models, switches, embeddings.

Moderation writes all of it. None of it holds a resident's words.
"""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, RowId


class WordListEntry(Base):
    """A word or phrase of a list. Never changed: what is edited is removed and added anew."""

    __tablename__ = "word_lists"
    __table_args__ = (
        Index(
            "uq_word_lists_standing",
            "list",
            "language",
            "term",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        CheckConstraint("weight BETWEEN 0 AND 1", name="weight_is_a_share"),
        CheckConstraint("removed_at IS NOT NULL OR removed_by IS NULL", name="removed_by_and_at"),
    )

    id: Mapped[RowId]
    list: Mapped[str]
    # The language of the term; empty where it means the same in all.
    language: Mapped[str] = mapped_column(default="")
    term: Mapped[str]
    # How the term is compared with a text (`services.moderation.checks.wording.lexicon`).
    match: Mapped[str]
    weight: Mapped[float] = mapped_column(default=1.0)
    comment: Mapped[str] = mapped_column(default="")
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    expires_on: Mapped[date | None]
    added_at: Mapped[Now]
    removed_at: Mapped[Moment | None]
    removed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class LearnedModel(Base):
    """A version of a model that learns from decisions: weights and figures, no words."""

    __tablename__ = "models"
    __table_args__ = (
        UniqueConstraint("kind", "version"),
        Index("uq_models_active", "kind", unique=True, postgresql_where=text("is_active")),
    )

    id: Mapped[RowId]
    kind: Mapped[str]
    version: Mapped[int]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    weights: Mapped[bytes] = mapped_column(LargeBinary)
    # How right it was on decisions that it was not trained on, and how many those were.
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    note: Mapped[str] = mapped_column(default="")
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Now]
    is_active: Mapped[bool] = mapped_column(default=False)
    activated_at: Mapped[Moment | None]


class CheckSwitch(Base):
    """Whether a check runs; one without a row is as it is shipped."""

    __tablename__ = "check_switches"

    name: Mapped[str] = mapped_column(primary_key=True)
    is_on: Mapped[bool]
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[Now]


class Embedding(Base):
    """The meaning of an idea's text as numbers, for the semantic depth of the duplicate check."""

    __tablename__ = "embeddings"
    __table_args__ = (Index(None, "model", "council_id", "made_at"),)

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    text_version: Mapped[int]
    council_id: Mapped[int] = mapped_column(ForeignKey("councils.id"))
    model: Mapped[str]
    # float16, little-endian.
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[Now]
