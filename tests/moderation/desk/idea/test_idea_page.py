"""The page of one idea: what stands on it, what it costs, and what one can try before deciding."""

import re

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checking import idea_reading
from services.moderation.decisions import bulk, deciding, entries, receipt_actions, undoing
from services.moderation.decisions.decision_request import DecisionRequest
from services.moderation.decisions.re_reviews import OthersTurnError
from services.moderation.people import accounts
from shared import db
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.models import (
    AnswerTemplate,
    CheckOutcome,
    Decision,
    DecisionKind,
    Idea,
    IdeaStatus,
    IdeaText,
    Letter,
    Reason,
    ReceiptVerb,
    Role,
    TextKind,
)
from shared.text import fold_text
from tests.factories import a_council, a_member_of_staff, open_reasons
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.test_desk import decide, waiting


def path(idea: Idea) -> str:
    return f"/ideas/{idea.number}"


def decided(session: SqlSession, idea: Idea, kind: DecisionKind, staff, **more) -> Decision:
    session.refresh(idea)
    return deciding.decide_idea(
        session,
        DecisionRequest(kind=kind, staff_id=staff.id, **more),
        number=idea.number,
        seen_version=idea.version,
    )


def preview(desk: Desk, idea: Idea, kind: str, **fields):
    fields["seen_version"] = idea.version
    return Desk.page(desk.post(f"{path(idea)}/preview", kind=kind, **fields))


class Asked:
    """The statements that the desk sends while it is watched."""

    def __enter__(self) -> list[tuple[str, object]]:
        self.statements: list[tuple[str, object]] = []
        self.engine = db.Session.kw["bind"]
        event.listen(self.engine, "before_cursor_execute", self.note)
        return self.statements

    def note(self, _connection, _cursor, statement, parameters, *_rest) -> None:
        self.statements.append((statement, parameters))

    def __exit__(self, *_error) -> None:
        event.remove(self.engine, "before_cursor_execute", self.note)


class TestReading:
    def test_asks_at_most_eight_statements_and_scans_no_big_table(self, desk, session):
        council = a_council(session)
        text = "Fler bänkar längs vattnet i Råå, ring 0701740605 så berättar jag."
        first = waiting(session, text, council=council, email="moa@example.org")
        for _ in range(3):
            waiting(session, text, council=council)
        decide(desk, first, "publish")
        desk.post(f"{path(first)}/notes", note_text="Ring inte.")
        copy = waiting(session, text, council=council, email="carl@example.org")
        with Asked() as statements:
            page = desk.get(path(copy))
        assert page.select_one(".similar") is not None
        assert len(statements) <= 8
        plans = _plans(session, statements)
        for table in (
            "ideas",
            "idea_texts",
            "findings",
            "decisions",
            "outbox_events",
            "letters",
            "official_answers",
        ):
            assert not re.search(rf"Seq Scan on {table}\b", plans), table
        assert "Seq Scan on check_outcomes" not in plans

    def test_says_how_right_each_kind_of_finding_has_been(self, desk, session):
        council = a_council(session)
        for at in range(3):
            idea = waiting(session, f"Ring mig på 070174060{at + 1} om bänkarna.", council=council)
            if at == 0:
                decide(desk, idea, "publish")  # nobody minded the number
            else:
                decide(desk, idea, "mask", spans=[[12, 22]])
        newest = waiting(session, "Ring 0701740609 om gungorna.", council=council)
        record = desk.get(path(newest)).select_one(".record")
        assert record is not None
        assert record.text == "rätt 2 av 3 senaste"

    def test_undoing_takes_back_what_a_decision_showed(self, desk, session):
        idea = waiting(session, "Ring mig på 0701740605.")
        made = decide(desk, idea, "publish").json
        assert session.scalars(select(CheckOutcome.agreed)).all() == [False]
        desk.post(f"/decisions/{made['id']}/undo")
        assert session.scalars(select(CheckOutcome)).all() == []

    def test_a_correction_stands_beside_what_the_public_reads(self, desk, session):
        idea = waiting(session, "Fler bänkar vid vattnet.")
        decide(desk, idea, "publish")
        session.refresh(idea)
        words = "Fler gungor vid vattnet."
        session.add(
            IdeaText(
                idea_id=idea.id,
                version=2,
                kind=TextKind.CORRECTION,
                text=words,
                folded=fold_text(words),
            )
        )
        session.flush()
        receipt_actions.correct_idea(session, idea, 2)
        outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.CORRECT, text_version=2))
        entries.open_entry(session, idea.id, Reason.CORRECTION, 260)
        session.commit()
        page = desk.get(path(idea))
        assert [mark.text for mark in page.select(".standing mark")] == ["bänkar", "gungor"]
        assert "Skribenten har rättat texten" in page.select_one(".why").text
        assert "Skribenten rättade texten" in page.select_one(".history").text

    def test_a_report_names_its_rule(self, desk, session):
        idea = waiting(session)
        decide(desk, idea, "publish")
        for _ in range(2):
            outbox.record_event(
                session, ReceiptAction(idea.id, ReceiptVerb.REPORT, rule_code="insult")
            )
        entries.open_entry(session, idea.id, Reason.REPORT, 350)
        session.commit()
        why = desk.get(path(idea)).select_one(".why")
        assert why is not None
        assert why.text.startswith("2 läsare har anmält den. Regel: ")


