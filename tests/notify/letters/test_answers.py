"""Letters about the city's official answer: each writer once, and never what stands no more."""

import pytest
from sqlalchemy import delete, func, select

from services.moderation.decisions import official_answers
from services.notify.letters import answers
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import ledger, outbox, queues
from shared.delivery.events import ReceiptAction
from shared.models import Council, DecisionKind, Idea, Letter, OutboxDelivery, ReceiptVerb
from tests.factories import an_idea
from tests.notify.conftest import ADDRESS, Desk

TEXT = "Tack! Vi ställer ut tio bänkar i maj.\n\nMer på https://stad.example/bankar."
OTHER = "annan@example.org"


class City:
    """Answers ideas at the desk, and hands the answers to notify as the relay would."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def seen(self, idea: Idea) -> int:
        with Session() as session:
            last = official_answers.read_standing_answer(session, idea.id)
            return last.version if last else 0

    def answer(self, idea: Idea, text: str = TEXT, **more):
        with Session.begin() as session:
            made = official_answers.write_official_answer(
                session,
                number=idea.number,
                staff_id=self.desk.staff.id,
                seen=self.seen(idea),
                text=text,
                **more,
            )
            return made.id

    def take_back(self, idea: Idea):
        with Session.begin() as session:
            made = official_answers.take_back(
                session,
                number=idea.number,
                staff_id=self.desk.staff.id,
                seen=self.seen(idea),
            )
            return made.id

    def undo(self, answer_id):
        with Session.begin() as session:
            return official_answers.undo_official_answer(
                session, answer_id=answer_id, staff_id=self.desk.staff.id
            ).id

    def deliver(self):
        self.desk.deliver(queues.ANSWER)

    def states(self):
        return [
            (letter.template, letter.state.value, letter.error)
            for letter in self.desk.letters()
            if letter.answer_id is not None
        ]


@pytest.fixture
def city(desk):
    return City(desk)


@pytest.fixture
def public(desk, idea, server, settings):
    """A published idea whose writer has been told so."""
    desk.publish(idea)
    desk.deliver()
    desk.ripen()
    send_due(settings)
    server.taken.clear()
    return idea


@pytest.fixture
def merged(desk, session, public, server, settings):
    """An idea by somebody else, merged into the published one; its writer has been told so."""
    other = an_idea(
        session, session.get_one(Council, public.council_id), email=OTHER, submitted=False
    )
    desk.wait_for(other)
    desk.decide(other, DecisionKind.MERGE, into=public.number)
    desk.deliver()
    desk.ripen()
    send_due(settings)
    server.taken.clear()
    return other


def broken(books):
    return {each["rule"] for each in ledger.read_ledger(books).violations}


def text_of(mail):
    return mail.get_body(("plain",)).get_content()


def test_the_letter_waits_for_the_undo_window_and_quotes_the_answer(
    city, public, desk, server, settings
):
    city.answer(public, signature="Stadsmiljöförvaltningen")
    city.deliver()
    (letter,) = [each for each in desk.letters() if each.answer_id]
    assert (letter.due_at - utcnow()).total_seconds() > settings.undo_seconds - 15
    assert send_due(settings) == 0
    desk.ripen()
    assert send_due(settings) == 1
    assert send_due(settings) == 0
    (mail,) = server.taken
    assert mail["Subject"] == f"Staden har svarat på din idé {public.number}"
    assert "Vi ställer ut tio bänkar i maj." in text_of(mail)
    assert "Stadsmiljöförvaltningen" in text_of(mail)
    assert "https://stad.example/bankar" in text_of(mail)
    with Session() as books:
        assert "an answer owed a letter without one" not in broken(books)
        books.execute(delete(Letter).where(Letter.answer_id.is_not(None)))
        books.commit()
        assert "an answer owed a letter without one" in broken(books)


def test_a_delivery_that_comes_twice_tells_once(city, public):
    city.answer(public)
    city.deliver()
    with Session.begin() as session:
        for each in session.scalars(select(OutboxDelivery)):
            each.done_at = None
    city.deliver()
    assert len(city.states()) == 1


def test_writers_of_merged_ideas_are_told_once_each(
    city, public, merged, desk, server, settings, session
):
    silent = an_idea(session, session.get_one(Council, public.council_id), submitted=False)
    desk.wait_for(silent)
    desk.decide(silent, DecisionKind.MERGE, into=public.number)
    city.answer(public)
    city.deliver()
    desk.ripen()
    assert send_due(settings) == 2
    by_reader = {mail["To"]: mail for mail in server.taken}
    assert by_reader.keys() == {ADDRESS, OTHER}
    assert by_reader[OTHER]["Subject"] == "Staden har svarat på en idé som din hör ihop med"
    assert f"sammanslagen med {public.number}" in " ".join(text_of(by_reader[OTHER]).split())
    # Each has a receipt of their own.
    links = [
        line for mail in server.taken for line in text_of(mail).split() if "/receipts/" in line
    ]
    assert len(set(links)) == 2


def test_a_small_correction_is_not_told_and_the_letter_holds_what_stands(
    city, public, desk, server, settings
):
    city.answer(public, "Tio bänkar i juni.")
    city.deliver()
    city.answer(public, "Tio bänkar i maj.")
    city.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert "Tio bänkar i maj." in text_of(server.taken[0])
    city.answer(public, "Tio bänkar i maj!")
    city.deliver()
    desk.ripen()
    assert send_due(settings) == 0


def test_a_change_that_is_to_be_told_replaces_the_letter_that_waits(
    city, public, desk, server, settings
):
    city.answer(public, "Tio bänkar.")
    city.answer(public, "Tolv bänkar.", tells=True)
    city.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert city.states() == [("answered", "cancelled", "superseded"), ("answered", "sent", None)]
    city.answer(public, "Tretton bänkar.", tells=True)
    city.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert server.subjects[1] == f"Staden har ändrat sitt svar på din idé {public.number}"


class TestUndone:
    """What was undone or taken back is not told; who had heard of it hears that, too."""

    def test_before_it_left_nobody_hears_of_it(self, city, public, desk, settings):
        city.undo(city.answer(public))
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 0
        assert city.states() == [("answered", "cancelled", "undone")]

    def test_an_undo_that_is_not_yet_delivered_stops_the_letter_too(
        self, city, public, desk, settings
    ):
        made = city.answer(public)
        city.deliver()
        city.undo(made)
        desk.ripen()
        assert send_due(settings) == 0
        city.deliver()
        assert city.states() == [("answered", "cancelled", "undone")]

    def test_after_it_left_a_correction_follows(self, city, public, desk, server, settings):
        made = city.answer(public)
        city.deliver()
        desk.ripen()
        send_due(settings)
        city.undo(made)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 1
        assert server.subjects[1].startswith("Rättelse: stadens svar på din idé")
        assert "tio bänkar" not in text_of(server.taken[1])

    def test_while_it_leaves_a_correction_follows(self, city, public, desk, server, settings):
        made = city.answer(public)
        city.deliver()
        desk.ripen()

        def undo():
            server.before_reply = None
            city.undo(made)
            city.deliver()
            desk.ripen()

        server.before_reply = undo
        assert send_due(settings) == 2
        assert [state for _, state, _ in city.states()] == ["sent", "sent"]

    def test_a_change_that_is_undone_lets_the_first_letter_go(
        self, city, public, desk, server, settings
    ):
        city.answer(public, "Tio bänkar.")
        changed = city.answer(public, "Tolv bänkar.", tells=True)
        city.deliver()
        with Session.begin() as session:
            first = session.scalar(select(Letter).where(Letter.answer_id.is_not(None)))
            first.due_at = utcnow()
        assert send_due(settings) == 0
        city.undo(changed)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 1
        assert "Tio bänkar." in text_of(server.taken[0])

    def test_a_change_that_was_told_and_undone_is_corrected(
        self, city, public, desk, server, settings
    ):
        city.answer(public, "Tio bänkar.")
        changed = city.answer(public, "Tolv bänkar.", tells=True)
        city.deliver()
        desk.ripen()
        send_due(settings)
        assert "Tolv bänkar." in text_of(server.taken[0])
        city.undo(changed)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 1
        assert "Tio bänkar." in text_of(server.taken[1])
        assert "Nu är svaret ändrat." in text_of(server.taken[1])

    def test_taken_back_before_it_left_nobody_hears_of_it(self, city, public, desk, settings):
        city.answer(public)
        city.deliver()
        city.take_back(public)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 0
        assert city.states() == [("answered", "cancelled", "superseded")]

    def test_taken_back_by_mistake_it_is_told_after_all(self, city, public, desk, settings):
        city.answer(public)
        city.deliver()
        mistake = city.take_back(public)
        desk.ripen()
        assert send_due(settings) == 0
        city.deliver()
        city.undo(mistake)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 1

    @pytest.mark.usefixtures("merged")
    def test_taken_back_after_it_left_those_who_heard_are_told(
        self, city, public, desk, server, settings
    ):
        city.answer(public)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 2
        city.take_back(public)
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 2
        assert all(subject.startswith("Rättelse: ") for subject in server.subjects[2:])
        # A new answer is told as the first was.
        city.answer(public, "Åtta bänkar.")
        city.deliver()
        desk.ripen()
        assert send_due(settings) == 2

    def test_what_a_refused_letter_never_told_is_not_taken_back(
        self, city, public, desk, server, settings
    ):
        city.answer(public)
        city.deliver()
        desk.ripen()

        def take_back():
            server.before_reply = None
            city.take_back(public)
            city.deliver()

        server.before_reply = take_back
        server.to_data = ["550 no"]
        assert send_due(settings) == 0
        desk.ripen()
        assert send_due(settings) == 0
        assert [state for _, state, _ in city.states()] == ["failed", "cancelled"]


class TestNotForThem:
    """What happened between the row and the claim."""

    def test_a_withdrawn_idea_gets_no_letter(self, city, public, desk, settings):
        city.answer(public)
        city.deliver()
        with Session.begin() as session:
            outbox.record_event(session, ReceiptAction(public.id, ReceiptVerb.WITHDRAW))
        desk.ripen()
        assert send_due(settings) == 0
        assert city.states() == [("answered", "cancelled", "withdrawn")]

    @pytest.mark.usefixtures("merged")
    def test_a_merged_writer_hears_nothing_of_a_withdrawn_target(
        self, city, public, desk, settings
    ):
        city.answer(public)
        city.deliver()
        with Session.begin() as session:
            outbox.record_event(session, ReceiptAction(public.id, ReceiptVerb.WITHDRAW))
        desk.ripen()
        assert send_due(settings) == 0
        assert {error for _, _, error in city.states()} == {"withdrawn", answers.NOT_PUBLIC}

    def test_an_idea_taken_down_meanwhile_is_not_told_of(self, city, public, desk, settings):
        city.answer(public)
        city.deliver()
        desk.decide(public, DecisionKind.REOPEN)
        desk.ripen()
        assert send_due(settings) == 0
        assert city.states() == [("answered", "cancelled", answers.NOT_PUBLIC)]

    def test_who_is_not_merged_any_more_is_not_told(self, city, public, merged, desk, settings):
        city.answer(public)
        city.deliver()
        desk.decide(merged, DecisionKind.REOPEN)
        desk.ripen()
        assert send_due(settings) == 1
        assert {error for _, _, error in city.states()} == {None, answers.NOT_MERGED}


def test_who_is_merged_into_an_answered_idea_hears_that_there_is_an_answer(
    city, public, desk, session, server, settings
):
    city.answer(public)
    late = an_idea(
        session, session.get_one(Council, public.council_id), email=OTHER, submitted=False
    )
    desk.wait_for(late)
    desk.decide(late, DecisionKind.MERGE, into=public.number)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert "Staden har redan svarat på den." in text_of(server.taken[0])


def test_without_an_address_there_is_no_letter_and_no_trace(city, desk, session):
    silent = an_idea(session, submitted=False)
    desk.wait_for(silent)
    desk.publish(silent)
    city.answer(silent)
    city.deliver()
    assert session.scalar(select(func.count()).select_from(Letter)) == 0
