"""What the public sees, row by row: each condition of the views from both sides."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.shared.database.rows import LATER, NOW, Row, Rows

STATUSES = ("received", "waiting", "published", "rejected", "merged", "withdrawn")
WAS_PUBLIC = {
    "public_version": 1,
    "public_text": "En bänk vid vattnet.",
    "public_author": "Anna",
    "published_at": NOW,
}


@pytest.fixture
def an_idea(rows: Rows) -> Callable[..., Row]:
    def made(status: str = "published", *, was_public: bool = True, **about: Any) -> Row:
        if was_public:
            about = {**WAS_PUBLIC, **about}
        if status == "rejected":
            about = {"rule_id": rows.put("rules")["id"], **about}
        if status == "merged" and "merged_into" not in about:
            about["merged_into"] = made()["id"]
        return rows.put("ideas", status=status, **about)

    return made


def withdraw(rows: Rows, idea: Row, kind: str = "ReceiptAction", verb: str = "withdraw") -> None:
    rows.put("outbox_events", kind=kind, subject_id=idea["id"], payload=Jsonb({"verb": verb}))


def shown(rows: Rows) -> set[str]:
    return set(rows.all("SELECT number FROM public_ideas"))


def one(rows: Rows, idea: Row) -> Row:
    found = rows.connection.execute("SELECT * FROM public_ideas WHERE id = %s", [idea["id"]])
    return dict(found.fetchone() or {})


def traces(rows: Rows) -> dict[str, tuple[str, str | None]]:
    found = rows.connection.execute("SELECT number, trace, target FROM public_traces").fetchall()
    return {each["number"]: (each["trace"], each["target"]) for each in found}


class TestIdeas:
    @pytest.mark.parametrize("status", STATUSES)
    def test_only_what_is_published_is_shown(self, rows: Rows, an_idea: Any, status: str):
        """Also of those that were public once and still have their words."""
        idea = an_idea(status)
        assert (idea["number"] in shown(rows)) == (status == "published")

    def test_a_stored_withdrawal_hides_at_once(self, rows: Rows, an_idea: Any):
        hidden, other = an_idea(), an_idea()
        withdraw(rows, hidden)
        assert shown(rows) == {other["number"]}

    @pytest.mark.parametrize(
        ("kind", "verb"),
        [
            ("ReceiptAction", "correct"),
            ("ReceiptAction", "re-review"),
            ("ReceiptAction", "report"),
            ("IdeaDecided", "withdraw"),
        ],
    )
    def test_what_else_is_asked_for_hides_nothing(
        self, rows: Rows, an_idea: Any, kind: str, verb: str
    ):
        idea = an_idea()
        withdraw(rows, idea, kind, verb)
        assert shown(rows) == {idea["number"]}

    def test_it_is_shown_as_it_is_public_with_its_council(self, rows: Rows, an_idea: Any):
        idea = an_idea(precision="day")
        found = one(rows, idea)
        slug = rows.one("SELECT slug FROM councils WHERE id = %s", idea["council_id"])
        assert found == {
            "id": idea["id"],
            "number": idea["number"],
            "council": slug,
            "text": "En bänk vid vattnet.",
            "author": "Anna",
            "published_at": NOW,
            "received_at": idea["received_at"],
            "precision": "day",
            "status": "published",
            "answer": None,
            "supporters": 0,
            "answer_from": None,
            "answered_at": None,
            "updated_at": NOW,
        }

    def test_supporters_are_those_that_were_merged_into_it_and_count(
        self, rows: Rows, an_idea: Any
    ):
        idea, other = an_idea(), an_idea()
        for _ in range(2):
            an_idea("merged", merged_into=idea["id"], counts_as_support=True)
        an_idea("merged", merged_into=idea["id"], counts_as_support=False)
        an_idea("merged", merged_into=other["id"], counts_as_support=True)
        an_idea("waiting", counts_as_support=True)
        assert (one(rows, idea)["supporters"], one(rows, other)["supporters"]) == (2, 1)

    def test_who_agrees_supports_it_too_and_what_it_was_merged_into(self, rows: Rows, an_idea: Any):
        idea, other = an_idea(), an_idea()
        counted = an_idea("merged", merged_into=idea["id"], counts_as_support=True)
        # Its writer is passed over, and not who agreed with it.
        passed_over = an_idea("merged", merged_into=idea["id"], counts_as_support=False)
        for agreed, places in ((idea, 2), (counted, 1), (passed_over, 1), (other, 3)):
            for _ in range(places):
                rows.put("agreements", idea_id=agreed["id"])
        assert (one(rows, idea)["supporters"], one(rows, other)["supporters"]) == (1 + 2 + 1 + 1, 3)


class TestAnswers:
    def test_the_newest_version_stands(self, rows: Rows, an_idea: Any):
        idea = an_idea()
        # Neither the order of storing nor the moment decides: the number of the version does.
        for version, text, at in ((2, "Ja.", NOW), (3, "Nej.", NOW), (1, "Kanske.", LATER)):
            rows.put(
                "official_answers",
                idea_id=idea["id"],
                version=version,
                text=text,
                signature="Parken",
                written_at=at,
            )
        rows.put("official_answers", idea_id=an_idea()["id"], version=9, text="Annat.")
        found = one(rows, idea)
        assert (found["answer"], found["answer_from"], found["answered_at"]) == (
            "Nej.",
            "Parken",
            NOW,
        )

    def test_one_that_was_taken_back_is_not_there_nor_who_gave_it(self, rows: Rows, an_idea: Any):
        idea = an_idea()
        rows.put("official_answers", idea_id=idea["id"], version=1, signature="Parken")
        rows.put("official_answers", idea_id=idea["id"], version=2, text=None)
        found = one(rows, idea)
        assert [found[name] for name in ("answer", "answer_from", "answered_at")] == [None] * 3


class TestTraces:
    """What became of an idea that was public: gone, or found under another number. No words."""

    @pytest.mark.parametrize("status", ["received", "waiting", "published", "rejected"])
    def test_others_leave_none(self, rows: Rows, an_idea: Any, status: str):
        an_idea(status)
        assert traces(rows) == {}

    def test_a_merged_one_leads_to_its_target(self, rows: Rows, an_idea: Any):
        target = an_idea()
        merged = an_idea("merged", merged_into=target["id"], was_public=False)
        assert traces(rows) == {merged["number"]: ("merged", target["number"])}

    @pytest.mark.parametrize("status", ["waiting", "rejected", "withdrawn"])
    def test_a_target_that_is_not_public_is_not_named(self, rows: Rows, an_idea: Any, status: str):
        target = an_idea(status, was_public=False)
        an_idea("merged", merged_into=target["id"], was_public=False)
        assert traces(rows) == {}

    def test_a_withdrawn_one_is_gone_if_it_was_public(self, rows: Rows, an_idea: Any):
        gone = an_idea("withdrawn")
        an_idea("withdrawn", was_public=False)
        assert traces(rows) == {gone["number"]: ("withdrawn", None)}

    def test_a_stored_withdrawal_counts_at_once(self, rows: Rows, an_idea: Any):
        gone, never, stays = an_idea(), an_idea("waiting", was_public=False), an_idea()
        for idea in (gone, never):
            withdraw(rows, idea)
        withdraw(rows, stays, verb="correct")
        withdraw(rows, stays, kind="IdeaDecided")
        assert traces(rows) == {gone["number"]: ("withdrawn", None)}

    def test_a_trace_names_the_council(self, rows: Rows, an_idea: Any):
        idea = an_idea("withdrawn")
        slug = rows.one("SELECT slug FROM councils WHERE id = %s", idea["council_id"])
        assert rows.all("SELECT council FROM public_traces") == [slug]


class TestRules:
    def test_the_newest_version_in_force_of_each(self, rows: Rows):
        now = rows.one("SELECT now()")
        moment = timedelta(microseconds=1)
        for code, version, in_force_from in (
            ("spam", 1, now - timedelta(days=2)),
            ("spam", 2, now),
            ("spam", 3, now + moment),
            ("ads", 1, now - timedelta(days=1)),
            ("hate", 1, now + moment),
        ):
            rows.put("rules", code=code, version=version, in_force_from=in_force_from)
        found = rows.connection.execute("SELECT code, version FROM public_rules").fetchall()
        assert {(each["code"], each["version"]) for each in found} == {("spam", 2), ("ads", 1)}


def test_councils_and_years_are_shown_as_they_are(rows: Rows):
    council = rows.put("councils", summary_url="https://example.org")
    year = rows.put("yearly_numbers", numbers=Jsonb({"received": 7}), is_final=True)
    for view, row in (("public_councils", council), ("public_yearly_numbers", year)):
        [found] = rows.connection.execute(f"SELECT * FROM {view}").fetchall()
        assert found == {name: row[name] for name in found}


def test_who_may_frame_a_form_is_shown_as_it_is(rows: Rows):
    council = rows.put("councils", embed_hosts="a.example.org\nb.example.org")
    [found] = rows.connection.execute("SELECT * FROM public_embeds").fetchall()
    assert found == {"slug": council["slug"], "hosts": "a.example.org\nb.example.org"}
