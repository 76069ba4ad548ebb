"""Passkeys: keys that people's devices hold.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_KINDS = (
    "'signed_in', 'wrong_password', 'wrong_code', 'throttled', 'directory_refused', 'forbidden', "
    "'wrong_token', 'wrong_sender', 'wrong_host', 'password_asked', 'password_changed', "
    "'factor_added', 'factor_removed', 'codes_renewed'"
)
_LINKS = "'directory_linked', 'directory_unlinked'"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "passkeys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_challenge", sa.LargeBinary(), nullable=True),
        sa.Column("browser", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_passkeys_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_staff_id"), "passkeys", ["staff_id"])
    _allow(
        "'password', 'directory', 'passkey'",
        f"{_KINDS}, {_LINKS}, 'passkey_added', 'passkey_removed'",
    )


def _allow(ways: str, kinds: str) -> None:
    op.drop_constraint(op.f("ck_staff_sessions_via"), "staff_sessions")
    op.create_check_constraint(op.f("ck_staff_sessions_via"), "staff_sessions", f"via IN ({ways})")
    op.drop_constraint(op.f("ck_security_events_kind"), "security_events")
    op.create_check_constraint(
        op.f("ck_security_events_kind"), "security_events", f"kind IN ({kinds})"
    )


def downgrade() -> None:
    """Undo."""
    op.execute("DELETE FROM staff_sessions WHERE via = 'passkey'")
    op.execute("DELETE FROM security_events WHERE kind IN ('passkey_added', 'passkey_removed')")
    _allow("'password', 'directory'", f"{_KINDS}, {_LINKS}")
    op.drop_table("passkeys")
