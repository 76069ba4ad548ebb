"""A letter leaves only if what it tells is so when it is claimed: each reason from both sides."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from services.moderation.decisions import deciding, official_answers, undoing
from services.notify.letters import answers, arrivals
from services.notify.mail import addresses
from services.notify.mail.letters import INTERRUPTED, SUPERSEDED, UNDONE
from services.notify.sending import claims
from shared.clock import utcnow
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.ids import new_id
from shared.links import account_links
from shared.models import (
    Contact,
    DeadAddress,
    DecisionKind,
    Digest,
    DigestRun,
    Idea,
    IdeaStatus,
    Letter,
    LetterState,
    Notice,
    Outcome,
    PasswordReset,
    ReceiptVerb,
    Staff,
    Verdict,
)
from tests.factories import a_member_of_staff, a_rule
from tests.notify.rules.conftest import House


class Mailbox(House):
    """A house whose letters are claimed until none is due."""

    def about(self, decision, **more) -> Letter:
        """Write the row of the letter that a decision owes."""
        template = "corrected" if decision.undoes else "published"
        return self.letter(
            **{"template": template, "idea_id": decision.idea_id, "decision_id": decision.id} | more
        )

    def told_of(self, answer, idea: Idea, template: str = answers.ANSWERED, **more) -> Letter:
        return self.letter(template=template, idea_id=idea.id, answer_id=answer.id, **more)

    def publish(self, idea: Idea | None = None):
        return self.decide(idea or self.waiting(), DecisionKind.PUBLISH)

    def reject(self, idea: Idea):
        return self.decide(idea, DecisionKind.REJECT, rule_code=a_rule(self.session).code)

    def undo(self, decision):
        return undoing.undo_decision(self.session, decision_id=decision.id, staff_id=self.staff.id)

    def asks(self, idea: Idea, verb: ReceiptVerb) -> None:
        outbox.record_event(self.session, ReceiptAction(idea.id, verb))

    def answer(self, idea: Idea, text: str | None = "Ja.", **more):
        last = official_answers.read_standing_answer(self.session, idea.id)
        about = {
            "number": idea.number,
            "staff_id": self.staff.id,
            "seen": last.version if last else 0,
        }
        if text is None:
            return official_answers.take_back(self.session, **about)
        return official_answers.write_official_answer(self.session, **about, text=text, **more)

    def undo_answer(self, answer):
        return official_answers.undo_official_answer(
            self.session, answer_id=answer.id, staff_id=self.staff.id
        )

    def fate(self, letter: Letter) -> str | None:
        """Claim all there is; return why a letter was cancelled, None when it is to be sent."""
        self.session.flush()
        self.session.expire_all()
        while claims.claim_letter(self.session) is not None:
            self.session.expire_all()
        [found] = [each for each in self.letters() if each.id == letter.id]
        if found.state is LetterState.CLAIMED:
            return None
        assert found.state is LetterState.CANCELLED
        assert (found.attempts, found.claimed_until) == (letter.attempts, None)
        return found.error


@pytest.fixture
def house(session, settings) -> Mailbox:
    return Mailbox(session, settings)


class TestOfADecision:
    def test_that_stands(self, house):
        assert house.fate(house.about(house.publish())) is None

    def test_that_was_undone(self, house):
        decision = house.publish()
        house.undo(decision)
        assert house.fate(house.about(decision)) == UNDONE

    def test_while_another_was_undone(self, house):
        letter = house.about(house.publish())
        house.undo(house.publish())
        assert house.fate(letter) is None

    def test_undone_while_a_worker_died_with_it_may_have_been_read(self, house):
        decision = house.publish()
        letter = house.about(
            decision,
            state=LetterState.CLAIMED,
            claimed_until=utcnow() - timedelta(seconds=1),
            attempts=1,
        )
        house.undo(decision)
        assert house.fate(letter) == INTERRUPTED

    def test_that_a_later_one_replaces(self, house):
        idea = house.waiting()
        letter = house.about(house.publish(idea))
        house.reject(idea)
        assert house.fate(letter) == SUPERSEDED

    def test_that_a_reopening_replaces(self, house):
        idea = house.waiting()
        letter = house.about(house.publish(idea))
        house.decide(idea, DecisionKind.REOPEN)
        assert house.fate(letter) == SUPERSEDED

    def test_that_a_merge_replaces(self, house):
        idea = house.waiting()
        target = house.beside(idea)
        letter = house.about(house.publish(idea))
        house.decide(idea, DecisionKind.MERGE, into=target.number)
        assert house.fate(letter) == SUPERSEDED

    @pytest.mark.parametrize(
        ("kind", "more"), [(DecisionKind.MASK, {"mask_spans": [(0, 2)]}), (DecisionKind.KEEP, {})]
    )
    def test_that_masking_or_keeping_leaves_true(self, house, kind, more):
        idea = house.waiting()
        letter = house.about(house.publish(idea))
        house.decide(idea, kind, **more)
        assert house.fate(letter) is None

    def test_that_an_earlier_one_does_not_replace(self, house):
        idea = house.waiting()
        house.publish(idea)
        assert house.fate(house.about(house.reject(idea))) is None

    def test_that_one_about_another_idea_does_not_replace(self, house):
        letter = house.about(house.publish())
        house.reject(house.waiting())
        assert house.fate(letter) is None

    def test_whose_replacement_was_undone(self, house):
        idea = house.waiting()
        letter = house.about(house.publish(idea))
        house.undo(house.reject(idea))
        assert house.fate(letter) is None


class TestACorrection:
    """Tells that a decision was undone, to who may have read the letter about it."""

    @pytest.fixture
    def undone(self, house):
        return house.publish()

    @pytest.fixture
    def correction(self, house, undone):
        return house.about(house.undo(undone))

    @pytest.mark.parametrize(
        ("state", "error", "is_told"),
        [
            (LetterState.SENT, None, True),
            (LetterState.FAILED, INTERRUPTED, True),
            (LetterState.CANCELLED, INTERRUPTED, True),
            (LetterState.FAILED, "550", False),
            (LetterState.CANCELLED, UNDONE, False),
        ],
    )
    def test_leaves_when_the_first_may_have_been_read(
        self, house, undone, correction, state, error, is_told
    ):
        sent_at = utcnow() if state is LetterState.SENT else None
        house.about(undone, state=state, error=error, sent_at=sent_at)
        assert house.fate(correction) == (None if is_told else "original never left")

    def test_never_leaves_without_a_first(self, house, correction):
        house.about(house.publish(), state=LetterState.SENT, sent_at=utcnow())
        assert house.fate(correction) == "original never left"

    @pytest.mark.usefixtures("clock")
    @pytest.mark.parametrize("state", [LetterState.WAITING, LetterState.CLAIMED])
    def test_waits_two_seconds_while_the_first_is_under_way(
        self, house, session, undone, correction, state
    ):
        held = utcnow() + timedelta(minutes=2)
        house.about(
            undone,
            state=state,
            due_at=held,
            claimed_until=held if state is LetterState.CLAIMED else None,
        )
        correction.due_at = utcnow()
        session.flush()
        session.expire_all()
        assert claims.claim_letter(session) is None
        [waits] = [each for each in house.letters() if each.id == correction.id]
        assert (waits.state, waits.error, waits.attempts) == (LetterState.WAITING, None, 0)
        assert waits.due_at == utcnow() + timedelta(seconds=2)

    def test_leaves_although_it_was_decided_anew(self, house, session, undone):
        """What was read is untrue, whatever came after."""
        house.about(undone, state=LetterState.SENT, sent_at=utcnow())
        correction = house.about(house.undo(undone))
        house.reject(session.get_one(Idea, undone.idea_id))
        assert house.fate(correction) is None


class TestOfAnArrival:
    @pytest.fixture
    def idea(self, house):
        return house.waiting()

    @pytest.fixture
    def letter(self, house, idea):
        return house.letter(idea_id=idea.id, received_id=idea.id)

    @pytest.mark.parametrize(
        ("kind", "fate"),
        [
            (DecisionKind.PUBLISH, SUPERSEDED),
            (DecisionKind.REJECT, SUPERSEDED),
            (DecisionKind.MERGE, SUPERSEDED),
            # Nothing of that is told while the idea waits.
            (DecisionKind.MASK, None),
        ],
    )
    def test_of_which_the_letter_of_a_decision_says_it_all(
        self, house, session, idea, letter, kind, fate
    ):
        more = {
            DecisionKind.REJECT: {"rule_code": a_rule(session).code},
            DecisionKind.MERGE: {"into": house.beside(idea).number},
            DecisionKind.MASK: {"mask_spans": [(0, 2)]},
        }
        decision = house.decide(idea, kind, **more.get(kind, {}))
        assert house.fate(letter) == fate
        assert decision.kind is kind

    def test_of_which_the_councils_policy_says_nothing(self, house, session, idea, letter):
        deciding.publish_by_policy(session, idea)
        assert house.fate(letter) is None

    def test_whose_decision_was_undone(self, house, idea, letter):
        house.undo(house.publish(idea))
        assert house.fate(letter) is None

    def test_while_another_was_decided(self, house, letter):
        house.publish()
        assert house.fate(letter) is None

    @pytest.mark.parametrize(
        ("version", "outcome", "fate"),
        [
            (2, Outcome.LIKELY_SPAM, arrivals.LIKELY_SPAM),
            (2, Outcome.ATTENTION, None),
            (2, Outcome.CLEAR, None),
            # What was thought of an older text says nothing of the one that stands.
            (1, Outcome.LIKELY_SPAM, None),
        ],
    )
    def test_that_turned_out_to_be_spam(self, house, session, idea, letter, version, outcome, fate):
        idea.text_version = 2
        session.add(a_verdict(idea, version, outcome))
        assert house.fate(letter) == fate

    def test_while_another_turned_out_to_be_spam(self, house, session, letter):
        session.add(a_verdict(house.waiting(), 1, Outcome.LIKELY_SPAM))
        assert house.fate(letter) is None

    def test_spam_stops_no_letter_about_a_decision(self, house, session, idea):
        session.add(a_verdict(idea, 1, Outcome.LIKELY_SPAM))
        assert house.fate(house.about(house.publish(idea))) is None


def a_verdict(idea, version, outcome) -> Verdict:
    return Verdict(
        idea_id=idea.id, text_version=version, outcome=outcome, priority=100, unchecked=[],
        ruleset=1, reached_at=utcnow(),
    )  # fmt: skip


class TestToAWriter:
    @pytest.fixture(params=["arrival", "decision"])
    def letter(self, request, house):
        idea = house.waiting()
        if request.param == "decision":
            return house.about(house.publish(idea))
        return house.letter(idea_id=idea.id, received_id=idea.id)

    @pytest.fixture
    def idea(self, session, letter):
        return session.get_one(Idea, letter.idea_id)

    def test_who_has_withdrawn_it(self, house, session, letter, idea):
        session.execute(
            update(Idea)
            .where(Idea.id == idea.id)
            .values(status=IdeaStatus.WITHDRAWN, published_at=None, public_text=None,
                    public_version=None, public_author=None)
        )  # fmt: skip
        assert house.fate(letter) == "withdrawn"

    @pytest.mark.parametrize("verb", ReceiptVerb)
    def test_who_asks_for_something(self, house, letter, idea, verb):
        house.asks(idea, verb)
        assert house.fate(letter) == ("withdrawn" if verb is ReceiptVerb.WITHDRAW else None)

    def test_while_another_withdraws(self, house, letter):
        house.asks(house.waiting(), ReceiptVerb.WITHDRAW)
        assert house.fate(letter) is None

    def test_whose_address_was_deleted(self, house, session, letter, idea):
        session.execute(delete(Contact).where(Contact.idea_id == idea.id))
        assert house.fate(letter) == "no address"

    def test_while_anothers_address_was_deleted(self, house, session, letter):
        other = house.waiting()
        session.execute(delete(Contact).where(Contact.idea_id == other.id))
        assert house.fate(letter) is None

    @pytest.mark.parametrize("revived", [False, True])
    def test_whose_address_is_dead(self, house, session, letter, idea, revived):
        session.add(a_dead_address(letter, revived=revived, idea_id=idea.id))
        assert house.fate(letter) == (None if revived else addresses.ADDRESS_DEAD)

    def test_while_anothers_address_is_dead(self, house, session, letter):
        session.add(a_dead_address(letter, idea_id=house.waiting().id))
        session.add(a_dead_address(letter, staff_id=house.staff.id))
        assert house.fate(letter) is None


def a_dead_address(letter, *, revived=False, **whose) -> DeadAddress:
    return DeadAddress(
        letter_id=letter.id, reason="5.1.1", revived_at=utcnow() if revived else None, **whose
    )


def test_a_confirmation_to_a_dead_address_is_known_by_its_idea_alone(house, session):
    """Older rows name the idea of an arrival, and the address, once."""
    idea = house.waiting()
    letter = house.letter(received_id=idea.id)
    session.add(a_dead_address(letter, idea_id=idea.id))
    assert house.fate(letter) == addresses.ADDRESS_DEAD


class TestToStaff:
    @pytest.fixture
    def person(self, session):
        return a_member_of_staff(session)

    @pytest.fixture(params=["digest", "reset"])
    def letter(self, request, house, session, person):
        if request.param == "digest":
            return house.letter(**a_digest(session, person))
        return house.letter(**a_reset(session, person))

    def test_who_is_here(self, house, letter):
        assert house.fate(letter) is None

    def test_whose_account_is_closed(self, house, letter, person):
        person.disabled_at = utcnow()
        assert house.fate(letter) == "account closed"

    def test_while_anothers_account_is_closed(self, house, session, letter):
        a_member_of_staff(session).disabled_at = utcnow()
        assert house.fate(letter) is None

    @pytest.mark.parametrize("revived", [False, True])
    def test_whose_address_is_dead_unless_they_asked_for_the_letter(
        self, house, session, letter, person, revived
    ):
        session.add(a_dead_address(letter, revived=revived, staff_id=person.id))
        is_stopped = not revived and letter.template == "digest"
        assert house.fate(letter) == (addresses.ADDRESS_DEAD if is_stopped else None)

    def test_while_anothers_address_is_dead(self, house, session, letter):
        session.add(a_dead_address(letter, staff_id=a_member_of_staff(session).id))
        session.add(a_dead_address(letter, idea_id=house.waiting().id))
        assert house.fate(letter) is None


def a_digest(session, person: Staff) -> dict[str, object]:
    run = DigestRun(slot=str(new_id()))
    session.add(run)
    session.flush()
    digest = Digest(run_id=run.id, staff_id=person.id, new_count=1, waiting_count=1)
    session.add(digest)
    session.flush()
    return {"template": "digest", "digest_id": digest.id, "staff_id": person.id}


def a_reset(session, person: Staff) -> dict[str, object]:
    reset = PasswordReset(
        staff_id=person.id,
        nonce=account_links.new_nonce(),
        sha256=new_id().bytes,
        expires_at=utcnow() + timedelta(hours=1),
    )
    session.add(reset)
    session.flush()
    return {"template": "password-reset", "reset_id": reset.id, "staff_id": person.id}


def test_an_alarm_to_a_dead_address_or_a_closed_account_does_not_leave(house, session):
    fates = []
    for change in ("none", "dead", "closed"):
        person = a_member_of_staff(session)
        notice = Notice(staff_id=person.id, is_over=False, told_as="admin")
        session.add(notice)
        session.flush()
        letter = house.letter(template="alert", notice_id=notice.id, staff_id=person.id)
        if change == "dead":
            session.add(a_dead_address(letter, staff_id=person.id))
        if change == "closed":
            person.disabled_at = utcnow()
        session.flush()
        session.expire_all()
        while claims.claim_letter(session, notices=True) is not None:
            session.expire_all()
        fates.append(session.get_one(Letter, letter.id, populate_existing=True).error)
    assert fates == [None, addresses.ADDRESS_DEAD, "account closed"]


class TestOfAnAnswer:
    @pytest.fixture
    def idea(self, house):
        idea = house.waiting()
        house.publish(idea)
        return idea

    @pytest.fixture
    def answer(self, house, idea):
        return house.answer(idea)

    @pytest.fixture
    def letter(self, house, idea, answer):
        return house.told_of(answer, idea)

    def test_that_stands(self, house, letter):
        assert house.fate(letter) is None

    def test_that_was_undone(self, house, letter, answer):
        house.undo_answer(answer)
        assert house.fate(letter) == UNDONE

    def test_that_was_taken_back(self, house, letter, idea):
        house.answer(idea, None)
        assert house.fate(letter) == SUPERSEDED

    @pytest.mark.parametrize("tells", [True, False])
    def test_of_which_a_later_version_is_told(self, house, letter, idea, tells):
        house.answer(idea, "Nej.", tells=tells)
        assert house.fate(letter) == (SUPERSEDED if tells else None)

    def test_whose_later_version_was_undone(self, house, letter, idea):
        house.undo_answer(house.answer(idea, "Nej.", tells=True))
        assert house.fate(letter) is None

    @pytest.mark.usefixtures("answer")
    def test_that_itself_is_the_later_version(self, house, idea):
        later = house.answer(idea, "Nej.", tells=True)
        assert house.fate(house.told_of(later, idea)) is None

    def test_while_another_idea_is_answered_later(self, house, letter):
        other = house.waiting()
        house.publish(other)
        house.answer(other)
        house.answer(other, "Nej.", tells=True)
        assert house.fate(letter) is None

    def test_that_the_public_cannot_read(self, house, letter, idea):
        house.decide(idea, DecisionKind.REOPEN)
        assert house.fate(letter) == answers.NOT_PUBLIC

    def test_to_one_who_is_not_merged_with_it(self, house, idea, answer):
        merged, other, elsewhere = (house.beside(idea) for _ in range(3))
        house.publish(other)
        house.decide(merged, DecisionKind.MERGE, into=idea.number)
        house.decide(elsewhere, DecisionKind.MERGE, into=other.number)
        fates = [house.fate(house.told_of(answer, each)) for each in (merged, other, elsewhere)]
        assert fates == [None, answers.NOT_MERGED, answers.NOT_MERGED]

    @pytest.mark.parametrize(
        ("state", "error", "is_told"),
        [
            (LetterState.SENT, None, True),
            (LetterState.CLAIMED, None, True),
            (LetterState.FAILED, INTERRUPTED, True),
            (LetterState.FAILED, "550", False),
            (LetterState.CANCELLED, SUPERSEDED, False),
        ],
    )
    def test_that_is_taken_back_from_who_may_have_read_it(
        self, house, idea, answer, state, error, is_told
    ):
        house.told_of(
            answer,
            idea,
            state=state,
            error=error,
            sent_at=utcnow() if state is LetterState.SENT else None,
            claimed_until=utcnow() + timedelta(hours=1) if state is LetterState.CLAIMED else None,
        )
        back = house.told_of(house.answer(idea, None), idea, answers.ANSWER_WITHDRAWN)
        assert house.fate(back) == (None if is_told else "original never left")

    def test_that_is_taken_back_from_nobody_who_read_another(self, house, idea, answer):
        merged = house.beside(idea)
        house.decide(merged, DecisionKind.MERGE, into=idea.number)
        house.told_of(answer, merged, state=LetterState.SENT, sent_at=utcnow())
        other = house.waiting()
        house.publish(other)
        house.told_of(house.answer(other), other, state=LetterState.SENT, sent_at=utcnow())
        back = house.told_of(house.answer(idea, None), idea, answers.ANSWER_WITHDRAWN)
        assert house.fate(back) == "original never left"

    def test_that_is_taken_back_and_given_anew(self, house, idea, answer):
        house.told_of(answer, idea, state=LetterState.SENT, sent_at=utcnow())
        back = house.told_of(house.answer(idea, None), idea, answers.ANSWER_WITHDRAWN)
        house.answer(idea, "Åter ja.", tells=True)
        assert house.fate(back) == SUPERSEDED