def _plans(session: SqlSession, statements) -> str:
    """Explain statements as a planner does that finds every table big."""
    connection = session.connection()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plans = []
    for statement, parameters in statements:
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        plans += [row[0] for row in rows]
    session.rollback()
    return "\n".join(plans)


class TestBeforeDeciding:
    def test_the_letter_of_a_rejection_is_read_first(self, desk, session):
        idea = waiting(session, "Köp billiga klockor.", email="carl@example.org")
        page = preview(desk, idea, "reject", rule="advertising", reason_text="Vi säljer inget.")
        letter = page.select_one("#reads-reject")
        assert letter is not None
        assert "Vi säljer inget." in letter.text
        assert idea.number in letter.text
        field = page.select_one("#reason-text")
        assert field is not None
        assert field.text.strip() == "Vi säljer inget."
        assert page.select_one("#rule option[selected]")["value"] == "advertising"
        session.refresh(idea)
        assert (idea.status, idea.version) == (IdeaStatus.WAITING, idea.version)
        assert session.scalars(select(Decision)).all() == []
        assert session.scalars(select(Letter)).all() == []

    def test_without_an_address_it_is_the_receipt_that_tells(self, desk, session):
        idea = waiting(session, "Köp billiga klockor.")
        page = preview(desk, idea, "reject", rule="spam", reason_text="Samma text fem gånger.")
        told = page.select_one("#reads-reject")
        assert told is not None
        assert "på sitt kvitto" in told.text
        assert "Samma text fem gånger." in told.text

    def test_a_template_is_put_where_it_can_be_edited(self, desk, session):
        session.add(AnswerTemplate(title="Reklam", text="Vi tar inte emot reklam.", language="sv"))
        session.flush()
        template = session.scalars(select(AnswerTemplate)).one()
        idea = waiting(session)
        page = preview(
            desk, idea, "reject", rule="advertising", template=template.id, use_template="1"
        )
        field = page.select_one("#reason-text")
        assert field is not None
        assert field.text.strip() == "Vi tar inte emot reklam."

    def test_the_reason_is_kept_and_told_on_the_receipt_page(self, desk, session):
        idea = waiting(session)
        answer = decide(desk, idea, "reject", rule="spam", reason_text="Det är en annons.")
        assert answer.status_code == 200
        assert session.scalars(select(Decision.reason_text)).all() == ["Det är en annons."]
        assert "Det är en annons." in desk.get(path(idea)).select_one(".history").text

    def test_a_mask_is_seen_before_it_is_made(self, desk, session):
        idea = waiting(session, "Jag heter Moa och är 11 år. Hälsa Sixten.")
        page = preview(desk, idea, "mask", span=["10-13"], words="sixten")
        shown = page.select_one("#reads-mask .words")
        assert shown is not None
        assert shown.text == "Jag heter [maskat] och är 11 år. Hälsa [maskat]."
        chosen = [box["value"] for box in page.select("input[name=span][checked]")]
        assert chosen == ["10-13"]
        session.expire_all()
        assert session.scalars(select(IdeaText.kind)).all() == [TextKind.RECEIVED]

    def test_words_find_ideas_to_merge_into_and_one_press_merges(self, desk, session):
        council = a_council(session)
        public = waiting(session, "Fler cykelställ vid stationen.", council=council)
        decide(desk, public, "publish")
        other = waiting(session, "Cykelställen vid skolan är för få.", council=council)
        waiting(session, "Cykelställ i ett annat råd.")
        idea = waiting(session, "Ställ för cyklar vid torget, tack.", council=council)
        answer = desk.post(
            f"{path(idea)}/decisions",
            kind="merge",
            seen_version=idea.version,
            into="cykelställ",
            search="1",
        )
        assert answer.status_code == 200
        picks = [button["value"] for button in Desk.page(answer).select(".hits button")]
        assert set(picks) == {public.number, other.number}
        digits = public.number.rsplit("-", 1)[1].lstrip("0")
        part = desk.get(f"{path(idea)}/targets?find={digits}")
        assert [button["value"] for button in part.select("button")] == [public.number]
        done = desk.post(
            f"{path(idea)}/decisions",
            kind="merge",
            seen_version=idea.version,
            into="cykelställ",
            pick=public.number,
            counts_as_support="1",
        )
        assert done.status_code in {200, 303}
        session.refresh(idea)
        assert idea.merged_into == public.id
        assert "1 till stöder idén" in desk.get(path(public)).select_one(".idea-facts").text


