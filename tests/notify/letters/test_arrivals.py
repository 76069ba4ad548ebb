"""The letter that confirms an arrival: to whom, how often, and that it mails nobody's words."""

import string
import threading
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trying
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from time_machine import travel

from services.moderation.checking import verdicts
from services.notify.desk import resending
from services.notify.letters import arrivals
from services.notify.sending import claims
from services.notify.sending.composing import compose_letter
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import ledger, outbox, queues
from shared.delivery.events import IdeaSubmitted, ReceiptAction
from shared.models import (
    Contact,
    Council,
    DecisionKind,
    Idea,
    IdeaStatus,
    Letter,
    LetterState,
    OutboxDelivery,
    Outcome,
    ReceiptVerb,
    Source,
    Verdict,
)
from tests.factories import a_council, a_rule, an_idea
from tests.moderation.checking.test_checking import check
from tests.notify.conftest import ADDRESS

CLEAR = "Fler bänkar längs vattnet vid Norra hamnen."
SPAM = "BILLIGA klockor köp nu https://klockor.example/1 !!! Tjäna pengar hemifrån, klicka här!!!"


def broken():
    """Return the rules of the books that do not hold."""
    with Session() as books:
        return ledger.read_ledger(books).violations


def told(session):
    """Return how many deliveries notify got of arrivals."""
    session.rollback()
    arrival = OutboxDelivery.consumer == queues.ARRIVAL.name
    return session.scalar(select(func.count()).select_from(OutboxDelivery).where(arrival))


@pytest.fixture
def arrive(session, desk):
    """Let an idea arrive, be checked, and notify hear of it."""

    def arrived(text=CLEAR, email=ADDRESS, **about):
        idea = an_idea(session, text=text, email=email, **about)
        check(session, idea)
        desk.deliver(queues.ARRIVAL)
        return idea

    return arrived


def test_a_writer_hears_that_the_idea_has_arrived(arrive, desk, server, settings, session):
    idea = arrive()
    assert send_due(settings) == 1
    (mail,) = server.taken
    assert mail["To"] == ADDRESS
    assert mail["Subject"] == f"Vi har tagit emot din idé {idea.number}"
    text = mail.get_body(("plain",)).get_content()
    assert f"{settings.public_url}/receipts/" in text
    assert "läser den" in text
    (letter,) = desk.letters()
    assert (letter.received_id, letter.idea_id) == (idea.id, idea.id)
    assert broken() == []


def test_without_an_address_nothing_is_asked_and_nothing_is_written(arrive, session):
    arrive(email=None)
    assert told(session) == 0
    assert session.scalar(select(func.count()).select_from(Letter)) == 0


def test_what_is_likely_spam_is_not_confirmed(arrive, session):
    idea = arrive(SPAM)
    assert session.get_one(Verdict, (idea.id, 1)).outcome is Outcome.LIKELY_SPAM
    assert told(session) == 0


def test_an_import_writes_to_nobody(arrive, session):
    arrive(source=Source.IMPORT, source_id="1")
    assert told(session) == 0


def test_a_text_checked_again_is_not_confirmed_again(arrive, desk, session):
    idea = arrive()
    standing = session.get_one(Idea, idea.id)
    outbox.record_event(session, IdeaSubmitted(standing.id, standing.text_version))
    check(session, idea)
    desk.deliver(queues.ARRIVAL)
    assert (told(session), len(desk.letters())) == (1, 1)


def test_checks_that_were_given_up_are_done_too(session, desk):
    idea = an_idea(session, email=ADDRESS, submitted=False)
    session.commit()
    with Session.begin() as relay:
        verdicts.give_up(relay, idea.id, {"text_version": 1})
    desk.deliver(queues.ARRIVAL)
    assert desk.states() == [("received", "waiting")]


def test_a_delivery_that_comes_twice_writes_one_row(arrive, desk, session):
    arrive()
    with Session.begin() as again:
        again.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.consumer == queues.ARRIVAL.name)
            .values(done_at=None)
        )
    desk.deliver(queues.ARRIVAL)
    assert len(desk.letters()) == 1


def test_in_a_council_that_publishes_clear_ideas_the_letter_says_so(
    arrive, session, server, settings
):
    council = a_council(session, publishes_clear=True)
    idea = arrive(council=council)
    assert idea.status is IdeaStatus.PUBLISHED
    assert send_due(settings) == 1
    text = server.taken[0].get_body(("plain",)).get_content()
    assert "Den är redan publicerad." in text
    assert f"/ideas/{idea.number}" in text


