"""Addresses that mail does not reach.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "mail_pace",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_mail_pace_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_pace")),
    )
    op.create_table(
        "dead_addresses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("idea_id", sa.Uuid(), nullable=True),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revived_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(staff_id, idea_id) = 1", name=op.f("ck_dead_addresses_of_one")
        ),
        sa.CheckConstraint(
            "revived_by IS NULL OR revived_at IS NOT NULL",
            name=op.f("ck_dead_addresses_revived_by_has_moment"),
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_dead_addresses_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_dead_addresses_idea_id_ideas")
        ),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letters.id"], name=op.f("fk_dead_addresses_letter_id_letters")
        ),
        sa.ForeignKeyConstraint(
            ["revived_by"], ["staff.id"], name=op.f("fk_dead_addresses_revived_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_addresses")),
    )
    for whose in ("staff", "idea"):
        op.create_index(
            f"uq_dead_addresses_{whose}",
            "dead_addresses",
            [f"{whose}_id"],
            unique=True,
            postgresql_where=sa.text("revived_at IS NULL"),
        )
