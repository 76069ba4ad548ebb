"""Writing what is owed: each consumer marks its batch done, and only when it is still its own."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from services.moderation.decisions import official_answers, undoing
from services.notify.digests import subscribing, unsubscribing
from services.notify.letters import account_letters, answers, arrivals
from services.notify.mail import letters
from services.notify.mail.letters import INTERRUPTED, SUPERSEDED, UNDONE
from services.notify.sending import bounces
from shared.clock import utcnow
from shared.delivery import outbox, queues
from shared.delivery.events import AccountLinkMade, DigestUnsubscribed, IdeaChecked, LetterBounced
from shared.ids import new_id
from shared.links import account_links
from shared.models import (
    BounceKind,
    Contact,
    Decision,
    DecisionKind,
    Idea,
    Invitation,
    Letter,
    LetterState,
    LinkKind,
    OfficialAnswer,
    OutboxDelivery,
    PasswordReset,
    Role,
    Subscription,
)
from tests.factories import a_member_of_staff, a_rule
from tests.notify.rules.conftest import NOON

# Who acts on what: all but two are given the settings, too.
ACTS = {
    queues.LETTER: letters.write_decision_letters,
    queues.ARRIVAL: arrivals.write_arrival_letters,
    queues.ANSWER: answers.write_answer_letters,
    queues.ACCOUNT: account_letters.write_account_letters,
    queues.UNSUBSCRIBE: lambda *given: unsubscribing.act_on_unsubscriptions(*given[:3]),
    queues.BOUNCE: lambda *given: bounces.act_on_bounces(*given[:3]),
}


def an_invitation(session, **about) -> Invitation:
    made = Invitation(
        **{
            "sha256": new_id().bytes,
            "role": Role.MODERATOR,
            "nonce": account_links.new_nonce(),
            "email": "ny@example.org",
            "language": "en",
            "expires_at": utcnow() + timedelta(days=7),
        }
        | about
    )
    session.add(made)
    session.flush()
    return made


def a_reset(session, **about) -> PasswordReset:
    made = PasswordReset(
        **{
            "nonce": account_links.new_nonce(),
            "sha256": new_id().bytes,
            "expires_at": utcnow() + timedelta(hours=1),
        }
        | about
    )
    session.add(made)
    session.flush()
    return made


def answer(house, idea, **more):
    last = official_answers.read_standing_answer(house.session, idea.id)
    return official_answers.write_official_answer(
        house.session,
        number=idea.number,
        staff_id=house.staff.id,
        seen=last.version if last else 0,
        **{"text": "Ja."} | more,
    )


def happens(house, consumer) -> None:
    """Let something happen that a consumer must act on."""
    session = house.session
    if consumer is queues.LETTER:
        house.decide(house.waiting(), DecisionKind.PUBLISH)
    elif consumer is queues.ARRIVAL:
        outbox.record_event(session, IdeaChecked(house.waiting().id, 1))
    elif consumer is queues.ANSWER:
        idea = house.waiting()
        house.decide(idea, DecisionKind.PUBLISH)
        answer(house, idea)
    elif consumer is queues.ACCOUNT:
        outbox.record_event(
            session, AccountLinkMade(an_invitation(session).id, LinkKind.INVITATION)
        )
    elif consumer is queues.UNSUBSCRIBE:
        outbox.record_event(session, DigestUnsubscribed(house.staff.id))
    else:
        sent = house.letter(state=LetterState.SENT, sent_at=utcnow())
        outbox.record_event(session, LetterBounced(sent.id, BounceKind.PERMANENT, "5.1.1"))


def effects(session) -> list[object]:
    """Return what all of them may change, as it is stored."""
    session.flush()
    rows = select(Letter.id, Letter.state).order_by(Letter.id)
    return [*session.execute(rows), *session.execute(select(Subscription.staff_id))]


def undone(session, consumer) -> int:
    waits = select(func.count()).select_from(OutboxDelivery)
    return session.scalar(
        waits.where(OutboxDelivery.consumer == consumer.name, OutboxDelivery.done_at.is_(None))
    )


@pytest.mark.parametrize("consumer", ACTS, ids=lambda each: each.name)
class TestEachConsumer:
    def test_acts_and_marks_its_batch_done(self, house, session, settings, consumer):
        for _ in range(2):
            happens(house, consumer)
        before = effects(session)
        batch, claimed = house.owed(consumer)
        assert len(claimed) == 2
        ACTS[consumer](session, batch, claimed, settings)
        assert undone(session, consumer) == 0
        assert effects(session) != before

    def test_leaves_what_came_meanwhile_to_the_next(self, house, session, settings, consumer):
        happens(house, consumer)
        batch, claimed = house.owed(consumer)
        happens(house, consumer)
        ACTS[consumer](session, batch, claimed, settings)
        assert undone(session, consumer) == 1

    def test_that_is_late_changes_nothing(self, house, session, settings, consumer):
        happens(house, consumer)
        late, claimed = house.owed(consumer)
        house.owed(consumer)  # to somebody else
        before = effects(session)
        with pytest.raises(outbox.StaleBatchError), session.begin_nested():
            ACTS[consumer](session, late, claimed, settings)
        assert effects(session) == before
        assert undone(session, consumer) == 1

    def test_that_comes_after_the_owner_changes_nothing(self, house, session, settings, consumer):
        happens(house, consumer)
        late, claimed = house.owed(consumer)
        batch, again = house.owed(consumer)
        ACTS[consumer](session, batch, again, settings)
        after = effects(session)
        with pytest.raises(outbox.StaleBatchError), session.begin_nested():
            ACTS[consumer](session, late, claimed, settings)
        assert effects(session) == after


@pytest.mark.usefixtures("clock")
class TestArrivals:
    """The day is the city's, and three a day are enough."""

    # The 23rd in the city begins at this moment.
    MIDNIGHT = datetime(2026, 11, 22, 23, tzinfo=UTC)

    def confirm(self, house, **about):
        """Let an idea be checked and confirmed; return whether its letter is to leave."""
        idea = house.waiting(**about)
        outbox.record_event(house.session, IdeaChecked(idea.id, 1))
        arrivals.write_arrival_letters(house.session, *house.owed(queues.ARRIVAL), house.settings)
        [letter] = house.session.scalars(select(Letter).where(Letter.received_id == idea.id))
        assert (letter.error, letter.idea_id) == (
            (None, idea.id) if letter.state is LetterState.WAITING else (arrivals.ENOUGH, idea.id)
        )
        return letter.state is LetterState.WAITING

    def fill(self, house, count=3, **state):
        """Give the mailbox letters in a state."""
        for _ in range(count):
            idea = house.waiting()
            house.letter(idea_id=idea.id, received_id=idea.id, **state)

    @pytest.mark.parametrize(
        ("sent_after", "is_today"),
        [(timedelta(microseconds=-1), False), (timedelta(), True), (timedelta(minutes=1), True)],
    )
    @pytest.mark.parametrize("hours", [0.5, 1.5, 23.5])
    def test_the_day_begins_at_midnight_in_the_city(
        self, house, clock, sent_after, is_today, hours
    ):
        """Half past midnight is another day of UTC than half past one, and the same of the city."""
        clock.move_to(self.MIDNIGHT + sent_after)
        self.fill(house, state=LetterState.SENT, sent_at=utcnow())
        clock.move_to(self.MIDNIGHT + timedelta(hours=hours))
        assert self.confirm(house) is not is_today

    @pytest.mark.parametrize(
        ("hour", "is_today"),
        [("21:59:59", False), ("22:00:00", True)],
    )
    def test_also_in_summer(self, house, clock, hour, is_today):
        clock.move_to(datetime.fromisoformat(f"2026-06-10T{hour}Z"))
        self.fill(house, state=LetterState.SENT, sent_at=utcnow())
        clock.move_to(datetime(2026, 6, 11, 20, tzinfo=UTC))
        assert self.confirm(house) is not is_today

    @pytest.mark.parametrize(("before", "one_more"), [(0, True), (2, True), (3, False)])
    def test_three_are_enough(self, house, before, one_more):
        self.fill(house, before, state=LetterState.SENT, sent_at=NOON)
        assert self.confirm(house) is one_more

    @pytest.mark.parametrize(
        ("state", "counts"),
        [
            ({"state": LetterState.WAITING}, True),
            ({"state": LetterState.CLAIMED}, True),
            ({"state": LetterState.CANCELLED}, False),
            ({"state": LetterState.FAILED}, False),
        ],
    )
    def test_what_waits_counts_on_whatever_day_and_what_never_leaves_does_not(
        self, house, clock, state, counts
    ):
        clock.shift(-timedelta(days=4))
        self.fill(house, **state)
        clock.move_to(NOON)
        assert self.confirm(house) is not counts

    @pytest.mark.parametrize(("days", "counts"), [(5, True), (5.001, False)])
    def test_it_looks_back_as_long_as_letters_are_tried(self, house, clock, days, counts):
        clock.move_to(NOON - timedelta(days=days) + timedelta(seconds=1))
        self.fill(house)
        clock.move_to(NOON)
        assert self.confirm(house) is not counts

    def test_letters_about_decisions_and_to_others_do_not_count(self, house):
        for _ in range(3):
            idea = house.waiting()
            decision = house.decide(idea, DecisionKind.PUBLISH)
            house.letter(idea_id=idea.id, decision_id=decision.id)
            other = house.waiting(email="annan@example.org")
            house.letter(idea_id=other.id, received_id=other.id)
        assert self.confirm(house)

    def test_who_left_no_address_is_written_nothing(self, house, session):
        idea = house.waiting(email=None)
        outbox.record_event(session, IdeaChecked(idea.id, 1))
        arrivals.write_arrival_letters(session, *house.owed(queues.ARRIVAL), house.settings)
        assert house.letters() == []

    def test_the_letter_is_due_at_once_in_the_writers_language(self, house, session):
        idea = house.waiting(language="en")
        outbox.record_event(session, IdeaChecked(idea.id, 1))
        arrivals.write_arrival_letters(session, *house.owed(queues.ARRIVAL), house.settings)
        [letter] = house.letters()
        assert (letter.template, letter.language, letter.due_at) == ("received", "en", NOON)

    def test_of_one_batch_the_first_that_came_are_confirmed(self, house, session):
        ideas = [house.waiting() for _ in range(5)]
        for idea in ideas:
            outbox.record_event(session, IdeaChecked(idea.id, 1))
        house.stir(Idea, Contact)
        arrivals.write_arrival_letters(session, *house.owed(queues.ARRIVAL), house.settings)
        by_idea = {each.received_id: each.state.value for each in house.letters()}
        assert [by_idea[idea.id] for idea in ideas] == ["waiting"] * 3 + ["cancelled"] * 2

    def test_what_is_delivered_again_takes_nobodys_place(self, house, session):
        ideas = [house.waiting() for _ in range(3)]
        for some in (ideas[:2], ideas):
            for idea in some:
                outbox.record_event(session, IdeaChecked(idea.id, 1))
            arrivals.write_arrival_letters(session, *house.owed(queues.ARRIVAL), house.settings)
        assert [each.state.value for each in house.letters()] == ["waiting"] * 3


