"""The city's official answer: written at the desk, and where and when the public reads it."""

import threading

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from services import submission
from services.moderation.decisions import deciding, official_answers
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.official_answers import AnswerMovedError
from services.moderation.decisions.transitions import NotAllowedError
from shared.db import Session
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.links import receipts
from shared.models import (
    Council,
    DecisionKind,
    IdeaStatus,
    OfficialAnswer,
    OutboxEvent,
    ReceiptVerb,
    Staff,
)
from tests.factories import a_member_of_staff, a_rule, an_idea
from tests.moderation.conftest import Desk
from tests.moderation.desk.test_desk import decide, waiting

TEXT = "Vi ställer ut tio bänkar i maj.\r\n\r\nMer på https://stad.example/b?a=1&b=2."
CLEAN = TEXT.replace("\r\n", "\n")


@pytest.fixture
def public(desk, session):
    """An idea that the public reads."""
    idea = waiting(session, email="li@example.org")
    decide(desk, idea, "publish")
    session.refresh(idea)
    return idea


@pytest.fixture
def web(settings):
    """A browser at the public pages."""
    return submission.create_app(settings).test_client()


def form(text=TEXT, seen=0, **more):
    return {"official_text": text, "seen_answer": seen, **more}


def answer(desk, idea, *given, **more):
    return desk.post(f"/ideas/{idea.number}/official-answer", **form(*given, **more))


def standing(session, idea):
    session.rollback()
    return official_answers.read_standing_answer(session, idea.id)


def pages(idea, session):
    slug = session.get_one(Council, idea.council_id).slug
    return f"/councils/{slug}", f"/councils/{slug}/ideas/{idea.number}"


def typed_in(page):
    """Return what stands in the form, as a browser has it."""
    return page.select_one("#official-text").text.replace("\r\n", "\n").strip()


class TestWriting:
    def test_it_is_stored_sealed_and_told_by_ids_only(self, desk, public, session):
        shown = desk.page(answer(desk, public, signature="Stadsmiljö"))
        assert shown is not None
        made = standing(session, public)
        assert (made.text, made.signature, made.version) == (CLEAN, "Stadsmiljö", 1)
        assert made.tells
        event = session.scalar(select(OutboxEvent).where(OutboxEvent.kind == "IdeaAnswered"))
        assert event.payload.pop("request")
        assert event.payload == {"idea_id": str(public.id), "answer_id": str(made.id)}
        for change in (
            update(OfficialAnswer).values(text="Annat."),
            update(OfficialAnswer).values(staff_id=made.staff_id),
        ):
            with pytest.raises(IntegrityError, match="sealed"), Session.begin() as hand:
                hand.execute(change)

    def test_the_page_shows_it_with_links_that_are_safe(self, desk, public):
        answer(desk, public, "Se <b>kartan</b> på https://stad.example/ eller javascript:alert(1)")
        shown = desk.get(f"/ideas/{public.number}").select_one(".official-words .words")
        assert "<b>kartan</b>" in shown.text
        (link,) = shown.select("a")
        assert link["href"] == "https://stad.example/"
        assert "noreferrer" in link["rel"]

    def test_a_preview_stores_nothing_and_keeps_what_was_typed(self, desk, public, session):
        before = f"/ideas/{public.number}/official-answer/preview"
        shown = desk.page(desk.post(before, **form(signature="Stadsmiljö")))
        assert "Vi ställer ut tio bänkar" in shown.select_one("#reads-answer .words").text
        assert "Staden har svarat på din idé" in shown.select_one(".letter-subject").text
        assert "Stadsmiljö" in shown.select_one("#reads-answer .letter").text
        assert typed_in(shown) == CLEAN
        assert desk.post(before, **form(part=1)).text.count("<html") == 0
        assert desk.post(before, **form("", part=1)).status_code == 422
        assert standing(session, public) is None

    @pytest.mark.parametrize(
        "wrong", [{"text": " \n "}, {"text": "x" * 4001}, {"signature": "x" * 81}, {"seen": "x"}]
    )
    def test_what_cannot_be_used_is_refused_and_kept(self, desk, public, session, wrong):
        refused = answer(desk, public, **wrong)
        assert refused.status_code == 422
        assert typed_in(desk.page(refused)) == wrong.get("text", CLEAN).strip()
        assert standing(session, public) is None

    def test_only_a_public_idea_is_answered(self, desk, session):
        idea = waiting(session)
        refused = answer(desk, idea)
        assert refused.status_code == 422
        assert CLEAN in desk.page(refused).text.replace("\r", "")
        assert standing(session, idea) is None
        assert desk.post("/ideas/R-2026-999999/official-answer", **form()).status_code == 404

    def test_the_same_again_changes_nothing(self, desk, public, session):
        for _ in range(2):
            assert answer(desk, public).status_code == 303
        assert standing(session, public).version == 1

    def test_who_saw_an_older_version_keeps_the_words(self, desk, public, session):
        answer(desk, public)
        late = answer(desk, public, "Något annat.", seen=0)
        assert late.status_code == 409
        assert typed_in(desk.page(late)) == "Något annat."
        assert standing(session, public).version == 1
        answer(desk, public, "Något annat.", seen=1)
        assert standing(session, public).text == "Något annat."

    def test_the_first_is_always_told_a_correction_if_one_wants(self, desk, public, session):
        answer(desk, public)
        answer(desk, public, "Elva bänkar.", seen=1)
        assert not standing(session, public).tells
        answer(desk, public, "Tolv bänkar.", seen=2, tells="1")
        assert standing(session, public).tells

    def test_of_two_at_once_one_has_to_look_again(self, public, session):
        staff = session.scalar(select(Staff.id))
        at_once, outcomes = threading.Barrier(2), []

        def write(text):
            at_once.wait()
            try:
                with Session.begin() as own:
                    official_answers.write_official_answer(
                        own, number=public.number, staff_id=staff, seen=0, text=text
                    )
                outcomes.append("stored")
            except AnswerMovedError:
                outcomes.append("moved")

        both = [threading.Thread(target=write, args=(text,)) for text in ("Ja.", "Nej.")]
        for each in both:
            each.start()
        for each in both:
            each.join()
        assert sorted(outcomes) == ["moved", "stored"]


