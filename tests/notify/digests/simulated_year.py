"""A city's digests, simulated: staff with every setting, entries that come, move and go, accidents.

Beside the real tables runs a model that knows nothing of positions, runs and windows: a set of the
entries that each person has been told of. Each digest must tell exactly the rest.
"""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import digest_contents, runs, subscribing
from services.notify.digests.readers import Wanted
from services.notify.digests.runs import Told
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice
from shared.config import Settings
from shared.db import Session
from shared.lanes import Lane
from shared.models import Digest, Idea, Letter, QueueEntry, Rhythm
from tests.factories import a_council, a_member_of_staff
from tests.notify.accidents import dies_at

PRIORITIES = {
    Lane.URGENT: 400,
    Lane.ORDINARY: 100,
    Lane.LIKELY_SPAM: 57,
    Lane.UNCHECKED: 252,
}
SCHEDULES = (
    Schedule(),
    Schedule(hour=2, weekdays=frozenset({1, 3, 7})),
    Schedule(hour=3, weekdays=frozenset({6, 7})),
    Schedule(working_days_only=True),
    Schedule(Rhythm.WEEKLY, hour=7, weekday=4, working_days_only=True),
    Schedule(Rhythm.WEEKLY, hour=2, weekday=7),
    Schedule(Rhythm.WEEKLY, hour=7, weekday=2),
    Schedule(Rhythm.HOURS, hour=0, every_hours=12, weekdays=frozenset({1, 7})),
    Schedule(Rhythm.HOURS, hour=1, every_hours=1, until_hour=3, weekdays=frozenset({7})),
    Schedule(Rhythm.HOURS, hour=7, every_hours=8, until_hour=15, working_days_only=True),
)
WEEKLY = [each for each in SCHEDULES if each.rhythm is Rhythm.WEEKLY]
# Weeks: Lucia to Epiphany, Easter and summer time, midsummer, winter time.
BUSY = ("51", "52", "53", "01", "12", "13", "25", "43", "44")
HOURS = (6, 7, 8, 12, 15)


# No more of an idea than its place in the queue needs: there are many.
_ARRIVES = text("""
    WITH idea AS (
        INSERT INTO ideas (id, number, council_id, source, received_at, stored_at, precision,
                           fold_hash, receipt_nonce, status, version, text_version, language)
        VALUES (gen_random_uuid(), 'R-' || :n, :council, 'form', :now, :now, 'instant',
                0, ''::bytea, 'waiting', 1, 1, 'sv') RETURNING id)
    INSERT INTO queue_entries (idea_id, reason, priority, opened_at)
    SELECT id, 'new', :priority, :now FROM idea RETURNING id""")


@dataclass
class Person:
    """What the model knows of a member of staff."""

    choice: Choice
    told: set[int] = field(default_factory=set)
    # What the digest that is on its way tells, and until when a worker has it in its hands.
    under_way: frozenset[int] | None = None
    claimed_until: datetime | None = None


