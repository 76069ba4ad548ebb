"""Who is on duty, and the notices they get.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    _plan_duty()
    _let_incidents_be_told()
    _notices()
    op.add_column(
        "councils",
        sa.Column("wait_limit_h", sa.Integer(), server_default="48", nullable=True),
    )
    op.create_check_constraint(
        op.f("ck_councils_wait_limit_in_reason"), "councils", "wait_limit_h BETWEEN 1 AND 1000"
    )
    _looks()


def _plan_duty() -> None:
    op.create_table(
        "duty_shifts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("begins", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("day BETWEEN 0 AND 7", name=op.f("ck_duty_shifts_day_of_the_plan")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_duty_shifts_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_shifts")),
    )
    op.create_index(
        "uq_duty_shifts_once", "duty_shifts", ["day", "staff_id", "begins", "ends"], unique=True
    )
    op.create_table(
        "duty_covers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("cover_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "first_day <= last_day", name=op.f("ck_duty_covers_ends_after_it_begins")
        ),
        sa.CheckConstraint("cover_id <> staff_id", name=op.f("ck_duty_covers_somebody_else")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_duty_covers_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["cover_id"], ["staff.id"], name=op.f("fk_duty_covers_cover_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_covers")),
    )
    op.create_index(op.f("ix_duty_covers_last_day"), "duty_covers", ["last_day"])


def _let_incidents_be_told() -> None:
    op.add_column(
        "incidents",
        sa.Column(
            "tell_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    for column in ("told_at", "over_told_at"):
        op.add_column("incidents", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_incidents_over_when_over"),
        "incidents",
        "over_told_at IS NULL OR resolved_at IS NOT NULL",
    )
    op.create_index(
        op.f("ix_incidents_kind_key_resolved_at"), "incidents", ["kind", "key", "resolved_at"]
    )
    op.create_index(
        "ix_incidents_over_untold",
        "incidents",
        ["resolved_at"],
        postgresql_where=sa.text(
            "resolved_at IS NOT NULL AND told_at IS NOT NULL AND over_told_at IS NULL"
        ),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.Column("told_as", sa.String(length=24), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "told_as IN ('on-duty', 'instead', 'admin')", name=op.f("ck_notices_told_as")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notices_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint(
            "id", "staff_id", "is_over", name=op.f("uq_notices_id_staff_id_is_over")
        ),
    )
    op.create_index(op.f("ix_notices_made_at"), "notices", ["made_at"])
    op.create_table(
        "notice_items",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id", "staff_id", "is_over"],
            ["notices.id", "notices.staff_id", "notices.is_over"],
            name="fk_notice_items_notice_id_notices",
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_notice_items_incident_id_incidents")
        ),
        sa.PrimaryKeyConstraint("notice_id", "incident_id", name=op.f("pk_notice_items")),
        sa.UniqueConstraint(
            "incident_id",
            "staff_id",
            "is_over",
            name=op.f("uq_notice_items_incident_id_staff_id_is_over"),
        ),
    )
    # No letter is about a notice yet.
    op.create_foreign_key(
        op.f("fk_letters_notice_id_notices"), "letters", "notices", ["notice_id"], ["id"]
    )
    op.create_index(
        "ix_letters_notices_due",
        "letters",
        ["due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'claimed') AND notice_id IS NOT NULL"),
    )


def _looks() -> None:
    """What the clock looks at every quarter of a minute, along indexes that hold only that."""
    op.create_index(
        "ix_findings_grave",
        "findings",
        ["idea_id", "text_version", "code"],
        postgresql_where=sa.text("code IN ('threat', 'child')"),
    )
    op.create_index(
        "ix_queue_entries_since",
        "queue_entries",
        ["council_id", "opened_at"],
        postgresql_where=sa.text("closed_at IS NULL AND reason <> 'sample'"),
    )
    op.create_index(
        "ix_queue_entries_latest",
        "queue_entries",
        ["opened_at"],
        postgresql_where=sa.text("closed_at IS NULL AND reason = 'new'"),
    )
