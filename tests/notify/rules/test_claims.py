"""Claiming letters: which, when and whose; and what each end of a claim leaves behind."""

from datetime import datetime, timedelta

import pytest

from services.notify.mail.letters import BOUNCED, COMPLAINED, INTERRUPTED, give_up_interrupted
from services.notify.mail.mailer import LetterRefusedError, ServerDownError, UncertainError
from services.notify.sending import claims
from services.notify.sending.claims import GIVE_UP_AFTER, LEASE_S, MIN_ATTEMPTS
from shared.clock import utcnow
from shared.ids import new_id
from shared.models import Digest, DigestRun, Letter, LetterState, Notice
from tests.notify.rules.conftest import NOON

SECOND, TICK = timedelta(seconds=1), timedelta(microseconds=1)
LATER = LetterRefusedError("451", passing=True)


@pytest.fixture
def about(session, house):
    """What makes a letter a digest's, a notice's, or that of a writer."""

    def made(kind: str) -> dict[str, object]:
        if kind == "writer":
            return {}
        if kind == "notice":
            notice = Notice(staff_id=house.staff.id, is_over=False, told_as="admin")
            session.add(notice)
            session.flush()
            return {"template": "alert", "notice_id": notice.id, "staff_id": house.staff.id}
        run = DigestRun(slot=str(new_id()))
        session.add(run)
        session.flush()
        digest = Digest(run_id=run.id, staff_id=house.staff.id, new_count=1, waiting_count=1)
        session.add(digest)
        session.flush()
        return {"template": "digest", "digest_id": digest.id, "staff_id": house.staff.id}

    return made


def claimed(moment: datetime, **more: object) -> dict[str, object]:
    """What a letter is like in the hands of a worker, until a moment."""
    return {"state": LetterState.CLAIMED, "claimed_until": moment, "attempts": 1, **more}


def stored(session, letter: Letter) -> Letter:
    session.flush()
    return session.get_one(Letter, letter.id, populate_existing=True)


def claim(session, **line: bool) -> Letter | None:
    """Claim as a worker does, who has not seen the row before."""
    session.flush()
    session.expire_all()
    return claims.claim_letter(session, **line)


def said(session, letter: Letter) -> tuple[LetterState, str | None]:
    now = stored(session, letter)
    return now.state, now.error


# ---- which letter


@pytest.mark.parametrize(("early", "is_taken"), [(TICK, False), (0 * TICK, True), (-TICK, True)])
def test_a_letter_is_claimed_from_the_moment_when_it_is_due(session, house, clock, early, is_taken):
    letter = house.letter(due_at=NOON + early)
    assert (claims.something_due(session) is not None) is is_taken
    assert claim(session) is (letter if is_taken else None)


def test_a_claim_counts_the_try_and_has_a_lease(session, house, clock):
    letter = house.letter()
    claim(session)
    letter = stored(session, letter)
    assert (letter.state, letter.attempts, letter.error) == (LetterState.CLAIMED, 1, None)
    assert letter.claimed_until == NOON + timedelta(seconds=LEASE_S)
    assert letter.due_at == NOON
    assert claim(session) is None


def test_what_has_been_due_the_longest_is_claimed_first_and_of_two_the_older(session, house, clock):
    hour = timedelta(hours=1)
    third, first, second, fourth = (house.letter(due_at=NOON - n * hour) for n in (1, 3, 2, 1))
    order = [claim(session).id for _ in range(4)]
    assert order == [first.id, second.id, third.id, fourth.id]


@pytest.mark.parametrize("state", [LetterState.CANCELLED, LetterState.FAILED, LetterState.SENT])
def test_what_has_ended_is_never_claimed(session, house, clock, state):
    house.letter(state=state, sent_at=NOON if state is LetterState.SENT else None)
    assert claims.something_due(session) is None
    assert claim(session) is None


@pytest.mark.parametrize("kind", ["writer", "digest", "notice"])
@pytest.mark.parametrize(("ends", "has_ended"), [(TICK, False), (0 * TICK, False), (-TICK, True)])
def test_a_claim_is_anybodys_when_its_lease_has_ended_but_never_a_digests(
    session, house, about, clock, kind, ends, has_ended
):
    letter = house.letter(**about(kind), **claimed(NOON + ends))
    line = {"notices": kind == "notice"}
    assert (claims.something_due(session, **line) is not None) is has_ended
    assert claim(session, **line) is (letter if has_ended and kind != "digest" else None)
    # Who gives up gives up digests only, and only those.
    give_up_interrupted(session)
    is_given_up = has_ended and kind == "digest"
    assert (said(session, letter) == (LetterState.FAILED, INTERRUPTED)) is is_given_up
    if is_given_up:
        assert stored(session, letter).claimed_until is None


