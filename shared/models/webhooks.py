"""Other systems that hear events, and what is on its way to them. Written by notify."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    any_,
    exists,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Moment, Now, OpaqueId, store_enum
from shared.models.enums import DeliveryState, WebhookOff, WebhookShape, WebhookState


class Webhook(Base):
    """An endpoint: where events go, which ones, and how it has gone lately.

    No secret stands here: signing keys are made from RADSLAG_SECRET_KEY and `nonce`, and the
    address, which in chat programs is a secret itself, is sealed with that key.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("(state = 'off') = (off_because IS NOT NULL)", name="off_has_reason"),
        CheckConstraint("(old_nonce IS NULL) = (old_until IS NULL)", name="old_secret_ends"),
        CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failures_have_begun"),
        CheckConstraint("cardinality(events) > 0", name="wants_something"),
    )

    id: Mapped[OpaqueId]
    title: Mapped[str]
    # What the desk shows of the address, and the whole of it, sealed.
    host: Mapped[str]
    address: Mapped[bytes]
    shape: Mapped[WebhookShape] = mapped_column(store_enum(WebhookShape, "shape"))
    # Of the sentences that chat programs show.
    language: Mapped[str] = mapped_column(default="sv", server_default="sv")
    # Public names, as in `shared.delivery.hooks`.
    events: Mapped[list[str]] = mapped_column(ARRAY(String))
    # Ideas of this council only; alarms come anyhow.
    council_id: Mapped[int | None] = mapped_column(ForeignKey("councils.id"))
    nonce: Mapped[bytes]
    # The secret of before the last change goes on signing until then.
    old_nonce: Mapped[bytes | None]
    old_until: Mapped[Moment | None]
    # Shown once after it was made.
    secret_seen_at: Mapped[Moment | None]
    state: Mapped[WebhookState] = mapped_column(
        store_enum(WebhookState, "state"), default=WebhookState.ON, server_default="on"
    )
    off_because: Mapped[WebhookOff | None] = mapped_column(store_enum(WebhookOff, "off_because"))
    # In a row; after some of them nothing is tried before `rests_until`.
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    failing_since: Mapped[Moment | None]
    rests_until: Mapped[Moment | None]
    last_success_at: Mapped[Moment | None]
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[Now]
    version: Mapped[int] = mapped_column(default=1, server_default="1")

    @classmethod
    def some_wants(cls, name: ColumnElement[str]) -> ColumnElement[bool]:
        """Ask, inside a statement, whether an endpoint that is on wants events of this name."""
        return exists().where(cls.state == WebhookState.ON, name == any_(cls.events))

    def signs_with(self, now: datetime) -> list[bytes]:
        """Return the nonces of the secrets in force, the newest first."""
        old = self.old_nonce if self.old_until is not None and now < self.old_until else None
        return [self.nonce, *([old] if old else [])]


_OPEN = text("state IN ('waiting', 'claimed')")


class WebhookDelivery(Base):
    """One event for one endpoint. Its id is the `webhook-id`, fixed before the first try.

    Holds no body and no answer: what is sent is written when it is sent.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        # What an endpoint is owed next, how much is on its way there, and tests.
        Index("ix_webhook_deliveries_due", "webhook_id", "due_at", "id", postgresql_where=_OPEN),
        Index(
            "ix_webhook_deliveries_flying",
            "webhook_id",
            postgresql_where=text("state = 'claimed'"),
        ),
        Index(
            "ix_webhook_deliveries_tests",
            "due_at",
            postgresql_where=text("event_id IS NULL AND state IN ('waiting', 'claimed')"),
        ),
        # The log, filtered, goes on where a page ended.
        Index(None, "webhook_id", "id"),
        Index(None, "webhook_id", "state", "id"),
        # An event that is forgotten is looked for here.
        Index(None, "event_id"),
        CheckConstraint(
            "(state IN ('waiting', 'claimed')) = (closed_at IS NULL)", name="closed_has_moment"
        ),
        CheckConstraint(
            "(state = 'claimed') = (claimed_until IS NOT NULL)", name="claimed_has_end"
        ),
        CheckConstraint("(kind = 'ping') = (event_id IS NULL)", name="only_tests_have_no_event"),
        CheckConstraint("tries <= attempts", name="tries_are_attempts"),
    )

    id: Mapped[OpaqueId]
    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("outbox_events.id"))
    # The public name of the event.
    kind: Mapped[str]
    state: Mapped[DeliveryState] = mapped_column(
        store_enum(DeliveryState, "state"), default=DeliveryState.WAITING, server_default="waiting"
    )
    due_at: Mapped[Moment]
    claimed_until: Mapped[Moment | None]
    # All of them, and those since `begun_at`: when it was written, or asked for again.
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    begun_at: Mapped[Now]
    tried_at: Mapped[Moment | None]
    # The status of the last answer, or the kind of error; why it was cancelled or given up.
    status: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[Now]
    closed_at: Mapped[Moment | None]
