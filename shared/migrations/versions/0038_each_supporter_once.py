"""Whoever agreed with several ideas that are one now is one supporter, and no writer is their own.

What a moderator says at a merge ("Räkna skribenten …") is about its writer; who agreed with the idea
agrees with the one that it is now.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0038
Revises: 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_IDEAS = """
    CREATE OR REPLACE VIEW public_ideas AS
    SELECT i.id, i.number, c.slug AS council, i.public_text AS text, i.public_author AS author,
           i.published_at, i.received_at, i.precision, i.status, a.text::text AS answer,
           ((SELECT count(*) FROM ideas m
                WHERE m.merged_into = i.id AND m.counts_as_support){})::int AS supporters,
           CASE WHEN a.text IS NOT NULL THEN a.signature END AS answer_from,
           CASE WHEN a.text IS NOT NULL THEN a.written_at END AS answered_at,
           greatest(i.published_at, a.written_at, (
               SELECT max(p.at) FROM public_changes p WHERE p.idea_id = i.id)) AS updated_at
    FROM ideas i JOIN councils c ON c.id = i.council_id
    LEFT JOIN LATERAL (
        SELECT o.text, o.signature, o.written_at FROM official_answers o
        WHERE o.idea_id = i.id ORDER BY o.version DESC LIMIT 1) a ON true
    WHERE i.status = 'published' AND i.public_text IS NOT NULL AND NOT EXISTS (
        SELECT FROM outbox_events e WHERE e.subject_id = i.id AND e.kind = 'ReceiptAction'
        AND e.payload ->> 'verb' = 'withdraw')"""
_BEFORE = """
               + (SELECT count(*) FROM agreements g WHERE g.idea_id = i.id)
               + (SELECT count(*) FROM ideas m JOIN agreements g ON g.idea_id = m.id
                  WHERE m.merged_into = i.id AND m.counts_as_support)"""
_AFTER = """
               + (SELECT count(DISTINCT g.sender_hash) FROM ideas m
                  JOIN agreements g ON g.idea_id = m.id
                  WHERE (m.id = i.id OR m.merged_into = i.id)
                    AND NOT EXISTS (SELECT FROM ideas w WHERE w.sender_hash = g.sender_hash
                        AND (w.id = i.id OR (w.merged_into = i.id AND w.counts_as_support))))"""
_OF_IDEA = """
    CREATE OR REPLACE FUNCTION tell_of_idea() RETURNS trigger LANGUAGE plpgsql AS $$
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
        -- Those that are merged into an idea count under it{too}.
        IF TG_OP <> 'INSERT' AND OLD.merged_into IS NOT NULL
            AND (OLD.counts_as_support{old_agreed})
            AND (TG_OP = 'DELETE' OR NEW.merged_into IS DISTINCT FROM OLD.merged_into
                 OR NEW.counts_as_support <> OLD.counts_as_support)
        THEN
            PERFORM note_public_change(t.council_id, t.id, true, t.published_at)
            FROM ideas t WHERE t.id = OLD.merged_into;
        END IF;
        IF TG_OP <> 'DELETE' AND NEW.merged_into IS NOT NULL
            AND (NEW.counts_as_support{new_agreed})
            AND (TG_OP = 'INSERT' OR NEW.merged_into IS DISTINCT FROM OLD.merged_into
                 OR NEW.counts_as_support <> OLD.counts_as_support)
        THEN
            PERFORM note_public_change(t.council_id, t.id, true, t.published_at)
            FROM ideas t WHERE t.id = NEW.merged_into;
        END IF;
        RETURN NULL;
    END $$"""
_OF_AGREEMENT = """
    CREATE OR REPLACE FUNCTION tell_of_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM note_public_change(t.council_id, t.id, true, t.published_at)
        FROM ideas i JOIN ideas t ON t.id = i.id OR (t.id = i.merged_into{})
        WHERE i.id = coalesce(NEW.idea_id, OLD.idea_id) AND t.status = 'published';
        RETURN NULL;
    END $$"""
_AGREED = " OR EXISTS (SELECT FROM agreements g WHERE g.idea_id = {}.id)"


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute(_IDEAS.format(_AFTER))
    op.execute(
        _OF_IDEA.format(
            too=", and who agreed with them, too",
            old_agreed=_AGREED.format("OLD"),
            new_agreed=_AGREED.format("NEW"),
        )
    )
    op.execute(_OF_AGREEMENT.format(""))


def downgrade() -> None:
    """Undo."""
    op.execute(_OF_AGREEMENT.format(" AND i.counts_as_support"))
    op.execute(_OF_IDEA.format(too="", old_agreed="", new_agreed=""))
    op.execute(_IDEAS.format(_BEFORE))