class TestNotAnyMore:
    """What happened between the row and the claim."""

    def test_the_letter_of_a_decision_says_it_all(self, arrive, desk, settings):
        desk.publish(arrive())
        desk.deliver()
        desk.ripen()
        assert send_due(settings) == 1
        assert desk.states() == [("received", "cancelled"), ("published", "sent")]
        assert [letter.error for letter in desk.letters()] == ["superseded", None]

    def test_an_undo_makes_it_true_again(self, arrive, desk, settings):
        decision = desk.publish(arrive())
        send_due(settings)
        assert desk.states() == [("received", "cancelled")]
        desk.deliver()
        desk.undo(decision)
        desk.deliver()
        desk.ripen()
        assert send_due(settings) == 1
        assert desk.states() == [("received", "sent"), ("published", "cancelled")]

    def test_a_withdrawal_stops_it(self, arrive, desk, settings):
        idea = arrive()
        with Session.begin() as session:
            outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.WITHDRAW))
        assert send_due(settings) == 0
        assert [letter.error for letter in desk.letters()] == ["withdrawn"]

    def test_withdrawn_while_it_leaves_it_leaves_once(self, arrive, desk, server, settings):
        idea = arrive()

        def withdraw():
            with Session.begin() as session:
                outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.WITHDRAW))

        server.before_reply = withdraw
        assert send_due(settings) == 1
        assert send_due(settings) == 0
        assert desk.states() == [("received", "sent")]

    def test_an_address_that_was_deleted_is_not_written_to(self, arrive, desk, settings):
        idea = arrive()
        with Session.begin() as session:
            session.delete(session.get_one(Contact, idea.id))
        assert send_due(settings) == 0
        assert [letter.error for letter in desk.letters()] == ["no address"]

    def test_what_turns_out_to_be_spam_is_not_confirmed(self, arrive, desk, settings):
        idea = arrive()
        with Session.begin() as session:
            session.get_one(Verdict, (idea.id, 1)).outcome = Outcome.LIKELY_SPAM
        assert send_due(settings) == 0
        assert [letter.error for letter in desk.letters()] == ["likely spam"]


class TestThreeADay:
    """A mailbox gets at most three a day of the city, however many ideas name it."""

    def waiting(self, session, emails):
        ideas = [an_idea(session, text=f"{CLEAR} Nummer {n}.", email=email) for n, email in emails]
        check(session, *ideas)
        return ideas

    def test_of_fifty_ideas_three_are_confirmed(self, session, desk, server, settings):
        self.waiting(session, ((n, ADDRESS) for n in range(50)))
        for _ in range(5):
            desk.work(queues.ARRIVAL, *desk.claim(queues.ARRIVAL, slice(10)))
        assert send_due(settings) == 3
        states = [(letter.state, letter.error) for letter in desk.letters()]
        assert states.count((LetterState.SENT, None)) == 3
        assert states.count((LetterState.CANCELLED, arrivals.ENOUGH)) == 47
        assert len(server.taken) == 3
        assert broken() == []

    def test_another_way_to_write_the_mailbox_is_the_same_mailbox(self, session, desk):
        same = ["Anna@example.org", "anna@EXAMPLE.org", "anna+1@example.org", "anna+r@example.org"]
        self.waiting(session, enumerate([*same, "anna@example.com", "banna@example.org"]))
        desk.deliver(queues.ARRIVAL)
        states = [letter.state.value for letter in desk.letters()]
        assert states == ["waiting"] * 3 + ["cancelled"] + ["waiting"] * 2

    def test_many_workers_at_once_make_no_fourth(self, session, desk):
        self.waiting(session, ((n, ADDRESS) for n in range(24)))
        batches = [desk.claim(queues.ARRIVAL, slice(n, n + 2)) for n in range(0, 24, 2)]
        at_once = threading.Barrier(len(batches))

        def work(batch):
            at_once.wait()
            desk.work(queues.ARRIVAL, *batch)

        workers = [threading.Thread(target=work, args=(batch,)) for batch in batches]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        states = [letter.state.value for letter in desk.letters()]
        assert (states.count("waiting"), states.count("cancelled")) == (3, 21)

    def test_the_day_begins_at_midnight_in_the_city(self, session, desk, settings):
        with travel("2026-06-10T21:59:00Z", tick=False):
            self.waiting(session, ((n, ADDRESS) for n in range(4)))
            desk.deliver(queues.ARRIVAL)
            assert send_due(settings) == 3
        with travel("2026-06-10T22:01:00Z", tick=False):
            self.waiting(session, ((n, ADDRESS) for n in range(4)))
            desk.deliver(queues.ARRIVAL)
            assert send_due(settings) == 3

    def test_letters_that_an_outage_held_up_count_on_the_day_they_leave(
        self, session, desk, settings
    ):
        for day in range(10, 13):
            with travel(f"2026-06-{day}T10:00:00Z", tick=False):
                self.waiting(session, ((n, ADDRESS) for n in range(4)))
                desk.deliver(queues.ARRIVAL)
        with travel("2026-06-12T11:00:00Z", tick=False):
            assert send_due(settings) == 3

    def test_a_letter_that_was_cancelled_makes_room(self, session, desk, settings):
        ideas = self.waiting(session, ((n, ADDRESS) for n in range(3)))
        desk.deliver(queues.ARRIVAL)
        with Session.begin() as writer:
            outbox.record_event(writer, ReceiptAction(ideas[0].id, ReceiptVerb.WITHDRAW))
        assert send_due(settings) == 2
        self.waiting(session, [(9, ADDRESS)])
        desk.deliver(queues.ARRIVAL)
        assert send_due(settings) == 1


