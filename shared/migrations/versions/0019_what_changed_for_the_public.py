"""The database notes every change of what the public sees, in the transaction that makes it.

docs/decisions/012 says why these tables and no others. Triggers write them, so that no program can
forget to.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks. The settled ideas and letters are counted once, here, while nobody can
change them: of ten million some seconds.

Revision: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_SETTLED = "('published', 'rejected', 'merged', 'withdrawn')"
_ENDED = "('sent', 'cancelled', 'failed')"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "tallies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_in", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tallies")),
    )
    op.create_index(op.f("ix_tallies_what_moved_in"), "tallies", ["what", "moved_in"])
    op.create_table(
        "public_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_changes")),
    )
    op.create_index(op.f("ix_public_changes_idea_id_at"), "public_changes", ["idea_id", "at"])
    op.create_index(
        "ix_public_changes_hidden",
        "public_changes",
        ["council_id", "at"],
        postgresql_where=sa.text("NOT shown"),
    )
    op.create_index(
        "ix_ideas_waiting", "ideas", ["id"], postgresql_where=sa.text("status = 'waiting'")
    )
    _make_functions()
    _make_triggers()
    _begin_counting()
    _make_views()


def downgrade() -> None:
    """Undo."""
    for view in ("public_versions", "public_departures", "public_spent_keys"):
        op.execute(f"DROP VIEW {view}")
    op.execute("DROP VIEW public_ideas")
    _show_ideas(with_changes=False)
    for function in (
        "tell_of_idea()",
        "tell_of_withdrawal()",
        "tell_of_answer()",
        "tell_of_council()",
        "tell_of_common()",
        "count_ideas()",
        "count_letters()",
        "note_public_change(integer, uuid, boolean, timestamptz)",
        "move_public(integer, timestamptz)",
        "tally(text, bigint, timestamptz)",
    ):
        op.execute(f"DROP FUNCTION {function} CASCADE")
    op.drop_index("ix_ideas_waiting", "ideas")
    op.drop_table("public_changes")
    op.drop_table("tallies")


def _make_functions() -> None:
    # A number is the sum of its rows. A transaction takes the rows that nobody else holds, and puts
    # one back with its own change added: it waits for nobody, so nobody deadlocks, and the rows
    # stay few. Its later changes are rows of their own: to look for the first among a thousand
    # dead versions of it would be slow.
    op.execute("""
        CREATE FUNCTION tally(counted text, change bigint, moment timestamptz) RETURNS void
        LANGUAGE plpgsql AS $$
        DECLARE
            here bigint := pg_current_xact_id()::text::bigint;
        BEGIN
            IF EXISTS (SELECT FROM tallies t WHERE t.what = counted AND t.moved_in = here) THEN
                INSERT INTO tallies (what, number, moved_at, moved_in)
                VALUES (counted, change, moment, here);
                RETURN;
            END IF;
            WITH free AS (
                SELECT t.id FROM tallies t WHERE t.what = counted LIMIT 10000 FOR UPDATE SKIP LOCKED
            ), taken AS (
                DELETE FROM tallies t USING free WHERE t.id = free.id
                RETURNING t.number, t.moved_at
            )
            INSERT INTO tallies (what, number, moved_at, moved_in)
            SELECT counted, coalesce(sum(k.number), 0) + change,
                   greatest(max(k.moved_at), moment), here
            FROM taken k;
        END $$""")
    # Once in a transaction is enough, whatever it changes: nobody sees half of it. Council 0 is
    # what belongs to none: the list of councils, the rules, the years.
    op.execute("""
        CREATE FUNCTION move_public(council integer, moment timestamptz) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            IF moment > clock_timestamp() OR NOT EXISTS (
                SELECT FROM tallies t WHERE t.what = 'public ' || council
                AND t.moved_in = pg_current_xact_id()::text::bigint)
            THEN
                PERFORM tally('public ' || council, 1, greatest(moment, clock_timestamp()));
            END IF;
        END $$""")
    # `earlier`: what readers were told already. Each change is later than those before it, also
    # where the clocks of two machines differ.
    op.execute("""
        CREATE FUNCTION note_public_change(
            council integer, idea uuid, is_shown boolean, earlier timestamptz
        ) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            moment timestamptz := greatest(
                clock_timestamp(), earlier + interval '1 microsecond',
                (SELECT max(p.at) + interval '1 microsecond' FROM public_changes p
                 WHERE p.idea_id = idea));
        BEGIN
            INSERT INTO public_changes (idea_id, council_id, at, shown)
            VALUES (idea, council, moment, is_shown);
            PERFORM move_public(council, moment);
        END $$""")
    op.execute("""
        CREATE FUNCTION tell_of_idea() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            was boolean := false;
            is_now boolean := false;
            target uuid;
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                was := OLD.status = 'published' AND OLD.public_text IS NOT NULL;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                is_now := NEW.status = 'published' AND NEW.public_text IS NOT NULL;
            END IF;
            IF is_now AND NOT was AND (TG_OP = 'INSERT' OR OLD.published_at IS NULL) THEN
                -- Its entry is as old as its publishing, which of an import may be years ago.
                PERFORM move_public(NEW.council_id, greatest(clock_timestamp(), NEW.published_at));
            ELSIF is_now AND (NOT was
                OR NEW.public_text <> OLD.public_text OR NEW.public_author <> OLD.public_author
                OR NEW.number <> OLD.number OR NEW.council_id <> OLD.council_id
                OR NEW.published_at <> OLD.published_at OR NEW.received_at <> OLD.received_at
                OR NEW.precision <> OLD.precision)
            THEN
                PERFORM note_public_change(NEW.council_id, NEW.id, true, NEW.published_at);
            END IF;
            IF was AND (NOT is_now OR NEW.council_id <> OLD.council_id) THEN
                PERFORM note_public_change(OLD.council_id, OLD.id, false, OLD.published_at);
            END IF;
            -- Those that are merged into an idea count under it.
            IF TG_OP <> 'INSERT' AND OLD.counts_as_support AND OLD.merged_into IS NOT NULL
                AND (TG_OP = 'DELETE' OR NOT NEW.counts_as_support
                     OR NEW.merged_into IS DISTINCT FROM OLD.merged_into)
            THEN
                PERFORM note_public_change(t.council_id, t.id, true, t.published_at)
                FROM ideas t WHERE t.id = OLD.merged_into;
            END IF;
            IF TG_OP <> 'DELETE' AND NEW.counts_as_support AND NEW.merged_into IS NOT NULL
                AND (TG_OP = 'INSERT' OR NOT OLD.counts_as_support
                     OR NEW.merged_into IS DISTINCT FROM OLD.merged_into)
            THEN
                PERFORM note_public_change(t.council_id, t.id, true, t.published_at)
                FROM ideas t WHERE t.id = NEW.merged_into;
            END IF;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION tell_of_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM note_public_change(i.council_id, i.id, false, i.published_at)
            FROM ideas i WHERE i.id = NEW.subject_id AND i.status = 'published';
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION tell_of_answer() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM note_public_change(
                i.council_id, i.id, true, greatest(i.published_at, NEW.written_at))
            FROM ideas i WHERE i.id = NEW.idea_id;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION tell_of_council() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM move_public(coalesce(NEW.id, OLD.id), clock_timestamp());
            PERFORM move_public(0, clock_timestamp());
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION tell_of_common() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM move_public(0, clock_timestamp());
            RETURN NULL;
        END $$""")
    for table, column, counted in (("ideas", "status", _SETTLED), ("letters", "state", _ENDED)):
        op.execute(f"""
            CREATE FUNCTION count_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP <> 'INSERT' AND OLD.{column} IN {counted} THEN
                    PERFORM tally('{table} ' || OLD.{column}, -1, clock_timestamp());
                END IF;
                IF TG_OP <> 'DELETE' AND NEW.{column} IN {counted} THEN
                    PERFORM tally('{table} ' || NEW.{column}, 1, clock_timestamp());
                END IF;
                RETURN NULL;
            END $$""")


def _make_triggers() -> None:
    """Each says in WHEN what it is about: what comes in and is checked costs no call."""
    public = "{0}.status IN ('published', 'merged')"
    _on_change("ideas", "tells_public", "tell_of_idea", public, "{} OR {}")
    for table, column, counted in (("ideas", "status", _SETTLED), ("letters", "state", _ENDED)):
        _on_change(
            table,
            "counted",
            f"count_{table}",
            f"{{0}}.{column} IN {counted}",
            f"OLD.{column} <> NEW.{column} AND ({{}} OR {{}})",
        )
    op.execute("""
        CREATE TRIGGER tells_public AFTER INSERT ON outbox_events FOR EACH ROW
        WHEN (NEW.kind = 'ReceiptAction' AND NEW.payload ->> 'verb' = 'withdraw')
        EXECUTE FUNCTION tell_of_withdrawal()""")
    op.execute("""
        CREATE TRIGGER tells_public AFTER INSERT ON official_answers FOR EACH ROW
        EXECUTE FUNCTION tell_of_answer()""")
    op.execute("""
        CREATE TRIGGER tells_public AFTER INSERT OR UPDATE OR DELETE ON councils FOR EACH ROW
        EXECUTE FUNCTION tell_of_council()""")
    for table in ("rules", "yearly_numbers"):
        op.execute(f"""
            CREATE TRIGGER tells_public AFTER INSERT OR UPDATE OR DELETE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION tell_of_common()""")


def _on_change(table: str, name: str, function: str, wanted: str, of_update: str) -> None:
    new, old = wanted.format("NEW"), wanted.format("OLD")
    for event, condition in (
        ("INSERT", new),
        ("UPDATE", of_update.format(old, new)),
        ("DELETE", old),
    ):
        op.execute(f"""
            CREATE TRIGGER {name}_on_{event.lower()} AFTER {event} ON {table} FOR EACH ROW
            WHEN ({condition}) EXECUTE FUNCTION {function}()""")


def _begin_counting() -> None:
    op.execute("""
        INSERT INTO tallies (what, number, moved_at, moved_in)
        SELECT 'public ' || id, 1, now(), 0 FROM (SELECT id FROM councils UNION SELECT 0) all_of_it
    """)
    for table, column, counted in (("ideas", "status", _SETTLED), ("letters", "state", _ENDED)):
        op.execute(f"""
            INSERT INTO tallies (what, number, moved_at, moved_in)
            SELECT '{table} ' || {column}, count(*), now(), 0 FROM {table}
            WHERE {column} IN {counted} GROUP BY {column}""")


def _make_views() -> None:
    # A rule that begins to be in force is a change that nobody writes.
    op.execute("""
        CREATE VIEW public_versions AS
        SELECT s.slug, s.more + t.number AS number, t.moved_at
        FROM (
            SELECT slug, id, 0 AS more FROM councils
            UNION ALL
            SELECT '', 0, count(*) FROM rules WHERE in_force_from <= now()
        ) s, LATERAL (
            SELECT coalesce(sum(number), 0)::bigint AS number, max(moved_at) AS moved_at
            FROM tallies WHERE what = 'public ' || s.id
        ) t""")
    _show_ideas(with_changes=True)
    # What was public and is not: an id that was, and when it left. No words, no reason.
    op.execute("""
        CREATE VIEW public_departures AS
        SELECT p.idea_id AS id, c.slug AS council, max(p.at) AS left_at
        FROM public_changes p JOIN councils c ON c.id = p.council_id
        WHERE NOT p.shown AND NOT EXISTS (
            SELECT FROM public_ideas i WHERE i.id = p.idea_id AND i.council = c.slug)
        GROUP BY p.idea_id, c.slug""")
    # Whether a form that somebody still has open was sent: hashes of random keys, and no more.
    op.execute("CREATE VIEW public_spent_keys AS SELECT key_hash FROM idempotency_keys")
    op.execute(
        "GRANT SELECT ON public_versions, public_departures, public_spent_keys TO radslag_public"
    )


def _show_ideas(*, with_changes: bool) -> None:
    changed = """,
               greatest(i.published_at, a.written_at, (
                   SELECT max(p.at) FROM public_changes p WHERE p.idea_id = i.id)) AS updated_at"""
    has_words = " AND i.public_text IS NOT NULL"
    op.execute(f"""
        CREATE OR REPLACE VIEW public_ideas AS
        SELECT i.id, i.number, c.slug AS council, i.public_text AS text, i.public_author AS author,
               i.published_at, i.received_at, i.precision, i.status, a.text::text AS answer,
               (SELECT count(*) FROM ideas m
                WHERE m.merged_into = i.id AND m.counts_as_support)::int AS supporters,
               CASE WHEN a.text IS NOT NULL THEN a.signature END AS answer_from,
               CASE WHEN a.text IS NOT NULL THEN a.written_at END AS answered_at
               {changed if with_changes else ""}
        FROM ideas i JOIN councils c ON c.id = i.council_id
        LEFT JOIN LATERAL (
            SELECT o.text, o.signature, o.written_at FROM official_answers o
            WHERE o.idea_id = i.id ORDER BY o.version DESC LIMIT 1) a ON true
        WHERE i.status = 'published'{has_words if with_changes else ""} AND NOT EXISTS (
            SELECT FROM outbox_events e WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction'
            AND e.payload ->> 'verb' = 'withdraw')""")
    op.execute("GRANT SELECT ON public_ideas TO radslag_public")