@dataclass
class Year:
    """The simulation. `seed` decides everything."""

    settings: Settings
    councils: list[int] = field(default_factory=list)
    people: dict[UUID, Person] = field(default_factory=dict)
    # Committed entries: where each waits, None when it is closed.
    entries: dict[int, tuple[int, Lane] | None] = field(default_factory=dict)
    homes: dict[int, tuple[int, Lane]] = field(default_factory=dict)
    late: list[tuple[SqlSession, int, tuple[int, Lane]]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    digests_checked: int = 0
    news_told: int = 0
    crashes: int = 0

    def settle(self, count: int, now: datetime) -> None:
        """Hire people with every setting."""
        with Session.begin() as session:
            self.councils = [a_council(session).id for _ in range(4)]
            staff = [a_member_of_staff(session, created_at=now).id for _ in range(count)]
        for n, staff_id in enumerate(staff):
            self.people[staff_id] = Person(Choice(staff_id, ""))
            # Most have a weekly one, so that a year is quick to live through.
            schedule = SCHEDULES[n % len(SCHEDULES)] if n % 3 == 0 else WEEKLY[n % len(WEEKLY)]
            self.choose(staff_id, schedule, is_on=n % 20 != 0)

    def choose(self, staff_id: UUID, schedule: Schedule, *, is_on: bool) -> None:
        """Let somebody choose a rhythm, councils and lanes."""
        some = self.chance.sample(self.councils, self.chance.randint(1, 3))
        lanes = self.chance.sample([lane.value for lane in PRIORITIES], self.chance.randint(1, 3))
        choice = replace(
            self.people[staff_id].choice,
            is_on=is_on,
            schedule=schedule,
            wanted=Wanted.of(
                some if self.chance.random() < 0.5 else None,
                lanes if self.chance.random() < 0.5 else None,
            ),
            calm_note=self.chance.random() < 0.3,
        )
        with Session.begin() as session:
            subscribing.store_choice(session, choice)
        self.people[staff_id].choice = choice

    def arrive(self, *, is_late: bool = False) -> None:
        """Open an entry; a late one commits some runs from now."""
        home = (self.chance.choice(self.councils), self.chance.choice([*PRIORITIES]))
        session = Session()
        n = len(self.homes) + len(self.late) + 1
        priority = PRIORITIES[home[1]]
        entry_id: int = session.execute(
            _ARRIVES, {"n": n, "council": home[0], "priority": priority, "now": datetime.now(UTC)}
        ).scalar_one()
        if is_late:
            self.late.append((session, entry_id, home))
        else:
            self._committed(session, entry_id, home)

    def _committed(self, session: SqlSession, entry_id: int, home: tuple[int, Lane]) -> None:
        session.commit()
        session.close()
        self.entries[entry_id] = self.homes[entry_id] = home

    def commit_late(self, *, all_of_them: bool = False) -> None:
        """Let transactions end that were open across runs, in any order."""
        self.chance.shuffle(self.late)
        keep = 0 if all_of_them else self.chance.randint(0, len(self.late))
        while len(self.late) > keep:
            self._committed(*self.late.pop())

    def live(self) -> None:
        """Let something happen to entries and people between two runs."""
        waiting = [each for each, home in self.entries.items() if home]
        for _ in range(self.chance.choice((0, 1, 1, 2, 3))):
            self.arrive(is_late=self.chance.random() < 0.3 and len(self.late) < 4)
        if waiting and self.chance.random() < 0.3:
            self._set(self.chance.choice(waiting), lane=self.chance.choice([*PRIORITIES]))
        if waiting and self.chance.random() < len(waiting) / 20:
            self._set(self.chance.choice(waiting), closed=True)
        closed = [each for each in [*self.entries][-60:] if self.entries[each] is None]
        if closed and self.chance.random() < 0.1:
            self._set(self.chance.choice(closed), closed=False)
        if self.chance.random() < 0.1:
            staff_id = self.chance.choice([*self.people])
            self.choose(staff_id, self.chance.choice([*SCHEDULES, *WEEKLY]), is_on=True)
        self.commit_late()

    def _set(self, entry_id: int, *, lane: Lane | None = None, closed: bool = False) -> None:
        """Move, close or open an entry, as checks, decisions and undoing do."""
        council, old_lane = self.homes[entry_id]
        home = (council, lane or old_lane)
        with Session.begin() as session:
            entry = session.get_one(QueueEntry, entry_id)
            entry.priority = PRIORITIES[home[1]]
            entry.closed_at = datetime.now(UTC) if closed else None
        self.homes[entry_id] = home
        self.entries[entry_id] = None if closed else home

    def run(self, now: datetime) -> list[Told]:
        """Let the clock ask for the digests that are due, and compare with the model."""
        for person in self.people.values():
            if person.claimed_until is not None and person.claimed_until < now:
                # The worker died with it: it may have left.
                self._left(person)
        told = self._attempts(now)
        self.check(told)
        return told

    def _attempts(self, now: datetime) -> list[Told]:
        way = self.chance.random()
        if way < 0.1:
            with ThreadPoolExecutor(2) as two_clocks:
                found = [two_clocks.submit(self.attempt, now) for _ in range(2)]
                told = [each for one in found for each in one.result()]
            # One may have had no lock while there was still something to do.
            return told + self.attempt(now)
        if way < 0.3:
            statement, is_cut = self.chance.randint(1, 16), self.chance.random() < 0.3
            told: list[Told] = []
            with dies_at(statement, is_cut=is_cut) as accident:
                told = self.attempt(now)
            self.crashes += accident.happened
            return told + self.attempt(now)
        return self.attempt(now)

    def attempt(self, now: datetime) -> list[Told]:
        """Run once, as the task does."""
        with Session.begin() as session:
            return runs.run_scheduled(session, self.settings, now)

    def die_at_each_statement(self, now: datetime) -> None:
        """Let the same run die at its first statement, at its second, and so on."""
        for statement in range(1, 40):
            told: list[Told] = []
            with dies_at(statement) as accident:
                told = self.attempt(now)
            if not accident.happened:
                self.check(told)
                return
            self.crashes += 1
        raise AssertionError("a run has more statements than that")

    def check(self, told: list[Told]) -> None:
        """Compare what a run made of each person with the model."""
        assert len({each.reader.id for each in told}) == len(told), "two digests in one run"
        for each in told:
            person = self.people[each.reader.id]
            assert person.choice.is_on, "somebody who wants none"
            assert person.claimed_until is None, "while one is being sent"
            seen = self.wanted_by(person)
            news = seen - person.told
            assert (each.new, each.waiting) == (len(news), len(seen)), each
            assert each.is_written or not news, "something new, and no letter"
            self.digests_checked += 1
            if self.digests_checked % 40 == 0:
                self.check_contents(each.reader.id, news, seen)
            # A digest that never left is replaced.
            person.under_way = frozenset(seen) if each.is_written else None

    def check_contents(self, staff_id: UUID, news: set[int], seen: set[int]) -> None:
        """Compare what a digest says with the model."""
        with Session() as session:
            digest = session.scalars(
                select(Digest)
                .where(Digest.staff_id == staff_id)
                .order_by(Digest.run_id.desc())
                .limit(1)
            ).one()
            contents = digest_contents.read_contents(session, digest, self.settings)
            numbers = dict(
                session.execute(
                    select(QueueEntry.id, Idea.number)
                    .join(Idea, Idea.id == QueueEntry.idea_id)
                    .where(QueueEntry.id.in_(seen))
                ).all()
            )
        assert (contents.new, contents.waiting, contents.gone) == (len(news), len(seen), 0)
        fresh = {item.number for item in contents.first if item.new}
        assert fresh <= {numbers[each] for each in news}
        if len(seen) <= digest_contents.SHOWN:
            assert fresh == {numbers[each] for each in news}
            assert {item.number for item in contents.first} == set(numbers.values())

    def wanted_by(self, person: Person) -> set[int]:
        """Return what waits of what somebody wants to hear of."""
        wanted = person.choice.wanted
        return {each for each, home in self.entries.items() if home and wanted.has(*home)}

    def deliver(self, now: datetime, *, in_a_good_mood: bool = False) -> None:
        """Let mail servers and workers do with the letters what they do."""
        moods: dict[str, list[UUID]] = {}
        for staff_id, person in self.people.items():
            if person.under_way is None:
                continue
            mood = self.chance.choices(
                ("sent", "refused", "interrupted", "held", "away"), (80, 5, 5, 5, 5)
            )[0]
            mood = "sent" if in_a_good_mood else mood
            moods.setdefault(mood, []).append(staff_id)
            if mood in {"sent", "interrupted"}:
                self._left(person)
            elif mood == "refused":
                person.under_way, person.claimed_until = None, None
            elif mood == "held":
                person.claimed_until = now + timedelta(hours=30)
        values: dict[str, dict[str, Any]] = {
            "sent": {"state": "sent", "sent_at": now, "claimed_until": None},
            "refused": {"state": "failed", "error": "550", "claimed_until": None},
            "interrupted": {"state": "failed", "error": "interrupted", "claimed_until": None},
            "held": {"state": "claimed", "claimed_until": now + timedelta(hours=30)},
            "away": {},
        }
        with Session.begin() as session:
            for mood, people in moods.items():
                if values[mood]:
                    session.execute(
                        update(Letter)
                        .where(text("letters.state IN ('waiting', 'claimed')"))
                        .where(Letter.staff_id.in_(people))
                        .values(**values[mood])
                    )

    def _left(self, person: Person) -> None:
        assert person.under_way is not None
        self.news_told += len(person.under_way - person.told)
        person.told |= person.under_way
        person.under_way, person.claimed_until = None, None


def moments(first: datetime, days: int, timezone: ZoneInfo, *, whole: bool) -> Iterator[datetime]:
    """Return when the clock looks: all through both nights of change, and at some hour of a day.

    Each day of the weeks with holidays and changes of the clock; of others, every fourth where the
    year is to be `whole`.
    """
    chance = random.Random(6)
    start = first.astimezone(timezone).date()
    for ahead in range(days):
        begins, ends = (
            datetime.combine(start + timedelta(days=more), time(), timezone).astimezone(UTC)
            for more in (ahead, ahead + 1)
        )
        if ends - begins != timedelta(days=1):
            yield from (begins + timedelta(minutes=30 * n, seconds=7) for n in range(10))
        # Whom it finds late is told late, of everything in one mail.
        if begins.strftime("%V") in BUSY or (whole and not ahead % 4):
            yield begins + timedelta(hours=chance.choice(HOURS), minutes=chance.randint(1, 50))
