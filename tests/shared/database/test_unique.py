"""Every "once" of the database: what may not be there twice, and what may stand beside it.

A unique index that is not in these tables fails the first test, and so does one that is gone, or
that covers other columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg.errors import UniqueViolation

from tests.shared.database.rows import LATER, NOW, VALID, Rows, a

About = Mapping[str, Any]

# What a row is known by. One that points at another table says "at most one for each of those".
KEYS: Mapping[str, str] = {
    "access_log": "id",
    "agreements": "idea_id sender_hash",
    "answer_templates": "id",
    "api_token_uses": "token_id",
    "api_tokens": "id",
    "asks": "id",
    "audit_log": "id",
    "check_outcomes": "idea_id check_name code",
    "check_switches": "name",
    "city_face": "id",
    "contacts": "idea_id",
    "councils": "id",
    "counted_days": "day",
    "daily_numbers": "day council_id name key",
    "dead_addresses": "id",
    "decisions": "id",
    "digest_positions": "entry_id run_id",
    "digest_runs": "id",
    "digests": "id",
    "duplicate_links": "idea_id",
    "duty_covers": "id",
    "duty_shifts": "id",
    "embeddings": "idea_id",
    "failed_jobs": "id",
    "findings": "id",
    "first_steps": "step",
    "fingerprint_batches": "seq",
    "fingerprints": "key seq",
    "form_mappings": "source_id version",
    "form_sources": "id",
    "heartbeats": "name",
    "idea_texts": "idea_id version",
    "idea_words": "idea_id",
    "ideas": "id",
    "idempotency_keys": "key_hash",
    "import_lines": "import_id place",
    "imports": "id",
    "inbox": "id",
    "inbox_keys": "source_id key_sha256",
    "incidents": "id",
    "invitations": "sha256",
    "leases": "staff_id idea_id",
    "letters": "id",
    "login_attempts": "id",
    "mail_counts": "place letter_id",
    "mail_pace": "id",
    "models": "id",
    "notes": "id",
    "notice_items": "notice_id incident_id",
    "notices": "id",
    "official_answers": "id",
    "originals": "idea_id",
    "outbox_deliveries": "id",
    "outbox_events": "id",
    "passkeys": "id",
    "password_resets": "id",
    "public_changes": "id",
    "pictures": "id",
    "queue_entries": "id",
    "receipt_tokens": "sha256",
    "recovery_codes": "id",
    "rules": "id",
    "sample_shares": "id",
    "samples": "id",
    "sampling": "id",
    "saved_filters": "id",
    "second_factors": "staff_id",
    "security_events": "id",
    "served_code": "id",
    "sign_in_policy": "id",
    "slips": "idea_id",
    "staff": "id",
    "staff_sessions": "id",
    "subscriptions": "staff_id",
    "tallies": "id",
    "unsubscribe_links": "sha256",
    "verdicts": "idea_id text_version",
    "webhook_deliveries": "id",
    "webhooks": "id",
    "word_lists": "id",
    "yearly_numbers": "year",
}
# Tables of one row: another is refused by their CHECK.
ONE_ROW = {"city_face", "mail_pace", "sampling", "served_code", "sign_in_policy"}
# What rows need so that two of them break no other rule: a stay that has ended.
BESIDES: Mapping[str, About] = {"digest_positions": {"until_run_id": 1_000_000_000}}


@dataclass(frozen=True)
class Once:
    """What `same` says is there once; a row that differs by one of `apart` may stand beside it.

    `free` is what does not count: as many rows as one likes.
    """

    table: str
    same: About
    apart: Sequence[About]
    free: Sequence[About] = ()
    # What a second row needs so that it breaks this rule and no other.
    second: About | None = None


def decides(column: str, value: Any) -> dict[str, Any]:
    """A letter about another thing than a decision."""
    return {"decision_id": None, column: value}


UNDO = {"kind": "undo", "undoes": a("decisions")}
TOLD = {"staff_id": a("staff"), "is_over": False}

ONCE: Mapping[str, Once] = {
    "uq_asks_open": Once(
        "asks",
        {"idea_id": a("ideas"), "asked_of": a("staff")},
        [{"idea_id": a("ideas")}, {"asked_of": a("staff")}, {"closed_at": NOW}],
        [{"closed_at": NOW}],
    ),
    "uq_councils_slug": Once("councils", {"slug": "parken"}, [{"slug": "parken-2"}]),
    "uq_dead_addresses_idea": Once(
        "dead_addresses",
        {"staff_id": None, "idea_id": a("ideas")},
        [{"idea_id": a("ideas")}, {"revived_at": NOW}, {"idea_id": None, "staff_id": a("staff")}],
        [{"revived_at": NOW}],
    ),
    "uq_dead_addresses_staff": Once(
        "dead_addresses",
        {"staff_id": a("staff")},
        [{"staff_id": a("staff")}, {"revived_at": NOW}, {"staff_id": None, "idea_id": a("ideas")}],
        [{"revived_at": NOW}],
    ),
    "uq_decisions_idea_id_seen_version": Once(
        "decisions",
        {"idea_id": a("ideas"), "seen_version": 1},
        [{"idea_id": a("ideas")}, {"seen_version": 2}],
    ),
    "uq_decisions_seq": Once("decisions", {"seq": 1_000_000}, [{"seq": 1_000_001}]),
    "uq_decisions_undoes": Once(
        "decisions", UNDO, [{"undoes": a("decisions")}], [{"kind": "publish", "undoes": None}]
    ),
    "uq_digest_positions_open": Once(
        "digest_positions",
        {"entry_id": a("queue_entries"), "run_id": a("digest_runs", id=1)},
        [
            {"entry_id": a("queue_entries")},
            {"run_id": a("digest_runs", id=3), "until_run_id": 9},
        ],
        second={"run_id": a("digest_runs", id=2)},
    ),
    "uq_digest_runs_slot": Once("digest_runs", {"slot": "due-1"}, [{"slot": "due-2"}]),
    "uq_digests_day": Once(
        "digests",
        {"staff_id": a("staff"), "for_day": date(2026, 11, 23)},
        [{"staff_id": a("staff")}, {"for_day": date(2026, 11, 24)}],
        [{"for_day": None}],
    ),
    "uq_digests_staff_id_run_id": Once(
        "digests",
        {"staff_id": a("staff"), "run_id": a("digest_runs")},
        [{"staff_id": a("staff")}, {"run_id": a("digest_runs")}],
    ),
    "uq_digests_staff_id_slot": Once(
        "digests",
        {"staff_id": a("staff"), "slot": "2026-11-23T07"},
        [{"staff_id": a("staff")}, {"slot": "2026-11-23T08"}],
        [{"slot": None}],
    ),
    "uq_duty_shifts_once": Once(
        "duty_shifts",
        {"day": 0, "staff_id": a("staff"), "begins": "08:00", "ends": "17:00"},
        [{"day": 1}, {"staff_id": a("staff")}, {"begins": "08:01"}, {"ends": "17:01"}],
    ),
    "uq_api_tokens_old_sha256": Once(
        "api_tokens",
        {"old_sha256": b"s", "old_until": LATER},
        [{"old_sha256": b"t", "old_until": LATER}],
    ),
    "uq_api_tokens_sha256": Once("api_tokens", {"sha256": b"s"}, [{"sha256": b"t"}]),
    "uq_api_tokens_title": Once("api_tokens", {"title": "Ärenden"}, [{"title": "Kartan"}]),
    "uq_form_sources_slug": Once("form_sources", {"slug": "kontakt"}, [{"slug": "kontakt-2"}]),
    "uq_ideas_council_id_source_source_id": Once(
        "ideas",
        {"council_id": a("councils"), "source": "import", "source_id": "rad 1"},
        [
            {"council_id": a("councils")},
            {"source_id": "rad 2"},
            {"source": "form", "source_id": None},
        ],
        [{"source": "form", "source_id": None}],
    ),
    "uq_ideas_number": Once("ideas", {"number": "R-2026-000001"}, [{"number": "R-2026-000002"}]),
    "uq_ideas_seq": Once("ideas", {"seq": 1_000_000}, [{"seq": 1_000_001}]),
    "uq_imports_at_work": Once(
        "imports",
        {"council_id": a("councils"), "state": "running"},
        [{"council_id": a("councils")}, {"state": "done"}, {"state": "checking"}],
        [{"state": "done"}],
        second={"state": "taking_back"},
    ),
    "uq_incidents_open": Once(
        "incidents",
        {"kind": "wave", "key": "1"},
        [{"kind": "threat"}, {"key": "2"}, {"resolved_at": NOW}],
        [{"resolved_at": NOW}],
    ),
    "uq_invitations_id": Once(
        "invitations",
        {"id": "11111111-1111-4111-8111-111111111111"},
        [{"id": "21111111-1111-4111-8111-111111111111"}],
    ),
    "uq_letters_answer_id_idea_id": Once(
        "letters",
        decides("answer_id", a("official_answers")) | {"idea_id": a("ideas")},
        [{"answer_id": a("official_answers")}, {"idea_id": a("ideas")}],
    ),
    "uq_letters_change_id": Once(
        "letters", decides("change_id", a("audit_log")), [{"change_id": a("audit_log")}]
    ),
    "uq_letters_decision_id_template": Once(
        "letters",
        {"decision_id": a("decisions"), "template": "published"},
        [{"decision_id": a("decisions")}, {"template": "corrected"}],
    ),
    "uq_letters_digest_id": Once(
        "letters", decides("digest_id", a("digests")), [{"digest_id": a("digests")}]
    ),
    "uq_letters_invitation_id": Once(
        "letters", decides("invitation_id", a("invitations")), [{"invitation_id": a("invitations")}]
    ),
    "uq_letters_message_id": Once(
        "letters", {"message_id": "<1@example.org>"}, [{"message_id": "<2@example.org>"}]
    ),
    "uq_letters_notice_id": Once(
        "letters", decides("notice_id", a("notices")), [{"notice_id": a("notices")}]
    ),
    "uq_letters_received_id": Once(
        "letters", decides("received_id", a("ideas")), [{"received_id": a("ideas")}]
    ),
    "uq_letters_reset_id": Once(
        "letters", decides("reset_id", a("password_resets")), [{"reset_id": a("password_resets")}]
    ),
    "uq_models_active": Once(
        "models",
        {"kind": "spam", "is_active": True},
        [{"kind": "tone"}, {"is_active": False}],
        [{"is_active": False}],
    ),
    "uq_models_kind_version": Once(
        "models", {"kind": "spam", "version": 1}, [{"kind": "tone"}, {"version": 2}]
    ),
    "uq_notice_items_incident_id_staff_id_is_over": Once(
        "notice_items",
        {"incident_id": a("incidents"), **TOLD},
        [{"incident_id": a("incidents")}, {"staff_id": a("staff")}, {"is_over": True}],
    ),
    # A superkey, so that items can repeat what their notice says: the same id is refused first.
    "uq_notices_id_staff_id_is_over": Once("notices", TOLD, [], [TOLD]),
    "uq_official_answers_idea_id_version": Once(
        "official_answers",
        {"idea_id": a("ideas"), "version": 1},
        [{"idea_id": a("ideas")}, {"version": 2}],
    ),
    "uq_official_answers_undoes": Once(
        "official_answers",
        {"undoes": a("official_answers")},
        [{"undoes": a("official_answers")}],
        [{"undoes": None}],
    ),
    "uq_outbox_deliveries_event_id_consumer": Once(
        "outbox_deliveries",
        {"event_id": a("outbox_events"), "consumer": "notify.letter"},
        [{"event_id": a("outbox_events")}, {"consumer": "notify.answer"}],
    ),
    "uq_passkeys_credential_id": Once(
        "passkeys", {"credential_id": b"1"}, [{"credential_id": b"2"}]
    ),
    "uq_password_resets_sha256": Once("password_resets", {"sha256": b"1"}, [{"sha256": b"2"}]),
    "uq_queue_entries_open": Once(
        "queue_entries",
        {"idea_id": a("ideas"), "reason": "new"},
        [{"idea_id": a("ideas")}, {"reason": "report"}, {"closed_at": NOW}],
        [{"closed_at": NOW}],
    ),
    "uq_pictures_sha256": Once("pictures", {"sha256": b"1" * 32}, [{"sha256": b"2" * 32}]),
    "uq_saved_filters_staff_id_name": Once(
        "saved_filters",
        {"staff_id": a("staff"), "name": "Mina"},
        [{"staff_id": a("staff")}, {"name": "Andra"}],
    ),
    "uq_slips_key": Once("slips", {"key": b"1" * 32}, [{"key": b"2" * 32}]),
    "uq_recovery_codes_staff_id_sha256": Once(
        "recovery_codes",
        {"staff_id": a("staff"), "sha256": b"1"},
        [{"staff_id": a("staff")}, {"sha256": b"2"}],
    ),
    "uq_rules_code_version": Once(
        "rules", {"code": "spam", "version": 1}, [{"code": "ads"}, {"version": 2}]
    ),
    "uq_samples_decision_id": Once(
        "samples", {"decision_id": a("decisions")}, [{"decision_id": a("decisions")}]
    ),
    "uq_samples_open": Once(
        "samples",
        {"idea_id": a("ideas")},
        [
            {"idea_id": a("ideas")},
            {"voided_at": NOW},
            {"answered_at": NOW, "answered_by": a("staff"), "judgement": "publish"},
        ],
        [
            {"voided_at": NOW},
            {"answered_at": NOW, "answered_by": a("staff"), "judgement": "publish"},
        ],
    ),
    "uq_security_events_slot_kind_who_hash_place_hash": Once(
        "security_events",
        {"slot": NOW, "kind": "forbidden", "who_hash": b"w", "place_hash": b"p"},
        [
            {"slot": NOW + timedelta(minutes=10)},
            {"kind": "throttled"},
            {"who_hash": b"v"},
            {"place_hash": b"q"},
        ],
        [{"slot": None}],
    ),
    "uq_staff_directory_issuer_directory_subject": Once(
        "staff",
        {"directory_issuer": "https://a.example.org", "directory_subject": "1"},
        [{"directory_issuer": "https://b.example.org"}, {"directory_subject": "2"}],
        [{"directory_issuer": None, "directory_subject": None}],
    ),
    "uq_staff_email": Once(
        "staff",
        {"email": "Anna@Example.org"},
        [{"email": "anna@example.com"}],
        second={"email": "anna@exAMPLE.org"},
    ),
    "uq_webhook_deliveries_webhook_id_event_id": Once(
        "webhook_deliveries",
        {"webhook_id": a("webhooks"), "event_id": a("outbox_events")},
        [{"webhook_id": a("webhooks")}, {"event_id": a("outbox_events")}],
        [{"kind": "ping", "event_id": None}],
    ),
    "uq_word_lists_standing": Once(
        "word_lists",
        {"list": "insults", "language": "sv", "term": "dumbom"},
        [
            {"list": "ads"},
            {"language": "en"},
            {"term": "dummerjöns"},
            {"removed_at": NOW},
        ],
        [{"removed_at": NOW}],
    ),
}


def test_every_unique_index_has_a_case_and_every_case_an_index(rows: Rows):
    found = rows.all("""
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND NOT i.indnullsnotdistinct
          AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version_pkc'""")
    assert sorted(found) == sorted([*ONCE, *(f"pk_{table}" for table in KEYS)])
    assert sorted(KEYS) == sorted(VALID)


