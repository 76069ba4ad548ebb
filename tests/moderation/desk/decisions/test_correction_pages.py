"""Asking for a correction and publishing one, over HTTP: the desk's page, and the receipt."""

import pytest
from sqlalchemy import select

from services.moderation.decisions import entries
from services.submission import create_app as create_public
from shared.links import receipts
from shared.models import Decision, DecisionKind, Idea, IdeaStatus, Reason
from tests.factories import a_council, a_member_of_staff
from tests.moderation.conftest import Desk
from tests.moderation.decisions.rules.given import corrected
from tests.moderation.decisions.test_decisions import decide, waiting

WHY = "Ta bort namnet på din lärare."


@pytest.fixture
def idea(session) -> Idea:
    made = waiting(session, a_council(session), text="Fler bänkar.", email="ada@example.org")
    session.commit()
    return made


def latest(session) -> Decision:
    session.rollback()
    session.expire_all()
    return session.scalars(select(Decision).order_by(Decision.seq.desc()).limit(1)).one()


def act(idea: Idea, kind: str, **more) -> dict:
    return {"kind": kind, "seen_version": idea.version, **more}


class TestAsking:
    def test_says_first_what_the_writer_will_read(self, desk, idea):
        page = desk.get(f"/ideas/{idea.number}")
        form = page.select_one("form:has([name=kind][value=ask_correction])")
        assert "14 dagar" in form.text
        body = act(idea, "ask_correction", reason_text=WHY)
        shown = Desk.page(desk.post(f"/ideas/{idea.number}/preview", **body, part="1"))
        assert "Kan du rätta din idé" in shown.select_one(".letter-subject").text
        assert WHY in shown.select_one(".letter").text

    def test_without_a_reason_is_refused(self, desk, session, idea):
        path = f"/ideas/{idea.number}/decisions"
        refused = desk.send(path, act(idea, "ask_correction"))
        assert refused.status_code == 422
        assert desk.post(path, **act(idea, "ask_correction", note="N")).status_code == 422
        assert session.scalars(select(Decision)).all() == []

    def test_leaves_it_waiting_out_of_the_queue_and_on_the_receipt(
        self, desk, session, settings, idea
    ):
        answer = desk.send(
            f"/ideas/{idea.number}/decisions", act(idea, "ask_correction", reason_text=WHY)
        )
        assert (answer.status_code, answer.json["status"]) == (200, "waiting")
        assert desk.get("/").select(".entry") == []
        history = desk.get(f"/ideas/{idea.number}").select_one(".history").text
        assert "Skribenten ombedd att rätta" in history
        assert WHY in history
        token = receipts.issue_receipt(session, settings.secret_key, idea.id, idea.receipt_nonce)
        session.commit()
        public = create_public(settings).test_client()
        page = Desk.page(public.get(f"/receipts/{token}", base_url=settings.public_url))
        assert WHY in page.select_one("section:has(#asked)").text
        assert page.select_one("details[open] textarea[name=text]") is not None
        told = public.get(
            f"/receipts/{token}",
            base_url=settings.public_url,
            headers={"Accept": "application/json"},
        )
        assert told.json["correction_asked"]["reason"] == WHY
        # Until it has been corrected.
        corrected(session, session.get_one(Idea, idea.id, populate_existing=True))
        session.commit()
        page = Desk.page(public.get(f"/receipts/{token}", base_url=settings.public_url))
        assert page.select("#asked") == []


class TestACorrectionAfterARejection:
    @pytest.fixture
    def rejected(self, desk, session, idea) -> Idea:
        """One that the person at the desk rejected; its writer asks anew, and corrects it."""
        a_member_of_staff(session)
        session.commit()
        desk.send(f"/ideas/{idea.number}/decisions", act(idea, "reject", rule="spam"))
        session.rollback()
        session.expire_all()
        corrected(session, idea, "Fler bänkar, tack.")
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
        session.commit()
        return idea

    def test_is_published_in_one_act_by_who_rejected_it(self, desk, session, rejected):
        page = desk.get(f"/ideas/{rejected.number}")
        [button] = page.select(".decide button[data-key=p]")
        assert "Publicera den rättade texten" in button.text
        assert "button-main" in button["class"]
        kind = button.find_parent("form").select_one("[name=kind]")["value"]
        # To keep the rejection is another person's turn.
        path = f"/ideas/{rejected.number}/decisions"
        assert desk.send(path, act(rejected, "keep")).status_code == 422
        assert desk.post(path, **act(rejected, kind)).status_code == 303
        assert latest(session).kind is DecisionKind.ACCEPT_CORRECTION
        session.refresh(rejected)
        assert (rejected.status, rejected.public_text) == (
            IdeaStatus.PUBLISHED,
            "Fler bänkar, tack.",
        )

    def test_is_not_offered_where_none_waits(self, desk, session, idea):
        decide(session, idea, DecisionKind.PUBLISH, a_member_of_staff(session))
        session.commit()
        page = desk.get(f"/ideas/{idea.number}")
        assert page.select("[value=accept_correction]") == []
        refused = desk.send(f"/ideas/{idea.number}/decisions", act(idea, "accept_correction"))
        assert refused.status_code == 422
