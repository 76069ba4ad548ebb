"""Who gets a digest, and at which moment."""

from datetime import date, datetime, timedelta

import pytest

from services.notify.digests import digest_watch, readers, schedules, subscribing
from services.notify.digests.readers import Wanted
from services.notify.digests.schedules import Schedule
from services.notify.digests.subscribing import Choice
from shared.clock import utcnow
from shared.models import DeadAddress, Digest, Rhythm, Role, Subscription
from tests.factories import a_member_of_staff
from tests.notify.rules.conftest import NOON
from tests.notify.rules.digest_given import DAY, MIDNIGHT, TICK, told_before

pytestmark = pytest.mark.usefixtures("clock")


class TestWho:
    @pytest.mark.usefixtures("house")
    @pytest.mark.parametrize(
        ("role", "can"), [(Role.READER, False), (Role.MODERATOR, True), (Role.ADMIN, True)]
    )
    def test_can_do_something_about_it(self, session, role, can):
        made = a_member_of_staff(session, role)
        assert (readers.find_reader(session, made.id) is not None) is can
        assert (made.id in [each.id for each in readers.list_readers(session)]) is can
        assert (subscribing.choice_of(session, made.id) is not None) is can
        assert (made.id in [each.staff_id for each in subscribing.list_choices(session)]) is can

    def test_has_an_account(self, session, person):
        person.disabled_at = NOON
        session.flush()
        assert readers.find_reader(session, person.id) is None
        assert readers.list_readers(session) == []
        assert subscribing.list_choices(session) == []
        assert subscribing.choice_of(session, person.id) is None
        with pytest.raises(LookupError):
            subscribing.store_choice(session, Choice(person.id, ""))

    @pytest.mark.parametrize("wanted", [True, False])
    def test_wants_it(self, session, person, subscribed, wanted):
        subscribed(wanted=wanted)
        assert bool(readers.list_readers(session)) is wanted
        # May ask for a test nevertheless.
        assert readers.find_reader(session, person.id).id == person.id

    @pytest.mark.parametrize("revived", [True, False])
    def test_is_reached(self, session, house, person, revived):
        letter = house.letter()
        about = {"letter_id": letter.id, "reason": "5.1.1"}
        session.add(DeadAddress(**about, staff_id=person.id, revived_at=NOON if revived else None))
        other = a_member_of_staff(session)
        expected = [person.id, other.id] if revived else [other.id]
        assert sorted(each.id for each in readers.list_readers(session)) == sorted(expected)

    def test_comes_in_the_order_of_accounts(self, session, house):
        for _ in range(3):
            a_member_of_staff(session)
        house.stir(type(house.staff))
        ids = [each.id for each in readers.list_readers(session)]
        assert ids == sorted(ids)

    def test_reads_the_language_that_was_chosen_or_the_accounts(self, session, person, subscribed):
        person.language = "en"
        chosen = subscribed()
        assert readers.find_reader(session, person.id).language == "en"
        chosen.language = "sv"
        session.flush()
        assert readers.find_reader(session, person.id).language == "sv"