@pytest.mark.parametrize("table", KEYS)
def test_a_row_is_known_by_its_key(rows: Rows, table: str):
    columns = rows.all(
        """SELECT a.attname FROM pg_index i
           JOIN unnest(i.indkey) WITH ORDINALITY AS at (number, place) ON true
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = at.number
           WHERE i.indexrelid = %s::regclass AND i.indisprimary ORDER BY at.place""",
        f"pk_{table}",
    )
    assert " ".join(columns) == KEYS[table]
    besides = BESIDES.get(table, {})
    first = rows.put(table, **besides)
    same = {column: first[column] for column in columns}
    again = rows.valid(table, **besides, **same)
    with rows.refused(UniqueViolation, f"pk_{table}"):
        rows.put(table, **again)
    for column in columns if table not in ONE_ROW else ():
        with rows.tried():
            rows.put(
                table, **besides, **{other: same[other] for other in columns if other != column}
            )


@pytest.mark.parametrize("name", [name for name in ONCE if ONCE[name].apart])
def test_what_is_there_once_is_refused_twice_and_its_neighbour_is_not(rows: Rows, name: str):
    once = ONCE[name]
    values = rows.valid(once.table, **once.same)
    same = {column: values[column] for column in once.same}
    rows.put(once.table, **values)
    again = rows.valid(once.table, **{**same, **(once.second or {})})
    with rows.refused(UniqueViolation, name):
        rows.put(once.table, **again)
    for about in once.apart:
        with rows.tried():
            rows.put(once.table, **{**same, **about})


@pytest.mark.parametrize("name", [name for name in ONCE if ONCE[name].free])
def test_what_does_not_count_may_be_there_twice(rows: Rows, name: str):
    once = ONCE[name]
    values = rows.valid(once.table, **once.same)
    same = {column: values[column] for column in once.same}
    for about in once.free:
        for _ in range(2):
            rows.put(once.table, **{**same, **about})
