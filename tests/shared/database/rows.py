"""A valid row of every table by plain SQL, with the rows that it points at.

A test names the columns that it is about. Nothing here goes through the models: what the database
itself holds is asked, not what the code would have done.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
Row = dict[str, Any]
_numbers = itertools.count(1)
# All that there are.
_steps = itertools.cycle(("rules", "list"))


def _number(_: "Rows") -> int:
    return next(_numbers)


def _word(_: "Rows") -> str:
    return f"ord-{next(_numbers)}"


def _bytes(_: "Rows") -> bytes:
    return f"byte-{next(_numbers)}".encode()


def _id(_: "Rows") -> UUID:
    return uuid4()


def _day(_: "Rows") -> date:
    return date(2000, 1, 1) + timedelta(days=next(_numbers))


def _time(_: "Rows") -> time:
    return (datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=next(_numbers))).time()


def a(table: str, column: str = "id", **about: Any) -> Callable[["Rows"], Any]:
    """Return a value that points at a new row of `table`."""
    return lambda rows: rows.put(table, **about)[column]


# A value that is a function is called with the `Rows`, once for each row that does not name it.
VALID: Mapping[str, Mapping[str, Any]] = {
    "access_log": {"staff_id": a("staff"), "idea_id": a("ideas"), "purpose": "utredning"},
    "agreements": {"idea_id": a("ideas"), "sender_hash": _bytes},
    "answer_templates": {"title": "Mall", "text": "Tack."},
    "api_token_uses": {"token_id": a("api_tokens")},
    "api_tokens": {
        "id": _id,
        "title": _word,
        "scopes": ["submit"],
        "per_minute": 60,
        "sha256": _bytes,
    },
    "asks": {
        "idea_id": a("ideas"),
        "asked_by": a("staff"),
        "asked_of": a("staff"),
        "question": "Vad tror du?",
    },
    "audit_log": {"action": "rule.add", "subject_kind": "rule", "subject_id": "1"},
    "check_outcomes": {
        "idea_id": a("ideas"),
        "check_name": _word,
        "code": _word,
        "agreed": True,
        "decision_seq": 1,
    },
    "check_switches": {"name": _word, "is_on": True, "options": Jsonb({})},
    "city_face": {"id": 1},
    "contacts": {"idea_id": a("ideas"), "email": "anna@example.org"},
    "councils": {
        "slug": _word,
        "title": "Ett invånarråd",
        "theme": "Mötesplatser",
        "held_label": "i maj",
        "introduction": "Hur vill vi mötas?",
    },
    "counted_days": {"day": _day},
    "daily_numbers": {"day": _day, "council_id": a("councils"), "name": _word, "key": _word}
    | {"number": 1},
    "dead_addresses": {
        "id": _id,
        "staff_id": a("staff"),
        "letter_id": a("letters"),
        "reason": "5.1.1",
    },
    "decisions": {
        "id": _id,
        "idea_id": a("ideas"),
        "kind": "publish",
        "seen_version": _number,
        "status_before": "waiting",
        "status_after": "published",
        "text_version": 1,
        "before": Jsonb({}),
    },
    "digest_positions": {"entry_id": a("queue_entries"), "run_id": a("digest_runs")},
    "digest_runs": {"slot": _word},
    "digests": {
        "id": _id,
        "run_id": a("digest_runs"),
        "staff_id": a("staff"),
        "new_count": 0,
        "waiting_count": 0,
    },
    "duplicate_links": {
        "idea_id": a("ideas"),
        "original_id": a("ideas"),
        "kind": "near",
        "score": 0.9,
    },
    "duty_covers": {
        "staff_id": a("staff"),
        "first_day": date(2026, 11, 23),
        "last_day": date(2026, 11, 24),
    },
    "duty_shifts": {"day": 0, "begins": _time, "ends": _time, "staff_id": a("staff")},
    "embeddings": {
        "idea_id": a("ideas"),
        "text_version": 1,
        "council_id": a("councils"),
        "model": "m",
        "vector": b"",
    },
    "failed_jobs": {
        "delivery_id": a("outbox_deliveries"),
        "consumer": "moderation.check",
        "subject_id": _id,
        "attempts": 3,
        "error": "ValueError",
    },
    "first_steps": {"step": lambda _: next(_steps), "staff_id": a("staff")},
    "findings": {
        "idea_id": a("ideas"),
        "text_version": 1,
        "check_name": "pii",
        "check_version": 1,
        "code": "phone",
        "severity": "low",
        "score": 0.5,
        "field": "text",
        "spans": Jsonb([]),
        "params": Jsonb({}),
    },
    "fingerprint_batches": {"idea_seqs": b"", "keys": b""},
    "fingerprints": {"key": _number, "seq": _number},
    "form_mappings": {"source_id": a("form_sources"), "version": _number, "rules": Jsonb({})},
    "form_sources": {
        "id": _id,
        "slug": _word,
        "title": "Kontakt",
        "nonce": b"n",
        "secret_sha256": b"s",
    },
    "heartbeats": {"name": _word},
    "idea_texts": {
        "idea_id": a("ideas"),
        "version": _number,
        "kind": "received",
        "text": "En bänk, tack.",
        "folded": "en bank tack",
    },
    "idea_words": {
        "idea_id": a("ideas"),
        "council_id": a("councils"),
        "seq": _number,
        "received_at": NOW,
        "words": "'bänk':1",
    },
    "ideas": {
        "id": _id,
        "number": _word,
        "council_id": a("councils"),
        "status": "waiting",
        "version": 1,
        "source": "form",
        "received_at": NOW,
        "precision": "instant",
        "text_version": 1,
        "fold_hash": 1,
        "receipt_nonce": b"nonce",
    },
    "idempotency_keys": {"key_hash": _bytes, "body_hash": b"body", "idea_id": a("ideas")},
    "import_lines": {
        "import_id": a("imports"),
        "place": _number,
        "line": 1,
        "source_id": _word,
        "content_type": "text/plain",
        "received_at": NOW,
        "precision": "day",
        "was_public": True,
    },
    "imports": {
        "id": _id,
        "council_id": a("councils"),
        "form": "page",
        "file_name": "sida.txt",
        "sha256": b"s",
        "total": 0,
    },
    "inbox": {
        "id": _id,
        "source_id": a("form_sources"),
        "body": b"{}",
        "content_type": "application/json",
    },
    "inbox_keys": {
        "source_id": a("form_sources"),
        "key_sha256": _bytes,
        "body_sha256": b"b",
        "inbox_id": a("inbox"),
    },
    "incidents": {"id": _id, "kind": "wave", "key": _word},
    "invitations": {"sha256": _bytes, "role": "reader", "expires_at": LATER},
    "leases": {"staff_id": a("staff"), "idea_id": a("ideas"), "page": 1, "expires_at": LATER},
    "letters": {
        "id": _id,
        "template": _word,
        "language": "sv",
        "decision_id": a("decisions"),
        "message_id": _word,
        "state": "waiting",
        "due_at": NOW,
    },
    "login_attempts": {"email_hash": b"e", "source_hash": b"s"},
    "mail_counts": {"place": _bytes, "letter_id": _id, "at": NOW},
    "mail_pace": {"id": 1, "next_at": NOW},
    "models": {
        "kind": _word,
        "version": _number,
        "weights": b"",
        "figures": Jsonb({}),
        "note": "",
        "is_active": False,
    },
    "notes": {"idea_id": a("ideas"), "staff_id": a("staff"), "text": "Ring inte."},
    # What a notice says is repeated: see `Rows._item`.
    "notice_items": {},
    "notices": {"id": _id, "staff_id": a("staff"), "is_over": False, "told_as": "admin"},
    "official_answers": {
        "id": _id,
        "idea_id": a("ideas"),
        "version": _number,
        "text": "Bänken kommer i maj.",
        "tells": False,
        "staff_id": a("staff"),
    },
    "originals": {
        "idea_id": a("ideas"),
        "body": b"En b\xc3\xa4nk, tack.",
        "content_type": "text/plain",
        "sha256": b"sha",
    },
    "outbox_deliveries": {
        "event_id": a("outbox_events"),
        "consumer": _word,
        "queue": "checks",
    },
    "outbox_events": {
        "kind": "IdeaSubmitted",
        "version": 1,
        "subject_id": _id,
        "payload": Jsonb({}),
    },
    "passkeys": {"staff_id": a("staff"), "credential_id": _bytes, "public_key": b"k"},
    "password_resets": {"id": _id, "nonce": b"n", "sha256": _bytes, "expires_at": LATER},
    "public_changes": {
        "idea_id": _id,
        "council_id": a("councils"),
        "at": NOW,
        "shown": True,
    },
    "pictures": {"sha256": lambda _: next(_numbers).to_bytes(32), "kind": "png", "width": 3}
    | {"height": 2, "body": b"x"},
    "queue_entries": {"idea_id": a("ideas"), "reason": "new", "priority": 100},
    "receipt_tokens": {"sha256": _bytes, "idea_id": a("ideas")},
    "recovery_codes": {"staff_id": a("staff"), "sha256": _bytes},
    "rules": {
        "code": _word,
        "version": _number,
        "title_sv": "Skräp",
        "text_sv": "Skräp tas bort.",
        "title_en": "Spam",
        "text_en": "Spam is removed.",
    },
    "sample_shares": {"share": 0.05},
    "samples": {"decision_id": a("decisions"), "idea_id": a("ideas"), "text_version": 1},
    "sampling": {"id": 1, "drawn_until": NOW},
    "slips": {
        "idea_id": a("ideas"),
        "batch_id": _id,
        "staff_id": a("staff"),
        "channel": "phone",
        "key": lambda _: next(_numbers).to_bytes(32),
    },
    "saved_filters": {"staff_id": a("staff"), "name": _word, "query": Jsonb({"lane": "urgent"})},
    "served_code": {"id": 1, "oldest": "0022"},
    "second_factors": {"staff_id": a("staff"), "secret": b"s"},
    "security_events": {"kind": "signed_in", "who_hash": _bytes, "place_hash": b"p"},
    "sign_in_policy": {"id": 1, "second_factor": "admins"},
    "staff": {"id": _id, "email": _word, "role": "moderator"},
    "staff_sessions": {
        "id": _id,
        "staff_id": a("staff"),
        "epoch": 1,
        "via": "password",
        "browser": "Firefox",
    },
    "subscriptions": {"staff_id": a("staff")},
    "tallies": {"what": _word, "number": 1, "moved_at": NOW, "moved_in": _number},
    "unsubscribe_links": {"sha256": _bytes, "staff_id": a("staff"), "nonce": b"n"},
    "verdicts": {
        "idea_id": a("ideas"),
        "text_version": _number,
        "outcome": "clear",
        "priority": 100,
        "unchecked": [],
        "ruleset": 1,
    },
    "webhook_deliveries": {
        "id": _id,
        "webhook_id": a("webhooks"),
        "event_id": a("outbox_events"),
        "kind": "idea.published",
        "due_at": NOW,
    },
    "webhooks": {
        "id": _id,
        "title": "Kartan",
        "host": "karta.example.org",
        "address": b"sealed",
        "shape": "standard",
        "events": ["idea.published"],
        "nonce": b"n",
    },
    "word_lists": {
        "list": "insults",
        "language": "sv",
        "term": _word,
        "match": "word",
        "weight": 0.5,
        "comment": "",
    },
    "yearly_numbers": {"year": lambda _: 2000 + next(_numbers) % 7000, "numbers": Jsonb({})}
    | {"is_final": False},
}
# Moments that the code fills in when a row is written.
_WRITTEN = {
    "access_log": "at",
    "agreements": "agreed_at",
    "answer_templates": "created_at",
    "api_tokens": "made_at created_at",
    "asks": "asked_at",
    "audit_log": "at",
    "check_switches": "changed_at",
    "contacts": "stored_at",
    "counted_days": "counted_at",
    "dead_addresses": "found_at",
    "decisions": "decided_at",
    "digest_runs": "started_at",
    "digests": "made_at",
    "duplicate_links": "linked_at",
    "embeddings": "made_at",
    "failed_jobs": "failed_at",
    "findings": "found_at",
    "first_steps": "at",
    "fingerprint_batches": "at",
    "form_mappings": "made_at",
    "form_sources": "created_at",
    "heartbeats": "at",
    "idea_texts": "written_at",
    "ideas": "stored_at",
    "idempotency_keys": "stored_at",
    "imports": "made_at",
    "inbox": "received_at",
    "inbox_keys": "stored_at",
    "incidents": "opened_at seen_at",
    "leases": "taken_at",
    "letters": "created_at",
    "login_attempts": "at",
    "models": "made_at",
    "notes": "written_at",
    "notices": "made_at",
    "official_answers": "written_at",
    "originals": "sealed_at",
    "outbox_events": "occurred_at",
    "passkeys": "created_at",
    "password_resets": "created_at",
    "pictures": "added_at",
    "queue_entries": "opened_at",
    "receipt_tokens": "issued_at",
    "rules": "in_force_from",
    "sample_shares": "changed_at",
    "samples": "drawn_at",
    "saved_filters": "created_at",
    "slips": "entered_at",
    "second_factors": "created_at",
    "security_events": "at",
    "sign_in_policy": "changed_at",
    "staff": "created_at",
    "staff_sessions": "begun_at seen_at",
    "unsubscribe_links": "made_at",
    "verdicts": "reached_at",
    "webhook_deliveries": "begun_at created_at",
    "webhooks": "created_at",
    "word_lists": "added_at",
    "yearly_numbers": "made_at",
}


class Rows:
    """Writes rows in a test's transaction."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self._fixed: dict[Any, Any] = {}

    def put(self, table: str, **about: Any) -> Row:
        """Store a valid row, with what the test says of it, and return all of it."""
        values = self.valid(table, **about)
        question = sql.SQL(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) RETURNING *"
        ).format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        )
        found = self.connection.execute(question, list(values.values())).fetchone()
        assert found is not None
        return dict(found)

    def valid(self, table: str, **about: Any) -> Row:
        """Return what a valid row holds; what it points at is stored."""
        if table == "notice_items":
            return self._item(**about)
        written = dict.fromkeys(_WRITTEN.get(table, "").split(), NOW)
        values = {**written, **VALID[table], **about}
        return {name: value(self) if callable(value) else value for name, value in values.items()}

    def fixed(self, about: Mapping[str, Any]) -> Row:
        """Return the same with every value known: a function is called once in a test."""
        for value in about.values():
            if callable(value) and value not in self._fixed:
                self._fixed[value] = value(self)
        return {n: self._fixed[value] if callable(value) else value for n, value in about.items()}

    def _item(self, **about: Any) -> Row:
        """An item repeats what its notice says: whose it is, and whether it is over."""
        fixed = {name: value(self) if callable(value) else value for name, value in about.items()}
        of = {name: fixed[name] for name in ("staff_id", "is_over") if name in fixed}
        if "notice_id" not in fixed:
            fixed["notice_id"] = self.put("notices", **of)["id"]
        notice = self.connection.execute(
            "SELECT staff_id, is_over FROM notices WHERE id = %s", [fixed["notice_id"]]
        ).fetchone()
        if "incident_id" not in fixed:
            fixed["incident_id"] = self.put("incidents")["id"]
        return {**dict(notice or {}), **fixed}

    def one(self, question: str, *values: Any) -> Any:
        """Return the one value that a question is answered with."""
        found = self.connection.execute(question, values).fetchone()
        assert found is not None
        return next(iter(found.values()))

    def all(self, question: str, *values: Any) -> list[Any]:
        """Return the first value of each row."""
        return [
            next(iter(row.values())) for row in self.connection.execute(question, values).fetchall()
        ]

    @contextmanager
    def refused(self, kind: type[psycopg.Error], name: str | None = None) -> Iterator[None]:
        """Expect that what is done in here is refused so, and by the constraint of this name."""
        with pytest.raises(kind) as refusal, self.connection.transaction():
            yield
        if name is not None:
            assert refusal.value.diag.constraint_name == name

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Do something and take it back."""
        with self.connection.transaction(force_rollback=True):
            yield