@pytest.mark.usefixtures("clock")
class TestDecisions:
    def write(self, house):
        letters.write_decision_letters(house.session, *house.owed(queues.LETTER), house.settings)
        return [(each.template, each.state.value, each.error) for each in house.letters()]

    def undo(self, house, decision):
        return undoing.undo_decision(
            house.session, decision_id=decision.id, staff_id=house.staff.id
        )

    def test_a_letter_names_its_rule_its_language_and_when_the_undo_window_ends(
        self, house, session
    ):
        rule = a_rule(session)
        idea = house.waiting(language="en")
        decision = house.decide(idea, DecisionKind.REJECT, rule_code=rule.code)
        self.write(house)
        [letter] = house.letters()
        assert (letter.rule_id, letter.language, letter.idea_id) == (rule.id, "en", idea.id)
        assert letter.decision_id == decision.id
        assert letter.due_at == NOON + timedelta(seconds=house.settings.undo_seconds)

    @pytest.mark.parametrize(
        ("state", "error", "made"),
        [
            (LetterState.WAITING, None, [("published", "cancelled", UNDONE)]),
            (LetterState.WAITING, "451", [("published", "cancelled", UNDONE)]),
            (
                LetterState.CLAIMED,
                None,
                [("published", "claimed", None), ("corrected", "waiting", None)],
            ),
            (
                LetterState.SENT,
                None,
                [("published", "sent", None), ("corrected", "waiting", None)],
            ),
            (
                LetterState.FAILED,
                INTERRUPTED,
                [("published", "failed", INTERRUPTED), ("corrected", "waiting", None)],
            ),
            (LetterState.FAILED, "550", [("published", "failed", "550")]),
            (LetterState.CANCELLED, "withdrawn", [("published", "cancelled", "withdrawn")]),
        ],
    )
    def test_an_undo_corrects_what_may_have_been_read_and_cancels_what_waits(
        self, house, session, state, error, made
    ):
        decision = house.decide(house.waiting(), DecisionKind.PUBLISH)
        self.write(house)
        sent_at = utcnow() if state is LetterState.SENT else None
        session.execute(update(Letter).values(state=state, error=error, sent_at=sent_at))
        undo = self.undo(house, decision)
        assert self.write(house) == made
        corrections = [each for each in house.letters() if each.template == "corrected"]
        assert all(each.decision_id == undo.id for each in corrections)

    def test_an_undo_touches_the_letter_of_what_it_undoes_alone(self, house):
        house.decide(house.waiting(), DecisionKind.PUBLISH)
        decision = house.decide(house.waiting(), DecisionKind.PUBLISH)
        self.write(house)
        self.undo(house, decision)
        assert self.write(house) == [
            ("published", "waiting", None),
            ("published", "cancelled", UNDONE),
        ]

    @pytest.mark.parametrize(
        ("state", "error", "is_true_again"),
        [
            (LetterState.CANCELLED, SUPERSEDED, True),
            (LetterState.CANCELLED, "withdrawn", False),
            (LetterState.FAILED, "550", False),
            (LetterState.SENT, None, False),
        ],
    )
    def test_an_undo_makes_true_again_what_it_had_made_untrue(
        self, house, session, state, error, is_true_again
    ):
        idea, other = house.waiting(), house.waiting()
        house.decide(idea, DecisionKind.PUBLISH)
        house.decide(other, DecisionKind.PUBLISH)
        self.write(house)
        sent_at = utcnow() if state is LetterState.SENT else None
        session.execute(update(Letter).values(state=state, error=error, sent_at=sent_at))
        later = house.decide(idea, DecisionKind.REJECT, rule_code=a_rule(session).code)
        self.write(house)
        self.undo(house, later)
        of_idea, of_other, rejected = self.write(house)
        assert of_idea == ("published", "waiting", None) if is_true_again else of_other
        assert of_other == ("published", state.value, error)
        assert rejected == ("rejected", "cancelled", UNDONE)

    def test_a_correction_says_what_stands_so_nothing_is_made_true_again(self, house, session):
        idea = house.waiting()
        house.decide(idea, DecisionKind.PUBLISH)
        self.write(house)
        session.execute(update(Letter).values(state=LetterState.CANCELLED, error=SUPERSEDED))
        later = house.decide(idea, DecisionKind.REJECT, rule_code=a_rule(session).code)
        self.write(house)
        session.execute(
            update(Letter)
            .where(Letter.decision_id == later.id)
            .values(state=LetterState.SENT, sent_at=utcnow())
        )
        self.undo(house, later)
        assert self.write(house) == [
            ("published", "cancelled", SUPERSEDED),
            ("rejected", "sent", None),
            ("corrected", "waiting", None),
        ]

    def test_decisions_are_told_in_the_order_in_which_they_were_made(self, house):
        self.undo(house, house.decide(house.waiting(), DecisionKind.PUBLISH))
        house.stir(Decision)
        assert self.write(house) == [("published", "cancelled", UNDONE)]


