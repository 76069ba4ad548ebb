"""Seals where they were promised and missing, and on all of them: no way around by TRUNCATE.

A text version is never overwritten: a correction or a mask is a new one. Who read an original stays
on record. What was told of a year in full is never told otherwise. Nothing that runs has ever
changed any of these, so yesterday's code does not notice.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SEALED = (
    "originals",
    "idea_texts",
    "decisions",
    "rules",
    "audit_log",
    "access_log",
    "official_answers",
    "yearly_numbers",
)


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("""
        CREATE TRIGGER sealed BEFORE UPDATE OR DELETE ON access_log
        FOR EACH ROW EXECUTE FUNCTION refuse_change()""")
    op.execute("""
        CREATE TRIGGER sealed BEFORE UPDATE OR DELETE ON yearly_numbers
        FOR EACH ROW WHEN (OLD.is_final) EXECUTE FUNCTION refuse_change()""")
    # `is_waiting` is no part of what was written. Destruction (gallring) empties a version, as it
    # does an original, and leaves the row.
    op.execute("""
        CREATE TRIGGER sealed BEFORE UPDATE
        OF idea_id, version, kind, text, author, folded, written_at, destroyed_at ON idea_texts
        FOR EACH ROW WHEN (coalesce(current_setting('radslag.destruction', true), '') = '')
        EXECUTE FUNCTION refuse_change()""")
    op.execute("""
        CREATE TRIGGER kept BEFORE DELETE ON idea_texts
        FOR EACH ROW EXECUTE FUNCTION refuse_change()""")
    op.execute("""
        CREATE FUNCTION refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is sealed: % refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'integrity_constraint_violation';
        END $$""")
    for table in _SEALED:
        op.execute(f"""
            CREATE TRIGGER never_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate()""")
