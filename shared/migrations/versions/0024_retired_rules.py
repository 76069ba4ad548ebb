"""A rule can be taken out of use: by a version that says so, since no version is ever changed.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_VIEW = """
    CREATE OR REPLACE VIEW public_rules AS
    SELECT DISTINCT ON (code) code, version, title_sv, text_sv, title_en, text_en, in_force_from{}
    FROM rules WHERE in_force_from <= now() ORDER BY code, version DESC"""


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.add_column(
        "rules", sa.Column("retired", sa.Boolean(), server_default="false", nullable=False)
    )
    # What was counted under a rule of earlier years is still called by its name.
    op.execute(_VIEW.format(", retired"))


def downgrade() -> None:
    """Undo."""
    op.execute("DROP VIEW public_rules")
    op.execute(_VIEW.format(""))
    op.execute("GRANT SELECT ON public_rules TO radslag_public")
    op.drop_column("rules", "retired")
