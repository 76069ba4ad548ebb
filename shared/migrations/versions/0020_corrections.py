"""Two kinds of decisions: to ask the writer for a correction, and to publish one.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_KINDS = "'publish', 'reject', 'merge', 'mask', 'keep', 'reopen', 'undo', 'import', 'policy'"
_NEW = "'accept_correction', 'ask_correction'"
_FITS = """
    kind IN ('undo', 'mask', 'keep')
    OR (kind IN ('publish', 'import', 'policy'{published}) AND status_after = 'published')
    OR (kind = 'reject' AND status_after = 'rejected')
    OR (kind = 'merge' AND status_after = 'merged')
    OR (kind IN ('reopen'{waiting}) AND status_after = 'waiting')"""
_RULES = {
    "kind": (f"kind IN ({_KINDS})", f"kind IN ({_KINDS}, {_NEW})"),
    "kind_fits_status": (
        _FITS.format(published="", waiting=""),
        _FITS.format(published=", 'accept_correction'", waiting=", 'ask_correction'"),
    ),
}


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    for name, (_before, after) in _RULES.items():
        # Wider than the one before: every row that is there fulfils it.
        op.execute(
            f"ALTER TABLE decisions DROP CONSTRAINT ck_decisions_{name},"
            f" ADD CONSTRAINT ck_decisions_{name} CHECK ({after}) NOT VALID"
        )
    for name in _RULES:
        op.execute(f"ALTER TABLE decisions VALIDATE CONSTRAINT ck_decisions_{name}")
    # Who has been asked for a correction, and since when: few, and looked at by the clock.
    op.execute(
        "CREATE INDEX ix_decisions_asked ON decisions (decided_at, idea_id)"
        " WHERE kind = 'ask_correction'"
    )


def downgrade() -> None:
    """Undo."""
    op.execute("DROP INDEX ix_decisions_asked")
    for name, (before, _after) in _RULES.items():
        op.execute(
            f"ALTER TABLE decisions DROP CONSTRAINT ck_decisions_{name},"
            f" ADD CONSTRAINT ck_decisions_{name} CHECK ({before})"
        )
