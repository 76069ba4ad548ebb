"""An alarm for ideas in which somebody may not want to live.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0037
Revises: 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_KINDS = (
    "'threat', 'child', 'wave', 'overdue', 'failed_jobs', 'unchecked', 'deaf', 'digest_failed',"
    " 'webhook_off', 'bounced', 'spray', 'inbox'"
)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute(
        "ALTER TABLE incidents DROP CONSTRAINT ck_incidents_kind,"
        f" ADD CONSTRAINT ck_incidents_kind CHECK (kind IN ({_KINDS}, 'despair')) NOT VALID"
    )
    op.execute("ALTER TABLE incidents VALIDATE CONSTRAINT ck_incidents_kind")
    op.create_index(
        "ix_findings_despair",
        "findings",
        ["idea_id", "text_version"],
        postgresql_where=sa.text("code = 'self_harm'"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_findings_despair", "findings")
    op.execute(
        "DELETE FROM notice_items i USING incidents n WHERE n.id = i.incident_id"
        " AND n.kind = 'despair'"
    )
    op.execute("DELETE FROM incidents WHERE kind = 'despair'")
    op.execute(
        "ALTER TABLE incidents DROP CONSTRAINT ck_incidents_kind,"
        f" ADD CONSTRAINT ck_incidents_kind CHECK (kind IN ({_KINDS}))"
    )
