"""Slips become ideas that wait, once, with who entered them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from time_machine import travel

from services.moderation.decisions import deciding
from services.submission.forms import FormError
from services.submission.slips import entering, reading
from services.submission.slips.entering import ClosedThatDayError
from services.submission.slips.reading import Draft, read_slip
from shared.links import receipts
from shared.models import (
    Channel,
    Contact,
    Council,
    Idea,
    IdeaStatus,
    IdeaText,
    Original,
    OutboxDelivery,
    OutboxEvent,
    Precision,
    ReceiptToken,
    Slip,
    Source,
)
from tests.factories import a_council, a_member_of_staff, an_idea, count

# A quarter to one on the next day in the city.
NOW = datetime(2026, 11, 29, 23, 45, tzinfo=UTC)
TODAY = date(2026, 11, 30)
CITY = ZoneInfo("Europe/Stockholm")


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def council(unit):
    return a_council(unit)


@pytest.fixture
def moa(unit):
    return a_member_of_staff(unit, name="Moa")


@pytest.fixture
def enter(unit, module_settings, council, moa):
    def act(*drafts: Draft, day=TODAY, form_key="a form", channel=Channel.PHONE, **about):
        slips = [read_slip(each, day, TODAY) for each in drafts]
        return entering.enter_slips(
            unit,
            module_settings,
            about.get("council", council),
            channel,
            slips,
            by=about.get("by", moa).id,
            form_key=form_key,
        )

    return act


def ideas(unit, batch) -> list[Idea]:
    found = {each.number: each for each in unit.scalars(select(Idea))}
    return [found[number] for number in batch.numbers]


def test_an_idea_is_stored_as_it_was_typed_and_waits_for_its_checks(unit, enter, council, moa):
    draft = Draft(" Fler bänkar\r\nvid ån ", " Kim  L ", "Kim@Example.org ")
    (idea,) = ideas(unit, enter(draft, channel=Channel.VISIT))
    assert (idea.source, idea.status, idea.council_id) == (
        Source.STAFF,
        IdeaStatus.RECEIVED,
        council.id,
    )
    # Nothing of the way is the writer's own: no place is counted, and no sign is seen in it.
    assert (idea.sender_hash, idea.signals) == (None, {})
    assert (idea.received_at, idea.precision) == (NOW, Precision.INSTANT)
    assert idea.number.startswith("R-2026-")
    text = unit.get_one(IdeaText, (idea.id, 1))
    assert (text.text, text.author) == ("Fler bänkar\nvid ån", "Kim L")
    assert json.loads(unit.get_one(Original, idea.id).body) == {
        "text": draft.text,
        "author": draft.author,
        "email": draft.email,
        "council": council.slug,
        "channel": "visit",
        "day": "2026-11-30",
    }
    assert unit.get_one(Contact, idea.id).email == "Kim@example.org"
    slip = unit.get_one(Slip, idea.id)
    assert (slip.staff_id, slip.channel) == (moa.id, Channel.VISIT)
    event = unit.scalars(select(OutboxEvent).where(OutboxEvent.subject_id == idea.id)).one()
    assert event.kind == "IdeaSubmitted"
    queues = unit.scalars(select(OutboxDelivery.queue).where(OutboxDelivery.event_id == event.id))
    assert set(queues) == {"checks"}


def test_an_earlier_day_is_a_day_and_its_slips_keep_their_order(unit, enter):
    batch = enter(Draft("Den ena"), Draft("Den andra", day="2025-12-31"), day=date(2026, 11, 28))
    first, second = ideas(unit, batch)
    assert (first.precision, second.precision) == (Precision.DAY, Precision.DAY)
    assert first.received_at == datetime(2026, 11, 28, 11, tzinfo=UTC)
    assert second.received_at == datetime(2025, 12, 31, 11, 0, 1, tzinfo=UTC)
    # The year of its number is the one in which the city got it; how long it lies is counted anew.
    assert second.number.startswith("R-2025-")
    assert {first.stored_at, second.stored_at} == {NOW}


@pytest.mark.parametrize(
    ("publishes", "source", "itself"),
    [(True, Source.FORM, True), (True, Source.STAFF, False), (False, Source.FORM, False)],
)
def test_no_council_publishes_by_itself_what_staff_entered(publishes, source, itself):
    idea = Idea(source=source)
    idea.council = Council(publishes_clear=publishes)
    assert deciding.may_publish_itself(idea) is itself


class TestOnce:
    def test_the_same_form_again_makes_nothing_whenever_it_comes(self, unit, enter):
        first = enter(Draft("En bänk"), Draft("En lampa"))
        with travel(NOW + timedelta(days=40), tick=False):
            again = enter(Draft("En bänk "), Draft("En lampa"))
        assert (first.new, again.new) == (2, 0)
        assert (again.id, again.numbers) == (first.id, first.numbers)
        assert count(unit, Idea) == count(unit, Slip) == 2
        assert count(unit, OutboxEvent) == 2

    def test_two_of_one_form_that_say_the_same_are_two(self, enter):
        batch = enter(Draft("En bänk"), Draft("En bänk"))
        assert len(set(batch.numbers)) == 2
        assert enter(Draft("En bänk"), Draft("En bänk")).numbers == batch.numbers

    def test_what_was_added_to_a_form_that_was_saved_is_new(self, enter):
        first = enter(Draft("En bänk"))
        more = enter(Draft("En lampa"), Draft("En bänk"))
        assert (more.new, more.id) == (1, first.id)
        assert more.numbers[1:] == first.numbers

    @pytest.mark.parametrize(
        "other",
        [
            {"form_key": "another form"},
            {"channel": Channel.PAPER},
            {"day": TODAY - timedelta(days=1)},
            {"draft": Draft("En bänk", "Kim")},
            {"draft": Draft("En bänk", email="kim@example.org")},
            {"by": None},
            {"council": None},
        ],
        ids=lambda other: next(iter(other)),
    )
    def test_anything_that_differs_is_another_one(self, unit, enter, other):
        first = enter(Draft("En bänk"))
        made = {"by": a_member_of_staff, "council": a_council}
        about = {name: value or made[name](unit) for name, value in other.items()}
        again = enter(about.pop("draft", Draft("En bänk")), **about)
        assert again.new == 1
        assert again.numbers != first.numbers

    def test_a_batch_is_called_by_its_first_and_how_many_more(self, unit, enter):
        one, three = (
            enter(Draft("En bänk")),
            enter(*map(Draft, ("Ett", "Två", "Tre")), form_key="3"),
        )
        ids = {str(one.id), str(three.id), "nonsense"}
        assert entering.find_numbers(unit, ids) == {
            str(one.id): one.numbers[0],
            str(three.id): f"{three.numbers[0]} och 2 till",
        }


class TestDays:
    @pytest.mark.parametrize("raw", ["2026-11-30", " 2026-11-01 ", "2000-01-01"])
    def test_a_day_that_has_been_is_one(self, raw):
        assert reading.read_day(raw, TODAY).isoformat() == raw.strip()

    @pytest.mark.parametrize(
        "raw",
        ["", "2026-12-01", "1999-12-31", "0206-11-30", "2026-02-30", "20261130", "30/11 2026", "x"],
    )
    def test_what_is_none_is_refused(self, raw):
        with pytest.raises(reading.DayError):
            reading.read_day(raw, TODAY)

    @pytest.mark.parametrize(
        ("opens", "closes", "was_open"),
        [
            (None, None, True),
            # The whole of the day is asked, on the city's clock.
            (datetime(2026, 11, 20, 22, 59, tzinfo=UTC), None, True),
            (datetime(2026, 11, 20, 23, 0, tzinfo=UTC), None, False),
            (None, datetime(2026, 11, 19, 23, 1, tzinfo=UTC), True),
            (None, datetime(2026, 11, 19, 23, 0, tzinfo=UTC), False),
        ],
    )
    def test_what_came_while_a_council_was_open_is_entered_later(
        self, unit, enter, council, opens, closes, was_open
    ):
        council.open_from, council.open_until = opens, closes
        assert entering.was_open_on(council, date(2026, 11, 20), CITY) is was_open
        drafts = Draft("En bänk", day="2026-11-20"), Draft("En lampa", day="2026-11-20")
        if was_open:
            assert enter(*drafts).new == 2
            return
        with pytest.raises(ClosedThatDayError) as why:
            enter(*drafts)
        assert why.value.place == 0
        assert count(unit, Idea) == 0


def test_everything_at_fault_in_a_slip_is_told_at_once():
    with pytest.raises(FormError) as why:
        read_slip(Draft("x", "a\nb", "nowhere", "2030-01-01"), TODAY, TODAY)
    assert set(why.value.errors) == {"text", "author", "email", "day"}
    with pytest.raises(FormError) as why:
        read_slip(Draft("En bänk", day="2030-01-01"), TODAY, TODAY)
    assert set(why.value.errors) == {"day"}


class TestReceipt:
    @pytest.fixture
    def number(self, enter):
        return enter(Draft("En bänk")).numbers[0]

    def test_its_link_is_the_writers_own(self, unit, module_settings, moa, number):
        receipt = entering.read_receipt(unit, module_settings, number, moa.id)
        token = receipt.url.rpartition("/")[2]
        assert receipts.find_receipt(unit, token) == receipt.idea.id
        assert receipt.url == f"{module_settings.public_url}/receipts/{token}"
        assert (receipt.text, receipt.author, receipt.has_contact) == ("En bänk", "", False)

    def test_nobody_but_who_entered_it_sees_it(self, unit, module_settings, number):
        other = a_member_of_staff(unit)
        assert entering.read_receipt(unit, module_settings, number, other.id) is None

    def test_an_idea_that_nobody_entered_has_none(self, unit, module_settings, council, moa):
        idea = an_idea(unit, council)
        assert entering.read_receipt(unit, module_settings, idea.number, moa.id) is None

    def test_a_link_that_would_not_work_is_not_shown(self, unit, module_settings, moa, number):
        """As after a new secret key: the receipts that were handed out go on working."""
        unit.execute(update(ReceiptToken).values(sha256=b"another"))
        assert entering.read_receipt(unit, module_settings, number, moa.id).url == ""
