"""What an administrator has said about the beginning of a system.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "first_steps",
        sa.Column("step", sa.String(length=20), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("step IN ('rules', 'list')", name=op.f("ck_first_steps_step_is_known")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_first_steps_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("step", name=op.f("pk_first_steps")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("first_steps")
