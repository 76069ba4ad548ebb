"""Who looks at what right now.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "leases",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_leases_idea_id_ideas")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_leases_staff_id_staff")),
        sa.PrimaryKeyConstraint("staff_id", "idea_id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_idea_id"), "leases", ["idea_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("leases")
