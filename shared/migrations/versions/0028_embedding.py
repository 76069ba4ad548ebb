"""Which pages of others may have the form of a council in a frame.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "councils", sa.Column("embed_hosts", sa.String(), server_default="", nullable=False)
    )
    op.execute("CREATE VIEW public_embeds AS SELECT slug, embed_hosts AS hosts FROM councils")
    op.execute("GRANT SELECT ON public_embeds TO radslag_public")


def downgrade() -> None:
    """Undo."""
    op.execute("DROP VIEW public_embeds")
    op.drop_column("councils", "embed_hosts")
