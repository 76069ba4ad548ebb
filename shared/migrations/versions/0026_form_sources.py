"""Forms of other tools: who may post, how that becomes an idea, and what came.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0026
Revises: 0025
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_KINDS = (
    "'threat', 'child', 'wave', 'overdue', 'failed_jobs', 'unchecked', 'deaf', 'digest_failed',"
    " 'webhook_off', 'bounced', 'spray'"
)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "form_sources",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("old_nonce", sa.LargeBinary(), nullable=True),
        sa.Column("old_sha256", sa.LargeBinary(), nullable=True),
        _moment("old_until"),
        _moment("secret_seen_at"),
        sa.Column("is_on", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _moment("created_at", nullable=False),
        sa.CheckConstraint(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_form_sources_slug_is_plain")
        ),
        sa.CheckConstraint(
            "(old_nonce IS NULL) = (old_until IS NULL)"
            " AND (old_sha256 IS NULL) = (old_until IS NULL)",
            name=op.f("ck_form_sources_old_secret_ends"),
        ),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_form_sources_council_id_councils")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_form_sources_created_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_sources")),
        sa.UniqueConstraint("slug", name=op.f("uq_form_sources_slug")),
    )
    op.create_table(
        "form_mappings",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", postgresql.JSONB(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        _moment("made_at", nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_form_mappings_version_counts")),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_form_mappings_made_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"],
            ["form_sources.id"],
            name=op.f("fk_form_mappings_source_id_form_sources"),
        ),
        sa.PrimaryKeyConstraint("source_id", "version", name=op.f("pk_form_mappings")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=24), server_default="received", nullable=False),
        sa.Column("fault", sa.String(length=24), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=False),
        _moment("received_at", nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=True),
        sa.Column("same_as", sa.Uuid(), nullable=True),
        sa.Column("mapping_version", sa.Integer(), nullable=True),
        sa.Column("left_out", postgresql.ARRAY(sa.String()), server_default="{}", nullable=False),
        sa.CheckConstraint(
            "state IN ('received', 'mapped', 'repeated', 'failed', 'put_aside')",
            name=op.f("ck_inbox_state"),
        ),
        sa.CheckConstraint(
            "fault IN ('unreadable', 'no_text', 'several_texts', 'too_short', 'too_long',"
            " 'no_council', 'closed_council', 'key_reused')",
            name=op.f("ck_inbox_fault"),
        ),
        sa.CheckConstraint(
            "(state = 'mapped') = (idea_id IS NOT NULL)", name=op.f("ck_inbox_mapped_has_idea")
        ),
        sa.CheckConstraint(
            "(state = 'repeated') = (same_as IS NOT NULL)",
            name=op.f("ck_inbox_repeated_has_first"),
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (fault IS NOT NULL)", name=op.f("ck_inbox_failed_has_fault")
        ),
        sa.CheckConstraint(
            "(body IS NULL) = (state IN ('mapped', 'repeated'))",
            name=op.f("ck_inbox_body_until_it_is_sealed"),
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_inbox_idea_id_ideas")),
        sa.ForeignKeyConstraint(["same_as"], ["inbox.id"], name=op.f("fk_inbox_same_as_inbox")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["form_sources.id"], name=op.f("fk_inbox_source_id_form_sources")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
    )
    op.create_index(op.f("ix_inbox_source_id_id"), "inbox", ["source_id", "id"])
    op.create_index(
        op.f("ix_inbox_source_id_state_received_at"), "inbox", ["source_id", "state", "received_at"]
    )
    op.create_index(op.f("ix_inbox_idea_id"), "inbox", ["idea_id"])
    op.create_table(
        "inbox_keys",
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("key_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("inbox_id", sa.Uuid(), nullable=False),
        _moment("stored_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inbox.id"], name=op.f("fk_inbox_keys_inbox_id_inbox")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["form_sources.id"], name=op.f("fk_inbox_keys_source_id_form_sources")
        ),
        sa.PrimaryKeyConstraint("source_id", "key_sha256", name=op.f("pk_inbox_keys")),
    )
    op.create_index(op.f("ix_inbox_keys_inbox_id"), "inbox_keys", ["inbox_id"])
    # Wider than the one before: every row that is there fulfils it.
    op.execute(
        "ALTER TABLE incidents DROP CONSTRAINT ck_incidents_kind,"
        f" ADD CONSTRAINT ck_incidents_kind CHECK (kind IN ({_KINDS}, 'inbox')) NOT VALID"
    )
    op.execute("ALTER TABLE incidents VALIDATE CONSTRAINT ck_incidents_kind")


def downgrade() -> None:
    """Undo."""
    op.execute(
        "ALTER TABLE incidents DROP CONSTRAINT ck_incidents_kind,"
        f" ADD CONSTRAINT ck_incidents_kind CHECK (kind IN ({_KINDS}))"
    )
    op.drop_table("inbox_keys")
    op.drop_table("inbox")
    op.drop_table("form_mappings")
    op.drop_table("form_sources")
