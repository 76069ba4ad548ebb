"""Who must get a second factor while nobody has chosen, until when, and what ends without it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import second_factor, sessions
from shared.config import Settings
from shared.models import (
    AuditEntry,
    OutboxDelivery,
    OutboxEvent,
    Requires,
    Role,
    SecondFactor,
    SignInPolicy,
)
from tests.factories import a_member_of_staff
from tests.moderation.people.rules.given import NOW, TICK, begun

WEEK = timedelta(days=7)


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return replace(module_settings, second_factor_grace_days=7)


COVERED = {"nobody": set(), "admins": {Role.ADMIN}, "all": set(Role)}


@pytest.mark.parametrize("said", COVERED)
@pytest.mark.parametrize("chosen", [None, *Requires])
def test_what_was_chosen_at_the_desk_counts_and_else_the_setting(unit, settings, ada, said, chosen):
    asked = replace(settings, second_factor=said, second_factor_grace_days=0)
    if chosen is not None:
        unit.add(SignInPolicy(second_factor=chosen, changed_by=ada.id))
        unit.flush()
    must = COVERED[chosen.value if chosen else said]
    assert second_factor.find_policy(unit, asked) == (chosen or Requires(said), chosen is not None)
    for role in Role:
        person = a_member_of_staff(unit, role)
        assert second_factor.must_set_up(unit, asked, person) is (role in must)
        assert second_factor.may_give_up(unit, asked, role) is (role not in must)
        assert second_factor.is_expected(asked, role) is (role in COVERED[said])


def test_the_time_begins_when_it_is_first_asked_for_and_begins_once(unit, settings, ada, bo):
    with travel(NOW, tick=False):
        assert not second_factor.must_set_up(unit, settings, ada)
    with travel(NOW + timedelta(days=3), tick=False):
        assert second_factor.give_time(unit, settings, ada.id) == NOW + WEEK
        # Everybody has a time of their own.
        assert second_factor.give_time(unit, settings, bo.id) == NOW + timedelta(days=10)
    for after, over in ((WEEK - TICK, False), (WEEK, True)):
        with travel(NOW + after, tick=False):
            assert second_factor.must_set_up(unit, settings, ada) is over


def test_who_need_not_hurry_is_given_no_time(unit, settings, bo):
    assert not second_factor.must_set_up(unit, settings, bo)
    assert bo.factor_due_at is None


@pytest.mark.parametrize("via", [sessions.PASSWORD, sessions.DIRECTORY])
@pytest.mark.parametrize("factor", ["none", "waiting", "confirmed"])
@pytest.mark.parametrize("chosen", [None, *Requires])
def test_a_session_says_whether_a_password_alone_let_somebody_in(
    unit, ada, bo, via, factor, chosen
):
    other = SecondFactor(staff_id=bo.id, secret=b"x", confirmed_at=NOW)
    unit.add(other)
    if factor != "none":
        confirmed = NOW if factor == "confirmed" else None
        unit.add(SecondFactor(staff_id=ada.id, secret=b"x", confirmed_at=confirmed))
    if chosen is not None:
        unit.add(SignInPolicy(second_factor=chosen, changed_by=ada.id))
    ada.factor_due_at = NOW
    found = sessions.find_session(unit, begun(unit, ada, via=via))
    lacks = via == sessions.PASSWORD and factor != "confirmed" and chosen is None
    assert found.lacks_factor is lacks
    assert found.factor_due_at == NOW


class TestIdle:
    IDLE = timedelta(minutes=30)

    @pytest.mark.parametrize(
        ("after", "lasts"), [(IDLE - TICK, True), (IDLE, False), (IDLE + TICK, False)]
    )
    def test_ends_a_session_to_the_instant(self, unit, bo, after, lasts):
        his = begun(unit, bo)
        with travel(NOW + after, tick=False):
            assert (sessions.find_session(unit, his, idle=self.IDLE) is not None) is lasts
            assert sessions.find_session(unit, his) is not None

    def test_counts_from_when_somebody_was_seen(self, unit, bo):
        his = begun(unit, bo)
        with travel(NOW + timedelta(minutes=20), tick=False):
            sessions.touch_session(unit, his)
        with travel(NOW + timedelta(minutes=49), tick=False):
            assert sessions.find_session(unit, his, idle=self.IDLE) is not None

    @pytest.mark.parametrize(
        ("idle", "noted_after"),
        [
            (None, timedelta(minutes=10)),
            (timedelta(minutes=30), timedelta(minutes=3)),
            (timedelta(hours=4), timedelta(minutes=10)),
        ],
    )
    def test_is_noted_finely_enough(self, unit, bo, idle, noted_after):
        found = sessions.find_session(unit, begun(unit, bo))
        for after, stale in ((noted_after, False), (noted_after + TICK, True)):
            with travel(NOW + after, tick=False):
                assert sessions.is_stale(found, idle=idle) is stale


def test_each_change_of_the_way_in_owes_its_owner_a_letter(unit, settings, ada, bo):
    unit.add(SecondFactor(staff_id=bo.id, secret=b"x", confirmed_at=NOW))
    unit.flush()
    second_factor.remove_second_factor(unit, bo, by=ada.id)
    second_factor.remove_second_factor(unit, bo, by=bo.id)
    unit.flush()
    entries = unit.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    events = unit.scalars(select(OutboxEvent).order_by(OutboxEvent.id)).all()
    assert [each.action for each in entries] == [
        "staff.second_factor_reset",
        "staff.second_factor_removed",
    ]
    assert [(each.kind, each.subject_id, each.payload) for each in events] == [
        ("AccountChanged", bo.id, {"staff_id": str(bo.id), "change_id": entry.id})
        for entry in entries
    ]
    assert set(unit.scalars(select(OutboxDelivery.consumer))) == {"notify.account"}
