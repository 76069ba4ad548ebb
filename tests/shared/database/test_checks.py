"""Every CHECK of the database, tried from both sides by plain SQL.

A CHECK that is not in these tables fails the first test, and so does one that is gone. What it lets
through and what it refuses stand beside one another, at the edges: one that was narrowed refuses a
neighbour that it must allow, one that was widened allows what it must refuse.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import CheckViolation

from tests.shared.database.rows import LATER, NOW, VALID, Rows, a

About = Mapping[str, Any]

SECOND = timedelta(seconds=1)
STATUSES = ("received", "waiting", "published", "rejected", "merged", "withdrawn")
KINDS = (
    "publish", "reject", "merge", "mask", "keep", "reopen", "undo", "import", "policy",
    "accept_correction", "ask_correction", "take_back",
)  # fmt: skip
PUBLIC = {"public_version": 1, "public_text": "En bänk.", "public_author": ""}
# What an idea must have besides its status, and nothing else may.
OF_STATUS: Mapping[str, About] = {
    "received": {},
    "waiting": {},
    "published": {**PUBLIC, "published_at": NOW},
    "rejected": {"rule_id": a("rules")},
    "merged": {"merged_into": a("ideas")},
    "withdrawn": {},
}
IN_STATUS: Mapping[str, About] = {s: {"status": s, **OF_STATUS[s]} for s in STATUSES}
# Where a decision of each kind may lead, and what it must name.
LEADS_TO: Mapping[str, tuple[str, ...]] = {
    "publish": ("published",),
    "import": ("published",),
    "policy": ("published",),
    "reject": ("rejected",),
    "merge": ("merged",),
    "reopen": ("waiting",),
    "accept_correction": ("published",),
    "ask_correction": ("waiting",),
    "take_back": ("withdrawn",),
    "undo": STATUSES,
    "mask": STATUSES,
    "keep": STATUSES,
}
NAMES: Mapping[str, About] = {
    "reject": {"rule_id": a("rules")},
    "merge": {"into_id": a("ideas")},
    "undo": {"undoes": a("decisions")},
}
SEVENTH = a("digest_runs", id=7)
ABOUT_LETTERS: Mapping[str, Any] = {
    "decision_id": a("decisions"),
    "digest_id": a("digests"),
    "invitation_id": a("invitations"),
    "reset_id": a("password_resets"),
    "received_id": a("ideas"),
    "answer_id": a("official_answers"),
    "notice_id": a("notices"),
    "change_id": a("audit_log"),
}


def decided(kind: str, after: str | None = None, **about: Any) -> dict[str, Any]:
    """A decision of a kind that leads to a status; masking and keeping stay where they are."""
    after = after or LEADS_TO[kind][0]
    before = after if kind in {"mask", "keep"} else "waiting"
    return {
        "kind": kind,
        "status_before": before,
        "status_after": after,
        **NAMES.get(kind, {}),
        **about,
    }


def letter(*about: str, **more: Any) -> dict[str, Any]:
    return {"decision_id": None} | {name: ABOUT_LETTERS[name] for name in about} | more


def posted(state: str) -> dict[str, Any]:
    """A webhook on its way, with the moments that go with its state."""
    return {
        "state": state,
        "claimed_until": LATER if state == "claimed" else None,
        "closed_at": None if state in {"waiting", "claimed"} else NOW,
    }


FAULTS = (
    "unreadable", "no_text", "several_texts", "too_short", "too_long", "no_council",
    "closed_council", "key_reused",
)  # fmt: skip
# What each state of a delivery must have, and no other may.
DELIVERED: Mapping[str, About] = {
    "received": {},
    "mapped": {"body": None, "idea_id": a("ideas")},
    "repeated": {"body": None, "same_as": a("inbox")},
    "failed": {"fault": "no_text"},
    "put_aside": {},
}


@dataclass(frozen=True)
class Words:
    """A column that holds one of some words; `of` says what else a row with each must have.

    Words that nobody knows are tried in a row that is otherwise like one with the word `like`.
    """

    column: str
    words: Sequence[str]
    of: Mapping[str, About] = field(default_factory=dict)
    like: str = ""


@dataclass(frozen=True)
class Rule:
    """What stands and what falls."""

    stands: Sequence[About]
    falls: Sequence[About]


LANGUAGES = ("sv", "en")
ROLES = ("reader", "moderator", "admin")

WORDS: Mapping[str, Words] = {
    "ck_answer_templates_language": Words("language", LANGUAGES),
    "ck_councils_preview_when": Words("preview_when", ("asked", "found", "always")),
    "ck_decisions_kind": Words("kind", KINDS, {kind: decided(kind) for kind in KINDS}),
    "ck_decisions_status_after": Words(
        "status_after", STATUSES, {s: decided("undo", s) for s in STATUSES}
    ),
    "ck_decisions_status_before": Words("status_before", STATUSES),
    "ck_duplicate_links_kind": Words("kind", ("exact", "near", "contained")),
    "ck_pictures_kind_is_known": Words("kind", ("png", "jpg")),
    "ck_first_steps_step_is_known": Words("step", ("rules", "list")),
    "ck_findings_field": Words("field", ("text", "author")),
    "ck_findings_severity": Words("severity", ("info", "low", "medium", "high")),
    "ck_idea_texts_kind": Words("kind", ("received", "correction", "mask")),
    "ck_slips_channel": Words("channel", ("phone", "paper", "email", "meeting", "visit")),
    "ck_ideas_precision": Words("precision", ("instant", "day")),
    "ck_ideas_source": Words(
        "source", ("form", "api", "hook", "import", "staff"), {"import": {"source_id": "1"}}
    ),
    "ck_ideas_status": Words("status", STATUSES, OF_STATUS),
    "ck_import_lines_fate": Words("fate", ("new", "known", "refused")),
    "ck_import_lines_precision": Words("precision", ("instant", "day")),
    "ck_imports_state": Words(
        "state",
        ("checking", "ready", "running", "done", "taking_back", "taken_back", "put_aside"),
    ),
    "ck_inbox_fault": Words(
        "fault",
        FAULTS,
        {word: {"state": "failed"} for word in FAULTS},
        like="no_text",
    ),
    "ck_inbox_state": Words("state", tuple(DELIVERED), DELIVERED),
    "ck_incidents_kind": Words(
        "kind",
        (
            "threat", "child", "wave", "overdue", "failed_jobs", "unchecked", "deaf",
            "digest_failed", "webhook_off", "bounced", "spray", "inbox", "despair",
        ),
    ),
    "ck_invitations_role": Words("role", ROLES),
    "ck_letters_state": Words(
        "state", ("waiting", "claimed", "sent", "cancelled", "failed"), {"sent": {"sent_at": NOW}}
    ),
    "ck_notices_told_as": Words("told_as", ("on-duty", "instead", "admin")),
    "ck_queue_entries_reason": Words(
        "reason",
        ("new", "correction", "re-review", "clean-up", "late-finding", "report", "sample"),
    ),
    "ck_samples_judgement": Words(
        "judgement",
        ("publish", "reject", "mask", "unsure"),
        {
            word: {
                "answered_at": NOW,
                "answered_by": a("staff"),
                "rule_id": a("rules") if word == "reject" else None,
            }
            for word in ("publish", "reject", "mask", "unsure")
        },
    ),
    "ck_security_events_kind": Words(
        "kind",
        (
            "signed_in", "wrong_password", "wrong_code", "throttled", "directory_refused",
            "forbidden", "wrong_token", "wrong_sender", "wrong_host", "password_asked",
            "password_changed", "factor_added", "factor_removed", "codes_renewed",
            "passkey_added", "passkey_removed", "directory_linked", "directory_unlinked",
            "api_refused",
        ),
    ),
    "ck_sign_in_policy_second_factor": Words("second_factor", ("nobody", "admins", "all")),
    "ck_staff_role": Words("role", ROLES),
    "ck_staff_sessions_via": Words("via", ("password", "directory", "passkey")),
    "ck_subscriptions_language": Words("language", LANGUAGES),
    "ck_subscriptions_rhythm": Words("rhythm", ("hours", "daily", "weekly")),
    "ck_verdicts_outcome": Words("outcome", ("clear", "attention", "likely_spam")),
    "ck_webhook_deliveries_state": Words(
        "state",
        ("waiting", "claimed", "done", "cancelled", "failed"),
        {s: posted(s) for s in ("waiting", "claimed", "done", "cancelled", "failed")},
        like="done",
    ),
    "ck_webhooks_off_because": Words(
        "off_because", ("failing", "gone"), {w: {"state": "off"} for w in ("failing", "gone")}
    ),
    "ck_webhooks_shape": Words("shape", ("standard", "slack", "teams", "mattermost")),
    "ck_webhooks_state": Words("state", ("on", "paused", "off"), {"off": {"off_because": "gone"}}),
}  # fmt: skip


def between(column: str, low: float, high: float, step: float = 1) -> Rule:
    """Both ends belong to it, and nothing beyond them."""
    return Rule(
        [{column: low}, {column: high}, {column: (low + high) // 2}],
        [{column: low - step}, {column: high + step}],
    )


def both_or_none(one: str, other: str, values: tuple[Any, Any], **about: Any) -> Rule:
    first, second = values
    return Rule(
        [{**about, one: first, other: second}, {**about, one: None, other: None}],
        [{**about, one: first, other: None}, {**about, one: None, other: second}],
    )


def _never_itself() -> list[About]:
    same = uuid4()
    return [{"id": same, "status": "merged", "merged_into": same}]


def _same_person(one: str, other: str) -> list[About]:
    person = uuid4()
    return [{one: person, other: person}]


ANSWERED = {"answered_at": NOW, "judgement": "publish", "answered_by": a("staff")}

RULES: Mapping[str, Rule] = {
    "ck_asks_answered_is_closed": Rule(
        [
            {"answer_id": None, "closed_at": None},
            {"answer_id": None, "closed_at": NOW},
            {"answer_id": a("notes"), "closed_at": NOW},
        ],
        [{"answer_id": a("notes"), "closed_at": None}],
    ),
    "ck_asks_somebody_else": Rule([{}], _same_person("asked_by", "asked_of")),
    "ck_audit_log_action_is_a_code": Rule(
        [{"action": word} for word in ("rule.add", "a.b", "sign_in.turned_off", "_._")],
        [
            {"action": word}
            for word in (
                "", "rule", "rule.", ".add", "rule.add.twice", "Rule.add", "rule.Add", "rule1.add",
                "rule add.it", "rule.add ", " rule.add", "rule-x.add", "rule,add", "rule.add\n",
                "regel.lägg_till",
            )
        ],
    ),
    "ck_city_face_one_row": Rule([{"id": 1}], [{"id": 0}, {"id": 2}]),
    "ck_city_face_colour_is_plain": Rule(
        [{"colour": word} for word in ("", "0b4a6f", "ffffff", "000000")],
        [
            {"colour": word}
            for word in ("#0b4a6f", "0B4A6F", "0b4a6", "0b4a6f0", "0b4a6g", "red", "0b4a6f\n", " ")
        ],
    ),
    "ck_councils_picture_is_described": Rule(
        [{"picture_id": a("pictures"), "picture_alt": "Ett torg"}, {"picture_alt": ""}],
        [{"picture_id": a("pictures"), "picture_alt": ""}, {"picture_alt": "Ett torg"}],
    ),
    "ck_slips_key_is_whole": Rule(
        [{"key": b"1" * 32}], [{"key": b"1" * size} for size in (0, 31, 33)]
    ),
    "ck_imports_at_is_within": Rule(
        [{"at": at, "total": 3} for at in (0, 1, 3)], [{"at": at, "total": 3} for at in (-1, 4)]
    ),
    "ck_saved_filters_has_a_name": Rule([{"name": "Mina"}], [{"name": ""}]),
    "ck_pictures_sha256_is_whole": Rule(
        [{"sha256": b"1" * 32}], [{"sha256": b"1" * size} for size in (0, 31, 33)]
    ),
    "ck_councils_opens_before_it_closes": Rule(
        [
            {"open_from": None, "open_until": None},
            {"open_from": NOW, "open_until": None},
            {"open_from": None, "open_until": NOW},
            {"open_from": NOW, "open_until": NOW + SECOND},
        ],
        [
            {"open_from": NOW, "open_until": NOW},
            {"open_from": NOW + SECOND, "open_until": NOW},
        ],
    ),
    "ck_councils_slug_is_plain": Rule(
        [{"slug": word} for word in ("a", "0", "az09", "pizza-och-politik", "a-1-b", "2021")],
        [
            {"slug": word}
            for word in (
                "", "-", "-a", "a-", "a--b", "A", "aB", "möten", "a b", "a_b", "a.b", "a/b", "a\n",
            )
        ],
    ),
    "ck_councils_wait_limit_in_reason": Rule(
        [{"wait_limit_h": hours} for hours in (None, 1, 48, 1000)],
        [{"wait_limit_h": hours} for hours in (-1, 0, 1001)],
    ),
    "ck_dead_addresses_of_one": Rule(
        [{"staff_id": a("staff")}, {"staff_id": None, "idea_id": a("ideas")}],
        [{"staff_id": None}, {"staff_id": a("staff"), "idea_id": a("ideas")}],
    ),
    "ck_dead_addresses_revived_by_has_moment": Rule(
        [
            {"revived_by": None, "revived_at": None},
            {"revived_by": None, "revived_at": NOW},
            {"revived_by": a("staff"), "revived_at": NOW},
        ],
        [{"revived_by": a("staff"), "revived_at": None}],
    ),
    "ck_decisions_kind_fits_status": Rule(
        [decided(kind, after) for kind in KINDS for after in LEADS_TO[kind]],
        [
            decided(kind, after)
            for kind in KINDS
            for after in STATUSES
            if after not in LEADS_TO[kind]
        ],
    ),
    "ck_decisions_mask_and_keep_leave_status": Rule(
        [decided(kind, after) for kind in ("mask", "keep") for after in STATUSES]
        + [decided("publish"), decided("publish", status_before="published")],
        [
            decided(kind, after, status_before=before)
            for kind in ("mask", "keep")
            for before, after in itertools.permutations(STATUSES, 2)
        ],
    ),
    "ck_decisions_merge_has_target": Rule(
        [decided(kind, into_id=None) for kind in KINDS if kind != "merge"] + [decided("merge")],
        [decided("merge", into_id=None)],
    ),
    "ck_decisions_reject_has_rule": Rule(
        [decided(kind, rule_id=None) for kind in KINDS if kind != "reject"] + [decided("reject")],
        [decided("reject", rule_id=None)],
    ),
    "ck_decisions_undo_names_its_decision": Rule(
        [decided(kind) for kind in KINDS],
        [decided("undo", undoes=None)]
        + [decided(kind, undoes=a("decisions")) for kind in KINDS if kind != "undo"],
    ),
    "ck_digest_positions_ends_after_it_begins": Rule(
        [
            {"run_id": SEVENTH, "until_run_id": until}
            for until in (None, 8, 100)
        ],
        [{"run_id": SEVENTH, "until_run_id": until} for until in (7, 6)],
    ),
    "ck_digests_a_test_has_no_slot": Rule(
        [
            {"slot": None, "is_test": False},
            {"slot": None, "is_test": True},
            {"slot": "2026-11-23T07", "is_test": False},
        ],
        [{"slot": "2026-11-23T07", "is_test": True}],
    ),
    "ck_duplicate_links_never_its_own_original": Rule(
        [{}], _same_person("idea_id", "original_id")
    ),
    "ck_duty_covers_ends_after_it_begins": Rule(
        [
            {"first_day": date(2026, 11, 23), "last_day": date(2026, 11, 23)},
            {"first_day": date(2026, 11, 23), "last_day": date(2026, 11, 24)},
        ],
        [{"first_day": date(2026, 11, 23), "last_day": date(2026, 11, 22)}],
    ),
    "ck_duty_covers_somebody_else": Rule(
        [{"cover_id": None}, {"cover_id": a("staff")}], _same_person("staff_id", "cover_id")
    ),
    "ck_duty_shifts_day_of_the_plan": between("day", 0, 7),
    "ck_findings_score_is_a_share": between("score", 0.0, 1.0, 0.0001),
    "ck_form_mappings_version_counts": Rule(
        [{"version": number} for number in (1, 2)], [{"version": number} for number in (0, -1)]
    ),
    "ck_api_tokens_old_secret_ends": Rule(
        [{"old_sha256": None, "old_until": None}, {"old_sha256": b"s", "old_until": LATER}],
        [{"old_sha256": b"s", "old_until": None}, {"old_sha256": None, "old_until": LATER}],
    ),
    "ck_api_tokens_per_minute_is_bounded": Rule(
        [{"per_minute": number} for number in (1, 10_000)],
        [{"per_minute": number} for number in (0, -1, 10_001)],
    ),
    "ck_api_tokens_scopes_are_known": Rule(
        [{"scopes": ["submit"]}, {"scopes": ["export", "read_decided", "submit"]}],
        [{"scopes": []}, {"scopes": ["submit", "decide"]}, {"scopes": [""]}],
    ),
    "ck_form_sources_old_secret_ends": Rule(
        [
            {"old_nonce": None, "old_sha256": None, "old_until": None},
            {"old_nonce": b"n", "old_sha256": b"s", "old_until": LATER},
        ],
        [
            {"old_nonce": nonce, "old_sha256": hashed, "old_until": until}
            for nonce, hashed, until in itertools.product(
                (None, b"n"), (None, b"s"), (None, LATER)
            )
            if len({nonce is None, hashed is None, until is None}) == 2
        ],
    ),
    "ck_form_sources_slug_is_plain": Rule(
        [{"slug": word} for word in ("a", "0", "az09", "kontakt-pa-webben", "a-1-b")],
        [
            {"slug": word}
            for word in (
                "", "-", "-a", "a-", "a--b", "A", "aB", "möten", "a b", "a_b", "a.b", "a/b", "a\n",
            )
        ],
    ),
    "ck_idea_texts_destroyed_has_no_text": Rule(
        [
            {"text": "Ord", "folded": "ord", "destroyed_at": None},
            {"text": None, "folded": None, "destroyed_at": NOW},
        ],
        [
            {"text": "Ord", "folded": "ord", "destroyed_at": NOW},
            {"text": None, "folded": None, "destroyed_at": None},
        ],
    ),
    "ck_idea_texts_folded_with_text": Rule(
        [
            {"text": "Ord", "folded": "ord"},
            {"text": None, "folded": None, "destroyed_at": NOW},
        ],
        [
            {"text": "Ord", "folded": None},
            {"text": None, "folded": "ord", "destroyed_at": NOW},
        ],
    ),
    "ck_ideas_destroyed_has_no_words": Rule(
        [
            {"destroyed_at": NOW},
            {"destroyed_at": None, **PUBLIC},
            # A tombstone of a published idea: it keeps its date and which version was public.
            {
                "status": "published",
                "published_at": NOW,
                "public_version": 1,
                "destroyed_at": NOW,
            },
        ],
        [{"destroyed_at": NOW, **PUBLIC}],
    ),
    "ck_ideas_import_has_source": Rule(
        [{"source": "import", "source_id": "1"}]
        + [{"source": way, "source_id": None} for way in ("form", "api", "hook")],
        [{"source": "import", "source_id": None}]
        + [{"source": way, "source_id": "1"} for way in ("form", "api", "hook")],
    ),
    "ck_ideas_merged_has_target": Rule(
        list(IN_STATUS.values()),
        [{"status": "merged"}]
        + [{**IN_STATUS[s], "merged_into": a("ideas")} for s in STATUSES if s != "merged"],
    ),
    "ck_ideas_never_merged_into_itself": Rule([IN_STATUS["merged"]], _never_itself()),
    "ck_ideas_public_text_has_author": Rule(
        [PUBLIC, {**PUBLIC, "public_author": "Anna"}, {}],
        [{**PUBLIC, "public_author": None}, {"public_author": ""}],
    ),
    "ck_ideas_public_text_has_version": Rule(
        [PUBLIC, {}, {"public_version": 1, "destroyed_at": NOW}],
        [{**PUBLIC, "public_version": None}, {"public_version": 1}],
    ),
    "ck_ideas_published_has_date": Rule(
        list(IN_STATUS.values())
        # Other states may remember when they were public.
        + [{**IN_STATUS[s], **PUBLIC, "published_at": NOW} for s in STATUSES],
        [
            {**IN_STATUS["published"], "published_at": None},
            {"status": "published", "published_at": NOW},
            {"status": "published"},
        ],
    ),
    "ck_ideas_rejected_has_rule": Rule(
        list(IN_STATUS.values()),
        [{"status": "rejected"}]
        + [{**IN_STATUS[s], "rule_id": a("rules")} for s in STATUSES if s != "rejected"],
    ),
    "ck_inbox_body_until_it_is_sealed": Rule(
        [{"state": state, **about} for state, about in DELIVERED.items()],
        [
            {"state": state, **about, "body": None if about.get("body", b"") is not None else b"{}"}
            for state, about in DELIVERED.items()
        ],
    ),
    "ck_inbox_failed_has_fault": Rule(
        [{"state": state, **about} for state, about in DELIVERED.items()],
        [{"state": "failed", "fault": None}]
        + [
            {"state": state, **about, "fault": "no_text"}
            for state, about in DELIVERED.items()
            if state != "failed"
        ],
    ),
    "ck_inbox_mapped_has_idea": Rule(
        [{"state": state, **about} for state, about in DELIVERED.items()],
        [{"state": "mapped", "body": None, "idea_id": None}]
        + [
            {"state": state, **about, "idea_id": a("ideas")}
            for state, about in DELIVERED.items()
            if state != "mapped"
        ],
    ),
    "ck_inbox_put_aside_when_it_is": Rule(
        [{"state": "put_aside", "put_aside_at": each} for each in (None, NOW)],
        [
            {"state": state, **about, "put_aside_at": NOW}
            for state, about in DELIVERED.items()
            if state != "put_aside"
        ],
    ),
    "ck_inbox_repeated_has_first": Rule(
        [{"state": state, **about} for state, about in DELIVERED.items()],
        [{"state": "repeated", "body": None, "same_as": None}]
        + [
            {"state": state, **about, "same_as": a("inbox")}
            for state, about in DELIVERED.items()
            if state != "repeated"
        ],
    ),
    "ck_incidents_over_when_over": Rule(
        [
            {"over_told_at": None, "resolved_at": None},
            {"over_told_at": None, "resolved_at": NOW},
            {"over_told_at": NOW, "resolved_at": NOW},
        ],
        [{"over_told_at": NOW, "resolved_at": None}],
    ),
    "ck_invitations_mailed_to_somebody": both_or_none("nonce", "email", (b"n", "a@example.org")),
    "ck_letters_about_one_thing": Rule(
        [letter(name) for name in ABOUT_LETTERS],
        [letter(), letter(*ABOUT_LETTERS)]
        + [letter(*pair) for pair in itertools.combinations(ABOUT_LETTERS, 2)],
    ),
    "ck_letters_sent_has_moment": Rule(
        [{"state": "sent", "sent_at": NOW}]
        + [
            {"state": state, "sent_at": None}
            for state in ("waiting", "claimed", "cancelled", "failed")
        ],
        [{"state": "sent", "sent_at": None}]
        + [
            {"state": state, "sent_at": NOW}
            for state in ("waiting", "claimed", "cancelled", "failed")
        ],
    ),
    "ck_served_code_one_row": Rule([{"id": 1}], [{"id": 0}, {"id": 2}]),
    "ck_mail_pace_one_row": Rule([{"id": 1}], [{"id": 0}, {"id": 2}]),
    "ck_official_answers_an_undo_is_not_told": Rule(
        [
            {"undoes": None, "tells": True},
            {"undoes": None, "tells": False},
            {"undoes": a("official_answers"), "tells": False},
        ],
        [{"undoes": a("official_answers"), "tells": True}],
    ),
    "ck_official_answers_counted_from_one": Rule(
        [{"version": 1}, {"version": 2}], [{"version": 0}, {"version": -1}]
    ),
    "ck_official_answers_only_words_are_told": Rule(
        [
            {"text": "Ja.", "tells": True},
            {"text": "Ja.", "tells": False},
            {"text": None, "tells": False},
        ],
        [{"text": None, "tells": True}],
    ),
    "ck_official_answers_says_something": Rule(
        [{"text": "J"}, {"text": None}], [{"text": ""}]
    ),
    "ck_official_answers_signature_has_text": Rule(
        [
            {"text": "Ja.", "signature": ""},
            {"text": "Ja.", "signature": "Parkförvaltningen"},
            {"text": None, "signature": ""},
        ],
        [{"text": None, "signature": "Parkförvaltningen"}],
    ),
    "ck_outbox_deliveries_done_or_failed": Rule(
        [
            {"done_at": None, "failed_at": None},
            {"done_at": NOW, "failed_at": None},
            {"done_at": None, "failed_at": NOW},
        ],
        [{"done_at": NOW, "failed_at": NOW}],
    ),
    "ck_queue_entries_closed_by_needs_closed_at": Rule(
        [
            {"closed_at": None, "closed_by": None},
            {"closed_at": NOW, "closed_by": None},
            {"closed_at": NOW, "closed_by": a("decisions")},
        ],
        [{"closed_at": None, "closed_by": a("decisions")}],
    ),
    "ck_sample_shares_share_is_a_share": between("share", 0.0, 1.0, 0.0001),
    "ck_samples_answer_is_whole": Rule(
        [ANSWERED, {}],
        [
            {**ANSWERED, **dict.fromkeys(without)}
            for number in (1, 2)
            for without in itertools.combinations(ANSWERED, number)
        ],
    ),
    "ck_samples_answered_or_void": Rule(
        [{}, ANSWERED, {"voided_at": NOW}], [{**ANSWERED, "voided_at": NOW}]
    ),
    "ck_samples_reject_has_rule": Rule(
        [
            {**ANSWERED, "judgement": "reject", "rule_id": a("rules")},
            *({**ANSWERED, "judgement": word} for word in ("publish", "mask", "unsure")),
            {"rule_id": None},
        ],
        [
            {**ANSWERED, "judgement": "reject"},
            *(
                {**ANSWERED, "judgement": word, "rule_id": a("rules")}
                for word in ("publish", "mask", "unsure")
            ),
            {"rule_id": a("rules")},
        ],
    ),
    "ck_sampling_one_row": Rule([{"id": 1}], [{"id": 0}, {"id": 2}]),
    "ck_security_events_happened": Rule([{"times": 1}], [{"times": 0}, {"times": -1}]),
    "ck_sign_in_policy_one_row": Rule([{"id": 1}], [{"id": 0}, {"id": 2}]),
    "ck_staff_directory_knows_both_or_none": both_or_none(
        "directory_issuer", "directory_subject", ("https://login.example.org", "anna")
    ),
    "ck_subscriptions_day_of_the_week": between("weekday", 1, 7),
    "ck_subscriptions_days_of_the_week": Rule(
        [{"weekdays": days} for days in ([1], [7], [1, 2, 3, 4, 5, 6, 7], [5, 1])],
        [{"weekdays": days} for days in ([], [0], [8], [1, 2, 3, 4, 5, 6, 7, 8], [0, 1])],
    ),
    "ck_subscriptions_hour_of_the_day": Rule(
        [{"hour": 0}, {"hour": 23}, {"hour": 7}],
        [{"hour": -1}],  # 24 is more than the last hour too: see the test at the end
    ),
    "ck_subscriptions_hours_apart": between("every_hours", 1, 12),
    "ck_subscriptions_of_something": Rule(
        [
            {"council_ids": councils, "lanes": lanes}
            for councils in (None, [1], [1, 2])
            for lanes in (None, ["urgent"])
        ],
        [
            {"council_ids": councils, "lanes": lanes}
            for councils, lanes in (
                ([], None), (None, []), ([], []), ([], ["urgent"]), ([1], []),
            )
        ],
    ),
    "ck_subscriptions_until_hour_is_no_earlier": Rule(
        [
            {"hour": hour, "until_hour": until}
            for hour, until in ((0, 0), (0, 23), (7, 7), (7, 8), (23, 23))
        ],
        [
            {"hour": hour, "until_hour": until}
            for hour, until in ((7, 6), (7, 24), (23, 22), (1, 0))
        ],
    ),
    "ck_webhook_deliveries_claimed_has_end": Rule(
        [posted(state) for state in ("waiting", "claimed", "done", "cancelled", "failed")],
        [{**posted("claimed"), "claimed_until": None}]
        + [
            {**posted(state), "claimed_until": LATER}
            for state in ("waiting", "done", "cancelled", "failed")
        ],
    ),
    "ck_webhook_deliveries_closed_has_moment": Rule(
        [posted(state) for state in ("waiting", "claimed", "done", "cancelled", "failed")],
        [{**posted(state), "closed_at": NOW} for state in ("waiting", "claimed")]
        + [{**posted(state), "closed_at": None} for state in ("done", "cancelled", "failed")],
    ),
    "ck_webhook_deliveries_only_tests_have_no_event": Rule(
        [
            {"kind": "ping", "event_id": None},
            {"kind": "idea.published", "event_id": a("outbox_events")},
        ],
        [
            {"kind": "ping", "event_id": a("outbox_events")},
            {"kind": "idea.published", "event_id": None},
        ],
    ),
    "ck_webhook_deliveries_tries_are_attempts": Rule(
        [{"tries": tries, "attempts": attempts} for tries, attempts in ((0, 0), (1, 1), (1, 2))],
        [{"tries": tries, "attempts": attempts} for tries, attempts in ((1, 0), (3, 2))],
    ),
    "ck_webhooks_failures_have_begun": Rule(
        [
            {"failures": 0, "failing_since": None},
            {"failures": 1, "failing_since": NOW},
            {"failures": 2, "failing_since": NOW},
        ],
        [{"failures": 0, "failing_since": NOW}, {"failures": 1, "failing_since": None}],
    ),
    "ck_webhooks_off_has_reason": Rule(
        [{"state": "on"}, {"state": "paused"}, {"state": "off", "off_because": "failing"}],
        [
            {"state": "off"},
            {"state": "on", "off_because": "gone"},
            {"state": "paused", "off_because": "gone"},
        ],
    ),
    "ck_webhooks_old_secret_ends": both_or_none("old_nonce", "old_until", (b"old", LATER)),
    "ck_webhooks_wants_something": Rule(
        [{"events": ["a"]}, {"events": ["a", "b"]}], [{"events": []}]
    ),
    "ck_word_lists_removed_by_and_at": Rule(
        [
            {"removed_at": None, "removed_by": None},
            {"removed_at": NOW, "removed_by": None},
            {"removed_at": NOW, "removed_by": a("staff")},
        ],
        [{"removed_at": None, "removed_by": a("staff")}],
    ),
    "ck_word_lists_weight_is_a_share": between("weight", 0.0, 1.0, 0.0001),
    "ck_yearly_numbers_year_is_one": between("year", 2000, 9999),
}  # fmt: skip


def table_of(name: str) -> str:
    """The table that a constraint is of, by its name."""
    return max((table for table in VALID if name.startswith(f"ck_{table}_")), key=len)


def test_every_check_has_a_case_and_every_case_a_check(rows: Rows):
    found = rows.all("""
        SELECT conname FROM pg_constraint WHERE contype = 'c' AND conenforced AND convalidated
          AND connamespace = 'public'::regnamespace""")
    assert sorted(found) == sorted({**WORDS, **RULES})
    assert not set(WORDS) & set(RULES)


def test_a_valid_row_of_every_table_is_taken(rows: Rows):
    tables = rows.all("""
        SELECT relname FROM pg_class WHERE relkind = 'r'
          AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'""")
    assert sorted(tables) == sorted(VALID)
    for table in tables:
        rows.put(table)


