"""An idea comes in by one statement: `receive_idea` does in the database what took eleven journeys.

It is one transaction as before: all of its rows are there, or none. Yesterday's code goes on with
its own statements beside it.

Yesterday's code runs beside this: add first, remove in a later release. No model imports, data and
schema apart, short locks.

Revision: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    # In PL/pgSQL each statement sees what was committed before it began: whoever waited for the
    # lock of a key finds the idea that the other one stored under it. One plain statement would
    # look at the state before it waited.
    op.execute("""
        CREATE FUNCTION receive_idea(
            council_slug text, new_id uuid, number_year integer, moment timestamptz,
            way text, sender bytea, noticed jsonb, language_tag text,
            raw_body bytea, body_type text, body_sha256 bytea,
            words text, author_name text, folded_words text, folded_hash bigint, address text,
            nonce bytea, token_sha256 bytea,
            posted_key bytea, posted_hash bytea, key_is_valid_since timestamptz, key_lock bigint,
            event_kind text, event_version integer, event_payload jsonb,
            consumer_names text[], queue_names text[], public_names text[],
            OUT outcome text, OUT idea_id uuid, OUT idea_number text, OUT idea_nonce bytea
        ) LANGUAGE plpgsql AS $$
        DECLARE
            council record;
            known record;
            event bigint;
            drawn text;
        BEGIN
            SELECT id, open_from, open_until INTO council
            FROM councils WHERE slug = council_slug;
            IF NOT FOUND THEN
                outcome := 'unknown_council';
                RETURN;
            END IF;
            IF posted_key IS NOT NULL THEN
                PERFORM pg_advisory_xact_lock(key_lock);
                SELECT k.body_hash, k.stored_at, i.id, i.number, i.receipt_nonce INTO known
                FROM idempotency_keys k JOIN ideas i ON i.id = k.idea_id
                WHERE k.key_hash = posted_key;
                IF FOUND AND known.stored_at >= key_is_valid_since THEN
                    IF known.body_hash <> posted_hash THEN
                        outcome := 'key_reused';
                        RETURN;
                    END IF;
                    outcome := 'replayed';
                    idea_id := known.id;
                    idea_number := known.number;
                    idea_nonce := known.receipt_nonce;
                    RETURN;
                END IF;
                IF FOUND THEN
                    DELETE FROM idempotency_keys WHERE key_hash = posted_key;
                END IF;
            END IF;
            -- The answer to an earlier try of this very call was lost with its connection.
            SELECT i.id, i.number, i.receipt_nonce INTO known FROM ideas i WHERE i.id = new_id;
            IF FOUND THEN
                outcome := 'received';
                idea_id := known.id;
                idea_number := known.number;
                idea_nonce := known.receipt_nonce;
                RETURN;
            END IF;
            IF council.open_from > moment OR council.open_until <= moment THEN
                outcome := 'closed_council';
                RETURN;
            END IF;
            outcome := 'received';
            idea_id := new_id;
            idea_nonce := nonce;
            drawn := nextval('idea_numbers');
            idea_number := 'R-' || number_year || '-' || lpad(drawn, greatest(6, length(drawn)), '0');
            INSERT INTO ideas (
                id, number, council_id, status, version, source, sender_hash, signals, received_at,
                stored_at, precision, text_version, fold_hash, language, receipt_nonce)
            VALUES (
                new_id, idea_number, council.id, 'received', 1, way, sender, noticed, moment,
                moment, 'instant', 1, folded_hash, language_tag, nonce);
            INSERT INTO originals (idea_id, body, content_type, sha256, sealed_at)
            VALUES (new_id, raw_body, body_type, body_sha256, moment);
            INSERT INTO idea_texts (idea_id, version, kind, text, author, folded, written_at)
            VALUES (new_id, 1, 'received', words, author_name, folded_words, moment);
            INSERT INTO receipt_tokens (sha256, idea_id, issued_at)
            VALUES (token_sha256, new_id, moment);
            IF address IS NOT NULL THEN
                INSERT INTO contacts (idea_id, email, stored_at) VALUES (new_id, address, moment);
            END IF;
            IF posted_key IS NOT NULL THEN
                INSERT INTO idempotency_keys (key_hash, body_hash, idea_id, stored_at)
                VALUES (posted_key, posted_hash, new_id, moment);
            END IF;
            INSERT INTO outbox_events (kind, version, subject_id, payload, occurred_at)
            VALUES (event_kind, event_version, new_id, event_payload, moment)
            RETURNING id INTO event;
            INSERT INTO outbox_deliveries (event_id, consumer, queue)
            SELECT event, new.consumer, new.queue
            FROM unnest(consumer_names, queue_names, public_names)
                 AS new (consumer, queue, public_name)
            WHERE new.public_name IS NULL OR EXISTS (
                SELECT FROM webhooks w WHERE w.state = 'on' AND new.public_name = ANY (w.events));
        END $$""")


def downgrade() -> None:
    """Undo."""
    op.execute("DROP FUNCTION receive_idea")