class TestUndoing:
    def test_the_bar_takes_it_back_and_the_history_tells(self, desk, public, session):
        answer(desk, public)
        page = desk.get(f"/ideas/{public.number}")
        bar = page.select_one(".undo-bar")
        assert "Stadens svar är publicerat" in bar.text
        assert desk.post(bar.form["action"]).status_code == 303
        made = standing(session, public)
        assert (made.version, made.text) == (2, None)
        history = desk.get(f"/ideas/{public.number}").select_one(".history").text
        assert "Ångrade ändringen av stadens svar" in history
        assert "tio bänkar" not in history
        # A second click changes nothing.
        assert desk.post(bar.form["action"]).status_code == 303
        assert standing(session, public).version == 2

    def test_undoing_a_change_puts_the_one_before_back(self, desk, public, session):
        answer(desk, public, signature="Stadsmiljö")
        answer(desk, public, "Elva bänkar.", seen=1)
        changed = standing(session, public)
        desk.post(f"/official-answers/{changed.id}/undo")
        made = standing(session, public)
        assert (made.text, made.signature, made.undoes) == (CLEAN, "Stadsmiljö", changed.id)
        assert desk.post(f"/official-answers/{made.id}/undo").status_code == 422

    def test_an_older_version_cannot_be_undone(self, desk, public, session):
        answer(desk, public)
        first = standing(session, public)
        answer(desk, public, "Elva bänkar.", seen=1)
        assert desk.post(f"/official-answers/{first.id}/undo").status_code == 409

    def test_taken_back_there_is_none_and_the_next_is_told_as_a_first(self, desk, public, session):
        answer(desk, public)
        back = f"/ideas/{public.number}/official-answer/take-back"
        assert desk.post(back, seen_answer=0).status_code == 409
        assert desk.post(back, seen_answer=1).status_code == 303
        assert desk.post(back, seen_answer=2).status_code == 422
        assert "Staden har inte svarat" in desk.get(f"/ideas/{public.number}").text
        answer(desk, public, "Elva bänkar.", seen=2)
        assert standing(session, public).tells


