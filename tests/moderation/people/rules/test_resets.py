"""Who gets a link to a new password, and until when it is good."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import accounts, resets, sessions
from services.moderation.people.accounts import AccountError
from shared.links import account_links
from shared.models import LinkKind, OutboxEvent, PasswordReset, Staff
from tests.factories import a_member_of_staff, count
from tests.moderation.people.rules.given import NOW, PASSWORD, TICK, audited, begun


class TestForgottenPassword:
    @pytest.fixture
    def bo(self, unit, a_hash) -> Staff:
        return a_member_of_staff(unit, email="bo@example.org", password_hash=a_hash)

    def asked(self, unit, settings, email="bo@example.org") -> tuple[PasswordReset, str]:
        before = set(unit.scalars(select(PasswordReset.id)))
        resets.ask_reset(unit, settings, email)
        (reset,) = unit.scalars(select(PasswordReset).where(PasswordReset.id.not_in(before)))
        return reset, account_links.make_account_token(
            settings.secret_key, LinkKind.RESET, reset.nonce
        )

    @pytest.mark.parametrize(
        ("after", "opens"),
        [(timedelta(), True), (resets.LASTS - TICK, True), (resets.LASTS, False)],
    )
    def test_link_lasts_an_hour_to_the_instant(self, unit, settings, bo, after, opens):
        assert timedelta(hours=1) == resets.LASTS
        reset, token = self.asked(unit, settings)
        with travel(NOW + after, tick=False):
            assert resets.find_reset(unit, token) == ((reset, bo) if opens else None)

    @pytest.mark.parametrize(
        ("about", "is_theirs"),
        [
            ({}, True),
            ({"disabled_at": NOW}, False),
            ({"password_hash": None}, False),
            ({"email": "annan@example.org"}, False),
        ],
    )
    def test_link_is_owed_to_an_open_account_with_a_password(
        self, unit, settings, bo, about, is_theirs
    ):
        for name, value in about.items():
            setattr(bo, name, value)
        unit.flush()
        reset, token = self.asked(unit, settings, " BO@example.org ")
        assert reset.staff_id == (bo.id if is_theirs else None)
        # The same rows either way.
        assert count(unit, OutboxEvent, OutboxEvent.subject_id == reset.id) == 1
        assert (resets.find_reset(unit, token) is not None) is is_theirs

    def test_link_opens_nothing_once_used_or_for_a_closed_account(self, unit, settings, bo):
        reset, token = self.asked(unit, settings)
        assert resets.find_reset(unit, token) == (reset, bo)
        assert resets.find_reset(unit, token[:-1]) is None
        bo.disabled_at = NOW
        unit.flush()
        assert resets.find_reset(unit, token) is None
        bo.disabled_at, reset.used_at = None, NOW
        unit.flush()
        assert resets.find_reset(unit, token) is None

    def test_using_one_uses_up_all_of_that_person_and_nobody_elses(
        self, unit, settings, bo, a_hash
    ):
        other = a_member_of_staff(unit, email="li@example.org", password_hash=a_hash)
        (first, _), (second, token) = (self.asked(unit, settings) for _ in range(2))
        hers, _ = self.asked(unit, settings, "li@example.org")
        his_session, her_session = begun(unit, bo), begun(unit, other)
        resets.use_reset(unit, *resets.find_reset(unit, token), "ett helt nytt lösenord")
        for each in (first, second, hers):
            unit.refresh(each)
        assert (first.used_at, second.used_at, hers.used_at) == (NOW, NOW, None)
        assert accounts.is_right(bo, "ett helt nytt lösenord")
        assert not accounts.is_right(bo, PASSWORD)
        assert sessions.find_session(unit, his_session) is None
        assert sessions.find_session(unit, her_session) is not None
        assert audited(unit) == [("staff.password_changed", bo.id, str(bo.id))]

    def test_a_password_that_cannot_be_used_uses_up_nothing(self, unit, settings, bo):
        reset, token = self.asked(unit, settings)
        with pytest.raises(AccountError):
            resets.use_reset(unit, reset, bo, "för kort")
        assert resets.find_reset(unit, token) is not None

    @pytest.mark.parametrize(
        ("ago", "owned", "stays"),
        [
            (timedelta(days=1), False, True),
            (timedelta(days=1) + TICK, False, False),
            (timedelta(days=30), True, True),
        ],
    )
    def test_rows_of_nobody_go_a_day_after_their_end(self, unit, bo, ago, owned, stays):
        old = PasswordReset(
            staff_id=bo.id if owned else None,
            nonce=b"n" * 16,
            sha256=b"s" * 32,
            created_at=NOW - timedelta(days=40),
            expires_at=NOW - ago,
        )
        unit.add(old)
        unit.flush()
        assert resets.forget_of_nobody(unit) == int(not stays)
        assert count(unit, PasswordReset, PasswordReset.id == old.id) == int(stays)
