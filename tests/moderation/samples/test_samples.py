"""Blind samples: who is drawn, who looks, what they may see, and what it changes (nothing)."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from radslag.desk import create_app
from radslag.ports import free_port
from services.moderation.decisions import bulk, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.receipt_actions import withdraw_idea
from services.moderation.people import accounts
from services.moderation.samples import drawing, second_looks
from services.moderation.settings.seed import seed_rules
from services.moderation.statistics import counting
from shared.clock import utcnow
from shared.models import (
    AuditEntry,
    DailyNumber,
    Decision,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    Judgement,
    Reason,
    Role,
    Sample,
    SampleShare,
    Verdict,
)
from tests.factories import a_council, a_member_of_staff, an_idea, open_reasons
from tests.moderation.checking.test_checking import check
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.decisions.test_decisions import decide_for_good
from tests.serving import serving

KEY = "a key"
LATER = timedelta(minutes=10)


@pytest.fixture
def first(session):
    seed_rules(session)
    session.add(SampleShare(share=1.0, changed_at=utcnow() - timedelta(days=2)))
    made = a_member_of_staff(session, name="Frans Först")
    a_member_of_staff(session)
    session.commit()
    return made


def decided(session: SqlSession, staff, kind=DecisionKind.PUBLISH, **more) -> tuple[Idea, Decision]:
    idea = an_idea(session, text=more.pop("words", "Ring 0701740605 om bänkarna i parken."))
    check(session, idea)
    return idea, decide_for_good(session, idea, kind, staff, **more)


def draw(session: SqlSession, after: timedelta = LATER) -> int:
    drawn = drawing.draw_samples(session, KEY, utcnow() + after)
    session.commit()
    return drawn


class TestDraw:
    def test_opens_an_entry_and_once_only(self, session, first):
        idea, made = decided(session, first)
        assert draw(session, timedelta()) == 0
        assert draw(session) == 1
        assert draw(session) == 0
        sample = session.scalars(select(Sample)).one()
        assert (sample.decision_id, sample.text_version) == (made.id, 1)
        assert open_reasons(session, idea.id) == [Reason.SAMPLE]

    def test_follows_the_share_and_the_key(self):
        ids = [drawing.draw_lot(KEY, made) for made in (_id(number) for number in range(4000))]
        assert 0.04 < sum(lot < 0.05 for lot in ids) / len(ids) < 0.06
        assert drawing.draw_lot(KEY, _id(1)) == drawing.draw_lot(KEY, _id(1))
        assert drawing.draw_lot(KEY, _id(1)) != drawing.draw_lot("another key", _id(1))

    def test_nothing_is_drawn_at_a_share_of_nothing(self, session, first):
        session.add(SampleShare(share=0.0))
        decided(session, first)
        assert draw(session) == 0

    def test_a_share_counts_from_when_it_was_set(self, session, first):
        decided(session, first)
        session.add(SampleShare(share=0.0, changed_at=utcnow() + timedelta(minutes=1)))
        assert draw(session) == 1

    def test_a_wave_is_a_few_samples(self, session, first):
        council = a_council(session)
        ideas = [an_idea(session, council, text=f"Skräp nummer {n} här") for n in range(12)]
        check(session, *ideas)
        bulk.decide_many(
            session,
            DecisionRequest(kind=DecisionKind.REJECT, staff_id=first.id, rule_code="spam"),
            [(idea.number, idea.version) for idea in ideas],
        )
        session.commit()
        assert draw(session) == drawing.MOST_OF_BULK
        assert draw(session) == 0

    def test_one_who_works_alone_gets_none(self, session, first):
        session.execute(
            text("UPDATE staff SET disabled_at = now() WHERE id <> :id"), {"id": first.id}
        )
        decided(session, first)
        assert draw(session) == 0

    def test_undoing_is_no_way_around(self, session, first):
        idea, made = decided(session, first)
        draw(session)
        undoing.undo_decision(session, decision_id=made.id, staff_id=first.id)
        session.commit()
        # Nothing would be drawn any more, but this text was.
        session.add(SampleShare(share=0.0))
        again = decide_for_good(session, idea, DecisionKind.PUBLISH, first)
        assert draw(session) == 1
        rows = session.scalars(select(Sample).order_by(Sample.id)).all()
        assert rows[0].voided_at is not None
        assert (rows[1].decision_id, rows[1].voided_at) == (again.id, None)

    def test_what_its_writer_took_back_is_void(self, session, first):
        idea, _made = decided(session, first)
        draw(session)
        withdraw_idea(session, session.get_one(Idea, idea.id))
        session.commit()
        draw(session)
        assert session.scalars(select(Sample)).one().voided_at is not None


def _id(number: int):
    return UUID(int=number)


class TestSecondLook:
    @pytest.fixture
    def second(self, session):
        made = a_member_of_staff(session, name="Agnes Andra")
        session.commit()
        return made

    @pytest.fixture
    def drawn(self, session, first):
        idea, _made = decided(session, first)
        draw(session)
        return idea, session.scalars(select(Sample)).one()

    def test_never_the_same_person(self, session, first, second, drawn):
        idea, sample = drawn
        assert second_looks.list_waiting(session, first.id) == ([], False)
        assert second_looks.on_idea(session, idea.number, first.id) is None
        with pytest.raises(LookupError):
            second_looks.answer_sample(session, sample.id, first.id, Judgement.PUBLISH)
        assert second_looks.on_idea(session, idea.number, second.id) == sample.id

    def test_changes_nothing_about_the_idea(self, session, second, drawn):
        idea, sample = drawn
        session.refresh(idea)
        before = (idea.status, idea.version, idea.public_text)
        told = second_looks.answer_sample(session, sample.id, second.id, Judgement.PUBLISH)
        session.commit()
        session.refresh(idea)
        assert told.is_alike
        assert (idea.status, idea.version, idea.public_text) == before
        assert open_reasons(session, idea.id) == []

    def test_a_difference_asks_for_a_third_look(self, session, second, drawn):
        idea, sample = drawn
        told = second_looks.answer_sample(
            session,
            sample.id,
            second.id,
            Judgement.REJECT,
            rule_code="personal-data",
            note="Nummer",
        )
        session.commit()
        session.refresh(idea)
        assert not told.is_alike
        assert idea.status is IdeaStatus.PUBLISHED
        assert open_reasons(session, idea.id) == [Reason.RE_REVIEW]
        listed = second_looks.list_differing(session)
        assert [(each.second_rule, each.since) for each in listed] == [("personal-data", None)]

    def test_who_is_unsure_differs_from_nobody(self, session, second, drawn):
        idea, sample = drawn
        second_looks.answer_sample(session, sample.id, second.id, Judgement.UNSURE)
        session.commit()
        assert open_reasons(session, idea.id) == []
        assert second_looks.list_differing(session) == []

    def test_the_first_answer_stands(self, session, second, drawn):
        _idea, sample = drawn
        third = a_member_of_staff(session)
        second_looks.answer_sample(session, sample.id, second.id, Judgement.PUBLISH)
        with pytest.raises(second_looks.SampleClosedError):
            second_looks.answer_sample(session, sample.id, third.id, Judgement.MASK)

    def test_a_rejection_needs_its_rule(self, session, second, drawn):
        with pytest.raises(second_looks.RuleMissingError):
            second_looks.answer_sample(session, drawn[1].id, second.id, Judgement.REJECT)

    def test_who_knows_the_decision_passes_it_on(self, session, second, drawn):
        idea, sample = drawn
        second_looks.pass_on(session, sample.id, second.id)
        session.commit()
        assert second_looks.on_idea(session, idea.number, second.id) is None
        assert sample.answered_at is None

    def test_counts_for_the_rule(self, session, second, drawn, settings):
        second_looks.answer_sample(
            session, drawn[1].id, second.id, Judgement.REJECT, rule_code="personal-data"
        )
        session.commit()
        counting.count_day(
            session, utcnow().astimezone(settings.timezone).date(), settings.timezone
        )
        keys = session.scalars(select(DailyNumber.key).where(DailyNumber.name == "sample")).all()
        assert keys == ["publish>reject:personal-data"]


@pytest.fixture
def live_desk(settings, session):
    """A desk that answers a browser."""
    settings = replace(settings, desk_url=f"http://127.0.0.1:{free_port()}")
    accounts.add_staff(session, "moa@example.org", Role.MODERATOR, PASSWORD, name="Moa")
    session.commit()
    with serving(create_app(settings), settings.desk_url):
        yield settings.desk_url


class TestPages:
    @pytest.fixture
    def drawn(self, session, first):
        idea, _made = decided(
            session, first, DecisionKind.REJECT, rule_code="insult", note="En hemlig anteckning"
        )
        draw(session)
        return idea, session.scalars(select(Sample)).one()

    def test_tells_nothing_of_the_first_decision(self, desk, drawn):
        idea, sample = drawn
        # Not among what waits, where everybody would see that it was drawn.
        assert desk.get("/").select(".entry") == []
        listed = desk.get("/samples")
        assert listed.select_one(f"a[href='/samples/{sample.id}']") is not None
        assert idea.number not in listed.text
        page = desk.get(f"/samples/{sample.id}")
        told = page.get_text(" ")
        assert "0701740605" in told
        for secret in (idea.number, "Avslagen", "Frans", "hemlig"):
            assert secret not in str(page)
        checked = page.select("input[checked], option[selected]")
        assert not checked

    def test_never_praises_what_no_check_has_read(self, desk, session, drawn):
        idea, sample = drawn
        session.query(FindingRow).where(FindingRow.idea_id == idea.id).delete()
        verdict = session.get_one(Verdict, (idea.id, sample.text_version))

        def said() -> str:
            session.commit()
            return desk.get(f"/samples/{sample.id}").select_one(".findings").text

        assert "Inga kontroller slog till. Läs ändå." in said()
        verdict.unchecked = ["tone"]
        assert ("slog till" in said(), "Ej kontrollerad: ton" in said()) == (False, True)
        session.delete(verdict)
        assert ("slog till" in said(), "inte kontrollerad än" in said()) == (False, True)

    def test_answers_and_learns_then_what_the_first_did(self, desk, drawn):
        idea, sample = drawn
        # The idea's own page would tell.
        away = desk.client.get(f"/ideas/{idea.number}", base_url=desk.base)
        assert away.location == f"/samples/{sample.id}"
        answer = desk.post(f"/samples/{sample.id}", judgement="reject", rule="spam", note="")
        assert (answer.status_code, answer.location) == (303, f"/samples/{sample.id}")
        told = desk.get(f"/samples/{sample.id}").get_text(" ", strip=True)
        assert "Ni bedömde olika" in told
        assert "Kränkningar" in told
        assert idea.number in desk.get("/samples").get_text()
        assert "Frans" in desk.get(f"/ideas/{idea.number}").get_text()

    def test_keeps_what_was_chosen_when_the_rule_is_missing(self, desk, drawn):
        answer = desk.post(f"/samples/{drawn[1].id}", judgement="reject", note="För att")
        assert answer.status_code == 422
        page = desk.page(answer)
        assert page.select_one("input[value=reject][checked]") is not None
        assert "För att" in page.get_text()
        assert desk.post(f"/samples/{drawn[1].id}", judgement="delete").status_code == 422

    @pytest.mark.browser
    def test_is_judged_by_keys_alone(self, session, drawn, live_desk, page):
        """And fits the narrowest screen without being pushed sideways."""
        page.set_viewport_size({"width": 320, "height": 640})
        page.goto(f"{live_desk}/samples")
        page.get_by_label("Mejladress").fill("moa@example.org")
        page.get_by_label("Lösenord", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="Börja med det äldsta").focus()
        page.keyboard.press("Enter")
        page.get_by_label("Publicera som den är").focus()
        page.keyboard.press("ArrowUp")
        assert page.get_by_label("Osäker").is_checked()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Tab")
        page.keyboard.type("Krä")
        page.keyboard.press("Tab")
        page.keyboard.type("Hårda ord")
        page.keyboard.press("Tab")
        for path in ("/stats", f"/samples/{drawn[1].id}"):
            other = page.context.new_page()
            other.set_viewport_size({"width": 320, "height": 640})
            other.goto(f"{live_desk}{path}")
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert not other.evaluate(wide), path
            other.close()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Ni bedömde lika").wait_for()
        answered = session.scalars(select(Sample).execution_options(populate_existing=True)).one()
        assert (answered.judgement, answered.note) == (Judgement.REJECT, "Hårda ord")

    def test_is_not_there_for_others(self, session, app, settings, desk, drawn, first):
        accounts.add_staff(session, "las@example.org", Role.READER, PASSWORD)
        session.execute(
            text(
                "UPDATE staff SET password_hash = (SELECT password_hash FROM staff"
                " WHERE email = 'moa@example.org'), email = 'frans@example.org' WHERE id = :id"
            ),
            {"id": first.id},
        )
        session.commit()
        for email, status in (("las@example.org", 403), ("frans@example.org", 404)):
            other = Desk(app, settings)
            other.sign_in(email)
            other.get(f"/samples/{drawn[1].id}", status)
            assert other.post(f"/samples/{drawn[1].id}", judgement="publish").status_code == status
        desk.get("/samples/999999", 404)

    def test_an_administrator_sets_the_share_and_it_is_written_down(
        self, session, app, settings, desk
    ):
        assert desk.post("/samples/share", share="10").status_code == 403
        accounts.add_staff(session, "ada@example.org", Role.ADMIN, PASSWORD)
        session.commit()
        admin = Desk(app, settings)
        admin.sign_in("ada@example.org")
        assert admin.post("/samples/share", share="2,5").status_code == 303
        assert drawing.read_share(session) == 0.025
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.before, entry.after) == (
            "sampling.share_changed",
            {"share": 0.05},
            {"share": 0.025},
        )
        for wrong in ("", "101", "-1", "nan", "inf", "fem"):
            assert admin.post("/samples/share", share=wrong).status_code == 422
        assert session.scalar(select(func.count()).select_from(SampleShare)) == 1
        assert "2,5" in str(admin.get("/samples"))
        admin.get("/audit")
