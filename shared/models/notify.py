"""What notify writes: subscriptions, digest runs, and the ledger of letters.

A letter's row holds ids and codes; its words are rendered when it is sent.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, RowId, stored
from shared.models.enums import LetterState


class Subscription(Base):
    """When a member of staff wants the digest. No row: the default hour."""

    __tablename__ = "subscriptions"
    __table_args__ = (CheckConstraint("hour BETWEEN 0 AND 23", name="hour_of_the_day"),)

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    daily: Mapped[bool] = mapped_column(default=True, server_default="true")
    # On the city's clock.
    hour: Mapped[int] = mapped_column(default=7, server_default="7")


class DigestPosition(Base):
    """The place of a queue entry in the order in which digests saw entries.

    Runs stamp committed entries under an advisory lock and cut there: windows by id, time or
    transaction number lose entries that commit late.
    """

    __tablename__ = "digest_positions"

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("queue_entries.id"), primary_key=True
    )
    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("digest_runs.id"), index=True)


class DigestRun(Base):
    """One round of digests; its slot is unique, so two clocks make one run."""

    __tablename__ = "digest_runs"

    id: Mapped[RowId]
    # "2026-11-23T07" on the city's clock, or "now-<id>" for a run that a person asked for.
    slot: Mapped[str] = mapped_column(unique=True)
    started_at: Mapped[Now]
    finished_at: Mapped[Moment | None]


class Digest(Base):
    """What one run means for one person; unique per run and person, one a day when scheduled."""

    __tablename__ = "digests"
    __table_args__ = (
        # In this order it also finds a person's latest digest.
        UniqueConstraint("staff_id", "run_id"),
        Index(
            "uq_digests_day",
            "staff_id",
            "for_day",
            unique=True,
            postgresql_where=text("for_day IS NOT NULL"),
        ),
    )

    id: Mapped[OpaqueId]
    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("digest_runs.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    # The city's date for a scheduled digest; empty for one asked for now.
    for_day: Mapped[date | None]
    # The run whose entries this person had already been told of.
    after_run_id: Mapped[int | None] = mapped_column(BigInteger)
    new_count: Mapped[int]
    waiting_count: Mapped[int]
    made_at: Mapped[Now]


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
        CheckConstraint(
            "num_nonnulls(decision_id, digest_id, invitation_id, reset_id, received_id, answer_id,"
            " notice_id) = 1",
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
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    # Fixed before the first try, so that a repeated delivery is recognised.
    message_id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[LetterState] = mapped_column(
        stored(LetterState, "state"), default=LetterState.WAITING
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
