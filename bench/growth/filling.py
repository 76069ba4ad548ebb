"""A database as ten years of work leave it: what each idea left behind, in the tables' own words.

Ideas are spread evenly over the ten years that end now; those of the last half month wait. What the
clock takes away sooner or later (docs/database.md) is there for the last half year, so that there
is something to take and something to keep.
"""

import hashlib
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import numpy as np
import psycopg
from psycopg.types.json import Jsonb
from rich.progress import track

from bench.filling import CHUNK, Prepared, in_chunks, prepare_texts
from services.moderation.semantic.model import DIMENSIONS
from shared.clock import utcnow
from shared.delivery import queues

TEN_YEARS = timedelta(days=3653)
_WAITS = timedelta(days=15)
_RECENT = timedelta(days=180)
# Who leaves an address, and who asks for something from the receipt.
_WRITERS, _ASKERS = 0.3, 0.01
_REJECTED, _FOUND = 0.15, 0.1
_KINDS = {"published": "publish", "rejected": "reject"}
_FORM = "application/x-www-form-urlencoded"

_COLUMNS = {
    "ideas": "id seq number council_id status version source sender_hash received_at stored_at"
    " precision text_version fold_hash public_version public_text public_author published_at"
    " rule_id receipt_nonce",
    "originals": "idea_id body content_type sha256 sealed_at",
    "idea_texts": "idea_id version kind text author folded written_at",
    "contacts": "idea_id email stored_at",
    "receipt_tokens": "sha256 idea_id issued_at",
    "idempotency_keys": "key_hash body_hash idea_id stored_at",
    "verdicts": "idea_id text_version outcome priority unchecked ruleset reached_at",
    "findings": "idea_id text_version check_name check_version code severity score field spans"
    " params found_at",
    "fingerprints": "key seq",
    "fingerprint_batches": "idea_seqs keys at",
    "embeddings": "idea_id text_version council_id model vector made_at",
    "decisions": "id idea_id kind staff_id seen_version status_before status_after text_version"
    " rule_id before decided_at",
    "check_outcomes": "idea_id check_name code agreed decision_seq",
    "queue_entries": "id idea_id reason priority opened_at closed_at closed_by",
    "digest_positions": "entry_id run_id council_id lane until_run_id",
    "outbox_events": "id kind version subject_id payload occurred_at",
    "outbox_deliveries": "event_id consumer queue batch sent_at started_at attempts done_at",
    "letters": "id template language idea_id decision_id received_id message_id state due_at"
    " attempts created_at sent_at",
}
_OWN_NUMBERS = ("ideas.seq", "queue_entries.id", "outbox_events.id")