@pytest.mark.usefixtures("clock")
class TestAnswers:
    @pytest.fixture
    def idea(self, house):
        idea = house.waiting()
        house.decide(idea, DecisionKind.PUBLISH)
        return idea

    def write(self, house):
        before = {each.id for each in house.letters()}
        answers.write_answer_letters(house.session, *house.owed(queues.ANSWER), house.settings)
        return [each for each in house.letters() if each.id not in before]

    def all_left(self, session):
        session.execute(
            update(Letter)
            .where(Letter.state == LetterState.WAITING)
            .values(state=LetterState.SENT, sent_at=utcnow())
        )

    def take_back(self, house, idea):
        last = official_answers.read_standing_answer(house.session, idea.id)
        return official_answers.take_back(
            house.session, number=idea.number, staff_id=house.staff.id, seen=last.version
        )

    def undo(self, house, made):
        return official_answers.undo_official_answer(
            house.session, answer_id=made.id, staff_id=house.staff.id
        )

    def test_it_goes_to_the_writer_and_to_those_merged_with_it_and_to_nobody_else(
        self, house, idea
    ):
        merged, silent, other = house.beside(idea), house.beside(idea), house.beside(idea)
        silent = house.waiting(email=None, council_id=idea.council_id)
        for each in (merged, silent):
            house.decide(each, DecisionKind.MERGE, into=idea.number)
        house.decide(other, DecisionKind.PUBLISH)
        made = answer(house, idea)
        written = self.write(house)
        assert [each.idea_id for each in written] == [idea.id, merged.id]
        assert {(each.template, each.answer_id, each.due_at) for each in written} == {
            ("answered", made.id, NOON + timedelta(seconds=house.settings.undo_seconds))
        }

    def test_a_small_correction_is_told_to_nobody(self, house, session, idea):
        answer(house, idea)
        self.write(house)
        self.all_left(session)
        answer(house, idea, text="Ja, ja.")
        assert self.write(house) == []

    def test_taking_it_back_is_told_to_those_who_were_told(self, house, session, idea):
        merged = house.beside(idea)
        house.decide(merged, DecisionKind.MERGE, into=idea.number)
        answer(house, idea)
        first = self.write(house)
        session.execute(
            update(Letter)
            .where(Letter.id == first[0].id)
            .values(state=LetterState.SENT, sent_at=utcnow())
        )
        self.take_back(house, idea)
        told = self.write(house)
        assert [(each.template, each.idea_id) for each in told] == [("answer-withdrawn", idea.id)]

    def test_taking_it_back_twice_is_told_once(self, house, session, idea):
        """What was taken back, told, given in silence and taken back again was not read again."""
        answer(house, idea)
        self.write(house)
        self.all_left(session)
        back = self.take_back(house, idea)
        self.write(house)
        self.all_left(session)
        self.undo(house, back)
        assert [each.template for each in self.write(house)] == ["answered"]

    def test_what_was_told_and_undone_is_told_as_it_stands(self, house, session, idea):
        answer(house, idea)
        self.write(house)
        self.all_left(session)
        changed = answer(house, idea, text="Nej.", tells=True)
        self.write(house)
        self.all_left(session)
        self.undo(house, changed)
        assert [each.template for each in self.write(house)] == ["answered"]

    def test_a_small_change_that_is_undone_is_told_to_nobody(self, house, session, idea):
        answer(house, idea)
        self.write(house)
        self.all_left(session)
        changed = answer(house, idea, text="Ja, ja.")
        self.write(house)
        self.undo(house, changed)
        assert self.write(house) == []

    @pytest.mark.parametrize(
        ("state", "error", "waits_again"),
        [
            (LetterState.CANCELLED, SUPERSEDED, True),
            (LetterState.CANCELLED, "withdrawn", False),
            (LetterState.FAILED, "550", False),
        ],
    )
    def test_undoing_lets_those_wait_again_that_it_had_made_untrue(
        self, house, session, idea, state, error, waits_again
    ):
        other = house.waiting()
        house.decide(other, DecisionKind.PUBLISH)
        answer(house, idea)
        answer(house, other)
        self.write(house)
        session.execute(update(Letter).values(state=state, error=error))
        self.undo(house, self.take_back(house, idea))
        assert self.write(house) == []
        now = {each.idea_id: (each.state, each.error) for each in house.letters()}
        assert now[idea.id] == ((LetterState.WAITING, None) if waits_again else (state, error))
        assert now[other.id] == (state, error)

    def test_who_hears_of_the_undo_is_not_told_the_older_one_too(self, house, session, idea):
        answer(house, idea)
        [first] = self.write(house)
        session.execute(update(Letter).values(state=LetterState.CANCELLED, error=SUPERSEDED))
        changed = answer(house, idea, text="Nej.", tells=True)
        [second] = self.write(house)
        session.execute(
            update(Letter)
            .where(Letter.id == second.id)
            .values(state=LetterState.SENT, sent_at=utcnow())
        )
        self.undo(house, changed)
        [third] = self.write(house)
        assert third.template == "answered"
        now = {each.id: each.state for each in house.letters()}
        assert now[first.id] is LetterState.CANCELLED

    def test_what_was_taken_back_already_is_not_taken_back_from_them_again(
        self, house, session, idea
    ):
        answer(house, idea)
        self.write(house)
        self.all_left(session)
        self.take_back(house, idea)
        self.write(house)
        self.all_left(session)
        anew = answer(house, idea, text="Åter ja.")
        # Nobody has read that one.
        assert [each.state for each in self.write(house)] == [LetterState.WAITING]
        self.undo(house, anew)
        house.stir(Letter, OfficialAnswer)
        assert self.write(house) == []

    def test_who_was_told_of_another_answer_was_not_told_of_this(self, house, session, idea):
        other, moves = house.beside(idea), house.beside(idea)
        house.decide(other, DecisionKind.PUBLISH)
        house.decide(moves, DecisionKind.MERGE, into=other.number)
        answer(house, idea)
        answer(house, other)
        self.write(house)
        self.all_left(session)
        house.decide(moves, DecisionKind.REOPEN)
        house.decide(moves, DecisionKind.MERGE, into=idea.number)
        self.take_back(house, idea)
        assert [each.idea_id for each in self.write(house)] == [idea.id]

    def test_what_is_told_later_does_not_count_for_what_was_before(self, house, session, idea):
        """The delivery of the one in the middle comes late."""
        answer(house, idea)
        self.write(house)
        session.execute(update(Letter).values(state=LetterState.FAILED, error="550"))
        self.take_back(house, idea)
        late = house.owed(queues.ANSWER)
        answer(house, idea, text="Åter ja.")
        newest = house.owed(queues.ANSWER)[1][-1:]
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.id.in_([each.id for each in late[1]]))
            .values(batch=late[0])
        )
        batch = session.scalar(
            select(OutboxDelivery.batch).where(OutboxDelivery.id == newest[0].id)
        )
        answers.write_answer_letters(session, batch, newest, house.settings)
        self.all_left(session)
        answers.write_answer_letters(session, *late, house.settings)
        assert [each.template for each in house.letters()] == ["answered", "answered"]

    def test_only_undoing_makes_true_again(self, house, session, idea):
        answer(house, idea)
        self.write(house)
        session.execute(update(Letter).values(state=LetterState.CANCELLED, error=SUPERSEDED))
        answer(house, idea, text="Ja, ja.")
        assert self.write(house) == []
        assert [each.state for each in house.letters()] == [LetterState.CANCELLED]


