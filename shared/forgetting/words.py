"""Where a resident's words, name or address can stand, and what takes them away: the one list.

`RESIDENTS` names each such column with the rule that clears it, `OTHERS` every other column that
could hold a text, with why it holds none of theirs. A test holds both against the schema, so a new
column finds its place here first; and another sends an idea every way there is, destroys it, and
looks for its words in every row of every table.

Destruction (gallring) needs the number of the decision that allows it, and leaves the rows: number,
dates, state, decisions. What still stands, waits, or is merged into what does, cannot be destroyed:
it is decided about first.
"""

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session as SqlSession


class StillStandsError(Exception):
    """Something that was to be destroyed is public, or waits for somebody; nothing was."""


class Clears(enum.Enum):
    """What takes a resident's words out of a column."""

    # `destroy_ideas`, by the clock where the city has decided so (`shared.forgetting.due`).
    WITH_IDEA = "with the idea"
    # The body becomes the idea's original when it is mapped; of what became none:
    # `destroy_deliveries`, by the clock in the same way.
    WITH_DELIVERY = "with the delivery"
    # The words move into the idea, and go when the import ends. Those of a file that nobody decided
    # about, and of lines that could not be brought in, go by the clock
    # (`services.submission.imports.runs.forget_undecided`): they are a copy of a file.
    WITH_IMPORT = "with the import"


RESIDENTS: Mapping[str, Mapping[str, Clears]] = {
    "contacts": {"email": Clears.WITH_IDEA},
    "embeddings": {"vector": Clears.WITH_IDEA},
    "idea_texts": dict.fromkeys(("text", "author", "folded"), Clears.WITH_IDEA),
    "idea_words": {"words": Clears.WITH_IDEA},
    "ideas": dict.fromkeys(("public_text", "public_author"), Clears.WITH_IDEA),
    "import_lines": dict.fromkeys(("text", "author", "raw", "content_type"), Clears.WITH_IMPORT),
    "inbox": dict.fromkeys(("body", "content_type"), Clears.WITH_DELIVERY),
    "inbox_keys": {"body_sha256": Clears.WITH_DELIVERY},
    "originals": dict.fromkeys(("body", "content_type", "sha256"), Clears.WITH_IDEA),
    "slips": {"key": Clears.WITH_IDEA},
}
# What a program or a person of the city wrote: codes, numbers, hashes with a key or of a secret,
# settings; and what staff note of their own work, which is the archive's.
OTHERS: Mapping[str, str] = {
    "access_log": "purpose",
    "agreements": "sender_hash",
    "alembic_version": "version_num",
    "answer_templates": "rule_code title text",
    "api_tokens": "title scopes sha256 old_sha256",
    "asks": "question",
    "audit_log": "action subject_kind subject_id before after",
    "check_outcomes": "check_name code",
    "check_switches": "name options",
    "city_face": "authority contact colour",
    "councils": "slug title theme held_label introduction summary_url language embed_hosts"
    " picture_alt",
    "daily_numbers": "name key",
    "dead_addresses": "reason",
    "decisions": "note reason_text before",
    "digest_positions": "lane",
    "digest_runs": "slot",
    "digests": "slot council_ids lanes",
    "embeddings": "model",
    "failed_jobs": "consumer error",
    "findings": "check_name code spans params",
    "fingerprint_batches": "idea_seqs keys",
    "form_mappings": "rules",
    "form_sources": "slug title nonce secret_sha256 old_nonce old_sha256",
    "heartbeats": "name",
    "ideas": "number source_id sender_hash signals language receipt_nonce",
    "idempotency_keys": "key_hash body_hash",
    "import_lines": "source_id found",
    "imports": "form file_name sha256 doubts passed_over",
    "inbox": "left_out",
    "inbox_keys": "key_sha256",
    "incidents": "key",
    "invitations": "sha256 nonce email name language",
    "letters": "template language message_id error",
    "login_attempts": "email_hash source_hash",
    "mail_counts": "place",
    "models": "kind weights figures note",
    "notes": "text",
    "official_answers": "text signature",
    "outbox_deliveries": "consumer queue error",
    "outbox_events": "kind payload",
    "passkeys": "credential_id public_key last_challenge browser",
    "password_resets": "nonce sha256",
    "pictures": "sha256 body",
    "queue_entries": "lane language",
    "receipt_tokens": "sha256",
    "recovery_codes": "sha256",
    "rules": "code title_sv text_sv title_en text_en",
    "samples": "passed_by note",
    "saved_filters": "name query",
    "second_factors": "secret",
    "security_events": "who_hash place_hash",
    "served_code": "oldest",
    "staff": "email name password_hash language directory_issuer directory_subject",
    "staff_sessions": "browser",
    "subscriptions": "weekdays council_ids lanes",
    "tallies": "what",
    "unsubscribe_links": "sha256 nonce",
    "verdicts": "unchecked",
    "webhook_deliveries": "kind error",
    "webhooks": "title host address language events nonce old_nonce",
    "word_lists": "list language term match comment",
    "yearly_numbers": "numbers",
}

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_ALLOW = text("SELECT set_config('radslag.destruction', :decision, true)")
# Locked until the end, so that nobody publishes it meanwhile.
_STANDING = text("""
    SELECT count(*) FROM (
        SELECT status FROM ideas WHERE id = ANY(:ids) ORDER BY id FOR UPDATE) i
    WHERE status IN ('received', 'waiting', 'published', 'merged')""").bindparams(_IDS)