class _Rows(dict[str, list[tuple[Any, ...]]]):
    """Rows by table, and where their own numbers stand."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__({table: [] for table in _COLUMNS})
        self._chance = chance
        self._last: dict[str, int] = {}

    def put(self, table: str, *values: Any) -> None:
        self[table].append(values)

    def draw(self, what: str) -> int:
        """Return the next number of a table."""
        self._last[what] = self._last.get(what, 0) + 1
        return self._last[what]

    def make_id(self, moment: datetime) -> UUID:
        """Return an id as `shared.ids.new_id` made it at a moment."""
        stamp = int(moment.timestamp() * 1000) << 80
        return UUID(int=stamp | 7 << 76 | self._chance.getrandbits(76) & ~(3 << 62) | 2 << 62)

    def event(self, kind: str, idea: UUID, at: datetime, payload: dict[str, Any], *to: Any) -> None:
        """Put an event, and a done delivery for each who hears it."""
        number = self.draw("outbox_events.id")
        about = {**payload, "idea_id": str(idea), "request": "0123456789abcdef"}
        self.put("outbox_events", number, kind, 1, idea, Jsonb(about), at)
        for consumer in to:
            batch = self.make_id(at)
            self.put(
                "outbox_deliveries",
                *(number, consumer.name, consumer.queue, batch, at, at, 1, at),
            )


def fill_ten_years(database_url: str, texts: Iterator[str], total: int) -> None:
    """Store so many ideas with all that belongs to them. Expects councils, rules and staff."""
    # Not forked: the library of the fingerprints has threads, which do not live on in a child.
    processes = multiprocessing.get_context("spawn")
    chance = random.Random(3)
    now = utcnow()
    with psycopg.connect(database_url) as connection, processes.Pool() as pool:
        filler = _Filler(connection, chance, now, total)
        prepared = pool.imap(prepare_texts, in_chunks(texts), chunksize=1)
        for chunk in track(prepared, total=-(-total // CHUNK), description="Filling"):
            filler.store(chunk)
        filler.end()


class _Filler:
    def __init__(
        self,
        connection: "psycopg.Connection[tuple[Any, ...]]",
        chance: random.Random,
        now: datetime,
        total: int,
    ) -> None:
        self._connection, self._chance, self._now, self._total = connection, chance, now, total
        self._rows = _Rows(chance)
        self._councils = self._all("SELECT id FROM councils ORDER BY id")
        [self._staff] = self._all("SELECT id FROM staff")
        self._rule = min(self._all("SELECT id FROM rules"))
        self._runs = self._begin_runs()

    def _all(self, question: str) -> list[Any]:
        return [row[0] for row in self._connection.execute(question)]

    def _begin_runs(self) -> list[int]:
        """A run of digests for each day of the recent ones; returns their ids."""
        return self._all(f"""
            INSERT INTO digest_runs (slot, started_at, finished_at)
            SELECT 'due-' || day, moment, moment
            FROM (SELECT day, now() - make_interval(days => day) AS moment
                  FROM generate_series({_RECENT.days}, 0, -1) day) d
            RETURNING id""")

    def store(self, chunk: Sequence[Prepared]) -> None:
        """Store a chunk in one transaction."""
        for each in self._rows.values():
            each.clear()
        for one in chunk:
            self._put_idea(*one)
        for table, columns in _COLUMNS.items():
            listed = ", ".join(columns.split())
            with (
                self._connection.cursor() as cursor,
                cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy,
            ):
                for values in self._rows[table]:
                    copy.write_row(values)
        self._connection.commit()

    def end(self) -> None:
        """Let numbers go on behind what is stored, and do what checking and tidying up do."""
        for what in _OWN_NUMBERS:
            table, column = what.split(".")
            self._connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))"
                f" FROM {table}"
            )
        self._connection.execute(f"SELECT setval('idea_numbers', {self._total})")
        self._connection.execute("SELECT count(keep_words(id)) FROM ideas")
        self._connection.commit()
        self._connection.autocommit = True
        self._connection.execute("VACUUM ANALYZE")

    def _put_idea(self, text: str, folded: str, hashed: int, keys: Sequence[int]) -> None:
        rows, chance = self._rows, self._chance
        seq = rows.draw("ideas.seq")
        at = self._now - TEN_YEARS * (1 - seq / (self._total + 1))
        later = min(at + timedelta(hours=30), self._now)
        idea, council = rows.make_id(at), chance.choice(self._councils)
        waits, recent = at > self._now - _WAITS, at > self._now - _RECENT
        rejected = not waits and chance.random() < _REJECTED
        status = "waiting" if waits else "rejected" if rejected else "published"
        public = (1, text, "", later) if status == "published" else (None, None, None, None)
        body = urlencode({"council": "", "text": text, "author": "", "email": ""}).encode()
        rows.put(
            "ideas",
            *(idea, seq, f"R-{at.year}-{seq:06}", council, status, 2, "form"),
            *(chance.randbytes(16), at, at, "instant", 1, hashed, *public),
            *(self._rule if rejected else None, chance.randbytes(16)),
        )
        rows.put("originals", idea, body, _FORM, hashlib.sha256(body).digest(), at)
        rows.put("idea_texts", idea, 1, "received", text, None, folded, at)
        rows.put("receipt_tokens", chance.randbytes(32), idea, at)
        has_contact = chance.random() < _WRITERS
        if has_contact:
            rows.put("contacts", idea, f"n{seq}@example.org", at)
        self._put_checked(idea, seq, council, at, keys)
        decision = None if waits else self._put_decided(idea, rejected, later)
        stay = self._put_entry(idea, at, None if waits else later, decision)
        if has_contact:
            self._put_letter(idea, at, "received", received=idea)
        if has_contact and decision is not None:
            self._put_letter(idea, later, status, decision=decision)
        if chance.random() < _ASKERS:
            rows.event("ReceiptAction", idea, later, {"verb": "re-review"}, queues.RECEIPT)
        if recent:
            arrival = (queues.ARRIVAL,) if has_contact else ()
            rows.event("IdeaSubmitted", idea, at, {"text_version": 1}, queues.CHECK)
            rows.event("IdeaChecked", idea, at, {"text_version": 1}, queues.MEANING, *arrival)
            if decision is not None:
                told = {"decision_id": str(decision), "kind": _KINDS[status]}
                rows.event("IdeaDecided", idea, later, told, queues.LETTER)
                run = max(0, (self._now - later).days)
                ended = self._runs[-run] if run else None
                rows.put("digest_positions", stay, self._runs[-run - 1], council, "new", ended)
            if chance.random() < 0.2:
                rows.put("idempotency_keys", chance.randbytes(32), chance.randbytes(32), idea, at)

    def _put_checked(
        self, idea: UUID, seq: int, council: int, at: datetime, keys: Sequence[int]
    ) -> None:
        rows, found = self._rows, self._chance.random() < _FOUND
        priority, outcome = (303, "attention") if found else (100, "clear")
        rows.put("verdicts", idea, 1, outcome, priority, [], 2, at)
        if found:
            what = ("personal_data", 1, "phone", "medium", 0.6, "text", Jsonb([[0, 3]]), Jsonb({}))
            rows.put("findings", idea, 1, *what, at)
            rows.put("check_outcomes", idea, "personal_data", "phone", True, seq)
        for key in set(keys):
            rows.put("fingerprints", key, seq)
        if at > self._now - _RECENT:
            # One idea at a time, as a city's come.
            seqs = np.full(len(keys), seq, dtype="<i8").tobytes()
            rows.put("fingerprint_batches", seqs, np.array(keys, dtype="<i4").tobytes(), at)
        vector = self._chance.randbytes(2 * DIMENSIONS)
        rows.put("embeddings", idea, 1, council, "measured", vector, at)

    def _put_decided(self, idea: UUID, rejected: bool, at: datetime) -> UUID:
        decision, status = self._rows.make_id(at), "rejected" if rejected else "published"
        self._rows.put(
            "decisions",
            *(decision, idea, _KINDS[status], self._staff, 1, "waiting", status, 1),
            *(self._rule if rejected else None, Jsonb({"status": "waiting", "children": []}), at),
        )
        return decision

    def _put_entry(
        self, idea: UUID, at: datetime, closed_at: datetime | None, decision: UUID | None
    ) -> int:
        number = self._rows.draw("queue_entries.id")
        self._rows.put("queue_entries", number, idea, "new", 100, at, closed_at, decision)
        return number

    def _put_letter(
        self,
        idea: UUID,
        at: datetime,
        template: str,
        *,
        decision: UUID | None = None,
        received: UUID | None = None,
    ) -> None:
        letter = self._rows.make_id(at)
        self._rows.put(
            "letters",
            *(letter, template, "sv", idea, decision, received, f"<{letter}@localhost>"),
            *("sent", at, 1, at, at),
        )