@pytest.mark.parametrize("kind", ["writer", "notice"])
def test_only_digests_are_given_up(session, house, about, clock, kind):
    letter = house.letter(**about(kind), **claimed(NOON - timedelta(days=1)))
    give_up_interrupted(session)
    assert said(session, letter) == (LetterState.CLAIMED, None)


def test_a_digest_that_waits_is_not_given_up(session, house, about, clock):
    letter = house.letter(**about("digest"), due_at=NOON - timedelta(days=3))
    give_up_interrupted(session)
    assert said(session, letter) == (LetterState.WAITING, None)


@pytest.mark.parametrize("kind", ["writer", "digest"])
def test_notices_are_a_line_of_their_own(session, house, about, clock, kind):
    letter, notice = house.letter(**about(kind)), house.letter(**about("notice"))
    assert [claim(session), claim(session)] == [letter, None]
    assert claims.something_due(session) is None
    assert claims.something_due(session, notices=True) is not None
    assert [claim(session, notices=True) for _ in range(2)] == [notice, None]
    assert claims.something_due(session, notices=True) is None


@pytest.mark.parametrize("notices", [False, True])
def test_while_letters_are_held_only_released_ones_leave(session, house, about, clock, notices):
    kind = "notice" if notices else "writer"
    house.letter(**about(kind), due_at=NOON - SECOND)
    free = house.letter(**about(kind), released_at=NOON)
    line = {"held": True, "notices": notices}
    assert claims.something_due(session, **line) == (NOON, 0)
    assert claim(session, **line) is free
    assert claims.something_due(session, **line) is None
    assert claim(session, **line) is None
    assert claims.something_due(session, notices=notices) == (NOON - SECOND, 0)


def test_what_is_due_is_told_by_its_moment_and_its_tries(session, house, clock):
    house.letter(due_at=NOON - SECOND, attempts=3)
    house.letter(due_at=NOON - 2 * SECOND, attempts=7)
    assert claims.something_due(session) == (NOON - 2 * SECOND, 7)


# ---- giving it back


@pytest.mark.parametrize(
    ("attempts", "pause_s"),
    [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 960), (7, 1920), (8, 3600), (9, 3600),
     (2000, 3600)],
)  # fmt: skip
def test_the_pause_doubles_up_to_an_hour(session, house, clock, attempts, pause_s):
    letter = house.letter(**claimed(NOON, attempts=attempts))
    claims.mark_not_sent(session, letter, LATER)
    letter = stored(session, letter)
    assert (letter.state, letter.error) == (LetterState.WAITING, "451")
    assert letter.due_at == NOON + timedelta(seconds=pause_s)
    assert letter.claimed_until is None


@pytest.mark.parametrize(("attempts", "pause_s"), [(1, 30), (4, 240), (5, 300), (9, 300)])
def test_while_there_is_no_server_it_asks_again_within_five_minutes(
    session, house, clock, attempts, pause_s
):
    letter = house.letter(**claimed(NOON, attempts=attempts))
    claims.mark_not_sent(session, letter, ServerDownError("timeout"))
    assert stored(session, letter).due_at == NOON + timedelta(seconds=pause_s)


@pytest.mark.parametrize("days", [1, 2, 3, 4])
@pytest.mark.parametrize("problem", [LATER, ServerDownError("421"), UncertainError("timeout")])
def test_it_is_tried_for_four_days(session, house, clock, days, problem):
    letter = house.letter(**claimed(NOON, attempts=50), created_at=NOON - timedelta(days=days))
    claims.mark_not_sent(session, letter, problem)
    assert said(session, letter)[0] is LetterState.WAITING


@pytest.mark.parametrize(
    ("attempts", "beyond", "state"),
    [
        (MIN_ATTEMPTS, TICK, LetterState.FAILED),
        (MIN_ATTEMPTS + 1, TICK, LetterState.FAILED),
        (MIN_ATTEMPTS, 0 * TICK, LetterState.WAITING),
        # However long it has been, ten times it is tried.
        (MIN_ATTEMPTS - 1, timedelta(days=30), LetterState.WAITING),
    ],
)
def test_it_is_given_up_after_four_days_and_ten_tries(
    session, house, clock, attempts, beyond, state
):
    assert (timedelta(days=4), 10) == (GIVE_UP_AFTER, MIN_ATTEMPTS)
    letter = house.letter(
        **claimed(NOON, attempts=attempts), created_at=NOON - GIVE_UP_AFTER - beyond
    )
    claims.mark_not_sent(session, letter, LATER)
    assert said(session, letter) == (state, "451")


