"""The first tables, the seals on them, and the one door for the public.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("CREATE SEQUENCE idea_numbers")
    op.create_table(
        "councils",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("theme", sa.String(), nullable=False),
        sa.Column("held_label", sa.String(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("introduction", sa.String(), nullable=False),
        sa.Column("summary_url", sa.String(), nullable=True),
        sa.Column("language", sa.String(), server_default="sv", nullable=False),
        sa.Column("open_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("publishes_clear", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name=op.f("ck_councils_slug_is_plain")
        ),
        sa.CheckConstraint(
            "open_from < open_until", name=op.f("ck_councils_opens_before_it_closes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_councils")),
        sa.UniqueConstraint("slug", name=op.f("uq_councils_slug")),
    )
    op.create_table(
        "digest_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_runs")),
        sa.UniqueConstraint("slot", name=op.f("uq_digest_runs_slot")),
    )
    op.create_table(
        "fingerprint_batches",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("idea_seqs", sa.LargeBinary(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_fingerprint_batches")),
    )
    op.create_index(op.f("ix_fingerprint_batches_at"), "fingerprint_batches", ["at"], unique=False)
    op.create_table(
        "fingerprints",
        sa.Column("key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "seq", name=op.f("pk_fingerprints")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "invitations",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "reader",
                "moderator",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_invitations")),
    )
    op.create_table(
        "login_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("source_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempts")),
    )
    op.create_index(
        op.f("ix_login_attempts_email_hash_at"),
        "login_attempts",
        ["email_hash", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_login_attempts_source_hash_at"),
        "login_attempts",
        ["source_hash", "at"],
        unique=False,
    )
    op.create_table(
        "outbox_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
    )
    op.create_index(
        op.f("ix_outbox_events_subject_id"), "outbox_events", ["subject_id"], unique=False
    )
    op.create_index(
        "ix_outbox_events_withdrawals",
        "outbox_events",
        ["subject_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'ReceiptAction' AND payload ->> 'verb' = 'withdraw'"),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title_sv", sa.String(), nullable=False),
        sa.Column("text_sv", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("text_en", sa.String(), nullable=False),
        sa.Column("in_force_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_rules_code_version")),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default="", nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "reader",
                "moderator",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("session_epoch", sa.Integer(), server_default="1", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("language", sa.String(), server_default="sv", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
    )
    op.create_index("uq_staff_email", "staff", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "digests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("for_day", sa.Date(), nullable=True),
        sa.Column("after_run_id", sa.BigInteger(), nullable=True),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("waiting_count", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["digest_runs.id"], name=op.f("fk_digests_run_id_digest_runs")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_digests_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
        sa.UniqueConstraint("staff_id", "run_id", name=op.f("uq_digests_staff_id_run_id")),
    )
    op.create_index(
        "uq_digests_day",
        "digests",
        ["staff_id", "for_day"],
        unique=True,
        postgresql_where=sa.text("for_day IS NOT NULL"),
    )
    op.create_table(
        "ideas",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "received",
                "waiting",
                "published",
                "rejected",
                "merged",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "form",
                "api",
                "hook",
                "import",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("source_id", sa.String(), nullable=True),
        sa.Column("sender_hash", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "precision",
            sa.Enum(
                "instant",
                "day",
                name="precision",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("fold_hash", sa.BigInteger(), nullable=False),
        sa.Column("public_version", sa.Integer(), nullable=True),
        sa.Column("public_text", sa.String(), nullable=True),
        sa.Column("public_author", sa.String(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("counts_as_support", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("language", sa.String(), server_default="sv", nullable=False),
        sa.Column("receipt_nonce", sa.LargeBinary(), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(source = 'import') = (source_id IS NOT NULL)", name=op.f("ck_ideas_import_has_source")
        ),
        sa.CheckConstraint(
            "(status = 'merged') = (merged_into IS NOT NULL)",
            name=op.f("ck_ideas_merged_has_target"),
        ),
        sa.CheckConstraint(
            "(status = 'rejected') = (rule_id IS NOT NULL)", name=op.f("ck_ideas_rejected_has_rule")
        ),
        sa.CheckConstraint(
            "status <> 'published' OR (published_at IS NOT NULL AND public_version IS NOT NULL)",
            name=op.f("ck_ideas_published_has_date"),
        ),
        sa.CheckConstraint(
            "(public_text IS NULL) = (public_author IS NULL)",
            name=op.f("ck_ideas_public_text_has_author"),
        ),
        sa.CheckConstraint(
            "destroyed_at IS NOT NULL OR (public_version IS NULL) = (public_text IS NULL)",
            name=op.f("ck_ideas_public_text_has_version"),
        ),
        sa.CheckConstraint(
            "destroyed_at IS NULL OR public_text IS NULL",
            name=op.f("ck_ideas_destroyed_has_no_words"),
        ),
        sa.CheckConstraint("merged_into <> id", name=op.f("ck_ideas_never_merged_into_itself")),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_ideas_council_id_councils")
        ),
        sa.ForeignKeyConstraint(
            ["merged_into"], ["ideas.id"], name=op.f("fk_ideas_merged_into_ideas")
        ),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_ideas_rule_id_rules")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ideas")),
        sa.UniqueConstraint(
            "council_id", "source", "source_id", name=op.f("uq_ideas_council_id_source_source_id")
        ),
        sa.UniqueConstraint("number", name=op.f("uq_ideas_number")),
        sa.UniqueConstraint("seq", name=op.f("uq_ideas_seq")),
    )
    op.create_index(
        op.f("ix_ideas_council_id_published_at_id"),
        "ideas",
        ["council_id", "published_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(
        op.f("ix_ideas_fold_hash_received_at_id"),
        "ideas",
        ["fold_hash", "received_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ideas_merged_into"),
        "ideas",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(
        "ix_ideas_received",
        "ideas",
        ["stored_at"],
        unique=False,
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_index(
        "ix_ideas_search",
        "ideas",
        [sa.literal_column("to_tsvector('swedish'::regconfig, public_text)")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_table(
        "outbox_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "done_at IS NULL OR failed_at IS NULL", name=op.f("ck_outbox_deliveries_done_or_failed")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["outbox_events.id"],
            name=op.f("fk_outbox_deliveries_event_id_outbox_events"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_deliveries")),
        sa.UniqueConstraint(
            "event_id", "consumer", name=op.f("uq_outbox_deliveries_event_id_consumer")
        ),
    )
    op.create_index(
        "ix_outbox_deliveries_batch",
        "outbox_deliveries",
        ["batch"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND failed_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_deliveries_leased",
        "outbox_deliveries",
        ["queue", "lease_until"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND failed_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_deliveries_open",
        "outbox_deliveries",
        ["queue", "id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND failed_at IS NULL"),
    )
    op.create_index(
        "ix_outbox_deliveries_tried",
        "outbox_deliveries",
        ["consumer", "attempts"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND failed_at IS NULL AND attempts > 0"),
    )
    op.create_index(
        "ix_outbox_deliveries_undone",
        "outbox_deliveries",
        ["event_id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "subscriptions",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("daily", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("hour", sa.Integer(), server_default="7", nullable=False),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f("ck_subscriptions_hour_of_the_day")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_subscriptions_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_subscriptions")),
    )
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_access_log_idea_id_ideas")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_access_log_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
    )
    op.create_index(op.f("ix_access_log_idea_id"), "access_log", ["idea_id"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_contacts_idea_id_ideas")),
        sa.PrimaryKeyConstraint("idea_id", name=op.f("pk_contacts")),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "publish",
                "reject",
                "merge",
                "mask",
                "keep",
                "reopen",
                "undo",
                "import",
                "policy",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("into_id", sa.Uuid(), nullable=True),
        sa.Column("undoes", sa.Uuid(), nullable=True),
        sa.Column("bulk_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("seen_version", sa.Integer(), nullable=False),
        sa.Column(
            "status_before",
            sa.Enum(
                "received",
                "waiting",
                "published",
                "rejected",
                "merged",
                "withdrawn",
                name="status_before",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status_after",
            sa.Enum(
                "received",
                "waiting",
                "published",
                "rejected",
                "merged",
                "withdrawn",
                name="status_after",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'undo') = (undoes IS NOT NULL)",
            name=op.f("ck_decisions_undo_names_its_decision"),
        ),
        sa.CheckConstraint(
            "kind <> 'merge' OR into_id IS NOT NULL", name=op.f("ck_decisions_merge_has_target")
        ),
        sa.CheckConstraint(
            "kind <> 'reject' OR rule_id IS NOT NULL", name=op.f("ck_decisions_reject_has_rule")
        ),
        sa.CheckConstraint(
            "kind IN ('undo', 'mask', 'keep') OR (kind IN ('publish', 'import', 'policy') AND status_after = 'published') OR (kind = 'reject' AND status_after = 'rejected') OR (kind = 'merge' AND status_after = 'merged') OR (kind = 'reopen' AND status_after = 'waiting')",
            name=op.f("ck_decisions_kind_fits_status"),
        ),
        sa.CheckConstraint(
            "kind NOT IN ('mask', 'keep') OR status_after = status_before",
            name=op.f("ck_decisions_mask_and_keep_leave_status"),
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_decisions_idea_id_ideas")),
        sa.ForeignKeyConstraint(["into_id"], ["ideas.id"], name=op.f("fk_decisions_into_id_ideas")),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_decisions_rule_id_rules")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_decisions_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["undoes"], ["decisions.id"], name=op.f("fk_decisions_undoes_decisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint(
            "idea_id", "seen_version", name=op.f("uq_decisions_idea_id_seen_version")
        ),
        sa.UniqueConstraint("seq", name=op.f("uq_decisions_seq")),
        sa.UniqueConstraint("undoes", name=op.f("uq_decisions_undoes")),
    )
    op.create_index(op.f("ix_decisions_bulk_id"), "decisions", ["bulk_id"], unique=False)
    op.create_index(op.f("ix_decisions_decided_at"), "decisions", ["decided_at"], unique=False)
    op.create_index(op.f("ix_decisions_idea_id_seq"), "decisions", ["idea_id", "seq"], unique=False)
    op.create_table(
        "duplicate_links",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("original_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('exact', 'near', 'contained')", name=op.f("ck_duplicate_links_kind")
        ),
        sa.CheckConstraint(
            "idea_id <> original_id", name=op.f("ck_duplicate_links_never_its_own_original")
        ),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_duplicate_links_idea_id_ideas")
        ),
        sa.ForeignKeyConstraint(
            ["original_id"], ["ideas.id"], name=op.f("fk_duplicate_links_original_id_ideas")
        ),
        sa.PrimaryKeyConstraint("idea_id", name=op.f("pk_duplicate_links")),
    )
    op.create_index(
        op.f("ix_duplicate_links_original_id"), "duplicate_links", ["original_id"], unique=False
    )
    op.create_table(
        "failed_jobs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["outbox_deliveries.id"],
            name=op.f("fk_failed_jobs_delivery_id_outbox_deliveries"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_jobs")),
    )
    op.create_index(
        op.f("ix_failed_jobs_delivery_id"), "failed_jobs", ["delivery_id"], unique=False
    )
    op.create_index(
        "ix_failed_jobs_open",
        "failed_jobs",
        ["failed_at"],
        unique=False,
        postgresql_where=sa.text("replayed_at IS NULL"),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("check_name", sa.String(), nullable=False),
        sa.Column("check_version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("spans", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("similar_to", sa.Uuid(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("field IN ('text', 'author')", name=op.f("ck_findings_field")),
        sa.CheckConstraint(
            "severity IN ('info', 'low', 'medium', 'high')", name=op.f("ck_findings_severity")
        ),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name=op.f("ck_findings_score_is_a_share")),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_findings_idea_id_ideas")),
        sa.ForeignKeyConstraint(
            ["similar_to"], ["ideas.id"], name=op.f("fk_findings_similar_to_ideas")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(
        op.f("ix_findings_idea_id_text_version"),
        "findings",
        ["idea_id", "text_version"],
        unique=False,
    )
    op.create_table(
        "idea_texts",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "received",
                "correction",
                "mask",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("folded", sa.String(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(folded IS NULL) = (text IS NULL)", name=op.f("ck_idea_texts_folded_with_text")
        ),
        sa.CheckConstraint(
            "(text IS NULL) = (destroyed_at IS NOT NULL)",
            name=op.f("ck_idea_texts_destroyed_has_no_text"),
        ),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_idea_texts_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("idea_id", "version", name=op.f("pk_idea_texts")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_idempotency_keys_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        op.f("ix_idempotency_keys_idea_id"), "idempotency_keys", ["idea_id"], unique=False
    )
    op.create_index(
        op.f("ix_idempotency_keys_stored_at"), "idempotency_keys", ["stored_at"], unique=False
    )
    op.create_table(
        "originals",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_originals_idea_id_ideas")),
        sa.PrimaryKeyConstraint("idea_id", name=op.f("pk_originals")),
    )
    op.create_table(
        "receipt_tokens",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_receipt_tokens_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_receipt_tokens")),
    )
    op.create_index(op.f("ix_receipt_tokens_idea_id"), "receipt_tokens", ["idea_id"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("text_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "clear",
                "attention",
                "likely_spam",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("unchecked", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ruleset", sa.Integer(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_verdicts_idea_id_ideas")),
        sa.PrimaryKeyConstraint("idea_id", "text_version", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=True),
        sa.Column("decision_id", sa.Uuid(), nullable=True),
        sa.Column("rule_id", sa.Integer(), nullable=True),
        sa.Column("digest_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "claimed",
                "sent",
                "cancelled",
                "failed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_letters_sent_has_moment")
        ),
        sa.CheckConstraint(
            "(decision_id IS NULL) <> (digest_id IS NULL)",
            name=op.f("ck_letters_about_a_decision_or_a_digest"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_letters_decision_id_decisions")
        ),
        sa.ForeignKeyConstraint(
            ["digest_id"], ["digests.id"], name=op.f("fk_letters_digest_id_digests")
        ),
        sa.ForeignKeyConstraint(["idea_id"], ["ideas.id"], name=op.f("fk_letters_idea_id_ideas")),
        sa.ForeignKeyConstraint(["rule_id"], ["rules.id"], name=op.f("fk_letters_rule_id_rules")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_letters_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint(
            "decision_id", "template", name=op.f("uq_letters_decision_id_template")
        ),
        sa.UniqueConstraint("digest_id", name=op.f("uq_letters_digest_id")),
        sa.UniqueConstraint("message_id", name=op.f("uq_letters_message_id")),
    )
    op.create_index(
        "ix_letters_due",
        "letters",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'claimed')"),
    )
    op.create_index(op.f("ix_letters_idea_id"), "letters", ["idea_id"], unique=False)
    op.create_table(
        "queue_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "new",
                "correction",
                "re-review",
                "clean-up",
                "late-finding",
                "report",
                "sample",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "closed_at IS NOT NULL OR closed_by IS NULL",
            name=op.f("ck_queue_entries_closed_by_needs_closed_at"),
        ),
        sa.ForeignKeyConstraint(
            ["closed_by"], ["decisions.id"], name=op.f("fk_queue_entries_closed_by_decisions")
        ),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_queue_entries_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_entries")),
    )
    op.create_index(op.f("ix_queue_entries_idea_id"), "queue_entries", ["idea_id"], unique=False)
    op.create_index(
        "ix_queue_entries_waiting",
        "queue_entries",
        [sa.literal_column("priority DESC"), "opened_at", "id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "uq_queue_entries_open",
        "queue_entries",
        ["idea_id", "reason"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "digest_positions",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["queue_entries.id"],
            name=op.f("fk_digest_positions_entry_id_queue_entries"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["digest_runs.id"], name=op.f("fk_digest_positions_run_id_digest_runs")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_digest_positions")),
    )
    op.create_index(
        op.f("ix_digest_positions_run_id"), "digest_positions", ["run_id"], unique=False
    )
    _seal()
    _open_public_door()


def downgrade() -> None:
    """Take back: everything, and only on a system that holds nothing."""
    op.execute(
        "DO $$ BEGIN IF EXISTS (SELECT FROM ideas) THEN"
        " RAISE EXCEPTION 'ideas are stored here: restore a backup instead'; END IF; END $$"
    )
    op.execute("DROP OWNED BY radslag_public")
    for table in (
        "public_ideas",
        "public_traces",
        "public_councils",
        "public_rules",
    ):
        op.execute(f"DROP VIEW {table}")
    tables = sa.inspect(op.get_bind()).get_table_names()
    for table in tables:
        if table != "alembic_version":
            op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION refuse_change() CASCADE")
    op.execute("DROP SEQUENCE idea_numbers")


def _seal() -> None:
    """Originals, decisions and rules are written once.

    The one way past the seal is destruction (gallring): its transaction sets `radslag.destruction`
    to the number of the decision that allows it, and then only originals give way.
    """
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_TABLE_NAME = 'originals'
               AND coalesce(current_setting('radslag.destruction', true), '') <> '' THEN
                RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
            END IF;
            RAISE EXCEPTION '% is sealed: % refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'integrity_constraint_violation';
        END $$""")
    for table in ("originals", "decisions", "rules"):
        op.execute(f"""
            CREATE TRIGGER sealed BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION refuse_change()""")