class TestWhen:
    # The city's clock shows 11.
    HOUR = Schedule(hour=11)

    def due(self, session, settings, moment=NOON) -> list[str]:
        session.flush()
        return [each.slot.name for each in readers.list_due(session, settings.timezone, moment)]

    @pytest.mark.parametrize(("early", "is_due"), [(TICK, False), (0 * TICK, True)])
    def test_from_the_hour_on(self, session, settings, subscribed, early, is_due):
        subscribed(hour=11)
        told = self.due(session, settings, NOON - early)
        assert told == (["2026-11-23T11"] if is_due else ["2026-11-22T11"])

    @pytest.mark.parametrize(("later", "is_due"), [(TICK, False), (0 * TICK, False), (-TICK, True)])
    @pytest.mark.parametrize("what", ["account", "choice", "digest", "older digest"])
    def test_not_for_an_hour_before_the_account_the_choice_or_the_last_one(
        self, session, settings, house, person, subscribed, later, is_due, what
    ):
        chosen = subscribed(hour=11)
        if what == "account":
            person.created_at = NOON + later
        elif what == "choice":
            chosen.chosen_at = NOON + later
        else:
            slots = {"slot": None, "for_day": date(2026, 11, 23)} if what != "digest" else {}
            told_before(house, person, NOON + later, **slots)
        assert self.due(session, settings, NOON + timedelta(hours=1)) == (
            ["2026-11-23T11"] if is_due else []
        )

    def test_the_latest_of_several_counts(self, session, settings, house, person, subscribed):
        subscribed(hour=11)
        for days in (5, 1, 3):
            told_before(house, person, NOON - days * DAY + timedelta(minutes=1))
        house.stir(Digest)
        assert self.due(session, settings, NOON - TICK) == ["2026-11-22T11"]

    def test_one_asked_for_now_or_a_test_takes_no_hour(
        self, session, settings, house, person, subscribed
    ):
        subscribed(hour=11)
        for is_test in (False, True):
            told_before(house, person, NOON + timedelta(minutes=1), slot=None, is_test=is_test)
        assert self.due(session, settings, NOON + timedelta(hours=1)) == ["2026-11-23T11"]

    def test_that_of_another_takes_no_hour(self, session, settings, house, subscribed):
        subscribed(hour=11)
        other = a_member_of_staff(session, created_at=NOON)
        told_before(house, other, NOON + timedelta(minutes=1))
        assert self.due(session, settings, NOON + timedelta(hours=1)) == ["2026-11-23T11"]

    def test_each_by_their_own_choice(self, session, settings, subscribed):
        subscribed(rhythm=Rhythm.HOURS, hour=8, every_hours=3, until_hour=11)
        usual = a_member_of_staff(session, created_at=NOON - 9 * DAY)
        later = a_member_of_staff(session, created_at=NOON - timedelta(hours=20))
        session.add(Subscription(staff_id=later.id, hour=12))
        found = {
            each.reader.id: each.slot.name
            for each in readers.list_due(session, settings.timezone, NOON)
        }
        assert found[usual.id] == "2026-11-23T07"
        assert later.id not in found
        assert sorted(found.values()) == ["2026-11-23T07", "2026-11-23T11"]

    @pytest.mark.usefixtures("person")
    def test_the_next_hour_is_that_of_whoever_wants_it_first(self, session, settings, subscribed):
        def following() -> datetime | None:
            session.flush()
            return readers.next_slot(session, settings.timezone, NOON)

        chosen = subscribed(hour=14)
        assert following() == NOON + timedelta(hours=3)
        other = a_member_of_staff(session)
        sooner = Subscription(staff_id=other.id, hour=12)
        session.add(sooner)
        assert following() == NOON + timedelta(hours=1)
        sooner.wanted = False
        assert following() == NOON + timedelta(hours=3)
        chosen.wanted = False
        assert following() is None

    def test_another_rhythm_waits_for_its_first_hour_and_other_wishes_do_not(
        self, session, person, clock
    ):
        def choose(**about) -> datetime | None:
            clock.shift(60)
            subscribing.store_choice(session, Choice(person.id, "", **about))
            session.expire_all()
            return session.get_one(Subscription, person.id).chosen_at

        first = choose(schedule=self.HOUR)
        assert first == utcnow()
        assert choose(schedule=self.HOUR, wanted=Wanted.of([1], None), calm_note=True) == first
        assert choose(schedule=self.HOUR, language="en") == first
        assert choose(schedule=Schedule(hour=12)) == utcnow()
        assert choose(schedule=Schedule(hour=12), is_on=False) == utcnow()

    def test_the_watch_asks_again_at_the_next_hour_and_within_half_a_minute(
        self, session, settings, subscribed, clock
    ):
        subscribed(hour=12, chosen_at=NOON)
        watch = digest_watch.Watch(settings.timezone)
        assert watch(session) is None
        late = a_member_of_staff(session, created_at=NOON - DAY)
        session.add(Subscription(staff_id=late.id, hour=1))
        session.flush()
        clock.shift(timedelta(seconds=30) - TICK)
        assert watch(session) is None
        clock.shift(TICK)
        assert watch(session) == [(late.id, "2026-11-23T01")]
        # While somebody is due it asks each time.
        session.get_one(Subscription, late.id).wanted = False
        session.flush()
        assert watch(session) is None

    def test_the_watch_sees_an_hour_that_comes_within_half_a_minute(
        self, session, settings, subscribed, clock
    ):
        subscribed(hour=11, chosen_at=NOON - DAY + timedelta(hours=1))
        clock.move_to(NOON - timedelta(seconds=10))
        watch = digest_watch.Watch(settings.timezone)
        assert watch(session) is None
        clock.move_to(NOON)
        assert watch(session) is not None

    def test_the_watch_asks_when_the_clock_was_set_back(
        self, session, settings, person, subscribed, clock
    ):
        subscribed(hour=12, chosen_at=NOON)
        watch = digest_watch.Watch(settings.timezone)
        assert watch(session) is None
        clock.shift(-timedelta(days=1))
        subscribing.store_choice(session, Choice(person.id, "", schedule=Schedule(hour=1)))
        session.flush()
        clock.shift(timedelta(hours=15))
        assert watch(session) is not None


def test_of_two_schedules_the_hours_are_the_citys(settings):
    """The evening before is another day of UTC."""
    slots = schedules.slots_of(Schedule(hour=0), date(2026, 11, 23), settings.timezone)
    assert [(each.name, each.at) for each in slots] == [("2026-11-23T00", MIDNIGHT)]
