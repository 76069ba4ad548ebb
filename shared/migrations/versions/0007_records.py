"""A log of what administrators change, and texts to start from.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # Raised with every change, so that two who edit at once notice.
    op.add_column(
        "councils", sa.Column("version", sa.Integer(), server_default="1", nullable=False)
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column(
            "before",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column(
            "after",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.CheckConstraint(
            "action ~ '^[a-z_]+[.][a-z_]+$'", name=op.f("ck_audit_log_action_is_a_code")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_audit_log_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_subject_kind_id"), "audit_log", ["subject_kind", "id"])
    op.create_index(op.f("ix_audit_log_staff_id_id"), "audit_log", ["staff_id", "id"])
    # As decisions and rules: written once.
    op.execute("""
        CREATE TRIGGER sealed BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION refuse_change()""")
    op.create_table(
        "answer_templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_code", sa.String(), nullable=True),
        sa.Column("language", sa.String(), server_default="sv", nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("language IN ('sv', 'en')", name=op.f("ck_answer_templates_language")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_templates")),
    )
    # The history, filtered, goes on where a page ended.
    op.create_index(op.f("ix_decisions_kind_seq"), "decisions", ["kind", "seq"])
    for column in ("rule_id", "staff_id", "bulk_id"):
        op.create_index(
            op.f(f"ix_decisions_{column}_seq"),
            "decisions",
            [column, "seq"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def downgrade() -> None:
    """Take back."""
    for column in ("kind", "rule_id", "staff_id", "bulk_id"):
        op.drop_index(op.f(f"ix_decisions_{column}_seq"), table_name="decisions")
    op.drop_table("answer_templates")
    op.drop_table("audit_log")
    op.drop_column("councils", "version")
