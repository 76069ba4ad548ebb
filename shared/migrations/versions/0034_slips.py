"""Ideas that staff enter: what somebody said by telephone, on paper or at a meeting.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_BEFORE = "source IN ('form', 'api', 'hook', 'import')"
_AFTER = "source IN ('form', 'api', 'hook', 'import', 'staff')"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # Wider than the one before: every row that is there fulfils it.
    op.execute(
        "ALTER TABLE ideas DROP CONSTRAINT ck_ideas_source,"
        f" ADD CONSTRAINT ck_ideas_source CHECK ({_AFTER}) NOT VALID"
    )
    op.execute("ALTER TABLE ideas VALIDATE CONSTRAINT ck_ideas_source")
    op.create_table(
        "slips",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=24), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel IN ('phone', 'paper', 'email', 'meeting', 'visit')",
            name=op.f("ck_slips_channel"),
        ),
        sa.CheckConstraint("octet_length(key) = 32", name=op.f("ck_slips_key_is_whole")),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_slips_idea_id_ideas")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_slips_staff_id_staff")),
        sa.PrimaryKeyConstraint("idea_id", name=op.f("pk_slips")),
        sa.UniqueConstraint("key", name=op.f("uq_slips_key")),
    )
    op.create_index(op.f("ix_slips_batch_id"), "slips", ["batch_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("slips")
    # What staff entered stays, as if they had used the form.
    op.execute("UPDATE ideas SET source = 'form' WHERE source = 'staff'")
    op.execute(
        "ALTER TABLE ideas DROP CONSTRAINT ck_ideas_source,"
        f" ADD CONSTRAINT ck_ideas_source CHECK ({_BEFORE})"
    )
