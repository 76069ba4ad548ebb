"""What the security log keeps, what it counts, and how long."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import security_log
from services.moderation.people.security_log import Wanted
from services.moderation.settings import log_pages
from shared.models import SecurityEvent, SecurityKind
from tests.factories import count
from tests.moderation.people.rules.given import NOW, TICK

# Where a slot begins.
SLOT = NOW.replace(minute=0, second=0)


@pytest.fixture
def record(unit, settings):
    def note(kind=SecurityKind.WRONG_PASSWORD, email="a@example.org", place="192.0.2.1") -> None:
        security_log.record_event(unit, settings, kind, email=email, place=place)

    return note


def rows(unit) -> list[SecurityEvent]:
    unit.flush()
    return list(unit.scalars(select(SecurityEvent).order_by(SecurityEvent.id)))


@pytest.mark.parametrize("kind", SecurityKind)
def test_what_anybody_can_cause_is_counted_and_the_rest_is_listed(unit, record, kind):
    with travel(SLOT, tick=False):
        record(kind)
    with travel(SLOT + security_log.SLOT - TICK, tick=False):
        record(kind)
    with travel(SLOT + security_log.SLOT, tick=False):
        record(kind)
    counted = [2, 1] if kind in security_log.COUNTED else [1, 1, 1]
    assert [each.times for each in rows(unit)] == counted
    needs_a_right_password = {
        *(SecurityKind.SIGNED_IN, SecurityKind.PASSWORD_CHANGED, SecurityKind.FACTOR_ADDED),
        *(SecurityKind.FACTOR_REMOVED, SecurityKind.CODES_RENEWED),
        *(SecurityKind.DIRECTORY_LINKED, SecurityKind.DIRECTORY_UNLINKED),
        *(SecurityKind.PASSKEY_ADDED, SecurityKind.PASSKEY_REMOVED),
    }
    assert (kind in security_log.COUNTED) is (kind not in needs_a_right_password)


@pytest.mark.parametrize(
    "other",
    [
        {"kind": SecurityKind.THROTTLED},
        {"email": "b@example.org"},
        {"email": ""},
        {"place": "192.0.2.2"},
        {"place": ""},
    ],
)
def test_another_thing_account_or_place_is_another_row(unit, record, other):
    record()
    record(**other)
    assert [each.times for each in rows(unit)] == [1, 1]


def test_it_says_whose_account_it_was_however_the_address_was_typed(unit, record, ada):
    record(email=f"  {ada.email.upper()} ")
    record(email=ada.email)
    record(email="nobody@example.org")
    assert [(each.staff_id, each.times) for each in rows(unit)] == [(ada.id, 2), (None, 1)]


def test_no_address_and_no_place_stands_in_it_and_each_key_makes_other_hashes(unit, settings):
    for made in (settings, replace(settings, secret_key="another key that is long enough, yes")):
        security_log.record_event(
            unit, made, SecurityKind.SIGNED_IN, email="a@example.org", place="192.0.2.1"
        )
    one, other = rows(unit)
    assert len({one.who_hash, one.place_hash, other.who_hash, other.place_hash}) == 4
    for hashed in (one.who_hash, one.place_hash):
        assert len(hashed) == 16
        assert b"192" not in hashed
        assert b"example" not in hashed


def test_the_log_of_the_process_has_ids_and_codes(unit, settings, ada, caplog):
    caplog.set_level("INFO", logger=security_log.log.name)
    security_log.record_event(
        unit, settings, SecurityKind.SIGNED_IN, email=ada.email, place="192.0.2.1"
    )
    (said,) = caplog.records
    assert (said.event, said.staff, len(said.place)) == ("signed_in", str(ada.id), 32)
    assert ada.email not in str(vars(said))
    assert "192.0.2.1" not in str(vars(said))


def test_a_flood_is_told_apart_up_to_a_limit_and_counted_from_there(unit, record, monkeypatch):
    monkeypatch.setattr(security_log, "MOST_IN_SLOT", 3)
    for n in range(8):
        record(email=f"{n}@example.org")
    found = rows(unit)
    assert [each.times for each in found] == [1, 1, 1, 5]
    assert (found[-1].staff_id, found[-1].who_hash, found[-1].place_hash) == (None, b"", b"")
    # What needs a right password is never lost in it.
    record(SecurityKind.SIGNED_IN)
    assert rows(unit)[-1].who_hash != b""
    with travel(NOW + security_log.SLOT, tick=False):
        record()
    assert rows(unit)[-1].who_hash != b""


def test_no_flood_of_another_kind_hides_what_is_tried(unit, record, monkeypatch):
    """Refusals cost nothing: one subscriber's networks are enough to fill a list with them."""
    monkeypatch.setattr(security_log, "MOST_IN_SLOT", 3)
    for kind in security_log.COUNTED - {SecurityKind.WRONG_PASSWORD}:
        for n in range(4):
            record(kind, email="", place=f"2001:db8:{n}::")
    for n in range(3):
        record(email=f"{n}@example.org")
    tried = [each for each in rows(unit) if each.kind is SecurityKind.WRONG_PASSWORD]
    assert len({each.who_hash for each in tried} - {b""}) == 3


