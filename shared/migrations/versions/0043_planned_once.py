"""What stores ideas is planned once for a connection, and not at each call.

Left to itself the database plans that long statement anew each time: it takes the plan that knows
the lists of recipients for so much cheaper than one for lists of any length that the planning seems
to pay, and the planning is half of what an idea costs. The settings of 0041 leave one way to go.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0043
Revises: 0042
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_FUNCTION = "receive_ideas(json, json, text, integer, text[], text[], text[])"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute(f"ALTER FUNCTION {_FUNCTION} SET plan_cache_mode = force_generic_plan")


def downgrade() -> None:
    """Take back."""
    op.execute(f"ALTER FUNCTION {_FUNCTION} RESET plan_cache_mode")