def _open_public_door() -> None:
    """Pages, search, feeds and exports read these views, under a role that can read nothing else."""
    op.execute("""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'radslag_public') THEN
                CREATE ROLE radslag_public NOLOGIN;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this server made it just now
        END $$""")
    op.execute("""
        DO $$ BEGIN
            IF NOT pg_has_role(current_user, 'radslag_public', 'SET') THEN
                EXECUTE format('GRANT radslag_public TO %I', current_user);
            END IF;
        END $$""")
    op.execute("""
        CREATE VIEW public_councils AS
        SELECT id, slug, title, theme, held_label, held_on, introduction, summary_url, language,
               open_from, open_until, publishes_clear
        FROM councils""")
    op.execute("""
        CREATE VIEW public_rules AS
        SELECT DISTINCT ON (code) code, version, title_sv, text_sv, title_en, text_en, in_force_from
        FROM rules WHERE in_force_from <= now() ORDER BY code, version DESC""")
    # A stored withdrawal hides at once, before anybody has acted on it.
    withdrawn = """EXISTS (
            SELECT FROM outbox_events e WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction'
            AND e.payload ->> 'verb' = 'withdraw')"""
    op.execute(f"""
        CREATE VIEW public_ideas AS
        SELECT i.id, i.number, c.slug AS council, i.public_text AS text, i.public_author AS author,
               i.published_at, i.received_at, i.precision, i.status, NULL::text AS answer,
               (SELECT count(*) FROM ideas m
                WHERE m.merged_into = i.id AND m.counts_as_support)::int AS supporters
        FROM ideas i JOIN councils c ON c.id = i.council_id
        WHERE i.status = 'published' AND NOT {withdrawn}""")
    # What became of an idea that was public once: gone, or found under another number. No words.
    op.execute(f"""
        CREATE VIEW public_traces AS
        SELECT i.number, c.slug AS council, t.number AS target,
               CASE WHEN i.status = 'merged' THEN 'merged' ELSE 'withdrawn' END AS trace
        FROM ideas i JOIN councils c ON c.id = i.council_id
        LEFT JOIN ideas t ON t.id = i.merged_into AND t.status = 'published'
        WHERE (i.status = 'merged' AND t.id IS NOT NULL)
           OR (i.published_at IS NOT NULL AND (i.status = 'withdrawn' OR {withdrawn}))""")
    op.execute(
        "GRANT SELECT ON public_ideas, public_traces, public_councils, public_rules"
        " TO radslag_public"
    )
