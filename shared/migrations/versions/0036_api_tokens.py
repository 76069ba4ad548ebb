"""Tokens of the API, when each was used, and a way to write down that one was refused.

The public web may not write the security log: it can have this function count a refusal there, and
nothing else. It is bounded as the log itself is, so whoever gets at the function fills no disk.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0036
Revises: 0035
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_KINDS = (
    "'signed_in', 'wrong_password', 'wrong_code', 'throttled', 'directory_refused', 'forbidden', "
    "'wrong_token', 'wrong_sender', 'wrong_host', 'password_asked', 'password_changed', "
    "'factor_added', 'factor_removed', 'codes_renewed', 'directory_linked', 'directory_unlinked', "
    "'passkey_added', 'passkey_removed'"
)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("scopes", ARRAY(sa.Text()), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("old_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("old_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_on", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read_decided', 'export']",
            name=op.f("ck_api_tokens_scopes_are_known"),
        ),
        sa.CheckConstraint(
            "per_minute BETWEEN 1 AND 10000", name=op.f("ck_api_tokens_per_minute_is_bounded")
        ),
        sa.CheckConstraint(
            "(old_sha256 IS NULL) = (old_until IS NULL)",
            name=op.f("ck_api_tokens_old_secret_ends"),
        ),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_api_tokens_council_id_councils")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_api_tokens_created_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("title", name=op.f("uq_api_tokens_title")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_tokens_sha256")),
        sa.UniqueConstraint("old_sha256", name=op.f("uq_api_tokens_old_sha256")),
    )
    op.create_table(
        "api_token_uses",
        sa.Column("token_id", sa.Uuid(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_tokens.id"], name=op.f("fk_api_token_uses_token_id_api_tokens")
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_api_token_uses")),
    )
    _allow(f"{_KINDS}, 'api_refused'")
    op.execute("""
        CREATE FUNCTION note_api_refusal(place bytea) RETURNS void LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            moment CONSTANT timestamptz := statement_timestamp();
            step CONSTANT timestamptz := to_timestamp(floor(extract(epoch FROM moment) / 600) * 600);
            is_full CONSTANT boolean := (
                SELECT count(*) = 1000
                FROM (SELECT FROM security_events WHERE slot = step LIMIT 1000) there);
        BEGIN
            INSERT INTO security_events (kind, who_hash, place_hash, at, slot)
            VALUES ('api_refused', '', CASE WHEN is_full THEN '' ELSE substr(place, 1, 16) END,
                    moment, step)
            ON CONFLICT (slot, kind, who_hash, place_hash)
            DO UPDATE SET times = security_events.times + 1;
        END $$""")


def _allow(kinds: str) -> None:
    op.drop_constraint(op.f("ck_security_events_kind"), "security_events")
    op.create_check_constraint(
        op.f("ck_security_events_kind"), "security_events", f"kind IN ({kinds})"
    )


def downgrade() -> None:
    """Undo."""
    op.execute("DROP FUNCTION note_api_refusal(bytea)")
    op.execute("DELETE FROM security_events WHERE kind = 'api_refused'")
    _allow(_KINDS)
    op.drop_table("api_token_uses")
    op.drop_table("api_tokens")
