"""What colleagues tell each other about an idea, and how right each finding proved.

Written by moderation. Never shown to the public; a citizen may ask to read them.
"""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, desc, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, RowId


class Note(Base):
    """A note about an idea, by a member of staff for colleagues. Appended, never changed."""

    __tablename__ = "notes"
    __table_args__ = (Index(None, "idea_id", "id"),)

    id: Mapped[RowId]
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    text: Mapped[str]
    written_at: Mapped[Now]


class Ask(Base):
    """A question to one colleague about an idea; answered by a note. It never holds a decision up.

    Closed without an answer when it is taken back.
    """

    __tablename__ = "asks"
    __table_args__ = (
        Index(None, "idea_id", "id"),
        Index("ix_asks_asked_of", "asked_of", "id", postgresql_where=text("closed_at IS NULL")),
        Index("ix_asks_asked_by", "asked_by", "id", postgresql_where=text("closed_at IS NULL")),
        Index(
            "uq_asks_open",
            "idea_id",
            "asked_of",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        CheckConstraint("asked_by <> asked_of", name="somebody_else"),
        CheckConstraint("answer_id IS NULL OR closed_at IS NOT NULL", name="answered_is_closed"),
    )

    id: Mapped[RowId]
    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"))
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    asked_of: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    question: Mapped[str]
    asked_at: Mapped[Now]
    closed_at: Mapped[Moment | None]
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("notes.id"))


class CheckOutcome(Base):
    """Whether people agreed with one kind of finding of one check about one idea.

    One row per idea and kind: the latest decision counts
    (`services.moderation.decisions.track_record`).
    """

    __tablename__ = "check_outcomes"
    __table_args__ = (
        # The last so many of a kind, read from the index alone.
        Index(
            "ix_check_outcomes_latest",
            "check_name",
            "code",
            desc("decision_seq"),
            postgresql_include=["agreed"],
        ),
    )

    idea_id: Mapped[UUID] = mapped_column(ForeignKey("ideas.id"), primary_key=True)
    check_name: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    agreed: Mapped[bool]
    # The number of the decision (`decisions.seq`) that showed it.
    decision_seq: Mapped[int] = mapped_column(BigInteger)
