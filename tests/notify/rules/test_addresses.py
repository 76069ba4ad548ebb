"""When an address is dead, whose it is, how it lives again; letters sent once more and let go."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.notify.desk import alarm_book, letter_overview, resending
from services.notify.mail import addresses
from services.notify.mail.letters import BOUNCED, COMPLAINED, INTERRUPTED
from services.notify.sending import bounces
from services.notify.sending.bounces import NOT_THERE, REFUSED, STRIKES
from shared import heartbeat
from shared.clock import utcnow
from shared.ids import new_id
from shared.models import (
    BounceKind,
    DeadAddress,
    DecisionKind,
    Digest,
    DigestRun,
    Heartbeat,
    Incident,
    IncidentKind,
    Letter,
    LetterState,
    Notice,
    NoticeItem,
)
from tests.factories import a_member_of_staff
from tests.notify.rules.conftest import NOON

TICK = timedelta(microseconds=1)
SENT = {"state": LetterState.SENT, "sent_at": NOON}
FAILED = {"state": LetterState.FAILED}
pytestmark = pytest.mark.usefixtures("clock")


def a_digest(house, person, **about) -> Letter:
    run = DigestRun(slot=str(new_id()))
    house.session.add(run)
    house.session.flush()
    digest = Digest(run_id=run.id, staff_id=person.id, new_count=1, waiting_count=1)
    house.session.add(digest)
    house.session.flush()
    return house.letter(template="digest", digest_id=digest.id, staff_id=person.id, **about)


def to_writer(house, idea=None, **about) -> Letter:
    idea = idea or house.waiting()
    return house.letter(idea_id=idea.id, received_id=idea.id, **about)


def an_alarm(house, person, *, is_over=False, incident=None, **about) -> Letter:
    """Store a notice with its letter; about an incident, if there is one."""
    notice = Notice(staff_id=person.id, is_over=is_over, told_as="admin")
    house.session.add(notice)
    house.session.flush()
    if incident is not None:
        house.session.add(
            NoticeItem(
                notice_id=notice.id, incident_id=incident.id, staff_id=person.id, is_over=is_over
            )
        )
    return house.letter(template="alert", notice_id=notice.id, staff_id=person.id, **about)


def stored(session, letter) -> Letter:
    session.flush()
    return session.get_one(Letter, letter.id, populate_existing=True)


def dead(session) -> list[DeadAddress]:
    session.flush()
    found = select(DeadAddress).where(DeadAddress.revived_at.is_(None))
    return [*session.scalars(found.execution_options(populate_existing=True))]


class TestWhatCameBack:
    @pytest.mark.parametrize("kind", [BounceKind.PERMANENT, BounceKind.COMPLAINT])
    def test_is_noted_once(self, house, session, kind):
        letter = to_writer(house, **SENT, claimed_until=NOON)
        bounces.came_back(session, letter.id, kind, "5.2.2")
        now = stored(session, letter)
        code = BOUNCED if kind is BounceKind.PERMANENT else COMPLAINED
        assert (now.state, now.error) == (LetterState.FAILED, code)
        assert (now.sent_at, now.claimed_until) == (None, None)
        # The other kind does not come on top.
        other = next(each for each in BounceKind if each is not kind)
        bounces.came_back(session, letter.id, other)
        assert stored(session, letter).error == code

    @pytest.mark.parametrize(
        "about",
        [
            {"state": LetterState.WAITING},
            {"state": LetterState.CLAIMED},
            {**FAILED, "error": "451"},
        ],
    )
    def test_counts_also_before_we_have_marked_it(self, house, session, about):
        letter = to_writer(house, **about)
        bounces.came_back(session, letter.id, BounceKind.PERMANENT)
        assert stored(session, letter).error == BOUNCED

    def test_is_nothing_that_was_cancelled(self, house, session):
        letter = to_writer(house, state=LetterState.CANCELLED, error="withdrawn")
        bounces.came_back(session, letter.id, BounceKind.COMPLAINT)
        assert stored(session, letter).error == "withdrawn"
        assert dead(session) == []

    def test_is_that_letter_and_no_other(self, house, session):
        letter, other = to_writer(house, **SENT), to_writer(house, **SENT)
        bounces.came_back(session, letter.id, BounceKind.PERMANENT)
        assert stored(session, other).state is LetterState.SENT

    @pytest.mark.parametrize("status", sorted(NOT_THERE))
    def test_at_once_when_nobody_is_there(self, house, session, status):
        letter = to_writer(house, **SENT)
        bounces.came_back(session, letter.id, BounceKind.PERMANENT, status)
        assert [each.reason for each in dead(session)] == [status]

    @pytest.mark.parametrize("status", ["5.0.0", "5.2.2", "5.7.1", "5.1.4", "5.1.0", None])
    def test_not_at_once_for_other_reasons(self, house, session, status):
        letter = to_writer(house, **SENT)
        bounces.came_back(session, letter.id, BounceKind.PERMANENT, status)
        assert dead(session) == []

    def test_at_once_when_it_is_called_spam(self, house, session):
        letter = to_writer(house, **SENT)
        bounces.came_back(session, letter.id, BounceKind.COMPLAINT)
        assert [each.reason for each in dead(session)] == [COMPLAINED]


class TestStrikes:
    def refused(self, house, letter, status=None) -> list[str]:
        bounces.judge_refusal(house.session, letter, status)
        return [each.reason for each in dead(house.session)]

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    @pytest.mark.parametrize("error", ["550", "552", BOUNCED])
    def test_three_in_a_row(self, house, person, count, error):
        assert STRIKES == 3
        letters = [a_digest(house, person, **FAILED, error=error) for _ in range(count)]
        assert self.refused(house, letters[-1]) == ([REFUSED] if count >= 3 else [])

    def test_say_what_the_server_said_last(self, house, person):
        letters = [a_digest(house, person, **FAILED, error="550") for _ in range(3)]
        assert self.refused(house, letters[-1], "5.7.1") == ["5.7.1"]

    @pytest.mark.parametrize("error", ["451", INTERRUPTED, "timeout", None, "KeyError at x:5"])
    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_are_refusals_for_good(self, house, person, error, which):
        errors = ["550", "550", "550"]
        errors[which] = error
        letters = [a_digest(house, person, **FAILED, error=each) for each in errors]
        assert self.refused(house, letters[-1]) == []

    @pytest.mark.parametrize(
        ("arrived", "is_dead"), [(0, True), (1, False), (2, False), (3, False)]
    )
    def test_begin_anew_after_one_that_arrived(self, house, person, arrived, is_dead):
        about = [{**FAILED, "error": "550"} for _ in range(4)]
        about[arrived] = SENT
        letters = [a_digest(house, person, **each) for each in about]
        assert bool(self.refused(house, letters[-1])) is is_dead

    @pytest.mark.parametrize(
        "state", [LetterState.WAITING, LetterState.CLAIMED, LetterState.CANCELLED]
    )
    def test_pass_over_what_has_not_ended(self, house, person, state):
        letters = [a_digest(house, person, **FAILED, error="550") for _ in range(2)]
        a_digest(house, person, state=state)
        letters.append(a_digest(house, person, **FAILED, error="550"))
        assert self.refused(house, letters[-1]) == [REFUSED]

    def test_are_counted_from_the_last(self, house, person):
        letters = [a_digest(house, person, **FAILED, error="550") for _ in range(3)]
        a_digest(house, person, **SENT)
        house.stir(Letter)
        [last] = [each for each in house.letters() if each.id == letters[-1].id]
        assert self.refused(house, last) == []

    def test_are_of_one_person(self, house, session, person):
        other = a_member_of_staff(session)
        letters = [a_digest(house, each, **FAILED, error="550") for each in (person, other, person)]
        assert self.refused(house, letters[-1]) == []

    @pytest.mark.usefixtures("session")
    def test_of_a_writer_are_about_one_idea_whatever_they_tell(self, house):
        idea = house.waiting()
        failed = {**FAILED, "error": "550"}
        to_writer(house, **failed)
        to_writer(house, idea, **failed)
        decision = house.decide(idea, DecisionKind.PUBLISH)
        about = {"idea_id": idea.id, "decision_id": decision.id, **failed}
        second = house.letter(template="published", **about)
        assert self.refused(house, second) == []
        third = house.letter(template="masked", **about)
        assert self.refused(house, third) == [REFUSED]


class TestDeadAddresses:
    def test_are_a_persons_or_an_ideas(self, house, session, person):
        addresses.bury_address(session, a_digest(house, person), "5.1.1")
        letter = to_writer(house)
        addresses.bury_address(session, letter, "5.1.1")
        assert [(each.staff_id, each.idea_id) for each in dead(session)] == [
            (person.id, None),
            (None, letter.idea_id),
        ]

    def test_of_a_member_of_staff_is_an_alarm_and_a_writers_is_none(self, house, session, person):
        addresses.bury_address(session, to_writer(house), "5.1.1")
        assert session.scalars(select(Incident)).all() == []
        addresses.bury_address(session, a_digest(house, person), "5.1.1")
        [incident] = session.scalars(select(Incident)).all()
        assert (incident.kind, incident.key) == (IncidentKind.BOUNCED, str(person.id))

    def test_are_buried_once(self, house, session, person):
        for _ in range(2):
            addresses.bury_address(session, a_digest(house, person), "5.1.1")
        assert len(dead(session)) == 1

    def test_live_again_once_and_it_is_written_down_by_whom(self, house, session, person):
        addresses.bury_address(session, a_digest(house, person), "5.1.1")
        [each] = dead(session)
        revived = addresses.revive_address(session, each.id, person.id)
        assert (revived.revived_at, revived.revived_by) == (NOON, person.id)
        with pytest.raises(LookupError):
            addresses.revive_address(session, each.id, person.id)
        with pytest.raises(LookupError):
            addresses.revive_address(session, new_id(), person.id)
        # And may die again.
        addresses.bury_address(session, a_digest(house, person), "5.1.1")
        assert len(dead(session)) == 1

    def test_end_their_own_alarm(self, house, session, person):
        other = a_member_of_staff(session)
        for each in (person, other):
            addresses.bury_address(session, a_digest(house, each), "5.1.1")
        [first] = [each for each in dead(session) if each.staff_id == person.id]
        addresses.revive_address(session, first.id, person.id)
        session.expire_all()
        over = {each.key: each.resolved_at for each in session.scalars(select(Incident))}
        assert over == {str(person.id): NOON, str(other.id): None}

    @pytest.mark.parametrize(
        ("state", "error", "waits"),
        [
            (LetterState.CANCELLED, addresses.ADDRESS_DEAD, True),
            (LetterState.CANCELLED, "withdrawn", False),
            (LetterState.FAILED, "550", False),
        ],
    )
    def test_of_writers_let_their_letters_wait_again(
        self, house, session, person, state, error, waits
    ):
        letter, other = (to_writer(house, state=state, error=error) for _ in range(2))
        addresses.bury_address(session, letter, "5.1.1")
        addresses.revive_address(session, dead(session)[0].id, person.id)
        expected = (LetterState.WAITING, None) if waits else (state, error)
        now, others = stored(session, letter), stored(session, other)
        assert (now.state, now.error) == expected
        assert (others.state, others.error) == (state, error)

    def test_of_staff_let_no_digest_be_told_late(self, house, session, person):
        about = {"state": LetterState.CANCELLED, "error": addresses.ADDRESS_DEAD}
        letter = a_digest(house, person, **about)
        addresses.bury_address(session, letter, "5.1.1")
        addresses.revive_address(session, dead(session)[0].id, person.id)
        assert stored(session, letter).state is LetterState.CANCELLED

    def test_are_listed_those_of_staff_first_then_the_newest(self, house, session, clock):
        people = [a_member_of_staff(session, name=name) for name in ("Anna", "")]
        for letter in (to_writer(house), *(a_digest(house, each) for each in people)):
            clock.shift(60)
            addresses.bury_address(session, letter, "5.1.1")
        clock.shift(60)
        last = to_writer(house)
        addresses.bury_address(session, last, "5.1.1")
        gone = to_writer(house)
        addresses.bury_address(session, gone, "5.1.1")
        [of_gone] = [each for each in dead(session) if each.idea_id == gone.idea_id]
        addresses.revive_address(session, of_gone.id, people[0].id)
        house.stir(DeadAddress)
        named = [each.name for each in addresses.list_dead(session)]
        assert named == [people[1].email, "Anna", None, None]
        newest = addresses.list_dead(session)[2]
        assert newest.found_at == NOON + timedelta(minutes=4)


class TestOnceMore:
    @pytest.mark.parametrize(
        ("about", "goes"),
        [
            (FAILED, True),
            (SENT, False),
            ({"state": LetterState.WAITING}, False),
            ({"state": LetterState.CLAIMED}, False),
            ({"state": LetterState.CANCELLED}, False),
        ],
    )
    @pytest.mark.parametrize("is_digest", [False, True])
    def test_goes_what_failed_but_no_digest(self, house, session, person, about, goes, is_digest):
        about = {**about, "attempts": 9, "error": "550", "due_at": NOON - timedelta(days=1)}
        letter = a_digest(house, person, **about) if is_digest else to_writer(house, **about)
        goes = goes and not is_digest
        assert resending.count_letters(session, resending.can_go_again()) == goes
        assert resending.resend_letters(session, None) == goes
        now = stored(session, letter)
        if goes:
            assert (now.state, now.attempts, now.error) == (LetterState.WAITING, 0, None)
            assert (now.due_at, now.released_at) == (NOON, NOON)
        else:
            assert (now.state, now.attempts, now.error) == (about["state"], 9, "550")

    @pytest.mark.parametrize("act", [resending.resend_letters, resending.release_letters])
    def test_goes_what_was_chosen(self, house, session, act):
        state = FAILED if act is resending.resend_letters else {}
        chosen, other = to_writer(house, **state), to_writer(house, **state)
        assert act(session, []) == 0
        assert act(session, [chosen.id, new_id()]) == 1
        assert stored(session, chosen).released_at == NOON
        assert stored(session, other).released_at is None
        assert act(session, None) == 1

    @pytest.mark.parametrize(
        ("about", "is_held"),
        [
            ({}, True),
            ({"released_at": NOON}, False),
            (SENT, False),
            (FAILED, False),
            ({"state": LetterState.CLAIMED}, False),
        ],
    )
    def test_what_waits_is_let_go_once(self, house, session, about, is_held):
        to_writer(house, **about)
        assert resending.count_letters(session, resending.is_held()) == is_held
        assert resending.release_letters(session, None) == is_held
        assert resending.count_letters(session, resending.is_held()) == 0


class TestTheLedgerAtTheDesk:
    def test_counts_thirty_days_and_names_every_state(self, house, session):
        def made(ago: timedelta) -> None:
            moment = utcnow() - ago
            rest = new_id().int & ((1 << 80) - 1)
            letter_id = type(new_id())(int=(int(moment.timestamp() * 1000) << 80) | rest)
            to_writer(house, id=letter_id)

        for ago in (timedelta(), timedelta(days=30), timedelta(days=30, milliseconds=1)):
            made(ago)
        to_writer(house, id=type(new_id())(int=new_id().int), **FAILED)
        found = letter_overview.count_letters(session, NOON)
        assert found[LetterState.WAITING] == 2
        assert set(found) == set(LetterState)
        assert found[LetterState.SENT] == 0

    def test_is_the_newest_first_page_by_page(self, house, session):
        made = [to_writer(house) for _ in range(letter_overview.PAGE + 2)]
        house.stir(Letter)
        page = letter_overview.list_letters(session, letter_overview.Wanted())
        assert [each.id for each in page] == [each.id for each in reversed(made[2:])]
        rest = letter_overview.list_letters(session, letter_overview.Wanted(before=page[-1].id))
        assert [each.id for each in rest] == [made[1].id, made[0].id]

    def test_is_filtered_by_state_kind_and_idea(self, house, session):
        ideas = [house.waiting() for _ in range(3)]
        letters = [
            to_writer(house, ideas[0], **FAILED),
            to_writer(house, ideas[1]),
            to_writer(house, ideas[2], template="published"),
        ]

        def found(**wanted) -> list[int]:
            rows = letter_overview.list_letters(session, letter_overview.Wanted(**wanted))
            return sorted([each.id for each in letters].index(row.id) for row in rows)

        assert found(state=LetterState.FAILED) == [0]
        assert found(state=LetterState.WAITING) == [1, 2]
        assert found(template="published") == [2]
        assert found(number=ideas[1].number) == [1]
        assert found(number=ideas[1].number, state=LetterState.FAILED) == []
        assert found(number="R-2026-999999") == []
        chosen = letter_overview.list_chosen(
            session, [letters[0].id, letters[1].id], resending.can_go_again()
        )
        assert [each.id for each in chosen] == [letters[0].id]


class TestTheBookOfAlarms:
    def incident(self, session, key="x", **about) -> Incident:
        made = Incident(kind=IncidentKind.UNCHECKED, key=key, **about)
        session.add(made)
        session.flush()
        return made

    def test_holds_what_goes_on_and_what_is_over_the_newest_first(self, house, session):
        made = [self.incident(session, f"k{n}") for n in range(4)]
        for each in made[::2]:
            each.resolved_at = NOON
        house.stir(Incident)
        assert [each.id for each in alarm_book.going_on(session)] == [made[3].id, made[1].id]
        over = alarm_book.list_over(session)
        assert [each.id for each in over] == [made[2].id, made[0].id]
        assert [each.id for each in alarm_book.list_over(session, over[0].id)] == [made[0].id]

    def test_says_who_was_told_that_it_began_by_their_names(self, house, session):
        incident, other = self.incident(session), self.incident(session, "y")
        people = [a_member_of_staff(session, name=name) for name in ("Bo", "Anna")]
        for each in people:
            an_alarm(house, each, incident=incident, **SENT)
        an_alarm(house, people[0], incident=incident, is_over=True)
        an_alarm(house, a_member_of_staff(session, name="Cia"), incident=other)
        house.stir(NoticeItem)
        [line] = [each for each in alarm_book.going_on(session) if each.id == incident.id]
        heard = [(each.name, each.state, each.at) for each in line.heard]
        assert heard == [("Anna", LetterState.SENT, NOON), ("Bo", LetterState.SENT, NOON)]

    @pytest.mark.parametrize(
        ("about", "is_stuck"),
        [
            ({"error": "timeout"}, True),
            ({"error": "timeout", "state": LetterState.CLAIMED}, True),
            # Not tried yet.
            ({}, False),
            ({"error": "550", **FAILED}, False),
        ],
    )
    def test_says_since_when_mails_about_alarms_cannot_leave(
        self, house, session, person, about, is_stuck
    ):
        an_alarm(house, person, created_at=NOON, **about)
        to_writer(house, error="451", created_at=NOON - timedelta(days=1))
        said, frame = alarm_book.read_stuck(session), alarm_book.read_frame(session, NOON)
        assert (said is not None) is is_stuck
        assert frame.mail_stands_since == (NOON if is_stuck else None)
        if is_stuck:
            assert (said.count, said.since, said.error) == (1, NOON, "timeout")

    def test_counts_the_oldest_and_says_what_the_server_said_last(self, house, session, person):
        for minutes, error in ((1, "451"), (5, "timeout")):
            an_alarm(house, person, created_at=NOON - timedelta(minutes=minutes), error=error)
        said = alarm_book.read_stuck(session)
        assert (said.count, said.since, said.error) == (2, NOON - timedelta(minutes=5), "451")

    def test_the_frame_counts_what_goes_on(self, session):
        self.incident(session)
        self.incident(session, "y", resolved_at=NOON)
        assert alarm_book.read_frame(session, NOON).open == 1

    @pytest.mark.parametrize(("beyond", "stands"), [(0 * TICK, False), (TICK, True)])
    def test_the_frame_says_when_the_clock_stands(self, session, beyond, stands):
        at = NOON - timedelta(minutes=2) - beyond
        session.add(Heartbeat(name="relay@a", at=NOON - timedelta(hours=1)))
        session.add(Heartbeat(name=heartbeat.CLOCK, at=at))
        session.flush()
        found = alarm_book.read_frame(session, NOON).clock_stands_since
        assert found == (at if stands else None)
