"""Incidents, and letters about arrivals, answers and notices.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("key", sa.String(), server_default="", nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('threat', 'child', 'wave', 'overdue', 'failed_jobs', 'unchecked', 'deaf', "
            "'digest_failed', 'webhook_off', 'bounced')",
            name=op.f("ck_incidents_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["kind", "key"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    # What an answer and a notice are, the next revisions say.
    for column in ("received_id", "answer_id", "notice_id"):
        op.add_column("letters", sa.Column(column, sa.Uuid(), nullable=True))
        op.create_unique_constraint(op.f(f"uq_letters_{column}"), "letters", [column])
    op.create_foreign_key(
        op.f("fk_letters_received_id_ideas"), "letters", "ideas", ["received_id"], ["id"]
    )
    op.drop_constraint(op.f("ck_letters_about_one_thing"), "letters")
    op.create_check_constraint(
        op.f("ck_letters_about_one_thing"),
        "letters",
        "num_nonnulls(decision_id, digest_id, invitation_id, reset_id, received_id, answer_id,"
        " notice_id) = 1",
    )
