"""Every foreign key: nothing points at what is not there, and what is pointed at does not go."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import ForeignKeyViolation

from tests.shared.database.rows import NOW, Rows, a

# Table → column>table for each. An item of a notice repeats two more columns of it.
REFERENCES: Mapping[str, str] = {
    "access_log": "idea_id>ideas staff_id>staff",
    "api_token_uses": "token_id>api_tokens",
    "api_tokens": "council_id>councils created_by>staff",
    "asks": "answer_id>notes asked_by>staff asked_of>staff idea_id>ideas",
    "audit_log": "staff_id>staff",
    "check_outcomes": "idea_id>ideas",
    "check_switches": "changed_by>staff",
    "city_face": "logo_id>pictures",
    "agreements": "idea_id>ideas",
    "contacts": "idea_id>ideas",
    "councils": "picture_id>pictures",
    "daily_numbers": "council_id>councils",
    "dead_addresses": "idea_id>ideas letter_id>letters revived_by>staff staff_id>staff",
    "decisions": "idea_id>ideas into_id>ideas rule_id>rules staff_id>staff undoes>decisions",
    "digest_positions": "entry_id>queue_entries run_id>digest_runs",
    "digests": "run_id>digest_runs staff_id>staff",
    "duplicate_links": "idea_id>ideas original_id>ideas",
    "duty_covers": "cover_id>staff staff_id>staff",
    "duty_shifts": "staff_id>staff",
    "embeddings": "council_id>councils idea_id>ideas",
    "failed_jobs": "delivery_id>outbox_deliveries",
    "findings": "idea_id>ideas similar_to>ideas",
    "first_steps": "staff_id>staff",
    "form_mappings": "made_by>staff source_id>form_sources",
    "form_sources": "council_id>councils created_by>staff",
    "idea_texts": "idea_id>ideas",
    "idea_words": "idea_id>ideas",
    "ideas": "council_id>councils merged_into>ideas rule_id>rules",
    "idempotency_keys": "idea_id>ideas",
    "import_lines": "idea_id>ideas import_id>imports",
    "imports": "begun_by>staff council_id>councils made_by>staff taken_back_by>staff",
    "inbox": "idea_id>ideas same_as>inbox source_id>form_sources",
    "inbox_keys": "inbox_id>inbox source_id>form_sources",
    "invitations": "invited_by>staff",
    "leases": "idea_id>ideas staff_id>staff",
    "letters": "answer_id>official_answers change_id>audit_log decision_id>decisions"
    " digest_id>digests idea_id>ideas invitation_id>invitations notice_id>notices"
    " received_id>ideas reset_id>password_resets rule_id>rules staff_id>staff",
    "models": "made_by>staff parent_id>models",
    "notes": "idea_id>ideas staff_id>staff",
    "notice_items": "incident_id>incidents notice_id>notices",
    "notices": "staff_id>staff",
    "official_answers": "idea_id>ideas staff_id>staff undoes>official_answers",
    "originals": "idea_id>ideas",
    "outbox_deliveries": "event_id>outbox_events",
    "passkeys": "staff_id>staff",
    "password_resets": "staff_id>staff",
    "queue_entries": "closed_by>decisions idea_id>ideas",
    "receipt_tokens": "idea_id>ideas",
    "recovery_codes": "staff_id>staff",
    "sample_shares": "changed_by>staff",
    "samples": "answered_by>staff decision_id>decisions idea_id>ideas rule_id>rules",
    "saved_filters": "staff_id>staff",
    "second_factors": "staff_id>staff",
    "security_events": "staff_id>staff",
    "sign_in_policy": "changed_by>staff",
    "slips": "idea_id>ideas staff_id>staff",
    "staff_sessions": "staff_id>staff",
    "subscriptions": "staff_id>staff",
    "unsubscribe_links": "staff_id>staff",
    "verdicts": "idea_id>ideas",
    "webhook_deliveries": "event_id>outbox_events webhook_id>webhooks",
    "webhooks": "council_id>councils created_by>staff",
    "word_lists": "owner_id>staff removed_by>staff",
}
# What must be said besides, so that a row breaks nothing else.
BESIDES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("asks", "answer_id"): {"closed_at": NOW},
    ("councils", "picture_id"): {"picture_alt": "Ett torg"},
    ("dead_addresses", "idea_id"): {"staff_id": None},
    ("dead_addresses", "revived_by"): {"revived_at": NOW},
    ("decisions", "undoes"): {"kind": "undo"},
    ("ideas", "merged_into"): {"status": "merged"},
    ("ideas", "rule_id"): {"status": "rejected"},
    ("inbox", "idea_id"): {"state": "mapped", "body": None},
    ("inbox", "same_as"): {"state": "repeated", "body": None},
    ("queue_entries", "closed_by"): {"closed_at": NOW},
    ("samples", "answered_by"): {"answered_at": NOW, "judgement": "publish"},
    ("samples", "rule_id"): {
        "answered_at": NOW,
        "judgement": "reject",
        "answered_by": a("staff"),
    },
    ("word_lists", "removed_by"): {"removed_at": NOW},
} | {
    ("letters", column): {"decision_id": None}
    for column in (
        "answer_id", "change_id", "digest_id", "invitation_id", "notice_id", "received_id",
        "reset_id",
    )
}  # fmt: skip
# Known by a number; the others by an opaque id.
NUMBERED = {
    "audit_log", "councils", "digest_runs", "models", "notes", "outbox_deliveries", "outbox_events",
    "pictures",
    "queue_entries", "rules",
}  # fmt: skip
EACH = [(table, *each.split(">")) for table, found in REFERENCES.items() for each in found.split()]


def test_every_foreign_key_has_a_case_and_every_case_a_foreign_key(rows: Rows):
    """None waits for the end of a transaction, and only what is owed to an endpoint goes along."""
    found = rows.connection.execute("""
        SELECT conrelid::regclass::text AS "table", confrelid::regclass::text AS of,
               a.attname AS "column", cardinality(conkey) AS columns, conname AS name,
               concat(confdeltype, confupdtype, confmatchtype) AS how, conenforced AND convalidated
               AND NOT condeferrable AS at_once
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE contype = 'f' AND connamespace = 'public'::regnamespace""").fetchall()
    assert sorted((each["table"], each["column"], each["of"]) for each in found) == sorted(EACH)
    assert all(each["at_once"] for each in found)
    assert {each["name"] for each in found if each["how"] != "aas"} == {
        "fk_webhook_deliveries_webhook_id_webhooks"
    }
    assert {each["name"] for each in found if each["columns"] != 1} == {
        "fk_notice_items_notice_id_notices"
    }


@pytest.mark.parametrize(("table", "column", "of"), EACH)
def test_nothing_points_at_what_is_not_there(rows: Rows, table: str, column: str, of: str):
    besides = BESIDES.get((table, column), {})
    nobody = 0 if of in NUMBERED else uuid4()
    valid = rows.valid(table, **besides)
    name = f"fk_{table}_{column}_{of}"
    with rows.refused(ForeignKeyViolation, name):
        rows.put(table, **{**valid, column: nobody})
    with rows.tried():
        rows.put(table, **{**besides, column: a(of)})


def test_an_item_says_what_its_notice_says(rows: Rows):
    notice = rows.put("notices", is_over=False)
    for other in ({"is_over": True}, {"staff_id": rows.put("staff")["id"]}):
        with rows.refused(ForeignKeyViolation, "fk_notice_items_notice_id_notices"):
            rows.put("notice_items", notice_id=notice["id"], **other)
    rows.put("notice_items", notice_id=notice["id"], is_over=False, staff_id=notice["staff_id"])


def test_what_is_pointed_at_stays(rows: Rows):
    idea = rows.put("contacts")["idea_id"]
    with rows.refused(ForeignKeyViolation, "fk_contacts_idea_id_ideas"):
        rows.connection.execute("DELETE FROM ideas WHERE id = %s", [idea])
    rows.connection.execute("DELETE FROM contacts")
    rows.connection.execute("DELETE FROM ideas WHERE id = %s", [idea])


def test_an_endpoint_takes_what_it_is_owed_along_and_nothing_of_others(rows: Rows):
    gone, stays = rows.put("webhook_deliveries"), rows.put("webhook_deliveries")
    rows.connection.execute("DELETE FROM webhooks WHERE id = %s", [gone["webhook_id"]])
    assert rows.all("SELECT id FROM webhook_deliveries") == [stays["id"]]
    assert rows.one("SELECT count(*) FROM outbox_events") == 2
