"""Two indexes that no search has read since 0027: what publishing an idea wrote twice.

Code from before 0027 looked for words along them, and would read every idea without.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0042
Revises: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None
oldest_code = "0027"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.drop_index("ix_idea_texts_search", "idea_texts")
    op.drop_index("ix_ideas_search", "ideas")


def downgrade() -> None:
    """Take back."""
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