@pytest.mark.usefixtures("clock")
class TestAccounts:
    def write(self, house, link_id, kind):
        outbox.record_event(house.session, AccountLinkMade(link_id, kind))
        account_letters.write_account_letters(
            house.session, *house.owed(queues.ACCOUNT), house.settings
        )
        return house.letters()

    def test_an_invitation_is_written_once_in_its_language(self, house, session):
        made = an_invitation(session)
        for _ in range(2):
            [letter] = self.write(house, made.id, LinkKind.INVITATION)
        assert (letter.template, letter.language, letter.due_at) == ("invitation", "en", NOON)
        assert (letter.invitation_id, letter.staff_id, letter.reset_id) == (made.id, None, None)

    def test_the_first_administrators_link_is_mailed_to_nobody(self, house, session):
        made = an_invitation(session, email=None, nonce=None)
        assert self.write(house, made.id, LinkKind.INVITATION) == []

    def test_a_new_password_is_written_to_its_person_in_their_language(self, house, session):
        person = a_member_of_staff(session, language="en")
        made = a_reset(session, staff_id=person.id)
        [letter] = self.write(house, made.id, LinkKind.RESET)
        assert (letter.template, letter.language, letter.due_at) == ("password-reset", "en", NOON)
        assert (letter.reset_id, letter.staff_id) == (made.id, person.id)

    def test_for_an_address_that_nobody_has_nothing_is_written(self, house, session):
        assert self.write(house, a_reset(session).id, LinkKind.RESET) == []

    @pytest.mark.parametrize("kind", [LinkKind.INVITATION, LinkKind.RESET])
    def test_a_link_that_is_gone_is_passed_over_and_the_others_are_written(
        self, house, session, kind
    ):
        outbox.record_event(session, AccountLinkMade(new_id(), kind))
        assert len(self.write(house, an_invitation(session).id, LinkKind.INVITATION)) == 1