class TestNewLook:
    @pytest.fixture
    def idea(self, desk, session) -> Idea:
        """Rejected by Moa, and its writer asks for a new look."""
        idea = waiting(session)
        decide(desk, idea, "reject", rule="spam")
        outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.RE_REVIEW))
        entries.open_entry(session, idea.id, Reason.RE_REVIEW, entries.REQUEST_PRIORITY)
        session.commit()
        session.refresh(idea)
        return idea

    def test_is_for_somebody_else_than_the_first(self, app, settings, desk, session, idea):
        accounts.add_staff(session, "carl@example.org", Role.MODERATOR, PASSWORD, name="Carl")
        session.commit()
        page = desk.get(path(idea))
        assert "Låt en kollega" in page.select_one(".turn").text
        assert page.select_one('button[data-key="b"]') is None
        assert decide(desk, idea, "keep").status_code == 422
        undo = session.scalars(select(Decision.id)).one()
        assert desk.post(f"/decisions/{undo}/undo").status_code == 422
        carl = Desk(app, settings)
        carl.sign_in("carl@example.org")
        assert carl.get(path(idea)).select_one(".turn") is None
        assert decide(carl, idea, "keep").status_code == 200
        assert open_reasons(session, idea.id) == []

    def test_is_the_firsts_where_nobody_else_is_and_says_so(self, desk, session, idea):
        a_member_of_staff(session, Role.READER)
        session.commit()
        assert "Ingen annan" in desk.get(path(idea)).select_one(".turn").text
        assert decide(desk, idea, "keep").status_code == 200
        assert session.scalars(select(Decision.by_the_first).order_by(Decision.seq)).all() == [
            False,
            True,
        ]
        assert "eftersom ingen annan fanns" in desk.get(path(idea)).select_one(".history").text

    def test_many_at_once_leave_it_alone(self, session, idea):
        a_member_of_staff(session)
        moa = session.scalars(select(Decision.staff_id)).one()
        items = [(idea.number, idea.version)]
        with pytest.raises(OthersTurnError):
            undoing.undo_decision(
                session, decision_id=session.scalars(select(Decision.id)).one(), staff_id=moa
            )
        result = bulk.decide_many(
            session, DecisionRequest(kind=DecisionKind.KEEP, staff_id=moa), items
        )
        assert result.conflicts == [idea.number]


def test_the_undo_bar_says_for_how_long_and_leaves_after_one_page(desk, session):
    first, second = waiting(session, "Fler bänkar."), waiting(session, "Fler träd.")
    answer = desk.post(f"{path(first)}/decisions", kind="publish", seen_version=first.version)
    assert answer.location.endswith(path(second))
    bar = desk.get(answer.location).select_one("[data-undo]")
    assert bar is not None
    assert 8 <= int(bar["data-undo"]) <= 10
    assert desk.get(path(second)).select_one("[data-undo]") is None
    # Afterwards it is no key any more, but an act that says what it undoes.
    page = desk.get(path(first))
    assert page.select('[data-key="u"]') == []
    assert "publicerad" in page.select_one("details:has(form[action$='/undo']) summary").text


def test_the_count_of_copies_ends_somewhere(desk, session, monkeypatch):
    council = a_council(session)
    text = "En egen digital plattform för dialog, tack."
    first = waiting(session, text, council=council)
    for _ in range(3):
        waiting(session, text, council=council)
    monkeypatch.setattr(idea_reading, "MOST_COUNTED", 2)
    assert "Fler än 2 senare idéer" in desk.get(path(first)).select_one(".copies").text
