"""How long a session lasts, and what ends it."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import roles, sessions
from shared.ids import new_id
from shared.models import StaffSession
from tests.factories import count
from tests.moderation.people.rules.given import NOW, TICK, begun


class TestSession:
    @pytest.mark.parametrize(
        ("after", "lasts"),
        [(timedelta(), True), (sessions.LASTS - TICK, True), (sessions.LASTS, False)],
    )
    def test_lasts_twelve_hours_to_the_instant(self, unit, bo, after, lasts):
        assert timedelta(hours=12) == sessions.LASTS
        begun_id = begun(unit, bo)
        with travel(NOW + after, tick=False):
            assert (sessions.find_session(unit, begun_id) is not None) is lasts
            assert bool(sessions.open_ones(unit, bo.id)) is lasts
            assert (roles.find_person(unit, bo.id).seen_at is not None) is lasts

    @pytest.mark.parametrize(("after", "lasts"), [(TICK, True), (timedelta(), False)])
    def test_that_has_ended_by_idling_is_listed_no_more(self, unit, bo, after, lasts):
        idle = timedelta(minutes=30)
        begun_id = begun(unit, bo)
        with travel(NOW + idle - after, tick=False):
            assert (sessions.find_session(unit, begun_id, idle=idle) is not None) is lasts
            assert bool(sessions.open_ones(unit, bo.id, idle=idle)) is lasts
            # Where nobody is signed out for idling it lasts.
            assert sessions.open_ones(unit, bo.id)

    def test_is_of_one_person_in_one_epoch_with_an_open_account(self, unit, ada, bo):
        hers, his = begun(unit, ada), begun(unit, bo)
        assert sessions.find_session(unit, hers).staff_id == ada.id
        assert sessions.find_session(unit, his).staff_id == bo.id
        assert sessions.find_session(unit, new_id()) is None
        bo.session_epoch += 1
        unit.flush()
        assert sessions.find_session(unit, his) is None
        assert sessions.open_ones(unit, bo.id) == []
        assert roles.find_person(unit, bo.id).seen_at is None
        ada.disabled_at = NOW
        unit.flush()
        assert sessions.find_session(unit, hers) is None

    @pytest.mark.parametrize(
        ("after", "stale"),
        [(sessions.SEEN_EVERY, False), (sessions.SEEN_EVERY + TICK, True), (timedelta(), False)],
    )
    def test_is_noted_again_after_ten_minutes(self, unit, bo, after, stale):
        found = sessions.find_session(unit, begun(unit, bo))
        with travel(NOW + after, tick=False):
            assert sessions.is_stale(found) is stale

    def test_is_noted_for_itself_only(self, unit, bo):
        one, other = begun(unit, bo), begun(unit, bo)
        with travel(NOW + timedelta(hours=1), tick=False):
            sessions.touch_session(unit, one)
        seen = dict(unit.execute(select(StaffSession.id, StaffSession.seen_at)).all())
        assert seen == {one: NOW + timedelta(hours=1), other: NOW}

    def test_of_all_only_what_has_ended_is_forgotten(self, unit, ada, bo):
        ended, lasting = begun(unit, ada), begun(unit, ada)
        for each, age in ((ended, sessions.LASTS + TICK), (lasting, sessions.LASTS)):
            unit.get_one(StaffSession, each).begun_at = NOW - age
        unit.flush()
        newest = begun(unit, bo)
        assert sessions.forget_ended(unit) == 1
        assert set(unit.scalars(select(StaffSession.id))) == {lasting, newest}

    def test_are_listed_for_one_person_the_one_seen_last_first(self, unit, ada, bo):
        begun(unit, ada)
        ids = [begun(unit, bo) for _ in range(4)]
        for minutes, each in zip((3, 1, 2, 2), ids, strict=True):
            unit.get_one(StaffSession, each).seen_at = NOW - timedelta(minutes=minutes)
        unit.get_one(StaffSession, ids[2]).begun_at = NOW - timedelta(minutes=5)
        unit.flush()
        listed = [each.id for each in sessions.open_ones(unit, bo.id)]
        assert listed == [ids[1], ids[3], ids[2], ids[0]]

    def test_is_ended_by_its_own_person_only(self, unit, ada, bo):
        his, other = begun(unit, bo), begun(unit, bo)
        assert not sessions.end_session(unit, his, ada.id)
        assert sessions.find_session(unit, his) is not None
        assert sessions.end_session(unit, his, bo.id)
        assert not sessions.end_session(unit, his, bo.id)
        assert sessions.find_session(unit, other) is not None

    def test_of_one_person_all_end_and_of_others_none(self, unit, ada, bo):
        hers, his = begun(unit, ada), [begun(unit, bo), begun(unit, bo)]
        epoch = bo.session_epoch
        sessions.end_all(unit, bo)
        assert bo.session_epoch == epoch + 1
        assert [sessions.find_session(unit, each) for each in his] == [None, None]
        assert set(unit.scalars(select(StaffSession.id))) == {hers}
        assert sessions.find_session(unit, hers) is not None

    def test_all_but_one_end_and_that_one_goes_on(self, unit, ada, bo):
        hers, kept, other = begun(unit, ada), begun(unit, bo), begun(unit, bo)
        sessions.end_all(unit, bo, but=kept)
        assert sessions.find_session(unit, kept) is not None
        assert sessions.find_session(unit, other) is None
        assert sessions.find_session(unit, hers) is not None
        # Somebody else's session is nobody's to keep.
        bo.session_epoch = ada.session_epoch + 5
        unit.flush()
        sessions.end_all(unit, bo, but=hers)
        assert count(unit, StaffSession, StaffSession.staff_id == bo.id) == 0
        assert sessions.find_session(unit, hers) is not None