@pytest.mark.usefixtures("clock")
class TestLinks:
    """A link is in a letter only while it opens something."""

    @pytest.fixture(params=["invitation", "reset"])
    def made(self, request, house, session, settings):
        """A link, and the letter that is to hold it."""
        nonce = account_links.new_nonce()
        kind = LinkKind(request.param)
        token = account_links.make_account_token(settings.secret_key, kind, nonce)
        about = {
            "nonce": nonce,
            "sha256": account_links.hash_account_token(token),
            "expires_at": NOON + timedelta(hours=1),
        }
        if kind is LinkKind.INVITATION:
            link = an_invitation(session, **about)
            return link, house.letter(template="invitation", invitation_id=link.id)
        link = a_reset(session, staff_id=house.staff.id, **about)
        return link, house.letter(
            template="password-reset", reset_id=link.id, staff_id=house.staff.id
        )

    def leaves(self, house, letter) -> bool:
        composed = account_letters.compose_account_letter(house.session, letter, house.settings)
        if isinstance(composed, str):
            assert composed == account_letters.LINK_ENDED
            return False
        assert composed[0] == composed[1]["To"]
        return True

    @pytest.mark.parametrize(
        ("left", "leaves"),
        [(timedelta(microseconds=1), True), (timedelta(), False), (-timedelta(days=1), False)],
    )
    def test_that_has_not_ended(self, house, made, left, leaves):
        link, letter = made
        link.expires_at = utcnow() + left
        assert self.leaves(house, letter) is leaves

    def test_that_was_not_used(self, house, made):
        link, letter = made
        link.used_at = utcnow()
        assert not self.leaves(house, letter)

    def test_that_todays_key_makes(self, house, made):
        link, letter = made
        link.sha256 = new_id().bytes
        house.session.flush()
        assert not self.leaves(house, letter)

    def test_of_its_own_kind(self, house, made):
        link, letter = made
        other = {"invitation": LinkKind.RESET, "password-reset": LinkKind.INVITATION}
        token = account_links.make_account_token(
            house.settings.secret_key, other[letter.template], link.nonce
        )
        link.sha256 = account_links.hash_account_token(token)
        house.session.flush()
        assert not self.leaves(house, letter)


