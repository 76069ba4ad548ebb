"""Official answers, and letters that confirm an arrival.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "official_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("signature", sa.String(), server_default="", nullable=False),
        sa.Column("tells", sa.Boolean(), nullable=False),
        sa.Column("undoes", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_official_answers_counted_from_one")),
        sa.CheckConstraint("text <> ''", name=op.f("ck_official_answers_says_something")),
        sa.CheckConstraint(
            "text IS NOT NULL OR signature = ''",
            name=op.f("ck_official_answers_signature_has_text"),
        ),
        sa.CheckConstraint(
            "text IS NOT NULL OR NOT tells", name=op.f("ck_official_answers_only_words_are_told")
        ),
        sa.CheckConstraint(
            "undoes IS NULL OR NOT tells", name=op.f("ck_official_answers_an_undo_is_not_told")
        ),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_official_answers_idea_id_ideas")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_official_answers_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["undoes"],
            ["official_answers.id"],
            name=op.f("fk_official_answers_undoes_official_answers"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_official_answers")),
        sa.UniqueConstraint("idea_id", "version", name=op.f("uq_official_answers_idea_id_version")),
        sa.UniqueConstraint("undoes", name=op.f("uq_official_answers_undoes")),
    )
    op.execute("""
        CREATE TRIGGER sealed BEFORE UPDATE OR DELETE ON official_answers
        FOR EACH ROW EXECUTE FUNCTION refuse_change()""")
    _show_answers()
    # Each writer hears of an answer: whose idea it is, and whose ideas are merged into it.
    op.drop_constraint(op.f("uq_letters_answer_id"), "letters")
    op.create_unique_constraint(
        op.f("uq_letters_answer_id_idea_id"), "letters", ["answer_id", "idea_id"]
    )
    op.create_foreign_key(
        op.f("fk_letters_answer_id_official_answers"),
        "letters",
        "official_answers",
        ["answer_id"],
        ["id"],
    )
    op.add_column("letters", sa.Column("released_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_letters_state_id"), "letters", ["state", "id"])
    op.create_index(op.f("ix_letters_template_id"), "letters", ["template", "id"])
    op.create_index(
        "ix_contacts_mailbox",
        "contacts",
        [
            sa.text(r"lower(regexp_replace(email::text, '\+[^@]*@'::text, '@'::text))"),
            "stored_at",
        ],
    )


def _show_answers() -> None:
    """The public reads the answer that stands, for as long as it reads the idea."""
    op.execute("""
        CREATE OR REPLACE VIEW public_ideas AS
        SELECT i.id, i.number, c.slug AS council, i.public_text AS text, i.public_author AS author,
               i.published_at, i.received_at, i.precision, i.status, a.text::text AS answer,
               (SELECT count(*) FROM ideas m
                WHERE m.merged_into = i.id AND m.counts_as_support)::int AS supporters,
               CASE WHEN a.text IS NOT NULL THEN a.signature END AS answer_from,
               CASE WHEN a.text IS NOT NULL THEN a.written_at END AS answered_at
        FROM ideas i JOIN councils c ON c.id = i.council_id
        LEFT JOIN LATERAL (
            SELECT o.text, o.signature, o.written_at FROM official_answers o
            WHERE o.idea_id = i.id ORDER BY o.version DESC LIMIT 1) a ON true
        WHERE i.status = 'published' AND NOT EXISTS (
            SELECT FROM outbox_events e WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction'
            AND e.payload ->> 'verb' = 'withdraw')""")
