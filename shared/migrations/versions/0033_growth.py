"""What grows with time: fewer indexes on what changes most, and one for tidying up.

A delivery is offered, claimed and done. Of its indexes none is of what a claim changes any more, so
that a claim rewrites the row where it lies. Yesterday's code finds the same rows by what is left.
Each index is made in one look at the table, in which deliveries wait to be written: a second or two
for a million.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_OPEN = "done_at IS NULL AND failed_at IS NULL"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_index(
        "ix_outbox_deliveries_offered",
        "outbox_deliveries",
        ["queue", "batch"],
        postgresql_where=sa.text(_OPEN),
    )
    op.drop_index("ix_outbox_deliveries_leased", "outbox_deliveries")
    op.drop_index("ix_outbox_deliveries_tried", "outbox_deliveries")
    # Room on each page for the claims of its rows; and dead rows go while they are few, however
    # long the table is.
    op.execute("""
        ALTER TABLE outbox_deliveries SET (
            fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01,
            autovacuum_vacuum_threshold = 2000)""")
    # An event that is forgotten is looked for here.
    op.create_index(op.f("ix_webhook_deliveries_event_id"), "webhook_deliveries", ["event_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f("ix_webhook_deliveries_event_id"), "webhook_deliveries")
    op.execute("""
        ALTER TABLE outbox_deliveries RESET (
            fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)""")
    op.create_index(
        "ix_outbox_deliveries_tried",
        "outbox_deliveries",
        ["consumer", "attempts"],
        postgresql_where=sa.text(f"{_OPEN} AND attempts > 0"),
    )
    op.create_index(
        "ix_outbox_deliveries_leased",
        "outbox_deliveries",
        ["queue", "lease_until"],
        postgresql_where=sa.text(_OPEN),
    )
    op.drop_index("ix_outbox_deliveries_offered", "outbox_deliveries")
