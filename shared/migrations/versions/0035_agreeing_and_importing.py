"""Agreeing with a public idea, when a draft is shown, and imports at the desk.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0035
Revises: 0034
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_COUNCILS = """
    CREATE OR REPLACE VIEW public_councils AS
    SELECT id, slug, title, theme, held_label, held_on, introduction, summary_url, language,
           open_from, open_until, publishes_clear, picture_id, picture_alt{} FROM councils"""
_MERGED = """(SELECT count(*) FROM ideas m
                WHERE m.merged_into = i.id AND m.counts_as_support)"""
# Who agreed with an idea agrees with the one that it was merged into and counts under.
_AGREED = """
               + (SELECT count(*) FROM agreements g WHERE g.idea_id = i.id)
               + (SELECT count(*) FROM ideas m JOIN agreements g ON g.idea_id = m.id
                  WHERE m.merged_into = i.id AND m.counts_as_support)"""
_IDEAS = """
    CREATE OR REPLACE VIEW public_ideas AS
    SELECT i.id, i.number, c.slug AS council, i.public_text AS text, i.public_author AS author,
           i.published_at, i.received_at, i.precision, i.status, a.text::text AS answer,
           ({})::int AS supporters,
           CASE WHEN a.text IS NOT NULL THEN a.signature END AS answer_from,
           CASE WHEN a.text IS NOT NULL THEN a.written_at END AS answered_at,
           greatest(i.published_at, a.written_at, (
               SELECT max(p.at) FROM public_changes p WHERE p.idea_id = i.id)) AS updated_at
    FROM ideas i JOIN councils c ON c.id = i.council_id
    LEFT JOIN LATERAL (
        SELECT o.text, o.signature, o.written_at FROM official_answers o
        WHERE o.idea_id = i.id ORDER BY o.version DESC LIMIT 1) a ON true
    WHERE i.status = 'published' AND i.public_text IS NOT NULL AND NOT EXISTS (
        SELECT FROM outbox_events e WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction'
        AND e.payload ->> 'verb' = 'withdraw')"""
_KINDS = (
    "'publish', 'reject', 'merge', 'mask', 'keep', 'reopen', 'undo', 'import', 'policy',"
    " 'accept_correction', 'ask_correction'"
)
_FITS = """
    kind IN ('undo', 'mask', 'keep')
    OR (kind IN ('publish', 'import', 'policy', 'accept_correction') AND status_after = 'published')
    OR (kind = 'reject' AND status_after = 'rejected')
    OR (kind = 'merge' AND status_after = 'merged')
    OR (kind IN ('reopen', 'ask_correction') AND status_after = 'waiting')"""
_RULES = {
    "kind": (f"kind IN ({_KINDS})", f"kind IN ({_KINDS}, 'take_back')"),
    "kind_fits_status": (
        _FITS,
        f"{_FITS} OR (kind = 'take_back' AND status_after = 'withdrawn')",
    ),
}


def _moment(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "councils",
        sa.Column("preview_when", sa.String(length=24), server_default="asked", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_councils_preview_when"), "councils", "preview_when IN ('asked', 'found', 'always')"
    )
    op.execute(_COUNCILS.format(", preview_when"))
    op.create_table(
        "agreements",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("sender_hash", sa.LargeBinary(), nullable=False),
        _moment("agreed_at", nullable=False),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_agreements_idea_id_ideas")
        ),
        sa.PrimaryKeyConstraint("idea_id", "sender_hash", name=op.f("pk_agreements")),
    )
    _tell_of_agreements()
    op.execute(_IDEAS.format(_MERGED + _AGREED))
    for name, (_before, after) in _RULES.items():
        # Wider than the one before: every row that is there fulfils it.
        op.execute(
            f"ALTER TABLE decisions DROP CONSTRAINT ck_decisions_{name},"
            f" ADD CONSTRAINT ck_decisions_{name} CHECK ({after}) NOT VALID"
        )
    for name in _RULES:
        op.execute(f"ALTER TABLE decisions VALIDATE CONSTRAINT ck_decisions_{name}")
    _make_imports()


def downgrade() -> None:
    """Undo."""
    op.drop_table("import_lines")
    op.drop_table("imports")
    for name, (before, _after) in _RULES.items():
        op.execute(
            f"ALTER TABLE decisions DROP CONSTRAINT ck_decisions_{name},"
            f" ADD CONSTRAINT ck_decisions_{name} CHECK ({before})"
        )
    op.execute(_IDEAS.format(_MERGED))
    op.drop_table("agreements")
    op.execute("DROP FUNCTION tell_of_agreement()")
    op.execute("DROP VIEW public_councils")
    op.execute(_COUNCILS.format(""))
    op.execute("GRANT SELECT ON public_councils TO radslag_public")
    op.drop_column("councils", "preview_when")


def _tell_of_agreements() -> None:
    """A supporter more is a change of what the public sees (docs/decisions/012)."""
    op.execute("""
        CREATE FUNCTION tell_of_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM note_public_change(t.council_id, t.id, true, t.published_at)
            FROM ideas i JOIN ideas t
              ON t.id = i.id OR (t.id = i.merged_into AND i.counts_as_support)
            WHERE i.id = coalesce(NEW.idea_id, OLD.idea_id) AND t.status = 'published';
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER tells_public AFTER INSERT OR DELETE ON agreements FOR EACH ROW
        EXECUTE FUNCTION tell_of_agreement()""")


def _make_imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=24), server_default="checking", nullable=False),
        sa.Column("at", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("doubts", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("passed_over", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        _moment("made_at", nullable=False),
        sa.Column("begun_by", sa.Uuid(), nullable=True),
        _moment("begun_at"),
        _moment("ended_at"),
        sa.Column("taken_back_by", sa.Uuid(), nullable=True),
        _moment("taken_back_at"),
        sa.CheckConstraint(
            "state IN ('checking', 'ready', 'running', 'done', 'taking_back', 'taken_back',"
            " 'put_aside')",
            name=op.f("ck_imports_state"),
        ),
        sa.CheckConstraint("at BETWEEN 0 AND total", name=op.f("ck_imports_at_is_within")),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_imports_council_id_councils")
        ),
        *(
            sa.ForeignKeyConstraint([name], ["staff.id"], name=op.f(f"fk_imports_{name}_staff"))
            for name in ("made_by", "begun_by", "taken_back_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index(
        "uq_imports_at_work",
        "imports",
        ["council_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('running', 'taking_back')"),
    )
    op.create_table(
        "import_lines",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("content_type", sa.String(), nullable=False),
        _moment("received_at", nullable=False),
        sa.Column("precision", sa.String(length=24), nullable=False),
        sa.Column("was_public", sa.Boolean(), nullable=False),
        sa.Column("fate", sa.String(length=24), nullable=True),
        sa.Column("found", postgresql.ARRAY(sa.String()), server_default="{}", nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "precision IN ('instant', 'day')", name=op.f("ck_import_lines_precision")
        ),
        sa.CheckConstraint(
            "fate IN ('new', 'known', 'refused')", name=op.f("ck_import_lines_fate")
        ),
        sa.ForeignKeyConstraint(
            ["idea_id"], ["ideas.id"], name=op.f("fk_import_lines_idea_id_ideas")
        ),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_lines_import_id_imports")
        ),
        sa.PrimaryKeyConstraint("import_id", "place", name=op.f("pk_import_lines")),
    )
    op.create_index(
        op.f("ix_import_lines_import_id_source_id"), "import_lines", ["import_id", "source_id"]
    )
    op.create_index(op.f("ix_import_lines_idea_id"), "import_lines", ["idea_id"])