_OF_IDEAS = tuple(
    text(statement).bindparams(_IDS)
    for statement in (
        # With every hash that nothing is mixed into: it tells whether somebody wrote this or that.
        """UPDATE originals SET body = NULL, content_type = '', sha256 = ''
        WHERE idea_id = ANY(:ids)""",
        """UPDATE idea_texts SET text = NULL, author = NULL, folded = NULL, destroyed_at = :now
        WHERE idea_id = ANY(:ids) AND destroyed_at IS NULL""",
        """UPDATE ideas SET public_text = NULL, public_author = NULL, fold_hash = 0,
        destroyed_at = :now WHERE id = ANY(:ids) AND destroyed_at IS NULL""",
        "DELETE FROM contacts WHERE idea_id = ANY(:ids)",
        "DELETE FROM embeddings WHERE idea_id = ANY(:ids)",
        "DELETE FROM idea_words WHERE idea_id = ANY(:ids)",
        """DELETE FROM fingerprints WHERE seq IN (
            SELECT seq FROM ideas WHERE id = ANY(:ids))""",
        """UPDATE import_lines SET text = NULL, author = NULL, raw = NULL, content_type = ''
        WHERE idea_id = ANY(:ids)""",
        # Unique still. A form that is sent again after so long makes its ideas anew.
        "UPDATE slips SET key = sha256(uuid_send(idea_id)) WHERE idea_id = ANY(:ids)",
        # What comes again under the same id is none that anybody knows: it waits for a person.
        """UPDATE inbox_keys SET body_sha256 = '' WHERE inbox_id IN (
            SELECT id FROM inbox WHERE idea_id = ANY(:ids) OR same_as IN (
                SELECT id FROM inbox WHERE idea_id = ANY(:ids)))""",
        "UPDATE inbox SET content_type = '' WHERE idea_id = ANY(:ids)",
        """UPDATE inbox SET content_type = '' WHERE same_as IN (
            SELECT id FROM inbox WHERE idea_id = ANY(:ids))""",
    )
)
_WAITING = text("""
    SELECT count(*) FROM (SELECT state FROM inbox WHERE id = ANY(:ids) ORDER BY id FOR UPDATE) i
    WHERE state IN ('received', 'failed')""").bindparams(_IDS)
# Only what became no idea has a body still; that it came, and when, is left.
_OF_DELIVERIES = tuple(
    text(statement).bindparams(_IDS)
    for statement in (
        """UPDATE inbox_keys SET body_sha256 = '' WHERE inbox_id IN (
            SELECT id FROM inbox WHERE id = ANY(:ids) AND state = 'put_aside')""",
        """UPDATE inbox SET body = '', content_type = ''
        WHERE id = ANY(:ids) AND state = 'put_aside'""",
    )
)


def destroy_ideas(
    session: SqlSession, ids: Sequence[UUID], decision: str, *, now: datetime
) -> None:
    """Take away all that residents wrote of some ideas, by the decision with this number.

    Raises StillStandsError, ValueError for no number.
    """
    _allow(session, decision)
    if session.scalar(_STANDING, {"ids": list(ids)}):
        raise StillStandsError
    for statement in _OF_IDEAS:
        asked = {"ids": list(ids), "now": now}
        session.execute(statement, {name: asked[name] for name in statement.compile().params})


def destroy_deliveries(session: SqlSession, ids: Sequence[UUID], decision: str) -> None:
    """Take away what form tools delivered that became no idea and was put aside.

    Raises StillStandsError for what waits, ValueError for no number.
    """
    _allow(session, decision)
    if session.scalar(_WAITING, {"ids": list(ids)}):
        raise StillStandsError
    for statement in _OF_DELIVERIES:
        session.execute(statement, {"ids": list(ids)})


def _allow(session: SqlSession, decision: str) -> None:
    if not decision.strip():
        raise ValueError("a destruction needs the number of its decision")
    session.execute(_ALLOW, {"decision": decision.strip()})
