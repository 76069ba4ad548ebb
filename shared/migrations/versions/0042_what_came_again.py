"""An index of deliveries that came again, by the first of them.

With the words of an idea go the hashes of every delivery that brought it, and those that came again
are looked for by the first. It is made in one look at the table, in which form tools wait: their
deliveries are a few a day.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_index(
        "ix_inbox_same_as", "inbox", ["same_as"], postgresql_where=sa.text("same_as IS NOT NULL")
    )


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_inbox_same_as", "inbox")