# Letters that leave while nobody but the writer can read the idea.
BEFORE = ("received", "rejected", "merged", "corrected")
_WORDS = st.text(string.ascii_lowercase + "åäö ./:@", min_size=20, max_size=120).filter(
    lambda words: len(words.strip()) >= 20
)
RUN = 5


def runs(words):
    return {words[start : start + RUN] for start in range(len(words) - RUN + 1)}


@pytest.mark.parametrize("template", BEFORE)
@pytest.mark.parametrize("language", ["sv", "en"])
@trying(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=_WORDS, name=st.text(string.ascii_letters + " ", min_size=5, max_size=40))
def test_a_letter_before_publication_says_nothing_that_was_typed(
    desk, session, settings, template, language, typed, name
):
    council = session.scalar(select(Council)) or a_council(session)
    idea, other = (
        an_idea(
            session, council, text=words, author=author, email=ADDRESS, language=language,
            submitted=False,
        )
        for words, author in ((typed, name), ("x" * 9, "y" * 9))
    )  # fmt: skip
    desk.wait_for(idea)
    desk.wait_for(other)
    said, silent = (made(desk, session, settings, each, template) for each in (idea, other))
    assert runs(typed) & runs(said) <= runs(silent)
    assert runs(name) & runs(said) <= runs(silent)


def made(desk, session, settings, idea, template):
    """Return a letter about an idea that is not public, as it leaves, without what differs."""
    if template == "received":
        about = {"received_id": idea.id}
    else:
        kind = DecisionKind.MERGE if template == "merged" else DecisionKind.REJECT
        target = an_idea(session, session.get_one(Council, idea.council_id), submitted=False)
        desk.wait_for(target)
        more = {"into": target.number} if kind is DecisionKind.MERGE else {}
        if kind is DecisionKind.REJECT:
            more = {"rule_code": a_rule(session).code}
        decision = desk.decide(idea, kind, **more)
        if template == "corrected":
            decision = desk.undo(decision)
        about = {"decision_id": decision.id, "rule_id": decision.rule_id}
    letter = Letter(
        template=template,
        language=idea.language,
        idea_id=idea.id,
        message_id=f"<{idea.id}@stad.example>",
        due_at=utcnow(),
        **about,
    )
    with Session.begin() as fresh:
        fresh.add(letter)
        fresh.flush()
        message = compose_letter(fresh, letter, settings).message
        fresh.rollback()
    parts = [
        message["Subject"],
        *(part.get_content() for part in message.walk() if part.is_multipart() is False),
    ]
    return "\n".join(parts).replace(idea.number, "")


def test_released_letters_leave_while_others_are_held(arrive, desk, settings):
    arrive()
    arrive(f"{CLEAR} Och skugga.", email="annan@example.org")
    held = replace(settings, hold_letters=True)
    assert send_due(held) == 0
    first, _second = desk.letters()
    with Session.begin() as session:
        assert claims.something_due(session, held=True) is None
        assert resending.release_letters(session, [first.id]) == 1
        assert resending.release_letters(session, [first.id]) == 0
    with Session() as session:
        assert claims.something_due(session, held=True) is not None
    assert send_due(held) == 1
    assert [letter.state.value for letter in desk.letters()] == ["sent", "waiting"]
    assert send_due(settings) == 1
