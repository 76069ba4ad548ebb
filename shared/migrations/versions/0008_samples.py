"""Numbers by day, what the public may know of a year, and blind second looks.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "daily_numbers",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("council_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), server_default="", nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_daily_numbers_council_id_councils")
        ),
        sa.PrimaryKeyConstraint("day", "council_id", "name", "key", name=op.f("pk_daily_numbers")),
    )
    op.create_table(
        "counted_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_counted_days")),
    )
    op.create_table(
        "yearly_numbers",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("numbers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "year BETWEEN 2000 AND 9999", name=op.f("ck_yearly_numbers_year_is_one")
        ),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_yearly_numbers")),
    )
    op.execute("""
        CREATE VIEW public_yearly_numbers AS
        SELECT year, numbers, is_final, made_at FROM yearly_numbers""")
    op.execute("GRANT SELECT ON public_yearly_numbers TO radslag_public")
    op.create_table(
        "sample_shares",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("share BETWEEN 0 AND 1", name=op.f("ck_sample_shares_share_is_a_share")),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["staff.id"], name=op.f("fk_sample_shares_changed_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_shares")),
    )
    op.create_table(
        "sampling",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("drawn_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_sampling_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sampling")),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("passed_by", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column(
            "judgement",
            sa.Enum(
                "publish",
                "reject",
                "mask",
                "unsure",
                name="judgement",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("is_alike", sa.Boolean(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (judgement IS NULL)"
            " AND (answered_at IS NULL) = (answered_by IS NULL)",
            name=op.f("ck_samples_answer_is_whole"),
        ),
        sa.CheckConstraint(
            "answered_at IS NULL OR voided_at IS NULL", name=op.f("ck_samples_answered_or_void")
        ),
        sa.CheckConstraint(
            "(judgement IS NOT DISTINCT FROM 'reject') = (rule_id IS NOT NULL)",
            name=op.f("ck_samples_reject_has_rule"),
        ),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["staff.id"], name=op.f("fk_samples_answered_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_samples_decision_id_decisions")
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_samples_idea_id_ideas")),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_samples_rule_id_rules")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_samples")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_samples_decision_id")),
    )
    op.create_index(op.f("ix_samples_idea_id"), "samples", ["idea_id"])
    op.create_index(op.f("ix_samples_answered_at"), "samples", ["answered_at"])
    op.create_index(
        "ix_samples_differing",
        "samples",
        ["answered_at"],
        postgresql_where=sa.text("NOT is_alike"),
    )
    is_open = sa.text("answered_at IS NULL AND voided_at IS NULL")
    op.create_index(
        "uq_samples_open", "samples", ["idea_id"], unique=True, postgresql_where=is_open
    )
    op.create_index("ix_samples_waiting", "samples", ["drawn_at", "id"], postgresql_where=is_open)


def downgrade() -> None:
    """Take back."""
    op.execute("DROP VIEW public_yearly_numbers")
    for table in (
        "samples",
        "sampling",
        "sample_shares",
        "yearly_numbers",
        "counted_days",
        "daily_numbers",
    ):
        op.drop_table(table)
