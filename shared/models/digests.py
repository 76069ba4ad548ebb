"""What notify writes of digests: who wants them, runs, and what each run was for each person."""

from datetime import date
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, RowId, store_enum
from shared.models.enums import Rhythm

_ALL_DAYS = "'{1,2,3,4,5,6,7}'"


class Subscription(Base):
    """When a member of staff wants the digest, and of what. No row: the usual choice.

    Hours are of the city's clock; days are numbered from Monday, 1 (ISO 8601).
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour_of_the_day"),
        CheckConstraint("until_hour BETWEEN hour AND 23", name="until_hour_is_no_earlier"),
        CheckConstraint("every_hours BETWEEN 1 AND 12", name="hours_apart"),
        CheckConstraint("weekday BETWEEN 1 AND 7", name="day_of_the_week"),
        CheckConstraint(f"weekdays <@ {_ALL_DAYS} AND weekdays <> '{{}}'", name="days_of_the_week"),
        CheckConstraint("council_ids <> '{}' AND lanes <> '{}'", name="of_something"),
        CheckConstraint("language IN ('sv', 'en')", name="language"),
    )

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    # Whether any digest comes at all; the column has its name from when there was one rhythm.
    wanted: Mapped[bool] = mapped_column("daily", default=True, server_default="true")
    rhythm: Mapped[Rhythm] = mapped_column(
        store_enum(Rhythm, "rhythm"), default=Rhythm.DAILY, server_default=Rhythm.DAILY.value
    )
    hour: Mapped[int] = mapped_column(default=7, server_default="7")
    # Every so many hours, from `hour` to `until_hour`.
    every_hours: Mapped[int] = mapped_column(SmallInteger, default=3, server_default="3")
    until_hour: Mapped[int] = mapped_column(SmallInteger, default=23, server_default="23")
    weekdays: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), default=[1, 2, 3, 4, 5, 6, 7], server_default=text(_ALL_DAYS)
    )
    # The day of a weekly digest.
    weekday: Mapped[int] = mapped_column(SmallInteger, default=1, server_default="1")
    working_days_only: Mapped[bool] = mapped_column(default=False, server_default="false")
    # Empty: all of them, also those that come later.
    council_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    lanes: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    # Empty: the account's.
    language: Mapped[str | None] = mapped_column(String(8))
    # A note once a week when there is nothing to say.
    calm_note: Mapped[bool] = mapped_column(default=False, server_default="false")
    # When the rhythm was chosen: no digest is owed for an hour before that.
    chosen_at: Mapped[Moment | None]


class DigestPosition(Base):
    """A stay of a queue entry in one lane, as digests saw it: from one run until another.

    Runs stamp committed entries under an advisory lock and cut there: windows by id, time or
    transaction number lose entries that commit late. Lane and council are empty in rows of older
    versions: such an entry was told to everybody.
    """

    __tablename__ = "digest_positions"
    __table_args__ = (
        # One stay at a time.
        Index(
            "uq_digest_positions_open",
            "entry_id",
            unique=True,
            postgresql_where=text("until_run_id IS NULL"),
        ),
        Index(None, "until_run_id"),
        CheckConstraint("until_run_id > run_id", name="ends_after_it_begins"),
    )

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("queue_entries.id"), primary_key=True
    )
    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("digest_runs.id"), primary_key=True, index=True
    )
    council_id: Mapped[int | None]
    lane: Mapped[str | None]
    until_run_id: Mapped[int | None] = mapped_column(BigInteger)
    # The entry had an earlier stay.
    is_moved: Mapped[bool] = mapped_column(default=False, server_default="false")


class DigestRun(Base):
    """One round of digests. Runs follow one another in the order of their ids."""

    __tablename__ = "digest_runs"

    id: Mapped[RowId]
    # "due-<id>"; "now-<id>" for a run that a person asked for, "test-<id>" for one person's test.
    slot: Mapped[str] = mapped_column(unique=True)
    started_at: Mapped[Now]
    finished_at: Mapped[Moment | None]


class Digest(Base):
    """What one run means for one person; unique per run and person, and per person and slot."""

    __tablename__ = "digests"
    __table_args__ = (
        # In this order it also finds a person's latest digest.
        UniqueConstraint("staff_id", "run_id"),
        UniqueConstraint("staff_id", "slot"),
        Index(
            "uq_digests_day",
            "staff_id",
            "for_day",
            unique=True,
            postgresql_where=text("for_day IS NOT NULL"),
        ),
        CheckConstraint("slot IS NULL OR NOT is_test", name="a_test_has_no_slot"),
    )

    id: Mapped[OpaqueId]
    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("digest_runs.id"))
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    # The hour on the city's clock that it is for, "2026-11-23T07"; empty for one asked for now.
    slot: Mapped[str | None]
    # Written by older versions, instead of the slot.
    for_day: Mapped[date | None]
    # What it tells of; empty: all.
    council_ids: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    lanes: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    # The run of the latest digest that this person had been told by then.
    after_run_id: Mapped[int | None] = mapped_column(BigInteger)
    new_count: Mapped[int]
    waiting_count: Mapped[int]
    # Sent to see what one looks like: tells nobody anything.
    is_test: Mapped[bool] = mapped_column(default=False, server_default="false")
    # It says that nothing waits.
    is_calm: Mapped[bool] = mapped_column(default=False, server_default="false")
    made_at: Mapped[Now]
    # When its words were written: what colleagues decided later is told by the next.
    read_at: Mapped[Moment | None]
