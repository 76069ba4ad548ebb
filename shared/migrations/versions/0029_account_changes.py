"""Letters about changes of an account, and a time to get a second factor.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_ABOUT = "decision_id, digest_id, invitation_id, reset_id, received_id, answer_id, notice_id"
_KINDS = (
    "'signed_in', 'wrong_password', 'wrong_code', 'throttled', 'directory_refused', 'forbidden', "
    "'wrong_token', 'wrong_sender', 'wrong_host', 'password_asked', 'password_changed', "
    "'factor_added', 'factor_removed', 'codes_renewed'"
)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column("staff", sa.Column("factor_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("letters", sa.Column("change_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_letters_change_id_audit_log"), "letters", "audit_log", ["change_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_letters_change_id"), "letters", ["change_id"])
    _allow(f"{_ABOUT}, change_id", f"{_KINDS}, 'directory_linked', 'directory_unlinked'")


def _allow(about: str, kinds: str) -> None:
    op.drop_constraint(op.f("ck_letters_about_one_thing"), "letters")
    op.create_check_constraint(
        op.f("ck_letters_about_one_thing"), "letters", f"num_nonnulls({about}) = 1"
    )
    op.drop_constraint(op.f("ck_security_events_kind"), "security_events")
    op.create_check_constraint(
        op.f("ck_security_events_kind"), "security_events", f"kind IN ({kinds})"
    )


def downgrade() -> None:
    """Undo."""
    op.execute("DELETE FROM letters WHERE change_id IS NOT NULL")
    op.execute(
        "DELETE FROM security_events WHERE kind IN ('directory_linked', 'directory_unlinked')"
    )
    _allow(_ABOUT, _KINDS)
    op.drop_column("letters", "change_id")
    op.drop_column("staff", "factor_due_at")
