"""The verbs of official answers: what each refuses, and whom the new version is told to."""

import pytest
from sqlalchemy import select

from services.moderation.decisions import official_answers, receipt_actions
from services.moderation.decisions.official_answers import AnswerMovedError
from services.moderation.decisions.transitions import NotAllowedError
from shared.models import DecisionKind, IdeaStatus, OfficialAnswer, OutboxEvent
from tests.moderation.decisions.rules.given import idea_in
from tests.moderation.decisions.test_decisions import decide


@pytest.fixture
def idea(session, council, staff):
    return idea_in(session, council, staff, IdeaStatus.PUBLISHED)


@pytest.fixture
def write(session, staff, idea):
    def writing(text="Ja.", seen=0, **more):
        return official_answers.write_official_answer(
            session, number=idea.number, staff_id=staff.id, seen=seen, text=text, **more
        )

    return writing


@pytest.fixture
def take_back(session, staff, idea):
    def taking(seen):
        return official_answers.take_back(session, number=idea.number, staff_id=staff.id, seen=seen)

    return taking


@pytest.fixture
def undo(session, staff):
    def undoing(answer):
        return official_answers.undo_official_answer(
            session, answer_id=answer.id, staff_id=staff.id
        )

    return undoing


def told(session, idea) -> list[str]:
    return [
        payload["answer_id"]
        for payload in session.scalars(
            select(OutboxEvent.payload)
            .where(OutboxEvent.subject_id == idea.id, OutboxEvent.kind == "IdeaAnswered")
            .order_by(OutboxEvent.id)
        )
    ]


@pytest.mark.parametrize("status", IdeaStatus)
def test_only_a_public_idea_gets_one(session, council, staff, status):
    idea = idea_in(session, council, staff, status)
    more = {"number": idea.number, "staff_id": staff.id, "seen": 0, "text": "Ja."}
    if status is IdeaStatus.PUBLISHED:
        assert official_answers.write_official_answer(session, **more).version == 1
    else:
        with pytest.raises(NotAllowedError):
            official_answers.write_official_answer(session, **more)


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_is_written_over_the_version_that_was_seen_and_no_other(write, take_back, seen):
    write("Ja.")
    write("Nej.", seen=1)
    if seen == 2:
        assert write("Kanske.", seen=seen).version == 3
        assert take_back(3).version == 4
    else:
        with pytest.raises(AnswerMovedError):
            write("Kanske.", seen=seen)
        with pytest.raises(AnswerMovedError):
            take_back(seen)


@pytest.mark.parametrize(
    ("second", "is_new"),
    [
        ({"text": "Ja.", "signature": "P"}, False),
        ({"text": "Ja.", "signature": "P", "tells": True}, True),
        ({"text": "Ja!", "signature": "P"}, True),
        ({"text": "Ja.", "signature": "Q"}, True),
        ({"text": "Ja."}, True),
    ],
)
def test_the_same_words_again_are_none_unless_they_are_to_be_told(
    session, idea, write, second, is_new
):
    first = write("Ja.", signature="P")
    again = write(seen=1, **second)
    assert (again.id != first.id) is is_new
    assert told(session, idea) == ([str(first.id), str(again.id)] if is_new else [str(first.id)])


def test_tells_of_the_first_always_of_later_ones_if_one_wants(write, take_back):
    assert write("Ja.").tells
    assert not write("Ja!", seen=1).tells
    assert write("Ja, ja.", seen=2, tells=True).tells
    assert not take_back(3).tells
    # There is none any more, so this one is a first.
    assert write("Jo.", seen=4).tells


def test_taken_back_twice_or_without_one_is_refused(write, take_back):
    with pytest.raises(NotAllowedError):
        take_back(0)
    write("Ja.")
    assert take_back(1).text is None
    with pytest.raises(NotAllowedError):
        take_back(2)


def test_is_taken_back_of_an_idea_that_is_public_no_more(session, staff, idea, write, take_back):
    write("Ja.")
    decide(session, idea, DecisionKind.REJECT, staff)
    assert take_back(1).version == 2


class TestUndoing:
    def test_puts_back_what_stood_before(self, write, take_back, undo):
        first = write("Ja.", signature="P")
        assert (undo(first).text, undo(first).version) == (None, 2)
        again = write("Nej.", seen=2, signature="Q")
        changed = write("Kanske.", seen=3)
        back = undo(changed)
        assert (back.text, back.signature, back.undoes, back.tells) == (
            "Nej.",
            "Q",
            changed.id,
            False,
        )
        assert undo(take_back(5)).text == "Nej."
        with pytest.raises(AnswerMovedError):
            undo(again)

    def test_is_no_toggle_and_is_of_the_newest_only(self, write, undo):
        first = write("Ja.")
        write("Nej.", seen=1)
        with pytest.raises(AnswerMovedError):
            undo(first)

    def test_of_an_undo_is_refused(self, session, idea, write, undo):
        undone = undo(write("Ja."))
        with pytest.raises(NotAllowedError):
            undo(undone)
        assert len(told(session, idea)) == 2

    def test_of_an_unknown_one_is_not_found(self, session, idea, staff):
        with pytest.raises(LookupError):
            official_answers.undo_official_answer(session, answer_id=idea.id, staff_id=staff.id)

    def test_of_an_idea_that_was_withdrawn_leaves_it_withdrawn(self, session, idea, write, undo):
        answer = write("Ja.")
        receipt_actions.withdraw_idea(session, idea)
        assert undo(answer).text is None
        assert idea.status is IdeaStatus.WITHDRAWN


def test_the_standing_one_is_the_newest(session, idea, write):
    assert official_answers.read_standing_answer(session, idea.id) is None
    write("Ja.")
    write("Nej.", seen=1)
    standing = official_answers.read_standing_answer(session, idea.id)
    assert standing is not None
    assert (standing.version, standing.text) == (2, "Nej.")
    assert len(session.scalars(select(OfficialAnswer)).all()) == 2


def test_of_an_unknown_idea_is_not_found(session, staff):
    number = {"number": "R-2026-999999", "staff_id": staff.id, "seen": 0}
    with pytest.raises(LookupError):
        official_answers.write_official_answer(session, text="Ja.", **number)
    with pytest.raises(LookupError):
        official_answers.take_back(session, **number)
