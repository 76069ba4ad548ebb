"""Blind second looks: a share of people's decisions, judged again. Written by moderation."""

import enum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, RowId, store_enum


class Judgement(enum.StrEnum):
    """What the second person would have done. It changes nothing about the idea."""

    PUBLISH = "publish"
    REJECT = "reject"
    MASK = "mask"
    UNSURE = "unsure"


class SampleShare(Base):
    """Which share of decisions is looked at twice, from this moment on. The newest row stands."""

    __tablename__ = "sample_shares"
    __table_args__ = (CheckConstraint("share BETWEEN 0 AND 1", name="share_is_a_share"),)

    id: Mapped[RowId]
    share: Mapped[float]
    changed_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[Now]


class Sampling(Base):
    """How far the draw has come: one row."""

    __tablename__ = "sampling"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    drawn_until: Mapped[Moment]


class Sample(Base):
    """A decision that was drawn, and what a second person said without knowing it."""

    __tablename__ = "samples"
    __table_args__ = (
        Index(
            "uq_samples_open",
            "idea_id",
            unique=True,
            postgresql_where=text("answered_at IS NULL AND voided_at IS NULL"),
        ),
        Index(
            "ix_samples_waiting",
            "drawn_at",
            "id",
            postgresql_where=text("answered_at IS NULL AND voided_at IS NULL"),
        ),
        Index(None, "answered_at"),
        # What people judged differently, the newest first.
        Index("ix_samples_differing", "answered_at", postgresql_where=text("NOT is_alike")),
        CheckConstraint(
            "(answered_at IS NULL) = (judgement IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name="answer_is_whole",
        ),
        CheckConstraint("answered_at IS NULL OR voided_at IS NULL", name="answered_or_void"),
        CheckConstraint(
            "(judgement IS NOT DISTINCT FROM 'reject') = (rule_id IS NOT NULL)",
            name="reject_has_rule",
        ),
    )

    id: Mapped[RowId]
    decision_id: Mapped[UUID] = mapped_column(ForeignKey("decisions.id"), unique=True)
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), index=True)
    # What the first person saw, and so what the second one sees.
    text_version: Mapped[int]
    drawn_at: Mapped[Now]
    # People who knew the first decision already, and said so.
    passed_by: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list, server_default="{}")
    judgement: Mapped[Judgement | None] = mapped_column(store_enum(Judgement, "judgement"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))
    # Whether it is what the first person decided, rule included; empty for who was unsure.
    is_alike: Mapped[bool | None]
    note: Mapped[str | None]
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    answered_at: Mapped[Moment | None]
    # The first decision was undone, or the text is gone: nothing is left to compare.
    voided_at: Mapped[Moment | None]
