"""Whether there is something to say in a digest, and what counts as told."""

from datetime import timedelta

import pytest

from services.notify.digests import positions, readers, runs
from shared.clock import utcnow
from shared.models import LetterState, Rhythm
from tests.factories import a_council, a_member_of_staff
from tests.notify.rules.conftest import NOON
from tests.notify.rules.digest_given import MIDNIGHT, TICK, entry, told_before

pytestmark = pytest.mark.usefixtures("clock")


class TestWhetherThereIsSomethingToSay:
    def run(self, house, moment=NOON):
        house.session.flush()
        house.session.expire_all()
        [told] = runs.run_scheduled(house.session, house.settings, moment)
        return told

    def test_something_waits(self, house, subscribed):
        subscribed()
        entry(house)
        told = self.run(house)
        assert (told.new, told.waiting, told.is_written, told.is_calm) == (1, 1, True, False)

    def test_nothing_waits(self, house, subscribed):
        subscribed()
        told = self.run(house)
        assert (told.is_written, told.is_calm) == (False, False)
        assert house.letters() == []

    @pytest.mark.parametrize(
        ("since", "comes"),
        [
            (timedelta(days=6, hours=12), False),
            (timedelta(days=6, hours=12) + TICK, True),
            (timedelta(days=1), False),
        ],
    )
    def test_a_calm_note_comes_when_nothing_was_heard_for_a_week(
        self, house, person, subscribed, since, comes
    ):
        subscribed(calm_note=True, hour=11)
        told_before(house, person, NOON - since)
        assert self.run(house).is_calm is comes

    @pytest.mark.parametrize(("calm_note", "waits"), [(False, False), (True, True)])
    def test_a_calm_note_is_for_who_wants_it_when_nothing_waits(
        self, house, subscribed, calm_note, waits
    ):
        subscribed(calm_note=calm_note)
        if waits:
            entry(house)
        assert not self.run(house).is_calm

    @pytest.mark.parametrize("rhythm", Rhythm)
    @pytest.mark.parametrize(
        ("earlier", "same_day"),
        [(MIDNIGHT - TICK, False), (MIDNIGHT, True), (MIDNIGHT + timedelta(minutes=30), True)],
    )
    def test_of_several_on_one_day_of_the_city_only_the_first_repeats_what_is_known(
        self, house, person, subscribed, rhythm, earlier, same_day
    ):
        subscribed(rhythm=rhythm, hour=2, every_hours=1, until_hour=23, weekday=1)
        made = entry(house)
        last = told_before(house, person, earlier)
        positions.stamp_positions(house.session, last.run_id)
        house.session.flush()
        # Half past one: another day of UTC than half past midnight, and the same of the city.
        told = self.run(house, MIDNIGHT + timedelta(hours=2, minutes=30))
        assert (told.new, told.waiting) == (0, 1)
        assert told.is_written is not (rhythm is Rhythm.HOURS and same_day)
        assert made.closed_at is None

    def test_something_new_is_told_however_often(self, house, person, subscribed):
        subscribed(rhythm=Rhythm.HOURS, hour=2, every_hours=1, until_hour=23)
        told_before(house, person, NOON - timedelta(hours=1))
        entry(house)
        assert self.run(house).is_written

    @pytest.mark.usefixtures("person")
    def test_one_asked_for_now_repeats(self, house, subscribed, session):
        subscribed(rhythm=Rhythm.HOURS, hour=2, every_hours=1, until_hour=23)
        entry(house)
        self.run(house)
        session.flush()
        [told] = runs.run_now(session, house.settings, NOON)
        assert told.is_written

    def test_a_test_is_sent_unless_one_is_on_its_way(self, house, person, session):
        reader = readers.find_reader(session, person.id)
        other = readers.find_reader(session, a_member_of_staff(session).id)
        told_before(house, person, NOON)
        sent = [runs.send_test(session, house.settings, each) for each in (reader, reader, other)]
        assert sent == [True, False, True]
        first, second = (each for each in house.letters() if each.state is LetterState.WAITING)
        assert (first.staff_id, second.staff_id) == (person.id, other.id)
        for state, again in ((LetterState.CLAIMED, False), (LetterState.CANCELLED, True)):
            first.state = state
            session.flush()
            assert runs.send_test(session, house.settings, reader) is again

    def test_a_digest_that_waits_is_no_test_on_its_way(self, house, person, session, subscribed):
        subscribed()
        entry(house)
        self.run(house)
        assert runs.send_test(session, house.settings, readers.find_reader(session, person.id))


class TestWhatWasTold:
    """By a digest that left, of the councils and lanes that were wanted then; by no test."""

    def run(self, house) -> tuple[int, int]:
        """Make a digest for the moderator; return how much is new and how much waits."""
        house.session.flush()
        house.session.expire_all()
        told = runs.run_now(house.session, house.settings, utcnow())
        [own] = [each for each in told if each.reader.id == house.staff.id]
        return own.new, own.waiting

    def all_left(self, house):
        for letter in house.letters():
            if letter.state is LetterState.WAITING:
                letter.state, letter.sent_at = LetterState.SENT, utcnow()

    def test_a_test_that_arrived_told_nothing(self, house, person, session):
        entry(house)
        runs.send_test(session, house.settings, readers.find_reader(session, person.id))
        self.all_left(house)
        assert self.run(house) == (1, 1)
        self.all_left(house)
        assert self.run(house) == (0, 1)

    @pytest.mark.parametrize("of", ["councils", "lanes"])
    def test_who_wants_another_part_hears_of_what_was_there_already(
        self, house, session, subscribed, of
    ):
        here, there = a_council(session), a_council(session)
        entry(house, house.waiting(council=here), 100)
        entry(house, house.waiting(council=there), 408)
        parts = {
            "councils": [{"council_ids": [each.id]} for each in (here, there)],
            "lanes": [{"lanes": [each]} for each in ("ordinary", "urgent")],
        }[of]
        chosen = subscribed(**parts[0])
        assert self.run(house) == (1, 1)
        self.all_left(house)
        for name, value in parts[1].items():
            setattr(chosen, name, value)
        assert self.run(house) == (1, 1)
        self.all_left(house)
        for name in parts[1]:
            setattr(chosen, name, None)
        assert self.run(house) == (0, 2)

    @pytest.mark.parametrize(
        ("lanes", "told"), [(None, (1, 2)), (["urgent"], (0, 1)), (["ordinary"], (1, 1))]
    )
    def test_what_was_told_where_it_was_is_known_where_it_is(
        self, house, session, subscribed, lanes, told
    ):
        one, other = entry(house, priority=100), entry(house, priority=408)
        chosen = subscribed(lanes=["ordinary"])
        assert self.run(house) == (1, 1)
        self.all_left(house)
        one.priority, other.priority = 408, 100
        session.flush()
        chosen.lanes = lanes
        assert self.run(house) == told