class TestUnsubscribing:
    def act(self, house, *people):
        for each in people:
            outbox.record_event(house.session, DigestUnsubscribed(each.id))
        unsubscribing.act_on_unsubscriptions(house.session, *house.owed(queues.UNSUBSCRIBE))
        house.session.expire_all()

    def test_turns_off_ones_own_digests_and_nobody_elses(self, house, session, person):
        other = a_member_of_staff(session)
        session.add_all(Subscription(staff_id=each.id, hour=9) for each in (person, other))
        session.flush()
        self.act(house, person)
        assert not subscribing.choice_of(session, person.id).is_on
        assert subscribing.choice_of(session, other.id).is_on

    def test_keeps_what_else_was_chosen(self, house, session, person):
        session.add(Subscription(staff_id=person.id, hour=9, lanes=["urgent"], calm_note=True))
        session.flush()
        before = subscribing.choice_of(session, person.id)
        self.act(house, person)
        after = subscribing.choice_of(session, person.id)
        assert (after.schedule, after.wanted, after.calm_note) == (
            before.schedule,
            before.wanted,
            before.calm_note,
        )

    def test_of_two_turns_off_both(self, house, session, person):
        other = a_member_of_staff(session)
        self.act(house, person, other)
        assert not any(each.is_on for each in subscribing.list_choices(session))
