"""Notes between colleagues, what they ask each other, and how right each kind of finding proved.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("decisions", sa.Column("reason_text", sa.String(), nullable=True))
    op.add_column(
        "decisions",
        sa.Column("by_the_first", sa.Boolean(), server_default="false", nullable=False),
    )
    _notes()
    _asks()
    _outcomes()


def _notes() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_notes_idea_id_ideas")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notes_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index(op.f("ix_notes_idea_id_id"), "notes", ["idea_id", "id"], unique=False)


def _asks() -> None:
    still_open = sa.text("closed_at IS NULL")
    op.create_table(
        "asks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_of", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("asked_by <> asked_of", name=op.f("ck_asks_somebody_else")),
        sa.CheckConstraint(
            "answer_id IS NULL OR closed_at IS NOT NULL", name=op.f("ck_asks_answered_is_closed")
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_asks_idea_id_ideas")),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_asks_asked_by_staff")),
        sa.ForeignKeyConstraint(["asked_of"], ["staff.id"], name=op.f("fk_asks_asked_of_staff")),
        sa.ForeignKeyConstraint(["answer_id"], ["notes.id"], name=op.f("fk_asks_answer_id_notes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asks")),
    )
    op.create_index(op.f("ix_asks_idea_id_id"), "asks", ["idea_id", "id"], unique=False)
    for person in ("asked_of", "asked_by"):
        op.create_index(
            f"ix_asks_{person}", "asks", [person, "id"], unique=False, postgresql_where=still_open
        )
    op.create_index(
        "uq_asks_open", "asks", ["idea_id", "asked_of"], unique=True, postgresql_where=still_open
    )


def _outcomes() -> None:
    op.create_table(
        "check_outcomes",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("check_name", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("decision_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_check_outcomes_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("idea_id", "check_name", "code", name=op.f("pk_check_outcomes")),
    )
    op.create_index(
        "ix_check_outcomes_latest",
        "check_outcomes",
        ["check_name", "code", sa.text("decision_seq DESC")],
        unique=False,
        postgresql_include=["agreed"],
    )


def downgrade() -> None:
    """Take back."""
    for table in ("check_outcomes", "asks", "notes"):
        op.drop_table(table)
    op.drop_column("decisions", "by_the_first")
    op.drop_column("decisions", "reason_text")
