"""Leaving the digest from the mail itself.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "unsubscribe_links",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_unsubscribe_links_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_unsubscribe_links")),
    )
    op.create_index(op.f("ix_unsubscribe_links_staff_id"), "unsubscribe_links", ["staff_id"])
