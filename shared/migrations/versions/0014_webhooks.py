"""Other systems that hear events.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0014
Revises: 0013
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPEN = "state IN ('waiting', 'claimed')"


def _moment(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("shape", sa.String(length=24), nullable=False),
        sa.Column("language", sa.String(), server_default="sv", nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("old_nonce", sa.LargeBinary(), nullable=True),
        _moment("old_until"),
        _moment("secret_seen_at"),
        sa.Column("state", sa.String(length=24), server_default="on", nullable=False),
        sa.Column("off_because", sa.String(length=24), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        _moment("failing_since"),
        _moment("rests_until"),
        _moment("last_success_at"),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _moment("created_at", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "shape IN ('standard', 'slack', 'teams', 'mattermost')", name=op.f("ck_webhooks_shape")
        ),
        sa.CheckConstraint("state IN ('on', 'paused', 'off')", name=op.f("ck_webhooks_state")),
        sa.CheckConstraint(
            "off_because IN ('failing', 'gone')", name=op.f("ck_webhooks_off_because")
        ),
        sa.CheckConstraint(
            "(state = 'off') = (off_because IS NOT NULL)", name=op.f("ck_webhooks_off_has_reason")
        ),
        sa.CheckConstraint(
            "(old_nonce IS NULL) = (old_until IS NULL)", name=op.f("ck_webhooks_old_secret_ends")
        ),
        sa.CheckConstraint(
            "(failures = 0) = (failing_since IS NULL)",
            name=op.f("ck_webhooks_failures_have_begun"),
        ),
        sa.CheckConstraint("cardinality(events) > 0", name=op.f("ck_webhooks_wants_something")),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_webhooks_council_id_councils")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_webhooks_created_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=24), server_default="waiting", nullable=False),
        _moment("due_at", nullable=False),
        _moment("claimed_until"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        _moment("begun_at", nullable=False),
        _moment("tried_at"),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        _moment("created_at", nullable=False),
        _moment("closed_at"),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'done', 'cancelled', 'failed')",
            name=op.f("ck_webhook_deliveries_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('waiting', 'claimed')) = (closed_at IS NULL)",
            name=op.f("ck_webhook_deliveries_closed_has_moment"),
        ),
        sa.CheckConstraint(
            "(state = 'claimed') = (claimed_until IS NOT NULL)",
            name=op.f("ck_webhook_deliveries_claimed_has_end"),
        ),
        sa.CheckConstraint(
            "(kind = 'ping') = (event_id IS NULL)",
            name=op.f("ck_webhook_deliveries_only_tests_have_no_event"),
        ),
        sa.CheckConstraint(
            "tries <= attempts", name=op.f("ck_webhook_deliveries_tries_are_attempts")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_deliveries_webhook_id_webhooks"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["outbox_events.id"],
            name=op.f("fk_webhook_deliveries_event_id_outbox_events"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint(
            "webhook_id", "event_id", name=op.f("uq_webhook_deliveries_webhook_id_event_id")
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook_id", "due_at", "id"],
        postgresql_where=sa.text(_OPEN),
    )
    op.create_index(
        "ix_webhook_deliveries_flying",
        "webhook_deliveries",
        ["webhook_id"],
        postgresql_where=sa.text("state = 'claimed'"),
    )
    op.create_index(
        "ix_webhook_deliveries_tests",
        "webhook_deliveries",
        ["due_at"],
        postgresql_where=sa.text(f"event_id IS NULL AND {_OPEN}"),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_id"), "webhook_deliveries", ["webhook_id", "id"]
    )
    op.create_index(
        op.f("ix_webhook_deliveries_webhook_id_state_id"),
        "webhook_deliveries",
        ["webhook_id", "state", "id"],
    )
