"""When each member of staff wants the digest, and of what; where entries were when digests looked.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0010
Revises: 0009
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ALL_DAYS = "'{1,2,3,4,5,6,7}'"
_CHOICES: tuple[sa.Column[Any], ...] = (
    sa.Column("rhythm", sa.String(length=24), server_default="daily", nullable=False),
    sa.Column("every_hours", sa.SmallInteger(), server_default="3", nullable=False),
    sa.Column("until_hour", sa.SmallInteger(), server_default="23", nullable=False),
    sa.Column(
        "weekdays",
        postgresql.ARRAY(sa.SmallInteger()),
        server_default=sa.text(_ALL_DAYS),
        nullable=False,
    ),
    sa.Column("weekday", sa.SmallInteger(), server_default="1", nullable=False),
    sa.Column("working_days_only", sa.Boolean(), server_default="false", nullable=False),
    sa.Column("council_ids", postgresql.ARRAY(sa.Integer()), nullable=True),
    sa.Column("lanes", postgresql.ARRAY(sa.String()), nullable=True),
    sa.Column("language", sa.String(length=8), nullable=True),
    sa.Column("calm_note", sa.Boolean(), server_default="false", nullable=False),
    sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=True),
)
_CHECKS = {
    "rhythm": "rhythm IN ('hours', 'daily', 'weekly')",
    "until_hour_is_no_earlier": "until_hour BETWEEN hour AND 23",
    "hours_apart": "every_hours BETWEEN 1 AND 12",
    "day_of_the_week": "weekday BETWEEN 1 AND 7",
    "days_of_the_week": f"weekdays <@ {_ALL_DAYS} AND weekdays <> '{{}}'",
    "of_something": "council_ids <> '{}' AND lanes <> '{}'",
    "language": "language IN ('sv', 'en')",
}


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    for column in _CHOICES:
        op.add_column("subscriptions", column)
    for name, condition in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_subscriptions_{name}"), "subscriptions", condition)
    _let_entries_move()
    for column in (
        sa.Column("slot", sa.String(), nullable=True),
        sa.Column("council_ids", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("lanes", postgresql.ARRAY(sa.String()), nullable=True),
        sa.Column("is_test", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_calm", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("digests", column)
    op.create_unique_constraint(op.f("uq_digests_staff_id_slot"), "digests", ["staff_id", "slot"])
    op.create_check_constraint(
        op.f("ck_digests_a_test_has_no_slot"), "digests", "slot IS NULL OR NOT is_test"
    )


def _let_entries_move() -> None:
    """Let an entry have a place for each lane that digests saw it in; one without lane is old."""
    for column in (
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("lane", sa.String(), nullable=True),
        sa.Column("until_run_id", sa.BigInteger(), nullable=True),
        sa.Column("is_moved", sa.Boolean(), server_default="false", nullable=False),
    ):
        op.add_column("digest_positions", column)
    op.drop_constraint(op.f("pk_digest_positions"), "digest_positions")
    op.create_primary_key(op.f("pk_digest_positions"), "digest_positions", ["entry_id", "run_id"])
    op.create_check_constraint(
        op.f("ck_digest_positions_ends_after_it_begins"),
        "digest_positions",
        "until_run_id > run_id",
    )
    op.create_index(
        "uq_digest_positions_open",
        "digest_positions",
        ["entry_id"],
        unique=True,
        postgresql_where=sa.text("until_run_id IS NULL"),
    )
    op.create_index(op.f("ix_digest_positions_until_run_id"), "digest_positions", ["until_run_id"])
