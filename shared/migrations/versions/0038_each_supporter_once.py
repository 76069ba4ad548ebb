"""Whoever agreed with several ideas that are one now is one supporter, and no writer is their own.

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
                  WHERE (m.id = i.id OR (m.merged_into = i.id AND m.counts_as_support))
                    AND NOT EXISTS (SELECT FROM ideas w WHERE w.sender_hash = g.sender_hash
                        AND (w.id = i.id OR (w.merged_into = i.id AND w.counts_as_support))))"""


def upgrade() -> None:
    """Apply."""
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute(_IDEAS.format(_AFTER))


def downgrade() -> None:
    """Undo."""
    op.execute(_IDEAS.format(_BEFORE))