@pytest.mark.parametrize(("days", "left"), [(1, 1), (2, 2), (30, 3)])
def test_it_is_kept_for_so_many_days(unit, settings, record, days, left):
    for ago in (timedelta(hours=23), timedelta(hours=47), timedelta(days=3)):
        with travel(NOW - ago, tick=False):
            record(SecurityKind.SIGNED_IN)
    security_log.forget_old(unit, replace(settings, security_log_days=days))
    assert count(unit, SecurityEvent) == left


def test_what_is_as_old_as_it_may_be_stays(unit, settings, record):
    with travel(NOW - timedelta(days=settings.security_log_days), tick=False):
        record()
    security_log.forget_old(unit, settings)
    assert count(unit, SecurityEvent) == 1


class TestReading:
    @pytest.fixture
    def events(self, unit, record, ada, bo) -> list[int]:
        record(SecurityKind.SIGNED_IN, ada.email, "192.0.2.1")
        record(SecurityKind.WRONG_PASSWORD, bo.email, "192.0.2.1")
        record(SecurityKind.WRONG_PASSWORD, "nobody@example.org", "192.0.2.2")
        record(SecurityKind.SIGNED_IN, bo.email, "192.0.2.2")
        return [each.id for each in rows(unit)]

    def test_newest_first_with_the_name_of_whose_account_it_was(self, unit, events, bo):
        found, more = security_log.read_events(unit, Wanted())
        assert [event.id for event, _ in found] == events[::-1]
        assert [name for _, name in found] == ["Bo", "", "Bo", "Ada"]
        assert more is None
        bo.name = ""
        assert security_log.read_events(unit, Wanted())[0][0][1] == bo.email

    def test_each_filter_alone_and_together(self, unit, events, bo):
        place = rows(unit)[0].place_hash
        for wanted, at in (
            (Wanted(kind=SecurityKind.SIGNED_IN), [3, 0]),
            (Wanted(staff_id=bo.id), [3, 1]),
            (Wanted(place=place), [1, 0]),
            (Wanted(before=events[2]), [1, 0]),
            (Wanted(SecurityKind.WRONG_PASSWORD, bo.id, place, events[3]), [1]),
            (Wanted(SecurityKind.SIGNED_IN, bo.id, place), []),
        ):
            found, _more = security_log.read_events(unit, wanted)
            assert [event.id for event, _ in found] == [events[n] for n in at], wanted

    @pytest.mark.parametrize(("rows_there", "goes_on"), [(4, False), (5, True)])
    def test_a_page_ends_and_the_next_goes_on_there(
        self, unit, record, monkeypatch, rows_there, goes_on
    ):
        monkeypatch.setattr(log_pages, "PAGE_SIZE", 4)
        for _ in range(rows_there):
            record(SecurityKind.SIGNED_IN)
        found, more = security_log.read_events(unit, Wanted())
        assert len(found) == 4
        assert (more is not None) is goes_on
        if goes_on:
            rest, end = security_log.read_events(unit, Wanted(before=more))
            assert [event.id for event, _ in rest] == [found[-1][0].id - 1]
            assert end is None