@pytest.mark.parametrize(
    ("problem", "kind", "end"),
    [
        (LetterRefusedError("550", passing=False), "writer", (LetterState.FAILED, "550")),
        (LetterRefusedError("550", passing=False), "digest", (LetterState.FAILED, "550")),
        (LetterRefusedError("451", passing=True), "writer", (LetterState.WAITING, "451")),
        (LetterRefusedError("451", passing=True), "digest", (LetterState.WAITING, "451")),
        (ServerDownError("timeout"), "writer", (LetterState.WAITING, "timeout")),
        (ServerDownError("timeout"), "digest", (LetterState.WAITING, "timeout")),
        # Nobody knows whether it was taken: at least once, but a digest at most once.
        (UncertainError("timeout"), "writer", (LetterState.WAITING, "timeout")),
        (UncertainError("timeout"), "notice", (LetterState.WAITING, "timeout")),
        (UncertainError("timeout"), "digest", (LetterState.FAILED, INTERRUPTED)),
    ],
)
def test_what_went_wrong_says_what_becomes_of_it(session, house, about, clock, problem, kind, end):
    letter = house.letter(**about(kind), **claimed(NOON))
    claims.mark_not_sent(session, letter, problem)
    assert said(session, letter) == end
    assert stored(session, letter).claimed_until is None


# ---- two workers with one letter: the lease of the first has ended, the second has it now

ENDS = {
    "sent": claims.mark_sent,
    "refused": lambda session, letter: claims.mark_not_sent(
        session, letter, LetterRefusedError("550", passing=False)
    ),
    "put off": lambda session, letter: claims.mark_not_sent(session, letter, LATER),
    "given back": lambda session, letter: claims.retry_later(session, letter, "KeyError"),
    "cancelled": lambda session, letter: claims.cancel_letter(session, letter, "over already"),
}
LEAVES = {
    "sent": (LetterState.SENT, None),
    "refused": (LetterState.FAILED, "550"),
    "put off": (LetterState.WAITING, "451"),
    "given back": (LetterState.WAITING, "KeyError"),
    "cancelled": (LetterState.CANCELLED, "over already"),
}


@pytest.fixture
def two(session, house, clock):
    """The same letter as the late worker and as its new owner have it."""
    house.letter()
    late = claim(session)
    session.expunge(late)
    clock.shift(timedelta(seconds=LEASE_S + 1))
    new = claim(session)
    session.expunge(new)
    assert (late.id, late.attempts, new.attempts) == (new.id, 1, 2)
    return late, new


@pytest.mark.parametrize("end", [each for each in ENDS if each != "sent"])
def test_a_late_worker_that_ends_first_gives_back_nothing_of_the_new_owners(session, two, end):
    late, new = two
    ENDS[end](session, late)
    now = stored(session, new)
    assert (now.state, now.error, now.attempts) == (LetterState.CLAIMED, None, 2)
    assert now.claimed_until == utcnow() + timedelta(seconds=LEASE_S)


def test_a_late_worker_that_has_sent_it_says_so_although_it_is_not_its_own_any_more(session, two):
    late, new = two
    claims.mark_sent(session, late)
    now = stored(session, new)
    assert (now.state, now.sent_at, now.claimed_until) == (LetterState.SENT, utcnow(), None)


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("then", ENDS)
@pytest.mark.parametrize("is_late_first", [True, False])
def test_whoever_ends_first_the_owners_word_counts_and_what_was_sent_stays_sent(
    session, two, first, then, is_late_first
):
    late, new = two
    ended = (late, new) if is_late_first else (new, late)
    for letter, end in zip(ended, (first, then), strict=True):
        ENDS[end](session, letter)
    owners = then if is_late_first else first
    expected = LEAVES["sent"] if "sent" in (first, then) else LEAVES[owners]
    assert said(session, new) == expected


def test_what_is_marked_twice_left_when_it_was_marked_first(session, house, clock):
    letter = house.letter(**claimed(NOON))
    claims.mark_sent(session, letter)
    clock.shift(60)
    claims.mark_sent(session, letter)
    assert stored(session, letter).sent_at == NOON


@pytest.mark.parametrize("came_back", [BOUNCED, COMPLAINED])
def test_what_has_come_back_already_is_not_marked_sent(session, house, clock, came_back):
    letter = house.letter(state=LetterState.FAILED, error=came_back)
    claims.mark_sent(session, letter)
    assert said(session, letter) == (LetterState.FAILED, came_back)


@pytest.mark.parametrize("error", [None, "451", INTERRUPTED])
def test_what_has_not_come_back_is_marked_sent_whatever_was_thought_of_it(
    session, house, clock, error
):
    letter = house.letter(state=LetterState.FAILED, error=error)
    claims.mark_sent(session, letter)
    assert said(session, letter) == (LetterState.SENT, None)


@pytest.mark.parametrize("end", ENDS)
def test_the_end_of_one_letter_is_no_others(session, house, clock, end):
    one, other = house.letter(**claimed(NOON)), house.letter(**claimed(NOON))
    ENDS[end](session, one)
    assert said(session, other) == (LetterState.CLAIMED, None)
