"""The schema says from which revision on code may use it.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
# The first code that asks.
oldest_code = revision


def upgrade() -> None:
    """Apply. Its one row is written by `shared.migrate`, after this."""
    op.create_table(
        "served_code",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("oldest", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_served_code_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_served_code")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("served_code")
