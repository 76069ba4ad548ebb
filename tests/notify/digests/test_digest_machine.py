"""Whatever happens in whatever order, each entry is new once to each who should have it.

A machine draws what happens: entries come (some commit late), move and go, people choose, come and
leave, clocks run, two at once or dying at any statement, letters leave, fail, come back or are left
in the hands of dead workers. Beside the tables runs a model that knows nothing of positions: for
each person the sets of entries that their digests looked at, and what became of those. Each digest
must tell exactly the rest.

`RADSLAG_TEST_EXAMPLES=500` draws more, and looks for the shortest story of what went wrong.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import digest_contents, runs, subscribing
from services.notify.digests.readers import Wanted
from services.notify.digests.runs import Told
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice
from services.notify.mail import addresses
from services.notify.mail.letters import give_up_interrupted
from services.notify.mail.mailer import LetterRefusedError, ServerDownError, UncertainError
from services.notify.sending import bounces, claims
from shared.config import Settings
from shared.db import Session
from shared.lanes import Lane
from shared.models import BounceKind, Digest, Idea, QueueEntry, Rhythm, Staff
from tests.factories import a_council, a_member_of_staff
from tests.notify.accidents import dies_at

EXAMPLES = int(os.environ.get("RADSLAG_TEST_EXAMPLES", "10"))
SHORTENS = [Phase.shrink] if "RADSLAG_TEST_EXAMPLES" in os.environ else []
# A day before the clock is moved forward, one before it is moved back, Christmas, any Monday.
BEGINNINGS = [
    datetime(2027, 3, 27, 5, tzinfo=UTC),
    datetime(2027, 10, 30, 5, tzinfo=UTC),
    datetime(2026, 12, 23, 5, tzinfo=UTC),
    datetime(2026, 11, 23, 5, tzinfo=UTC),
]
PRIORITIES = {Lane.URGENT: 400, Lane.ORDINARY: 100, Lane.LIKELY_SPAM: 57, Lane.UNCHECKED: 252}
SCHEDULES = [
    Schedule(),
    Schedule(hour=2),
    Schedule(Rhythm.HOURS, hour=0, every_hours=1, until_hour=23),
    Schedule(Rhythm.HOURS, hour=1, every_hours=2, until_hour=9, working_days_only=True),
    Schedule(Rhythm.WEEKLY, hour=7, weekday=7),
]
PEOPLE, COUNCILS = 3, 2

# No more of an idea than its place in the queue needs.
_ARRIVES = text("""
    WITH idea AS (
        INSERT INTO ideas (id, number, council_id, source, received_at, stored_at, precision,
                           fold_hash, receipt_nonce, status, version, text_version, language)
        VALUES (gen_random_uuid(), 'R-' || nextval('idea_numbers'), :council, 'form', :now, :now,
                'instant', 0, ''::bytea, 'waiting', 1, 1, 'sv') RETURNING id)
    INSERT INTO queue_entries (idea_id, reason, priority, opened_at)
    SELECT id, 'new', :priority, :now FROM idea RETURNING id""")
_CLEAR = """
    DELETE FROM outbox_deliveries; DELETE FROM outbox_events; DELETE FROM incidents;
    DELETE FROM dead_addresses; DELETE FROM letters; DELETE FROM digests;
    DELETE FROM digest_positions; DELETE FROM digest_runs; DELETE FROM queue_entries;
    DELETE FROM ideas; DELETE FROM subscriptions; DELETE FROM staff; DELETE FROM councils"""

Home = tuple[int, Lane]
lanes = st.sampled_from([*PRIORITIES])
some = st.integers(0, 30)
people = st.integers(0, PEOPLE - 1)
# What happens, to which, and in which lane.
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *["arrive"] * 8,
                *["arrive_late", "commit_late", "decide", "undo"] * 2,
                *["move"] * 4,
                *["choose"] * 2,
                *["leave_or_come_back", "look_at_a_test", "the_worker_comes_back"],
                "one_comes_back",
            ]
        ),
        st.integers(0, 59),
        st.sampled_from([*PRIORITIES]),
    ),
    min_size=2,
    max_size=6,
)
HOURS = st.sampled_from([1, 1, 1, 1, 3, 24, 72])
# How digests are made, and at which statement the process dies.
WAYS = st.tuples(
    st.sampled_from(["once", "once", "now", "now", "twice", "dies", "is cut"]), st.integers(1, 16)
)
# What becomes of letters.
ENDS = st.lists(
    st.sampled_from([*["sent"] * 5, "refused", "put off", "away", "in doubt", "held"]),
    min_size=PEOPLE,
    max_size=PEOPLE,
)


@dataclass
class Letter:
    """A digest that was written for somebody: what it looked at, and what became of it."""

    seen: frozenset[int]
    # Where each entry was when it looked.
    homes: dict[int, Home]
    fate: str = "waiting"
    letter_id: UUID | None = None

    @property
    def may_have_left(self) -> bool:
        return self.fate in {"sent", "interrupted"}


@dataclass
class Person:
    """A member of staff, as the model knows them."""

    choice: Choice
    letters: list[Letter] = field(default_factory=list)
    has_left: bool = False

    @property
    def told(self) -> set[int]:
        return {each for letter in self.letters if letter.may_have_left for each in letter.seen}

    @property
    def hears(self) -> bool:
        return self.choice.is_on and not self.has_left

    def under_way(self) -> Letter | None:
        ways = [each for each in self.letters if each.fate in {"waiting", "claimed"}]
        assert len(ways) <= 1
        return ways[0] if ways else None


class DigestMachine(RuleBasedStateMachine):
    """`configured` is set by the test: the settings of its database."""

    configured: Settings

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(BEGINNINGS[0], tick=False)
        self.moved = self.clock.start()
        self.people: dict[UUID, Person] = {}
        self.councils: list[int] = []
        # Committed entries: where each is; and those that are open.
        self.homes: dict[int, Home] = {}
        self.open: set[int] = set()
        self.late: list[tuple[SqlSession, int, Home]] = []
        self.held: claims.Letter | None = None

    @initialize(begins=st.sampled_from(BEGINNINGS))
    def settle(self, begins: datetime) -> None:
        self.moved.move_to(begins)
        with Session.begin() as session:
            session.execute(text(_CLEAR))
            self.councils = [a_council(session).id for _ in range(COUNCILS)]
            staff = [a_member_of_staff(session, created_at=self.now) for _ in range(PEOPLE)]
        self.people = {each.id: Person(Choice(each.id, "")) for each in staff}
        # One hears each hour, so that there is much to tell apart from the start.
        self.choose(2, Lane.URGENT)

    def teardown(self) -> None:
        try:
            if self.people:
                self._end()
        finally:
            for session, _entry, _home in self.late:
                session.close()
            self.clock.stop()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def person(self, n: int) -> tuple[UUID, Person]:
        return [*self.people.items()][n % PEOPLE]

    # ---- entries

    def arrive(self, n: int, lane: Lane, *, is_late: bool = False) -> None:
        """Open an entry; a late one commits some steps from now."""
        home = (self.councils[n % COUNCILS], lane)
        session = Session()
        about = {"council": home[0], "priority": PRIORITIES[lane], "now": self.now}
        entry = session.execute(_ARRIVES, about).scalar_one()
        if is_late and len(self.late) < 4:
            self.late.append((session, entry, home))
        else:
            self._committed(session, entry, home)

    def _committed(self, session: SqlSession, entry: int, home: Home) -> None:
        session.commit()
        session.close()
        self.homes[entry] = home
        self.open.add(entry)

    def arrive_late(self, n: int, lane: Lane) -> None:
        self.arrive(n, lane, is_late=True)

    def commit_late(self, n: int, _lane: Lane) -> None:
        if self.late:
            self._committed(*self.late.pop(n % len(self.late)))

    def move(self, n: int, lane: Lane) -> None:
        if not self.open:
            return
        entry = sorted(self.open)[n % len(self.open)]
        self.homes[entry] = (self.homes[entry][0], lane)
        with Session.begin() as session:
            session.get_one(QueueEntry, entry).priority = PRIORITIES[lane]

    def decide(self, n: int, _lane: Lane) -> None:
        if not self.open:
            return
        entry = sorted(self.open)[n % len(self.open)]
        self.open.remove(entry)
        with Session.begin() as session:
            session.get_one(QueueEntry, entry).closed_at = self.now

    def undo(self, n: int, _lane: Lane) -> None:
        closed = sorted(self.homes.keys() - self.open)
        if not closed:
            return
        entry = closed[n % len(closed)]
        self.open.add(entry)
        with Session.begin() as session:
            session.get_one(QueueEntry, entry).closed_at = None

    # ---- people

    def choose(self, n: int, lane: Lane) -> None:
        """Let somebody choose when they hear, and of what."""
        staff_id, person = self.person(n)
        if person.has_left:
            return
        councils = [None, None, [self.councils[0]], [self.councils[1]]][n // 3 % 4]
        wanted = Wanted.of(councils, [None, [lane], [lane, Lane.ORDINARY]][n // 12 % 3])
        schedule = SCHEDULES[n % len(SCHEDULES)]
        person.choice = Choice(staff_id, "", n % 9 != 0, schedule, wanted)
        with Session.begin() as session:
            subscribing.store_choice(session, person.choice)

    def leave_or_come_back(self, n: int, _lane: Lane) -> None:
        staff_id, person = self.person(n)
        person.has_left = not person.has_left
        with Session.begin() as session:
            session.get_one(Staff, staff_id).disabled_at = self.now if person.has_left else None

    # ---- clocks

    @rule(happenings=HAPPENINGS, hours=HOURS, way=WAYS, ends=ENDS)
    def time_passes(
        self,
        happenings: list[tuple[str, int, Lane]],
        hours: int,
        way: tuple[str, int],
        ends: list[str],
    ) -> None:
        """Some of this and that, then what was written leaves, and digests are made anew."""
        for what, n, lane in happenings:
            getattr(self, what)(n, lane)
        for end in ends:
            if self.held is None:
                self.a_worker_takes_one(end)
        self.moved.shift(timedelta(hours=hours))
        how, statement = way
        if how in {"dies", "is cut"}:
            self.die_and_run(statement, is_cut=how == "is cut")
        else:
            {"now": self.run_now, "once": self.run, "twice": self.two_clocks_run}[how]()

    def _attempt(self) -> list[Told]:
        with Session.begin() as session:
            return runs.run_scheduled(session, self.configured, self.now)

    def run(self) -> None:
        self.check(self._attempt())

    def two_clocks_run(self) -> None:
        """At the same moment; one may have had no lock while there was still something to do."""
        with ThreadPoolExecutor(2) as clocks:
            found = [clocks.submit(self._attempt) for _ in range(2)]
            told = [each for one in found for each in one.result()]
        self.check(told)
        self.check(self._attempt())

    def die_and_run(self, statement: int, *, is_cut: bool) -> None:
        told: list[Told] = []
        with dies_at(statement, is_cut=is_cut):
            told = self._attempt()
        self.check(told)
        self.check(self._attempt())

    def run_now(self) -> None:
        with Session.begin() as session:
            told = runs.run_now(session, self.configured, self.now)
        self.check(told)
        busy = [each for each in self.people.values() if each.under_way()]
        assert len(told) >= sum(each.hears for each in self.people.values()) - len(busy)

    def look_at_a_test(self, n: int, _lane: Lane) -> None:
        """It says what a digest would say, and counts as nothing told."""
        staff_id, person = self.person(n)
        if person.has_left:
            return
        with Session.begin() as session:
            reader = runs.list_readers(session)
            own = [each for each in reader if each.id == staff_id]
            if own:
                made = runs.make_test_digest(session, self.configured, own[0])
                seen = self.wanted_by(person)
                assert (made.new_count, made.waiting_count) == (
                    len(seen - person.told),
                    len(seen),
                )

    def wanted_by(self, person: Person) -> frozenset[int]:
        has = person.choice.wanted.has
        return frozenset(each for each in self.open if has(*self.homes[each]))

    def check(self, told: list[Told]) -> None:
        """Compare what a run made of each person with the model."""
        self._leases_end()
        assert len({each.reader.id for each in told}) == len(told), "two digests in one run"
        for each in told:
            person = self.people[each.reader.id]
            assert person.hears
            before = person.under_way()
            assert before is None or before.fate == "waiting", "while one is being sent"
            if before is not None:
                before.fate = "replaced"
            seen = self.wanted_by(person)
            news = seen - person.told
            assert (each.new, each.waiting) == (len(news), len(seen)), each
            assert each.is_written or not news, "something new, and no letter"
            if each.is_written:
                homes = {entry: self.homes[entry] for entry in seen}
                person.letters.append(Letter(seen, homes))

    # ---- letters

    def _leases_end(self) -> None:
        """A run gives up what dead workers had in their hands: it may have left."""
        if self.held is None or self.held.claimed_until >= self.now:
            return
        person = self.people[self.held.staff_id]
        letter = person.under_way()
        assert letter is not None
        with Session() as session:
            state = session.get_one(claims.Letter, self.held.id).state
        if state == "failed":
            letter.fate = "interrupted"
            self.held = None

    def a_worker_takes_one(self, end: str) -> None:
        """Claim what has been due the longest, and let something become of it."""
        with Session.begin() as session:
            letter = claims.claim_letter(session)
        self._cancelled_on_the_way()
        if letter is None:
            return
        own = self.people[letter.staff_id].under_way()
        assert own is not None
        own.letter_id = letter.id
        self._read(letter.staff_id, own)
        if end == "held":
            own.fate, self.held = "claimed", letter
            return
        with Session.begin() as session:
            if end == "sent":
                claims.mark_sent(session, letter)
                own.fate = "sent"
                return
            problem = {
                "refused": LetterRefusedError("552", passing=False),
                "put off": LetterRefusedError("451", passing=True),
                "away": ServerDownError("timeout"),
                "in doubt": UncertainError("timeout"),
            }[end]
            claims.mark_not_sent(session, letter, problem)
        own.fate = {"refused": "refused", "in doubt": "interrupted"}.get(end, "waiting")

    def _cancelled_on_the_way(self) -> None:
        """What a claim cancels is for people who have left."""
        for person in self.people.values():
            letter = person.under_way()
            if letter is not None and letter.fate == "waiting" and person.has_left:
                with Session() as session:
                    stands = session.scalar(
                        select(func.count())
                        .select_from(claims.Letter)
                        .where(
                            claims.Letter.staff_id == person.choice.staff_id,
                            claims.Letter.state == "waiting",
                            claims.Letter.digest_id.is_not(None),
                        )
                    )
                if not stands:
                    letter.fate = "cancelled"

    def the_worker_comes_back(self, n: int, _lane: Lane) -> None:
        """It has sent the letter after all, or its lease ends."""
        if self.held is None:
            return
        if n % 2:
            self.moved.shift(timedelta(seconds=claims.LEASE_S + 1))
            return
        own = self.people[self.held.staff_id].under_way()
        assert own is not None
        with Session.begin() as session:
            claims.mark_sent(session, self.held)
        own.fate, self.held = "sent", None

    def one_comes_back(self, n: int, _lane: Lane) -> None:
        """A digest that had left did not arrive: what it told of was not told."""
        sent = [*self._sent()]
        if not sent:
            return
        letter = sent[n % len(sent)]
        letter.fate = "came back"
        with Session.begin() as session:
            bounces.came_back(session, letter.letter_id, BounceKind.PERMANENT, "5.2.2")
            for dead in addresses.list_dead(session):
                # The address was mended at once; that story is told elsewhere.
                by = next(iter(self.people))
                addresses.revive_address(session, dead.id, by)

    def _sent(self) -> Iterator[Letter]:
        for person in self.people.values():
            yield from (each for each in person.letters if each.fate == "sent")

    def _read(self, staff_id: UUID, letter: Letter) -> None:
        """A digest says what its run saw, and what of it still waits when it leaves."""
        with Session() as session:
            digest = session.scalars(
                select(Digest)
                .where(Digest.staff_id == staff_id, ~Digest.is_test)
                .order_by(Digest.run_id.desc())
                .limit(1)
            ).one()
            # Runs of another example may have had the same numbers.
            digest_contents._kept.clear()
            said = digest_contents.read_contents(session, digest, self.configured)
            numbers: dict[Any, Any] = dict(
                session.execute(
                    select(Idea.number, QueueEntry.id)
                    .join(QueueEntry, QueueEntry.idea_id == Idea.id)
                    .where(QueueEntry.id.in_(letter.seen))
                ).all()
            )
        # An earlier one may have come back since: then this one tells of that, too.
        untold = letter.seen - self.people[staff_id].told
        waits, news = letter.seen & self.open, untold & self.open
        assert (said.waiting, said.new) == (len(waits), len(news))
        assert said.gone == len(untold - self.open)
        for line, count in zip(said.lanes, _by_lane(letter, waits), strict=True):
            assert line.waiting == len(count)
            assert line.new == len(count & news)
        first = {numbers[item.number]: item.new for item in said.first}
        assert first.keys() <= waits
        assert len(first) == min(len(waits), digest_contents.SHOWN)
        assert {entry for entry, new in first.items() if new} == news & first.keys()

    # ---- always, and in the end

    @invariant()
    def nobody_has_two_digests_of_one_hour(self) -> None:
        with Session() as session:
            twice = (
                select(Digest.staff_id)
                .where(Digest.slot.is_not(None))
                .group_by(Digest.staff_id, Digest.slot)
                .having(func.count() > 1)
            )
            assert session.execute(twice).all() == []

    def _end(self) -> None:
        """Let all that was open end, and let everybody have one more digest that arrives."""
        while self.late:
            self._committed(*self.late.pop())
        self.moved.shift(timedelta(days=2))
        if self.held is not None:
            with Session.begin() as session:
                give_up_interrupted(session)
            self._leases_end()
        for _ in range(2):
            self.run_now()
            for _ in self.people:
                self.a_worker_takes_one("sent")
            self._cancelled_on_the_way()
            for person in self.people.values():
                assert not person.hears or self.wanted_by(person) <= person.told


def _by_lane(letter: Letter, waits: frozenset[int]) -> Iterator[set[int]]:
    for lane in Lane:
        if mine := {each for each in waits if letter.homes[each][1] is lane}:
            yield mine


def test_each_entry_is_new_once_to_each_who_should_have_it(request, session):
    DigestMachine.configured = request.getfixturevalue("settings")
    run_state_machine_as_test(
        DigestMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=15,
            derandomize=True,
            phases=[Phase.generate, *SHORTENS],
            report_multiple_bugs=False,
            suppress_health_check=[*HealthCheck],
        ),
    )