@pytest.mark.parametrize("name", RULES)
def test_a_check_lets_through_what_it_must_and_refuses_its_neighbour(rows: Rows, name: str):
    table = table_of(name)
    valid = rows.valid(table)
    for about in map(rows.fixed, RULES[name].stands):
        with rows.tried():
            rows.put(table, **{**valid, **about})
    for about in map(rows.fixed, RULES[name].falls):
        with rows.refused(CheckViolation, name):
            rows.put(table, **{**valid, **about})


@pytest.mark.parametrize("name", WORDS)
def test_a_check_knows_its_words_and_no_others(rows: Rows, name: str):
    table, words = table_of(name), WORDS[name]
    valid = rows.valid(table)
    for word in words.words:
        about = rows.fixed(words.of.get(word, {}))
        with rows.tried():
            rows.put(table, **{**valid, **about, words.column: word})
    about = rows.fixed(words.of.get(words.like or words.words[0], {}))
    for word in ("", "okänt", words.words[0].upper(), words.words[0] + " "):
        with rows.refused(CheckViolation, name):
            rows.put(table, **{**valid, **about, words.column: word})


@pytest.mark.parametrize("name", WORDS)
def test_the_words_that_a_check_spells_out_are_these(rows: Rows, name: str):
    definition = rows.one(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", name
    )
    assert sorted(re.findall(r"'([^']*)'::character varying", definition)) == sorted(
        WORDS[name].words
    )


def test_a_day_of_hours_ends_with_the_twenty_third(rows: Rows):
    """24 breaks the rule of the last hour as well, whichever is asked first: it is named alone."""
    rows.connection.execute(
        "ALTER TABLE subscriptions DROP CONSTRAINT ck_subscriptions_until_hour_is_no_earlier"
    )
    rows.put("subscriptions", hour=23)
    staff = rows.put("staff")["id"]
    with rows.refused(CheckViolation, "ck_subscriptions_hour_of_the_day"):
        rows.put("subscriptions", staff_id=staff, hour=24)
