"""Ideas that come in at one time are stored by one call: `receive_ideas` takes a list of them.

What a statement costs beside its rows (its plan, the CHECK constraints and predicates of indexes
that are read anew for each, the commit) is paid once for all of them. Each idea is judged by
itself, as `receive_idea` (0017) does, which yesterday's code goes on calling.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0041
Revises: 0040
"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # The plan is kept for as long as a connection lives, and must not be one for tables that were
    # still empty: hence the settings. Whoever waited for the lock of a key sees what was committed
    # meanwhile, since in PL/pgSQL each statement looks anew. Locks are taken in one order by all.
    op.execute("""
        CREATE FUNCTION receive_ideas(
            posted json, key_locks json, event_kind text, event_version integer,
            consumer_names text[], queue_names text[], public_names text[]
        ) RETURNS TABLE (outcome text, idea_id uuid, idea_number text, idea_nonce bytea)
        LANGUAGE plpgsql
        SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
        AS $$
        #variable_conflict use_column
        BEGIN
            IF json_array_length(key_locks) > 0 THEN
                PERFORM pg_advisory_xact_lock(one.key_lock) FROM (
                    SELECT DISTINCT value::bigint AS key_lock
                    FROM json_array_elements_text(key_locks) ORDER BY key_lock) one;
                DELETE FROM idempotency_keys k
                USING json_to_recordset(posted) AS p (key_hash text, valid_since timestamptz)
                WHERE k.key_hash = decode(p.key_hash, 'base64') AND k.stored_at < p.valid_since;
            END IF;
            RETURN QUERY
            WITH sent AS MATERIALIZED (
                SELECT p.place, p.id, p.year, p.now, p.source, p.signals, p.language,
                       p.content_type, p.text, p.author, p.folded, p.fold_hash, p.email, p.payload,
                       decode(p.sender_hash, 'base64') AS sender_hash,
                       decode(p.body, 'base64') AS body, decode(p.sha256, 'base64') AS sha256,
                       decode(p.nonce, 'base64') AS nonce,
                       decode(p.token_sha256, 'base64') AS token_sha256,
                       decode(p.key_hash, 'base64') AS key_hash,
                       decode(p.body_hash, 'base64') AS body_hash,
                       c.id AS council_id, c.open_from, c.open_until
                FROM ROWS FROM (json_to_recordset(posted) AS (
                    slug text, id uuid, year integer, now timestamptz, source text,
                    sender_hash text, signals jsonb, language text, body text, content_type text,
                    sha256 text, text text, author text, folded text, fold_hash bigint, email text,
                    nonce text, token_sha256 text, key_hash text, body_hash text, payload jsonb
                )) WITH ORDINALITY AS p (
                    slug, id, year, now, source, sender_hash, signals, language, body, content_type,
                    sha256, text, author, folded, fold_hash, email, nonce, token_sha256, key_hash,
                    body_hash, payload, place)
                LEFT JOIN councils c ON c.slug = p.slug
            ), judged AS MATERIALIZED (
                SELECT s.*, known.id AS known_id,
                       CASE
                           WHEN s.council_id IS NULL THEN 'unknown_council'
                           WHEN k.body_hash <> s.body_hash THEN 'key_reused'
                           WHEN k.body_hash = s.body_hash THEN 'replayed'
                           -- The answer to an earlier try of this very call was lost.
                           WHEN known.id IS NOT NULL THEN 'received'
                           WHEN s.open_from > s.now OR s.open_until <= s.now THEN 'closed_council'
                           ELSE 'new'
                       END AS judgement
                FROM sent s
                LEFT JOIN idempotency_keys k ON k.key_hash = s.key_hash
                LEFT JOIN ideas known ON known.id = coalesce(k.idea_id, s.id)
            ), fresh AS MATERIALIZED (
                SELECT j.*, 'R-' || j.year || '-' || lpad(
                    drawn.number::text, greatest(6, length(drawn.number::text)), '0') AS number
                FROM judged j, LATERAL (SELECT nextval('idea_numbers') AS number
                                        WHERE j.judgement = 'new') drawn
                ORDER BY j.place
            ), of_ideas AS (
                INSERT INTO ideas (
                    id, number, council_id, status, version, source, sender_hash, signals,
                    received_at, stored_at, precision, text_version, fold_hash, language,
                    receipt_nonce)
                SELECT id, number, council_id, 'received', 1, source, sender_hash, signals,
                       now, now, 'instant', 1, fold_hash, language, nonce
                FROM fresh
            ), of_originals AS (
                INSERT INTO originals (idea_id, body, content_type, sha256, sealed_at)
                SELECT id, body, content_type, sha256, now FROM fresh
            ), of_texts AS (
                INSERT INTO idea_texts (idea_id, version, kind, text, author, folded, written_at)
                SELECT id, 1, 'received', text, author, folded, now FROM fresh
            ), of_tokens AS (
                INSERT INTO receipt_tokens (sha256, idea_id, issued_at)
                SELECT token_sha256, id, now FROM fresh
            ), of_contacts AS (
                INSERT INTO contacts (idea_id, email, stored_at)
                SELECT id, email, now FROM fresh WHERE email IS NOT NULL
            ), of_keys AS (
                INSERT INTO idempotency_keys (key_hash, body_hash, idea_id, stored_at)
                SELECT key_hash, body_hash, id, now FROM fresh WHERE key_hash IS NOT NULL
            ), events AS (
                INSERT INTO outbox_events (kind, version, subject_id, payload, occurred_at)
                SELECT event_kind, event_version, id, payload, now FROM fresh
                RETURNING id
            ), recipients AS MATERIALIZED (
                SELECT r.consumer, r.queue
                FROM unnest(consumer_names, queue_names, public_names)
                     AS r (consumer, queue, public_name)
                WHERE r.public_name IS NULL OR EXISTS (
                    SELECT FROM webhooks w
                    WHERE w.state = 'on' AND r.public_name = ANY (w.events))
            ), of_deliveries AS (
                INSERT INTO outbox_deliveries (event_id, consumer, queue)
                SELECT e.id, r.consumer, r.queue FROM events e, recipients r
            )
            SELECT CASE j.judgement WHEN 'new' THEN 'received' ELSE j.judgement END,
                   coalesce(n.id, told.id), coalesce(n.number, told.number),
                   coalesce(n.nonce, told.receipt_nonce)
            FROM judged j
            LEFT JOIN fresh n ON n.place = j.place
            -- Of what a key was used for, nothing is said to whoever brings other words.
            LEFT JOIN ideas told
                ON told.id = j.known_id AND j.judgement IN ('replayed', 'received')
            ORDER BY j.place;
        END $$""")


def downgrade() -> None:
    """Undo."""
    op.execute("DROP FUNCTION receive_ideas")
