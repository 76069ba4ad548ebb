"""What the queue is sorted, filtered, grouped and searched by.

The place of an open entry is worked out by a trigger, from the entry itself, its idea, what the
checks found and the links between copies: whoever opens an entry, with whatever version of the
code, it has a place. Nothing is hidden by it: which entries stand behind another is decided when a
page is read, so a place that is out of date puts an entry beside its group and never out of sight.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_IS_OPEN = sa.text("closed_at IS NULL")
_PLACE = ["rank", "opened_at", "id"]
_INDEXES = {
    "ix_queue_entries_place": (_PLACE, ["fold", "lane", "council_id", "language", "reason"]),
    "ix_queue_entries_lane": (
        ["lane", *_PLACE],
        ["fold", "council_id", "language", "reason"],
    ),
    "ix_queue_entries_council": (
        ["council_id", *_PLACE],
        ["fold", "lane", "language", "reason"],
    ),
    "ix_queue_entries_language": (
        ["language", *_PLACE],
        ["fold", "lane", "council_id", "reason"],
    ),
    "ix_queue_entries_reason": (
        ["reason", *_PLACE],
        ["fold", "lane", "council_id", "language"],
    ),
    "ix_queue_entries_fold": (["fold", *_PLACE], []),
    "ix_queue_entries_oldest": (["lane", "opened_at"], ["council_id"]),
}


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    for column in (
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("lane", sa.String(), nullable=True),
        sa.Column("council_id", sa.Integer(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("fold", sa.BigInteger(), nullable=True),
    ):
        op.add_column("queue_entries", column)
    op.add_column(
        "idea_texts",
        sa.Column("is_waiting", sa.Boolean(), server_default="false", nullable=False),
    )
    _place_entries()
    _keep_groups_together()
    _mark_texts()
    for name, (columns, include) in _INDEXES.items():
        op.create_index(
            name,
            "queue_entries",
            columns,
            unique=False,
            postgresql_where=_IS_OPEN,
            postgresql_include=include,
        )
    op.create_index(
        "ix_idea_texts_search",
        "idea_texts",
        [sa.literal_column("to_tsvector('swedish'::regconfig, text)")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("is_waiting"),
    )
    # Only what waits has a place; the triggers above work it out.
    op.execute("UPDATE queue_entries SET rank = -priority WHERE closed_at IS NULL")


def _place_entries() -> None:
    """`services.moderation.queue_filter.Lane` says what the lanes are."""
    op.execute("""
        CREATE FUNCTION queue_lane(reason text, priority integer) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN CASE
            WHEN reason IN ('re-review', 'sample') THEN 're-review'
            WHEN reason IN ('clean-up', 'late-finding') THEN 'clean-up'
            WHEN priority >= 350 THEN 'urgent'
            WHEN priority BETWEEN 250 AND 259 THEN 'unchecked'
            WHEN priority BETWEEN 50 AND 99 THEN 'likely-spam'
            ELSE 'ordinary'
        END""")
    # `fold` is the same for entries that stand in the list as one: ideas of one group of copies, in
    # one lane. A text that only holds another one is no copy of it. What asks for a look of its own
    # (a writer's request, a correction, a report, a sample) never stands behind another.
    op.execute("""
        CREATE FUNCTION place_queue_entry() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.closed_at IS NOT NULL THEN
                RETURN NEW;
            END IF;
            NEW.rank := -NEW.priority;
            NEW.lane := queue_lane(NEW.reason, NEW.priority);
            SELECT i.council_id, f.language,
                   CASE WHEN NEW.reason IN ('new', 'clean-up') THEN
                       8 * coalesce(root.seq, i.seq) + CASE NEW.lane
                           WHEN 'urgent' THEN 1 WHEN 'ordinary' THEN 2 WHEN 'likely-spam' THEN 3
                           WHEN 'unchecked' THEN 4 WHEN 're-review' THEN 5 ELSE 6 END
                   ELSE -NEW.id END
            INTO NEW.council_id, NEW.language, NEW.fold
            FROM ideas i
            LEFT JOIN duplicate_links l ON l.idea_id = i.id AND l.kind <> 'contained'
            LEFT JOIN ideas root ON root.id = l.original_id
            LEFT JOIN LATERAL (
                SELECT found.params ->> 'language' AS language FROM findings found
                WHERE found.idea_id = i.id AND found.text_version = i.text_version
                  AND found.code = 'language' LIMIT 1) f ON true
            WHERE i.id = NEW.idea_id;
            RETURN NEW;
        END $$""")
    op.execute("""
        CREATE TRIGGER placed BEFORE INSERT OR UPDATE ON queue_entries
        FOR EACH ROW EXECUTE FUNCTION place_queue_entry()""")


def _keep_groups_together() -> None:
    # Planned anew each time (EXECUTE): a plan that a worker made while the tables were empty, and
    # kept, read the whole queue for each batch of checks.
    # An entry that somebody decides about at this moment is left alone: waiting for it could stop
    # the checks of everybody, and it is about to leave the list.
    op.execute("""
        CREATE FUNCTION refold_queue_entries() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            EXECUTE 'UPDATE queue_entries SET rank = -priority WHERE id IN (
                SELECT q.id FROM queue_entries q
                WHERE q.closed_at IS NULL AND q.reason IN (''new'', ''clean-up'')
                  AND q.idea_id IN (SELECT idea_id FROM changed)
                FOR NO KEY UPDATE SKIP LOCKED)';
            RETURN NULL;
        END $$""")
    for event, rows in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        op.execute(f"""
            CREATE TRIGGER refolds_on_{event.lower()} AFTER {event} ON duplicate_links
            REFERENCING {rows} TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION refold_queue_entries()""")


def _mark_texts() -> None:
    """Only texts that wait are indexed for search: it costs the same however many are stored."""
    op.execute("""
        CREATE FUNCTION mark_waiting_texts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            EXECUTE 'UPDATE idea_texts t SET is_waiting = NOT t.is_waiting
                FROM ideas i
                WHERE i.id IN (SELECT idea_id FROM changed) AND t.idea_id = i.id
                  AND t.is_waiting <> (t.version = i.text_version AND EXISTS (
                      SELECT FROM queue_entries q WHERE q.idea_id = i.id AND q.closed_at IS NULL))';
            RETURN NULL;
        END $$""")
    for event in ("INSERT", "UPDATE"):
        op.execute(f"""
            CREATE TRIGGER marks_texts_on_{event.lower()} AFTER {event} ON queue_entries
            REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mark_waiting_texts()""")


def downgrade() -> None:
    """Take back."""
    op.drop_index("ix_idea_texts_search", "idea_texts")
    for name in _INDEXES:
        op.drop_index(name, "queue_entries")
    for function in ("mark_waiting_texts", "refold_queue_entries", "place_queue_entry"):
        op.execute(f"DROP FUNCTION {function}() CASCADE")
    op.execute("DROP FUNCTION queue_lane(text, integer)")
    op.drop_column("idea_texts", "is_waiting")
    for column in ("fold", "language", "council_id", "lane", "rank"):
        op.drop_column("queue_entries", column)
