"""The ledger of letters, which notify writes.

A letter's row holds ids and codes; its words are rendered when it is sent.
"""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, store_enum
from shared.models.enums import LetterState

# Why a letter did not leave, as its `error` says: its mailbox or domain had got enough that day.
WITHHELD = "withheld"


class Letter(Base):
    """Any outgoing mail; the row comes before the rendering and the sending."""

    __tablename__ = "letters"
    __table_args__ = (
        UniqueConstraint("decision_id", "template"),
        UniqueConstraint("digest_id"),
        Index(
            "ix_letters_due",
            "due_at",
            postgresql_where=text("state IN ('waiting', 'claimed')"),
        ),
        # The clock's own: alarms do not stand in line behind other letters.
        Index(
            "ix_letters_notices_due",
            "due_at",
            postgresql_where=text("state IN ('waiting', 'claimed') AND notice_id IS NOT NULL"),
        ),
        # The pages of the ledger, however long it is.
        Index(None, "state", "id"),
        Index(None, "template", "id"),
        UniqueConstraint("invitation_id"),
        UniqueConstraint("reset_id"),
        UniqueConstraint("received_id"),
        UniqueConstraint("answer_id", "idea_id"),
        UniqueConstraint("notice_id"),
        UniqueConstraint("change_id"),
        CheckConstraint(
            "num_nonnulls(decision_id, digest_id, invitation_id, reset_id, received_id, answer_id,"
            " notice_id, change_id) = 1",
            name="about_one_thing",
        ),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent_has_moment"),
    )

    id: Mapped[OpaqueId]
    template: Mapped[str]
    language: Mapped[str]
    idea_id: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"), index=True)
    decision_id: Mapped[UUID | None] = mapped_column(ForeignKey("decisions.id"))
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("rules.id"))
    digest_id: Mapped[UUID | None] = mapped_column(ForeignKey("digests.id"))
    invitation_id: Mapped[UUID | None] = mapped_column(ForeignKey("invitations.id"))
    reset_id: Mapped[UUID | None] = mapped_column(ForeignKey("password_resets.id"))
    # The idea whose arrival it confirms.
    received_id: Mapped[UUID | None] = mapped_column(ForeignKey("ideas.id"))
    # The version of the official answer that it tells of; of one answer each writer hears once.
    answer_id: Mapped[UUID | None] = mapped_column(ForeignKey("official_answers.id"))
    notice_id: Mapped[UUID | None] = mapped_column(ForeignKey("notices.id"))
    # What was done to the reader's own account, as the log of changes has it.
    change_id: Mapped[int | None] = mapped_column(ForeignKey("audit_log.id"))
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    # Fixed before the first try, so that a repeated delivery is recognised.
    message_id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[LetterState] = mapped_column(
        store_enum(LetterState, "state"), default=LetterState.WAITING
    )
    due_at: Mapped[Moment]
    claimed_until: Mapped[Moment | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    # A reply code of the mail server, the type of the error (never its text), or the reason why
    # the letter was cancelled.
    error: Mapped[str | None]
    created_at: Mapped[Now]
    sent_at: Mapped[Moment | None]
    # When an administrator let it go although letters are held.
    released_at: Mapped[Moment | None]
