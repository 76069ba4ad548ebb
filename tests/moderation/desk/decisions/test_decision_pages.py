"""The desk's decisions over HTTP: what each answer says, what is kept, and who may ask."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from services.moderation.decisions import deciding, entries, undoing
from services.moderation.desk import undo_offer
from services.moderation.people import accounts
from shared.clock import utcnow
from shared.models import (
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    OfficialAnswer,
    Reason,
    Role,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, an_idea
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.decisions.test_decisions import decide, waiting

UNKNOWN = "R-2026-999999"
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def council(session):
    return a_council(session)


@pytest.fixture
def ideas(session, council) -> list[Idea]:
    made = [waiting(session, council, text=f"Fler bänkar vid väg {n}.") for n in range(3)]
    session.commit()
    return made


def made(session) -> list[Decision]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(Decision).order_by(Decision.seq)))


def fields(idea: Idea, kind: str = "publish", **more) -> dict:
    return {"kind": kind, "seen_version": idea.version, **more}


def test_a_reader_and_a_stranger_decide_nothing(app, settings, desk, session, ideas):
    accounts.add_staff(session, "las@example.org", Role.READER, PASSWORD)
    colleague = a_member_of_staff(session)
    first = decide(session, ideas[0], DecisionKind.PUBLISH, colleague)
    session.commit()
    reader, stranger = Desk(app, settings), Desk(app, settings)
    reader.sign_in("las@example.org")
    stranger.csrf = stranger.token()
    number = ideas[1].number
    posts = {
        f"/ideas/{number}/decisions": fields(ideas[1]),
        f"/ideas/{number}/preview": fields(ideas[1]),
        f"/decisions/{first.id}/undo": {},
        "/decisions/bulk": {"kind": "publish", "item": f"{number}:{ideas[1].version}"},
        f"/decisions/bulk/{NOBODY}/undo": {},
        f"/ideas/{ideas[0].number}/official-answer": {"official_text": "Ja.", "seen_answer": "0"},
        f"/ideas/{ideas[0].number}/official-answer/take-back": {"seen_answer": "0"},
        f"/ideas/{ideas[0].number}/official-answer/preview": {"official_text": "Ja."},
        f"/official-answers/{NOBODY}/undo": {},
    }
    for path, body in posts.items():
        assert reader.post(path, **body).status_code == 403, path
        assert stranger.post(path, **body).status_code in {302, 303, 401}, path
    assert [each.id for each in made(session)] == [first.id]
    assert session.scalars(select(OfficialAnswer)).all() == []


class TestOneDecision:
    def test_of_what_is_not_there_is_404(self, desk, ideas):
        for path, body in (
            (f"/ideas/{UNKNOWN}/decisions", fields(ideas[0])),
            (f"/ideas/{UNKNOWN}/preview", fields(ideas[0])),
            (f"/decisions/{NOBODY}/undo", {}),
            (f"/decisions/bulk/{NOBODY}/undo", {}),
            (f"/official-answers/{NOBODY}/undo", {}),
            (f"/ideas/{UNKNOWN}/official-answer", {"official_text": "Ja.", "seen_answer": "0"}),
            (f"/ideas/{UNKNOWN}/official-answer/take-back", {"seen_answer": "0"}),
            (f"/ideas/{UNKNOWN}/official-answer/preview", {"official_text": "Ja."}),
        ):
            assert desk.post(path, **body).status_code == 404, path
        desk.get(f"/decisions/bulk/{NOBODY}", status=404)

    def test_by_a_program_is_refused_as_a_program_reads_it(self, desk, session, ideas):
        path = f"/ideas/{ideas[0].number}/decisions"
        refused = desk.send(path, fields(ideas[0], "keep"))
        assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
        refused = desk.send(path, fields(ideas[0], "reject", rule="spam", note="x" * 4001))
        assert list(refused.json["errors"]) == ["note"]
        for spans in ([[0]], [[0, 1, 2]], ["0-3"], "0-3", {"0": 3}):
            refused = desk.send(path, fields(ideas[0], "mask", spans=spans))
            assert (refused.status_code, list(refused.json["errors"])) == (422, ["spans"])
        assert desk.send(path, [1]).status_code == 422
        assert made(session) == []

    def test_by_a_form_is_refused_with_all_that_was_typed(self, desk, session, ideas):
        path = f"/ideas/{ideas[0].number}/decisions"
        for body in (
            fields(ideas[0], "reject", note="Jag skrev detta.", reason_text="Därför."),
            fields(ideas[0], "reject", rule="spam", note="Jag skrev detta.", seen_version=0),
        ):
            answer = desk.post(path, **body)
            assert answer.status_code in {409, 422}
            page = Desk.page(answer)
            assert page.select_one("#reject-note").text == "Jag skrev detta."
        assert made(session) == []

    def test_by_a_form_whose_token_is_stale_keeps_what_was_typed(self, desk, session, ideas):
        path = f"/ideas/{ideas[0].number}/decisions"
        body = fields(ideas[0], "reject", rule="spam", note="Jag skrev detta.")
        answer = desk.post(path, **body, csrf_token="stale")
        assert answer.status_code == 400
        assert Desk.page(answer).select_one("#reject-note").text == "Jag skrev detta."
        assert made(session) == []

    def test_merges_by_words_only_into_what_is_picked(self, desk, session, ideas):
        path = f"/ideas/{ideas[0].number}/decisions"
        # The button that looks decides nothing, also with a whole number in the field.
        for words in ("bänkar", ideas[1].number):
            asked = desk.post(path, **fields(ideas[0], "merge", into=words, search="1"))
            assert asked.status_code == 200
            assert ideas[1].number in [b["value"] for b in Desk.page(asked).select("[name=pick]")]
        # And the one that decides does not look.
        refused = desk.post(path, **fields(ideas[0], "merge", into="bänkar"))
        assert refused.status_code == 422
        assert Desk.page(refused).select_one("#into")["value"] == "bänkar"
        assert made(session) == []
        picked = desk.post(
            path, **fields(ideas[0], "merge", into="bänkar", pick=ideas[1].number.lower())
        )
        assert picked.status_code == 303
        [decision] = made(session)
        assert (decision.into_id, session.get_one(Idea, ideas[0].id).counts_as_support) == (
            ideas[1].id,
            False,
        )

    def test_counts_the_writer_when_the_box_is_checked(self, desk, session, ideas):
        desk.post(
            f"/ideas/{ideas[0].number}/decisions",
            **fields(ideas[0], "merge", into=ideas[1].number, counts_as_support="1"),
        )
        session.refresh(ideas[0])
        assert ideas[0].counts_as_support

    def test_looks_at_it_again_after_a_mask_and_goes_on_after_others(self, desk, ideas):
        path = f"/ideas/{ideas[0].number}"
        masked = desk.post(f"{path}/decisions", **fields(ideas[0], "mask", words="bänkar"))
        assert masked.location.endswith(path)
        version = desk.get(path).select_one("[name=seen_version]")["value"]
        answer = desk.post(f"{path}/decisions", kind="publish", seen_version=version)
        assert answer.location.endswith(f"/ideas/{ideas[1].number}")
        for idea in ideas[1:]:
            answer = desk.post(f"/ideas/{idea.number}/decisions", **fields(idea))
        # Nothing is left.
        assert answer.location == "/"

    def test_says_that_a_letter_leaves_where_one_does(self, desk, session, council, ideas):
        staff = a_member_of_staff(session)
        for kind, more, has_letter in (
            ("publish", {}, True),
            ("reject", {"rule": "spam"}, True),
            ("merge", {"into": ideas[2].number}, True),
            ("mask", {"words": "bänkar"}, True),
            ("ask_correction", {"reason_text": "Skriv utan namn."}, True),
            ("keep", {}, False),
            ("reopen", {}, False),
        ):
            told = []
            for email in ("ada@example.org", None):
                idea = waiting(session, council, text="Fler bänkar här.", email=email)
                if kind in {"keep", "reopen"}:
                    decide(session, idea, DecisionKind.PUBLISH, staff)
                session.commit()
                answer = desk.post(f"/ideas/{idea.number}/decisions", **fields(idea, kind, **more))
                assert answer.status_code == 303, kind
                with desk.client.session_transaction(base_url=desk.base) as kept:
                    told.append(kept["undo"]["has_letter"])
            assert told == [has_letter, False], kind


class TestTheUndoBar:
    @pytest.mark.parametrize(
        ("passed", "left"),
        [
            (timedelta(0), 10),
            (timedelta(seconds=1), 9),
            (timedelta(seconds=9, microseconds=499_000), 1),
            (timedelta(seconds=9, microseconds=501_000), 0),
            (timedelta(seconds=10), 0),
            (timedelta(seconds=10, microseconds=1), 0),
            (timedelta(days=1), 0),
            # The clock of another machine is ahead.
            (timedelta(seconds=-5), 10),
        ],
    )
    def test_runs_for_ten_seconds(self, passed, left):
        now = utcnow()
        with time_machine.travel(now + passed, tick=False):
            assert undo_offer.seconds_left({"at": now.timestamp()}) == left
            assert undo_offer.seconds_left({}) == 0

    def test_is_there_once_and_never_without_an_address(self, app):
        with app.test_request_context():
            assert undo_offer.take_offer() is None
            undo_offer.offer_undo("/x", "R-2026-000001", "Publicerad", has_letter=True)
            found = undo_offer.take_offer()
            assert found is not None
            assert (found["url"], found["has_letter"]) == ("/x", True)
            assert undo_offer.take_offer() is None
            undo_offer.session["undo"] = {"number": "R-2026-000001"}
            assert undo_offer.take_offer() is None

    def test_of_what_moved_is_409_and_says_what_was_decided(self, desk, session, ideas):
        staff = a_member_of_staff(session, name="Carl")
        first = decide(session, ideas[0], DecisionKind.PUBLISH, staff)
        decide(session, ideas[0], DecisionKind.REJECT, staff)
        session.commit()
        refused = desk.post(f"/decisions/{first.id}/undo")
        assert refused.status_code == 409
        assert "Carl" in Desk.page(refused).select_one("[role=alert], .notice").text
        assert desk.send(f"/decisions/{first.id}/undo", {}).status_code == 409
        assert len(made(session)) == 2

    def test_of_what_cannot_be_undone_is_422(self, desk, session, ideas):
        staff = a_member_of_staff(session)
        decision = decide(session, ideas[0], DecisionKind.PUBLISH, staff)
        undone = undoing.undo_decision(session, decision_id=decision.id, staff_id=staff.id)
        session.commit()
        assert desk.post(f"/decisions/{undone.id}/undo").status_code == 422
        assert desk.send(f"/decisions/{undone.id}/undo", {}).status_code == 422


class TestMany:
    def test_need_at_least_one_and_are_a_thousand_at_most(self, desk, session, ideas):
        one = {"number": ideas[0].number, "seen_version": ideas[0].version}
        unknown = {"number": UNKNOWN, "seen_version": 1}
        for n, status in ((0, 422), (1, 200), (1000, 200), (1001, 422)):
            items = [one, *[unknown] * (n - 1)][:n]
            answer = desk.send("/decisions/bulk", {"kind": "publish", "items": items})
            assert answer.status_code == status, n
            if status == 422:
                assert list(answer.json["errors"]) == ["items"]
        assert len(made(session)) == 1

    def test_are_refused_by_the_name_of_what_is_wrong(self, desk, session, ideas):
        items = [{"number": ideas[0].number, "seen_version": ideas[0].version}]
        for wrong, field in (
            ({"items": None}, "items"),
            ({"items": "all"}, "items"),
            ({"items": ["R-2026-000001"]}, "seen_version"),
            ({"items": [{"number": "R-2026-000001"}]}, "seen_version"),
            ({"kind": ""}, "kind"),
            ({"kind": "dance"}, "kind"),
            ({"kind": "merge"}, "into"),
            ({"kind": "merge", "into": "parken"}, "into"),
            ({"note": "x" * 4001}, "note"),
            ({"reason_text": "x" * 2001}, "reason_text"),
        ):
            answer = desk.send("/decisions/bulk", {"kind": "publish", "items": items} | wrong)
            assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
        for kind in ("mask", "reopen", "undo", "import", "policy"):
            answer = desk.send("/decisions/bulk", {"kind": kind, "items": items})
            assert answer.status_code == 422, kind
        assert made(session) == []

    def test_of_a_stale_token_are_kept_chosen_and_nothing_is_decided(self, desk, session, ideas):
        listed = [idea.number for idea in ideas]
        item = f"{ideas[0].number}:{ideas[0].version}"
        body = {"kind": "publish", "listed": listed, "item": item, "csrf_token": "stale"}
        answer = desk.post("/decisions/bulk", **body)
        assert answer.status_code == 400
        boxes = Desk.page(answer).select("input[name=item]")
        assert [box.has_attr("checked") for box in boxes] == [True, False, False]
        body.pop("listed")
        assert desk.post("/decisions/bulk", **body).status_code == 400
        assert made(session) == []

    def test_lead_back_with_the_way_back_unless_something_did_not_work(self, desk, ideas):
        items = [f"{idea.number}:{idea.version}" for idea in ideas]
        answer = desk.post("/decisions/bulk", kind="publish", item=items[:1])
        assert answer.location == "/"
        again = desk.post("/decisions/bulk", kind="reject", rule="spam", item=items[:2])
        assert "/decisions/bulk/" in again.location
        page = desk.get(again.location)
        assert page.select_one(".notice .number-list").text.split() == [ideas[0].number]
        # Told once.
        assert desk.get(again.location).select_one(".notice") is None
        nothing = desk.post("/decisions/bulk", kind="reject", rule="spam", item=items[:1])
        assert nothing.location == "/"
        with desk.client.session_transaction(base_url=desk.base) as kept:
            assert kept["bulk"]["id"] == ""

    def test_of_which_a_hundred_that_did_not_work_are_named(self, desk, ideas):
        items = [f"R-2026-{900000 + n}:1" for n in range(101)]
        item = [f"{ideas[0].number}:{ideas[0].version}", *items]
        answer = desk.post("/decisions/bulk", kind="publish", item=item)
        page = desk.get(answer.location)
        assert len(page.select(".notice .number-list li")) == 100


def test_a_new_look_is_left_to_a_colleague_over_http(desk, session, ideas):
    a_member_of_staff(session)
    session.commit()
    desk.post(f"/ideas/{ideas[0].number}/decisions", **fields(ideas[0]))
    entries.open_entry(session, ideas[0].id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
    session.commit()
    session.refresh(ideas[0])
    items = [{"number": ideas[0].number, "seen_version": ideas[0].version}]
    answer = desk.send("/decisions/bulk", {"kind": "keep", "items": items})
    assert (answer.json["done"], answer.json["conflicts"]) == ([], [ideas[0].number])
    assert ideas[0].status is IdeaStatus.PUBLISHED


def test_a_published_policy_decision_offers_no_undo(desk, session, council):
    idea = an_idea(session, council)
    session.add(Verdict(idea_id=idea.id, text_version=1, outcome="clear", priority=0, ruleset=1))
    session.flush()
    deciding.publish_by_policy(session, idea)
    session.commit()
    page = desk.get(f"/ideas/{idea.number}")
    assert page.select_one('form[action$="/undo"]') is None
    assert page.select_one('summary[data-key="o"]') is not None
