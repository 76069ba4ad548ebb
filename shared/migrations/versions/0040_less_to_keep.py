"""Two indexes that no search has read since 0027, and one of the fingerprints of an idea.

Code from before 0027 looked for words along the two, and would read every idea without. The new one
is made in one look at its table, in which checks wait to write: a few seconds for a million ideas.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0040
Revises: 0039
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None
oldest_code = "0027"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # Before anything is locked that residents read: what a drop locks is locked to the end.
    op.create_index(op.f("ix_fingerprints_seq"), "fingerprints", ["seq"], unique=False)
    op.drop_index("ix_idea_texts_search", "idea_texts")
    op.drop_index("ix_ideas_search", "ideas")


def downgrade() -> None:
    """Take back."""
    op.drop_index(op.f("ix_fingerprints_seq"), "fingerprints")
    op.create_index(
        "ix_ideas_search",
        "ideas",
        [sa.literal_column("to_tsvector('swedish'::regconfig, public_text)")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(
        "ix_idea_texts_search",
        "idea_texts",
        [sa.literal_column("to_tsvector('swedish'::regconfig, text)")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("is_waiting"),
    )