class TestThePublic:
    """One view says what the public reads: pages, open data, feeds and receipts ask it."""

    def test_reads_it_everywhere(self, desk, public, session, web, settings):
        answer(desk, public, signature="Stadsmiljö")
        council, page = pages(public, session)
        for each in (council, page):
            shown = Desk.page(web.get(each)).select_one(".answer")
            assert "Vi ställer ut tio bänkar i maj." in shown.text
            assert "Stadsmiljö" in shown.text
            assert shown.a["href"] == "https://stad.example/b?a=1&b=2"
        (told,) = web.get(f"{council}/ideas.json").json["ideas"]
        assert (told["answer"], told["answer_from"]) == (CLEAN, "Stadsmiljö")
        assert told["answered_at"]
        assert "tio bänkar" in web.get(f"{council}/ideas.csv").text
        atom = web.get(f"{council}/feed.atom").text
        assert "Stadens svar (Stadsmiljö):" in atom
        answered_at = standing(session, public).written_at.astimezone(settings.timezone)
        assert f"<updated>{answered_at:%Y-%m-%dT}" in atom

    def test_sees_the_answer_on_receipts_also_of_merged_ideas(
        self, desk, public, session, web, settings
    ):
        other = waiting(
            session, "Fler bänkar!", council=session.get_one(Council, public.council_id)
        )
        decide(desk, other, "merge", into=public.number)
        answer(desk, public)
        session.refresh(other)
        for idea in (public, other):
            token = receipts.issue_receipt(
                session, settings.secret_key, idea.id, idea.receipt_nonce
            )
            session.commit()
            assert (
                "tio bänkar" in Desk.page(web.get(f"/receipts/{token}")).select_one(".answer").text
            )
            told = web.get(f"/receipts/{token}", headers={"Accept": "application/json"}).json
            assert told["answer"]["text"] == CLEAN

    @pytest.mark.parametrize("how", ["withdrawn", "rejected", "reopened", "taken back", "undone"])
    def test_stops_reading_it_with_the_idea_or_when_it_goes(
        self, desk, public, session, web, settings, how
    ):
        answer(desk, public)
        council, page = pages(public, session)
        assert "tio bänkar" in web.get(page).text
        made = standing(session, public)
        session.refresh(public)
        if how == "withdrawn":
            with Session.begin() as writer:
                outbox.record_event(writer, ReceiptAction(public.id, ReceiptVerb.WITHDRAW))
        elif how == "taken back":
            desk.post(f"/ideas/{public.number}/official-answer/take-back", seen_answer=1)
        elif how == "undone":
            desk.post(f"/official-answers/{made.id}/undo")
        else:
            kind = DecisionKind.REJECT if how == "rejected" else DecisionKind.REOPEN
            rule = {"rule_code": a_rule(session).code} if how == "rejected" else {}
            deciding.decide_idea(
                session,
                DecisionRequest(kind=kind, staff_id=a_member_of_staff(session).id, **rule),
                number=public.number,
                seen_version=public.version,
            )
            session.commit()
        token = receipts.issue_receipt(
            session, settings.secret_key, public.id, public.receipt_nonce
        )
        session.commit()
        for each in (council, page, f"{council}/ideas.json", f"{council}/ideas.csv",
                     f"{council}/feed.atom", f"/receipts/{token}"):  # fmt: skip
            assert "tio bänkar" not in web.get(each).text, each

    def test_reads_it_again_when_the_idea_is_public_again(self, desk, public, session, web):
        answer(desk, public)
        session.refresh(public)
        decide(desk, public, "reopen")
        _, page = pages(public, session)
        assert web.get(page).status_code == 404
        assert "Svaret syns inte för andra" in desk.get(f"/ideas/{public.number}").text
        session.refresh(public)
        assert public.status is IdeaStatus.WAITING
        other = a_member_of_staff(session)
        deciding.decide_idea(
            session,
            DecisionRequest(kind=DecisionKind.PUBLISH, staff_id=other.id),
            number=public.number,
            seen_version=public.version,
        )
        session.commit()
        assert "tio bänkar" in web.get(page).text


def test_the_verbs_refuse_what_does_not_fit(session):
    staff = a_member_of_staff(session)
    idea = an_idea(session)
    with pytest.raises(LookupError):
        official_answers.write_official_answer(
            session, number="R-1", staff_id=staff.id, seen=0, text="Ja."
        )
    with pytest.raises(NotAllowedError):
        official_answers.take_back(session, number=idea.number, staff_id=staff.id, seen=0)
    with pytest.raises(LookupError):
        official_answers.undo_official_answer(session, answer_id=idea.id, staff_id=staff.id)
