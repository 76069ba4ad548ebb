"""When words go: since when a delivery is put aside, and indexes that find what is due.

And one that finds what came another way than by our own form. Each index is made in one look at its
table, of which only the few rows that it is for are written: a second or two for a million.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_index(
        "ix_import_lines_with_words",
        "import_lines",
        ["import_id"],
        postgresql_where=sa.text("text IS NOT NULL"),
    )
    op.create_index(
        "ix_ideas_to_destroy",
        "ideas",
        ["received_at", "id"],
        postgresql_where=sa.text("destroyed_at IS NULL AND status IN ('rejected', 'withdrawn')"),
    )
    op.create_index(
        "ix_ideas_newest_of_source",
        "ideas",
        ["source", "received_at", "seq"],
        postgresql_where=sa.text("status <> 'received' AND source <> 'form'"),
    )
    # Last, since form tools wait from here to the end.
    op.add_column("inbox", sa.Column("put_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_inbox_put_aside_when_it_is"),
        "inbox",
        "put_aside_at IS NULL OR state = 'put_aside'",
    )
    op.create_index(
        "ix_inbox_aside",
        "inbox",
        ["put_aside_at"],
        postgresql_where=sa.text("state = 'put_aside' AND body <> ''"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_ideas_newest_of_source", "ideas")
    op.drop_index("ix_ideas_to_destroy", "ideas")
    op.drop_index("ix_import_lines_with_words", "import_lines")
    op.drop_index("ix_inbox_aside", "inbox")
    op.drop_constraint(op.f("ck_inbox_put_aside_when_it_is"), "inbox")
    op.drop_column("inbox", "put_aside_at")
