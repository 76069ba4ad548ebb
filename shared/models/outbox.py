"""The outbox: what happened, and who still has to act on it. `shared.delivery.outbox` writes it.

Beside it, what the processes and the schema say of themselves.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.models.base import Base, Moment, Now, RowId


class OutboxEvent(Base):
    """A fact, written in the transaction of the change it tells of. Ids only."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        Index(None, "subject_id"),
        # A withdrawal hides at once: the public view looks here.
        Index(
            "ix_outbox_events_withdrawals",
            "subject_id",
            postgresql_where=text("kind = 'ReceiptAction' AND payload ->> 'verb' = 'withdraw'"),
        ),
    )

    id: Mapped[RowId]
    kind: Mapped[str]
    version: Mapped[int]
    subject_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[Now]


_OPEN = text("done_at IS NULL AND failed_at IS NULL")


class OutboxDelivery(Base):
    """One event for one consumer. Sent is not done: only the consumer's effect sets `done_at`."""

    __tablename__ = "outbox_deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "consumer"),
        # The relay's two questions: what waits in this queue, and how much is in flight. None is of
        # what a claim changes, so a claim rewrites the row where it lies. What was offered is never
        # more than the relay lets be under way.
        Index("ix_outbox_deliveries_open", "queue", "id", postgresql_where=_OPEN),
        Index("ix_outbox_deliveries_offered", "queue", "batch", postgresql_where=_OPEN),
        Index("ix_outbox_deliveries_undone", "event_id", postgresql_where=text("done_at IS NULL")),
        Index("ix_outbox_deliveries_batch", "batch", postgresql_where=_OPEN),
        CheckConstraint("done_at IS NULL OR failed_at IS NULL", name="done_or_failed"),
    )

    id: Mapped[RowId]
    event_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("outbox_events.id"))
    consumer: Mapped[str]
    queue: Mapped[str]
    # The message it travels in now; an older message claims nothing.
    batch: Mapped[UUID | None]
    sent_at: Mapped[Moment | None]
    started_at: Mapped[Moment | None]
    # Until then the message, or the worker that has it, is trusted; after it the relay re-offers.
    lease_until: Mapped[Moment | None]
    # Committed before work starts, so that work which kills its process still counts.
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    error: Mapped[str | None]
    done_at: Mapped[Moment | None]
    failed_at: Mapped[Moment | None]

    event: Mapped[OutboxEvent] = relationship(lazy="raise_on_sql")


class FailedJob(Base):
    """Work that was given up: what, how often tried, and the type and place of the error."""

    __tablename__ = "failed_jobs"
    __table_args__ = (
        Index("ix_failed_jobs_open", "failed_at", postgresql_where=text("replayed_at IS NULL")),
    )

    id: Mapped[RowId]
    delivery_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("outbox_deliveries.id"), index=True
    )
    consumer: Mapped[str]
    subject_id: Mapped[UUID]
    attempts: Mapped[int]
    error: Mapped[str]
    failed_at: Mapped[Now]
    replayed_at: Mapped[Moment | None]


class Heartbeat(Base):
    """When a long-running process last said that it works."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[Now]


class ServedCode(Base):
    """The revision of the oldest code that may use this schema. One row, written by migrations."""

    __tablename__ = "served_code"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    oldest: Mapped[str]
