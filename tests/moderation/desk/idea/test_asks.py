"""Notes and questions between colleagues: kept, private, and never in anybody's way."""

import pytest
from sqlalchemy import select

from services.moderation.people import accounts
from shared.clock import utcnow
from shared.models import Ask, Idea, IdeaStatus, Note, Role
from tests.moderation.conftest import PASSWORD, Desk
from tests.moderation.desk.test_desk import decide, waiting


@pytest.fixture
def carl(app, settings, desk, session) -> Desk:
    """A reader with a browser of his own."""
    staff = accounts.add_staff(session, "carl@example.org", Role.READER, PASSWORD, name="Carl")
    session.commit()
    carl = Desk(app, settings)
    carl.sign_in("carl@example.org")
    carl.id = staff.id  # type: ignore[attr-defined]
    return carl


def url(idea: Idea, rest: str = "") -> str:
    return f"/ideas/{idea.number}{rest}"


def ask(desk: Desk, idea: Idea, of: object, question: str = "Är det här reklam?"):
    return desk.post(url(idea, "/asks"), of=of, question=question)


def test_a_note_is_kept_with_who_and_when_and_warns_that_it_may_be_read(desk, session):
    idea = waiting(session)
    form = desk.get(url(idea)).select_one(".colleagues")
    assert form is not None
    assert "allmän handling" in form.text
    assert desk.post(url(idea, "/notes"), note_text="  ").status_code == 422
    assert desk.post(url(idea, "/notes"), note_text="Ring <b>Råå</b>.").status_code == 303
    [note] = session.scalars(select(Note))
    assert note.text == "Ring <b>Råå</b>."
    shown = desk.get(url(idea)).select_one(".notes li")
    assert shown is not None
    assert "Ring <b>Råå</b>." in shown.text
    assert "Moa" in shown.text


def test_a_question_reaches_the_one_it_is_for_and_is_answered_by_a_note(desk, carl, session):
    idea = waiting(session)
    assert ask(desk, idea, carl.id).status_code == 303
    mine = carl.get("/asks")
    assert idea.number in mine.text
    assert "Är det här reklam?" in mine.text
    form = carl.get(url(idea)).select_one(".ask-mine form")
    assert form is not None
    assert carl.post(str(form["action"]), note_text="Nej, en önskan.").status_code == 303
    [asked] = session.scalars(select(Ask))
    assert asked.answer_id == session.scalars(select(Note.id)).one()
    assert asked.closed_at is not None
    assert "Ingen väntar på svar" in carl.get("/asks").text
    assert "Nej, en önskan." in desk.get(url(idea)).select_one(".notes").text
    # Answered twice, the words are given back.
    again = carl.post(str(form["action"]), note_text="En gång till.")
    assert again.status_code == 409
    assert "En gång till." in again.text


def test_a_question_never_holds_a_decision_up(desk, carl, session):
    idea = waiting(session)
    ask(desk, idea, carl.id)
    assert decide(desk, idea, "publish").status_code == 200
    session.refresh(idea)
    assert idea.status is IdeaStatus.PUBLISHED
    assert session.scalars(select(Ask)).one().closed_at is None


def test_the_same_question_again_is_one_and_is_taken_back_by_who_asked(desk, carl, session):
    idea = waiting(session)
    ask(desk, idea, carl.id)
    ask(desk, idea, carl.id, "Eller skräp?")
    [asked] = session.scalars(select(Ask))
    assert asked.question == "Eller skräp?"
    assert desk.post(url(idea, f"/asks/{asked.id}/close")).status_code == 303
    assert desk.post(url(idea, f"/asks/{asked.id}/close")).status_code == 404


def test_nobody_asks_themselves_a_closed_account_or_about_another_idea(desk, carl, session):
    idea, other = waiting(session), waiting(session, "Fler träd.")
    me = accounts.add_staff(session, "bo@example.org", Role.MODERATOR, PASSWORD)
    me.disabled_at = utcnow()
    session.commit()
    assert ask(desk, idea, me.id).status_code == 422
    assert ask(desk, idea, "ingen").status_code == 422
    ask(desk, idea, carl.id)
    [asked] = session.scalars(select(Ask))
    assert desk.post(url(other, f"/asks/{asked.id}/answer"), note_text="x").status_code == 404
    assert session.scalars(select(Note)).all() == []
    assert carl.post(url(idea, "/notes"), note_text="x").status_code == 403
