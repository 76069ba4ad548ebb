"""The rules about staff, each from both sides: who, until when exactly, and how often.

Tried below the web in a unit of work that is never committed; time stands still.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession
from time_machine import travel

from services.moderation.people import (
    accounts,
    directory,
    invitations,
    resets,
    roles,
    second_factor,
    sessions,
    throttle,
)
from services.moderation.people.accounts import AccountError
from services.moderation.people.directory import Identity, RefusedError
from services.moderation.people.roles import LastAdministratorError
from services.moderation.people.second_factor import OwnFactorFirstError
from services.moderation.people.throttle import Tried
from shared.config import Settings
from shared.ids import new_id
from shared.links import account_links
from shared.models import (
    AuditEntry,
    Invitation,
    LinkKind,
    LoginAttempt,
    OutboxEvent,
    PasswordReset,
    RecoveryCode,
    Requires,
    Role,
    SecondFactor,
    SignInPolicy,
    Staff,
    StaffSession,
)
from tests.factories import a_member_of_staff, count

NOW = datetime(2026, 3, 4, 5, 6, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)
PASSWORD = "ett långt lösenord för prov"


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    with travel(NOW, tick=False):
        yield


@pytest.fixture
def settings(module_settings: Settings) -> Settings:
    return module_settings


@pytest.fixture
def ada(unit: SqlSession) -> Staff:
    return a_member_of_staff(unit, Role.ADMIN, name="Ada")


@pytest.fixture
def bo(unit: SqlSession) -> Staff:
    return a_member_of_staff(unit, Role.MODERATOR, name="Bo")


@pytest.fixture(scope="module")
def a_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


def audited(unit: SqlSession) -> list[tuple[str, UUID | None, str]]:
    """Return what the log holds: what was done, by whom, about whom."""
    unit.flush()
    rows = select(AuditEntry.action, AuditEntry.staff_id, AuditEntry.subject_id)
    return [tuple(row) for row in unit.execute(rows.order_by(AuditEntry.id))]


def begun(unit: SqlSession, staff: Staff, **how: str) -> UUID:
    return sessions.begin(unit, staff, **{"via": sessions.PASSWORD, "browser": "Firefox"} | how)


class TestSession:
    @pytest.mark.parametrize(
        ("after", "lasts"),
        [(timedelta(), True), (sessions.LASTS - TICK, True), (sessions.LASTS, False)],
    )
    def test_lasts_twelve_hours_to_the_instant(self, unit, bo, after, lasts):
        assert timedelta(hours=12) == sessions.LASTS
        begun_id = begun(unit, bo)
        with travel(NOW + after, tick=False):
            assert (sessions.find(unit, begun_id) is not None) is lasts
            assert bool(sessions.open_ones(unit, bo.id)) is lasts
            assert (roles.one(unit, bo.id).seen_at is not None) is lasts

    def test_is_of_one_person_in_one_epoch_with_an_open_account(self, unit, ada, bo):
        hers, his = begun(unit, ada), begun(unit, bo)
        assert sessions.find(unit, hers).staff_id == ada.id
        assert sessions.find(unit, his).staff_id == bo.id
        assert sessions.find(unit, new_id()) is None
        bo.session_epoch += 1
        unit.flush()
        assert sessions.find(unit, his) is None
        assert sessions.open_ones(unit, bo.id) == []
        assert roles.one(unit, bo.id).seen_at is None
        ada.disabled_at = NOW
        unit.flush()
        assert sessions.find(unit, hers) is None

    @pytest.mark.parametrize(
        ("after", "stale"),
        [(sessions.SEEN_EVERY, False), (sessions.SEEN_EVERY + TICK, True), (timedelta(), False)],
    )
    def test_is_noted_again_after_ten_minutes(self, unit, bo, after, stale):
        found = sessions.find(unit, begun(unit, bo))
        with travel(NOW + after, tick=False):
            assert sessions.is_stale(found) is stale

    def test_is_noted_for_itself_only(self, unit, bo):
        one, other = begun(unit, bo), begun(unit, bo)
        with travel(NOW + timedelta(hours=1), tick=False):
            sessions.touch(unit, one)
        seen = dict(unit.execute(select(StaffSession.id, StaffSession.seen_at)).all())
        assert seen == {one: NOW + timedelta(hours=1), other: NOW}

    def test_begins_and_clears_away_only_what_has_ended(self, unit, ada, bo):
        ended, lasting = begun(unit, ada), begun(unit, ada)
        for each, age in ((ended, sessions.LASTS + TICK), (lasting, sessions.LASTS)):
            unit.get_one(StaffSession, each).begun_at = NOW - age
        unit.flush()
        newest = begun(unit, bo)
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
        assert not sessions.end(unit, his, ada.id)
        assert sessions.find(unit, his) is not None
        assert sessions.end(unit, his, bo.id)
        assert not sessions.end(unit, his, bo.id)
        assert sessions.find(unit, other) is not None

    def test_of_one_person_all_end_and_of_others_none(self, unit, ada, bo):
        hers, his = begun(unit, ada), [begun(unit, bo), begun(unit, bo)]
        epoch = bo.session_epoch
        sessions.end_all(unit, bo)
        assert bo.session_epoch == epoch + 1
        assert [sessions.find(unit, each) for each in his] == [None, None]
        assert set(unit.scalars(select(StaffSession.id))) == {hers}
        assert sessions.find(unit, hers) is not None

    def test_all_but_one_end_and_that_one_goes_on(self, unit, ada, bo):
        hers, kept, other = begun(unit, ada), begun(unit, bo), begun(unit, bo)
        sessions.end_all(unit, bo, but=kept)
        assert sessions.find(unit, kept) is not None
        assert sessions.find(unit, other) is None
        assert sessions.find(unit, hers) is not None
        # Somebody else's session is nobody's to keep.
        bo.session_epoch = ada.session_epoch + 5
        unit.flush()
        sessions.end_all(unit, bo, but=hers)
        assert count(unit, StaffSession, StaffSession.staff_id == bo.id) == 0
        assert sessions.find(unit, hers) is not None


class TestThrottle:
    """Each limit is counted by its own key: here, from the source, at the account."""

    def tries(self, unit, settings, tried, pairs) -> list[bool]:
        return [throttle.count(unit, settings, tried, who, source) for who, source in pairs]

    def test_limits_are_what_they_were_thought_to_be(self):
        assert {each.name: (each.here, each.from_source, each.at_account) for each in Tried} == {
            "PASSWORD": (5, 30, 100),
            "CODE": (5, 30, 10),
            "LETTER": (3, 10, 5),
        }
        assert timedelta(minutes=15) == throttle.WINDOW

    @pytest.mark.parametrize("tried", Tried)
    @pytest.mark.parametrize("key", ["here", "from_source", "at_account"])
    def test_so_many_may_be_made_and_not_one_more(self, unit, settings, tried, key):
        limit = getattr(tried, key)
        pairs = {
            "here": [("a@example.org", "192.0.2.1")] * (limit + 1),
            "from_source": [(f"{n}@example.org", "192.0.2.1") for n in range(limit + 1)],
            "at_account": [("a@example.org", f"192.0.2.{n}") for n in range(limit + 1)],
        }[key]
        assert self.tries(unit, settings, tried, pairs) == [True] * limit + [False]
        # Somebody else, somewhere else, may go on; and so may this person do other things.
        assert throttle.count(unit, settings, tried, "other@example.org", "198.51.100.1")
        for other in set(Tried) - {tried}:
            assert throttle.count(unit, settings, other, *pairs[0])

    def test_what_is_refused_is_not_counted(self, unit, settings):
        self.tries(unit, settings, Tried.LETTER, [("a", "x")] * 9)
        assert count(unit, LoginAttempt) == Tried.LETTER.here

    @pytest.mark.parametrize(
        ("after", "may"), [(throttle.WINDOW - TICK, False), (throttle.WINDOW, True)]
    )
    def test_an_attempt_counts_for_a_quarter_of_an_hour(self, unit, settings, after, may):
        self.tries(unit, settings, Tried.PASSWORD, [("a", "x")] * Tried.PASSWORD.here)
        with travel(NOW + after, tick=False):
            assert throttle.count(unit, settings, Tried.PASSWORD, "a", "x") is may

    def test_an_account_is_the_same_however_its_address_is_typed(self, unit, settings):
        typed = [
            "a@example.org",
            "A@Example.org",
            " a@example.org ",
            "A@EXAMPLE.ORG\t",
            "a@example.org",
        ]
        assert (
            self.tries(unit, settings, Tried.PASSWORD, [(who, "x") for who in typed]) == [True] * 5
        )
        assert not throttle.count(unit, settings, Tried.PASSWORD, "a@Example.org", "x")

    def test_a_success_forgets_only_what_was_tried_here_by_the_same_way(self, unit, settings):
        self.tries(unit, settings, Tried.PASSWORD, [("a", "x"), ("a", "x"), ("a", "y"), ("b", "x")])
        throttle.count(unit, settings, Tried.CODE, "a", "x")
        throttle.forget(unit, settings, Tried.PASSWORD, "A ", "x")
        assert count(unit, LoginAttempt) == 3

    def test_old_attempts_are_cleared_away_and_others_are_not(self, unit, settings):
        ages = [throttle.WINDOW + TICK, throttle.WINDOW, timedelta()]
        unit.add_all(LoginAttempt(email_hash=b"a", source_hash=b"b", at=NOW - age) for age in ages)
        unit.flush()
        throttle.count(unit, settings, Tried.PASSWORD, "a", "x")
        kept = set(unit.scalars(select(LoginAttempt.at)))
        assert kept == {NOW, NOW - throttle.WINDOW}
        assert count(unit, LoginAttempt) == 3

    def test_hashes_are_of_the_key(self, unit, settings):
        other = replace(settings, secret_key="another key, long enough to be taken as well")
        for each in (settings, other):
            throttle.count(unit, each, Tried.PASSWORD, "a", "a")
        rows = unit.execute(select(LoginAttempt.email_hash, LoginAttempt.source_hash)).all()
        assert len({hashed for row in rows for hashed in row}) == 4


class TestInvitation:
    def invite(self, unit, settings, ada, email="ny@example.org", **about):
        return invitations.invite(unit, settings, email=email, role=Role.READER, by=ada.id, **about)

    def token(self, settings, invitation) -> str:
        return account_links.token(settings.secret_key, LinkKind.INVITATION, invitation.nonce)

    @pytest.mark.parametrize(
        ("after", "opens"),
        [(timedelta(), True), (invitations.LASTS - TICK, True), (invitations.LASTS, False)],
    )
    def test_lasts_seven_days_to_the_instant(self, unit, settings, ada, after, opens):
        assert timedelta(days=7) == invitations.LASTS
        invitation = self.invite(unit, settings, ada)
        with travel(NOW + after, tick=False):
            assert (invitations.find(unit, self.token(settings, invitation)) is not None) is opens
            assert bool(invitations.open_ones(unit)) is opens
            assert invitations.withdraw(unit, invitation.id, by=ada.id) is opens

    def test_used_once_it_is_neither_open_nor_listed_nor_withdrawn(self, unit, settings, ada):
        invitation = self.invite(unit, settings, ada, name="Ny", language="en")
        token = self.token(settings, invitation)
        found = invitations.find(unit, token)
        staff = invitations.accept(
            unit, found, email="annan@example.org", password=PASSWORD, name="Ny Namn"
        )
        assert (staff.email, staff.role, staff.language) == ("ny@example.org", Role.READER, "en")
        assert invitation.used_at == NOW
        unit.flush()
        assert invitations.find(unit, token) is None
        assert invitations.open_ones(unit) == []
        assert not invitations.withdraw(unit, invitation.id, by=ada.id)
        assert audited(unit) == [
            ("staff.invited", ada.id, str(invitation.id)),
            ("staff.joined", staff.id, str(staff.id)),
        ]

    def test_a_newer_one_ends_the_older_to_that_address_only(self, unit, settings, ada):
        older = self.invite(unit, settings, ada)
        other = self.invite(unit, settings, ada, "annan@example.org")
        used = self.invite(unit, settings, ada, "gammal@example.org")
        used.used_at = NOW
        unit.flush()
        with travel(NOW + timedelta(days=1), tick=False):
            newer = self.invite(unit, settings, ada, " NY@example.org")
            self.invite(unit, settings, ada, "gammal@example.org")
            for each in (older, other, used):
                unit.refresh(each)
            assert older.expires_at == NOW + timedelta(days=1)
            assert other.expires_at == used.expires_at == NOW + invitations.LASTS
            assert invitations.find(unit, self.token(settings, older)) is None
            for each in (other, newer):
                assert invitations.find(unit, self.token(settings, each)) is not None

    def test_one_that_has_ended_keeps_its_end_when_a_newer_one_goes_out(self, unit, settings, ada):
        older = self.invite(unit, settings, ada)
        with travel(NOW + timedelta(days=8), tick=False):
            self.invite(unit, settings, ada)
            unit.refresh(older)
        assert older.expires_at == NOW + invitations.LASTS

    def test_open_ones_are_listed_newest_first_with_what_they_say(self, unit, settings, ada):
        first = self.invite(unit, settings, ada, name=" Ny  Person ")
        with travel(NOW + timedelta(minutes=1), tick=False):
            second = self.invite(unit, settings, ada, "annan@example.org")
            invitations.invite_first_admin(unit)  # there is one: nothing is made
            listed = invitations.open_ones(unit)
        assert [(each.id, each.name) for each in listed] == [
            (second.id, ""),
            (first.id, "Ny Person"),
        ]

    def test_is_withdrawn_alone_at_once_and_once_with_the_log(self, unit, settings, ada):
        invitation = self.invite(unit, settings, ada)
        other = self.invite(unit, settings, ada, "annan@example.org")
        assert invitations.withdraw(unit, invitation.id, by=ada.id)
        assert not invitations.withdraw(unit, invitation.id, by=ada.id)
        assert not invitations.withdraw(unit, new_id(), by=ada.id)
        unit.expire_all()
        assert invitations.find(unit, self.token(settings, invitation)) is None
        assert invitations.find(unit, self.token(settings, other)) is not None
        assert audited(unit)[-1] == ("staff.invitation_withdrawn", ada.id, str(invitation.id))
        assert len(audited(unit)) == 3

    @pytest.mark.parametrize("email", ["bo@example.org", "BO@EXAMPLE.ORG", " bo@example.org "])
    def test_to_somebody_with_an_account_is_refused_closed_or_open(
        self, unit, settings, ada, email
    ):
        bo = a_member_of_staff(unit, email="bo@example.org")
        for closed in (None, NOW):
            bo.disabled_at = closed
            unit.flush()
            with pytest.raises(AccountError):
                self.invite(unit, settings, ada, email)
        assert count(unit, Invitation) == count(unit, OutboxEvent) == 0

    def test_is_told_to_notify_by_its_id_only(self, unit, settings, ada):
        invitation = self.invite(unit, settings, ada)
        event = unit.scalars(select(OutboxEvent)).one()
        assert (event.kind, event.subject_id) == ("AccountLinkMade", invitation.id)
        assert "example.org" not in str(event.payload)

    def test_of_the_first_administrator_lasts_a_day_and_only_the_newest_opens(self, unit):
        first = invitations.invite_first_admin(unit)
        second = invitations.invite_first_admin(unit)
        assert invitations.find(unit, first) is None
        assert invitations.find(unit, second).role is Role.ADMIN
        assert timedelta(hours=24) == invitations.FIRST_LASTS
        for after, opens in (
            (invitations.FIRST_LASTS - TICK, True),
            (invitations.FIRST_LASTS, False),
        ):
            with travel(NOW + after, tick=False):
                assert (invitations.find(unit, second) is not None) is opens
        # Nobody sees it in the list: it was printed where the system was started.
        assert invitations.open_ones(unit) == []

    def test_of_the_first_administrator_ends_nobody_elses(self, unit, settings, ada):
        ada.disabled_at = NOW
        mailed = invitations.invite(
            unit, settings, email="ny@example.org", role=Role.ADMIN, by=ada.id
        )
        used = Invitation(sha256=b"u" * 32, role=Role.ADMIN, expires_at=NOW, used_at=NOW)
        lesser = Invitation(sha256=b"l" * 32, role=Role.READER, expires_at=NOW)
        waiting = Invitation(sha256=b"w" * 32, role=Role.ADMIN, expires_at=NOW)
        unit.add_all([used, lesser, waiting])
        unit.flush()
        assert invitations.invite_first_admin(unit) is not None
        left = set(unit.scalars(select(Invitation.sha256)))
        assert {mailed.sha256, used.sha256, lesser.sha256} <= left
        assert waiting.sha256 not in left

    @pytest.mark.parametrize(
        ("role", "closed", "made"),
        [
            (Role.ADMIN, None, False),
            (Role.ADMIN, NOW, True),
            (Role.MODERATOR, None, True),
            (Role.READER, None, True),
        ],
    )
    def test_there_is_a_first_one_only_while_no_account_administers(self, unit, role, closed, made):
        a_member_of_staff(unit, role, disabled_at=closed)
        assert (invitations.invite_first_admin(unit) is not None) is made


class TestForgottenPassword:
    @pytest.fixture
    def bo(self, unit, a_hash) -> Staff:
        return a_member_of_staff(unit, email="bo@example.org", password_hash=a_hash)

    def asked(self, unit, settings, email="bo@example.org") -> tuple[PasswordReset, str]:
        before = set(unit.scalars(select(PasswordReset.id)))
        resets.ask(unit, settings, email)
        (reset,) = unit.scalars(select(PasswordReset).where(PasswordReset.id.not_in(before)))
        return reset, account_links.token(settings.secret_key, LinkKind.RESET, reset.nonce)

    @pytest.mark.parametrize(
        ("after", "opens"),
        [(timedelta(), True), (resets.LASTS - TICK, True), (resets.LASTS, False)],
    )
    def test_link_lasts_an_hour_to_the_instant(self, unit, settings, bo, after, opens):
        assert timedelta(hours=1) == resets.LASTS
        reset, token = self.asked(unit, settings)
        with travel(NOW + after, tick=False):
            assert resets.find(unit, token) == ((reset, bo) if opens else None)

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
        assert (resets.find(unit, token) is not None) is is_theirs

    def test_link_opens_nothing_once_used_or_for_a_closed_account(self, unit, settings, bo):
        reset, token = self.asked(unit, settings)
        assert resets.find(unit, token) == (reset, bo)
        assert resets.find(unit, token[:-1]) is None
        bo.disabled_at = NOW
        unit.flush()
        assert resets.find(unit, token) is None
        bo.disabled_at, reset.used_at = None, NOW
        unit.flush()
        assert resets.find(unit, token) is None

    def test_using_one_uses_up_all_of_that_person_and_nobody_elses(
        self, unit, settings, bo, a_hash
    ):
        other = a_member_of_staff(unit, email="li@example.org", password_hash=a_hash)
        (first, _), (second, token) = (self.asked(unit, settings) for _ in range(2))
        hers, _ = self.asked(unit, settings, "li@example.org")
        his_session, her_session = begun(unit, bo), begun(unit, other)
        resets.use(unit, *resets.find(unit, token), "ett helt nytt lösenord")
        for each in (first, second, hers):
            unit.refresh(each)
        assert (first.used_at, second.used_at, hers.used_at) == (NOW, NOW, None)
        assert accounts.is_right(bo, "ett helt nytt lösenord")
        assert not accounts.is_right(bo, PASSWORD)
        assert sessions.find(unit, his_session) is None
        assert sessions.find(unit, her_session) is not None
        assert audited(unit) == [("staff.password_changed", bo.id, str(bo.id))]

    def test_a_password_that_cannot_be_used_uses_up_nothing(self, unit, settings, bo):
        reset, token = self.asked(unit, settings)
        with pytest.raises(AccountError):
            resets.use(unit, reset, bo, "för kort")
        assert resets.find(unit, token) is not None

    @pytest.mark.parametrize(
        ("ago", "owned", "stays"),
        [
            (timedelta(days=1), False, True),
            (timedelta(days=1) + TICK, False, False),
            (timedelta(days=30), True, True),
        ],
    )
    def test_rows_of_nobody_go_a_day_after_their_end(self, unit, settings, bo, ago, owned, stays):
        old = PasswordReset(
            staff_id=bo.id if owned else None,
            nonce=b"n" * 16,
            sha256=b"s" * 32,
            created_at=NOW - timedelta(days=40),
            expires_at=NOW - ago,
        )
        unit.add(old)
        unit.flush()
        self.asked(unit, settings)
        assert count(unit, PasswordReset, PasswordReset.id == old.id) == int(stays)


class TestRoles:
    def closed(self, unit, role=Role.ADMIN) -> Staff:
        return a_member_of_staff(unit, role, disabled_at=NOW)

    @pytest.mark.parametrize("act", ["disable", "moderator", "reader"])
    @pytest.mark.parametrize(
        ("others", "may"),
        [
            ([], False),
            ([(Role.ADMIN, NOW)], False),
            ([(Role.MODERATOR, None), (Role.READER, None)], False),
            ([(Role.ADMIN, None)], True),
        ],
    )
    def test_the_last_open_administrator_stays_one(self, unit, ada, act, others, may):
        for role, closed in others:
            a_member_of_staff(unit, role, disabled_at=closed)

        def leave() -> None:
            if act == "disable":
                roles.disable(unit, ada, by=None)
            else:
                roles.change_role(unit, ada, Role(act), by=None)

        if may:
            leave()
            assert ada.disabled_at == NOW or ada.role is Role(act)
            return
        with pytest.raises(LastAdministratorError):
            leave()
        assert (ada.role, ada.disabled_at) == (Role.ADMIN, None)
        assert audited(unit) == []

    def test_others_leave_whether_or_not_there_is_one_administrator(self, unit, ada, bo):
        roles.change_role(unit, bo, Role.READER, by=ada.id)
        roles.disable(unit, bo, by=ada.id)
        closed = self.closed(unit)
        roles.change_role(unit, closed, Role.READER, by=ada.id)
        roles.change_role(unit, ada, Role.ADMIN, by=ada.id)
        assert (bo.role, bo.disabled_at) == (Role.READER, NOW)
        assert closed.role is Role.READER

    def test_closing_ends_sessions_once_and_opening_opens_once(self, unit, ada, bo):
        his, hers, epoch = begun(unit, bo), begun(unit, ada), bo.session_epoch
        roles.disable(unit, bo, by=ada.id)
        with travel(NOW + timedelta(hours=1), tick=False):
            roles.disable(unit, bo, by=ada.id)
        assert (bo.disabled_at, bo.session_epoch) == (NOW, epoch + 1)
        roles.enable(unit, bo, by=ada.id)
        roles.enable(unit, bo, by=ada.id)
        assert bo.disabled_at is None
        assert sessions.find(unit, his) is None
        assert sessions.find(unit, hers) is not None
        assert audited(unit) == [
            ("staff.disabled", ada.id, str(bo.id)),
            ("staff.enabled", ada.id, str(bo.id)),
        ]

    def test_a_changed_role_is_in_the_log_with_both(self, unit, ada, bo):
        roles.change_role(unit, bo, Role.ADMIN, by=ada.id)
        unit.flush()
        entry = unit.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.staff_id) == ("staff.role_changed", ada.id)
        assert (entry.before, entry.after) == ({"role": "moderator"}, {"role": "admin"})
        roles.change_role(unit, bo, Role.ADMIN, by=ada.id)
        assert len(audited(unit)) == 1

    def test_everybody_is_listed_open_ones_first_by_name(self, unit):
        for name, email, closed in (
            ("Örjan", "a@example.org", None),
            ("bo", "c@example.org", None),
            ("Ada", "d@example.org", NOW),
            ("", "cilla@example.org", None),
            ("Bo", "b@example.org", None),
        ):
            a_member_of_staff(unit, name=name, email=email, disabled_at=closed)
        listed = [each.email[:3].rstrip("@") for each in roles.everybody(unit)]
        assert listed[-1] == "d@e"
        assert listed.index("b@e") < listed.index("c@e") < listed.index("cil")

    def test_a_person_is_told_of_as_they_are(self, unit, ada, bo, a_hash):
        told = roles.one(unit, bo.id)
        assert (told.has_password, told.in_directory, told.has_second_factor) == (False,) * 3
        assert told.seen_at is None
        bo.password_hash, bo.directory_issuer, bo.directory_subject = a_hash, "https://x", "1"
        unit.add(SecondFactor(staff_id=bo.id, secret=b"x"))
        unit.flush()
        # One that waits for its first code counts for nothing yet.
        told = roles.one(unit, bo.id)
        assert (told.has_password, told.in_directory, told.has_second_factor) == (True, True, False)
        unit.get_one(SecondFactor, bo.id).confirmed_at = NOW
        begun(unit, bo)
        newest = begun(unit, bo)
        with travel(NOW + timedelta(minutes=5), tick=False):
            sessions.touch(unit, newest)
        told = roles.one(unit, bo.id)
        assert told.has_second_factor
        assert told.seen_at == NOW + timedelta(minutes=5)
        assert not roles.one(unit, ada.id).has_second_factor
        assert roles.one(unit, new_id()) is None


STEP = timedelta(seconds=second_factor.STEP_S)


class TestSecondFactor:
    def secret(self, unit, settings, staff) -> str:
        second_factor.begin(unit, settings, staff)
        unit.expire_all()
        return second_factor.pending(unit, settings, staff)[0]

    def on(self, unit, settings, staff) -> tuple[str, list[str]]:
        """Turn one on with a code of the half minute before."""
        secret = self.secret(unit, settings, staff)
        codes = second_factor.confirm(unit, settings, staff, pyotp.TOTP(secret).at(NOW - STEP))
        assert codes is not None
        unit.flush()
        return secret, codes

    @pytest.mark.parametrize(
        ("off", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
    )
    def test_a_code_counts_half_a_minute_either_way(self, unit, settings, bo, off, good):
        secret, _ = self.on(unit, settings, bo)
        unit.get_one(SecondFactor, bo.id).last_step = 0
        code = pyotp.TOTP(secret).at(NOW + off * STEP)
        assert second_factor.check(unit, settings, bo.id, code) is good

    def test_a_code_uses_up_its_half_minute_and_all_before(self, unit, settings, bo):
        secret, _ = self.on(unit, settings, bo)
        totp = pyotp.TOTP(secret)
        # What turned it on is used up.
        assert not second_factor.check(unit, settings, bo.id, totp.at(NOW - STEP))
        assert second_factor.check(unit, settings, bo.id, totp.at(NOW + STEP))
        for steps in (-1, 0, 1):
            assert not second_factor.check(unit, settings, bo.id, totp.at(NOW + steps * STEP))
        with travel(NOW + STEP, tick=False):
            assert not second_factor.check(unit, settings, bo.id, totp.at(NOW + STEP))
            assert second_factor.check(unit, settings, bo.id, totp.at(NOW + 2 * STEP))

    @pytest.mark.parametrize("typed", ["{0} ", "{1} {2}", "\t{0}\n", "{1}\u00a0{2}"])
    def test_a_code_may_be_typed_with_spaces(self, unit, settings, bo, typed):
        secret, _ = self.on(unit, settings, bo)
        code = pyotp.TOTP(secret).now()
        assert second_factor.check(unit, settings, bo.id, typed.format(code, code[:3], code[3:]))

    @pytest.mark.parametrize("typed", ["", "{0}0", "0{0}", "{1}", "{1}-{2}", "{0};", "-{0}"])
    def test_what_is_not_six_digits_is_no_code(self, unit, settings, bo, typed):
        secret, _ = self.on(unit, settings, bo)
        code = pyotp.TOTP(secret).now()
        assert not second_factor.check(
            unit, settings, bo.id, typed.format(code, code[:3], code[3:])
        )

    def test_counts_only_when_its_first_code_was_right(self, unit, settings, bo):
        secret = self.secret(unit, settings, bo)
        assert not second_factor.state(unit, bo.id).is_on
        assert not second_factor.check(unit, settings, bo.id, pyotp.TOTP(secret).now())
        wrong = f"{(int(pyotp.TOTP(secret).now()) + 1) % 10**6:06}"
        assert second_factor.confirm(unit, settings, bo, wrong) is None
        assert audited(unit) == []
        codes = second_factor.confirm(unit, settings, bo, pyotp.TOTP(secret).now())
        assert len(set(codes)) == second_factor.RECOVERY_CODES == 10
        assert second_factor.state(unit, bo.id) == second_factor.State(True, 10)
        assert second_factor.pending(unit, settings, bo) is None
        assert audited(unit) == [("staff.second_factor_added", bo.id, str(bo.id))]

    def test_confirmed_it_stays_as_it_is_until_then_a_newer_secret_counts(self, unit, settings, bo):
        first = self.secret(unit, settings, bo)
        second = self.secret(unit, settings, bo)
        assert first != second
        assert second_factor.confirm(unit, settings, bo, pyotp.TOTP(first).now()) is None
        assert second_factor.confirm(unit, settings, bo, pyotp.TOTP(second).at(NOW - STEP))
        kept = unit.get_one(SecondFactor, bo.id).secret
        second_factor.begin(unit, settings, bo)
        unit.expire_all()
        assert unit.get_one(SecondFactor, bo.id).secret == kept
        # Nor can it be confirmed again for new recovery codes.
        assert second_factor.confirm(unit, settings, bo, pyotp.TOTP(second).now()) is None

    def test_recovery_codes_count_once_for_their_person_only(self, unit, settings, ada, bo):
        _, hers = self.on(unit, settings, ada)
        _, his = self.on(unit, settings, bo)
        assert not second_factor.check(unit, settings, bo.id, hers[0])
        assert second_factor.check(unit, settings, bo.id, his[0])
        assert not second_factor.check(unit, settings, bo.id, his[0])
        assert second_factor.state(unit, bo.id).codes_left == 9
        assert second_factor.state(unit, ada.id).codes_left == 10
        assert second_factor.check(unit, settings, ada.id, hers[0])
        used = select(RecoveryCode.used_at).where(RecoveryCode.used_at.is_not(None))
        assert unit.scalars(used).all() == [NOW, NOW]

    def test_recovery_codes_count_only_beside_a_confirmed_factor(self, unit, settings, bo):
        self.secret(unit, settings, bo)
        (code, *_) = second_factor.new_recovery_codes(unit, bo.id)
        assert not second_factor.check(unit, settings, bo.id, code)

    def test_new_recovery_codes_take_the_place_of_ones_own_old_ones(self, unit, settings, ada, bo):
        _, hers = self.on(unit, settings, ada)
        _, old = self.on(unit, settings, bo)
        new = second_factor.new_recovery_codes(unit, bo.id)
        assert not second_factor.check(unit, settings, bo.id, old[0])
        assert second_factor.check(unit, settings, bo.id, new[0])
        assert second_factor.check(unit, settings, ada.id, hers[0])

    @pytest.mark.parametrize("by_oneself", [True, False])
    def test_is_taken_away_from_one_person_with_sessions_and_codes(
        self, unit, settings, ada, bo, by_oneself
    ):
        self.on(unit, settings, ada)
        self.on(unit, settings, bo)
        his, hers = begun(unit, bo), begun(unit, ada)
        before = len(audited(unit))
        second_factor.remove(unit, bo, by=bo.id if by_oneself else ada.id)
        assert second_factor.state(unit, bo.id) == second_factor.State(False, 0)
        assert second_factor.state(unit, ada.id) == second_factor.State(True, 10)
        assert sessions.find(unit, his) is None
        assert sessions.find(unit, hers) is not None
        action = "staff.second_factor_removed" if by_oneself else "staff.second_factor_reset"
        assert audited(unit)[before:] == [(action, bo.id if by_oneself else ada.id, str(bo.id))]


class TestRequired:
    """A second factor that must be had ends the sessions that a password alone began."""

    @pytest.fixture
    def ada(self, unit, ada) -> Staff:
        unit.add(SecondFactor(staff_id=ada.id, secret=b"x", confirmed_at=NOW))
        unit.flush()
        return ada

    @pytest.mark.parametrize(
        ("wanted", "of"),
        [
            (None, set()),
            (Requires.NOBODY, set()),
            (Requires.ADMINS, {Role.ADMIN}),
            (Requires.ALL, set(Role)),
        ],
    )
    def test_of_these_roles(self, unit, ada, wanted, of):
        if wanted is not None:
            unit.add(SignInPolicy(second_factor=wanted, changed_by=ada.id))
            unit.flush()
        assert {role for role in Role if second_factor.is_required(unit, role)} == of

    @pytest.mark.parametrize("wanted", Requires)
    def test_by_somebody_who_has_one_confirmed_unless_it_is_given_up(self, unit, bo, wanted):
        unit.add(SecondFactor(staff_id=bo.id, secret=b"x"))
        unit.flush()
        if wanted is Requires.NOBODY:
            second_factor.require(unit, wanted, by=bo.id)
            return
        with pytest.raises(OwnFactorFirstError):
            second_factor.require(unit, wanted, by=bo.id)
        assert second_factor.policy(unit) is Requires.NOBODY
        unit.get_one(SecondFactor, bo.id).confirmed_at = NOW
        unit.flush()
        second_factor.require(unit, wanted, by=bo.id)
        assert second_factor.policy(unit) is wanted

    @pytest.mark.parametrize("wanted", Requires)
    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize("via", [sessions.PASSWORD, sessions.DIRECTORY])
    @pytest.mark.parametrize("factor", ["none", "waiting", "confirmed"])
    def test_whose_sessions_end(self, unit, ada, wanted, role, via, factor):
        person = a_member_of_staff(unit, role)
        if factor != "none":
            confirmed = NOW if factor == "confirmed" else None
            unit.add(SecondFactor(staff_id=person.id, secret=b"x", confirmed_at=confirmed))
        session_id = begun(unit, person, via=via)
        hers = begun(unit, ada)
        second_factor.require(unit, wanted, by=ada.id)
        asked = wanted is Requires.ALL or (wanted is Requires.ADMINS and role is Role.ADMIN)
        # What began in the city's directory goes on: it asks for what it wants.
        ends = asked and via == sessions.PASSWORD and factor != "confirmed"
        assert (sessions.find(unit, session_id) is None) is ends
        assert sessions.find(unit, hers) is not None

    @pytest.mark.parametrize("via", [sessions.PASSWORD, sessions.DIRECTORY])
    @pytest.mark.parametrize("wanted", Requires)
    def test_also_when_a_role_is_given_that_must_have_one(self, unit, ada, bo, via, wanted):
        unit.add(SignInPolicy(second_factor=wanted, changed_by=ada.id))
        other = a_member_of_staff(unit, Role.ADMIN)
        his, theirs = begun(unit, bo, via=via), begun(unit, other)
        roles.change_role(unit, bo, Role.ADMIN, by=ada.id)
        ends = wanted is not Requires.NOBODY and via == sessions.PASSWORD
        assert (sessions.find(unit, his) is None) is ends
        # Only whose role was changed is looked at.
        assert sessions.find(unit, theirs) is not None

    def test_is_one_row_that_says_who_changed_it_and_is_in_the_log(self, unit, ada):
        for wanted in (Requires.ADMINS, Requires.ALL, Requires.ALL):
            second_factor.require(unit, wanted, by=ada.id)
        row = unit.scalars(select(SignInPolicy)).one()
        unit.refresh(row)
        assert (row.second_factor, row.changed_by, row.changed_at) == (Requires.ALL, ada.id, NOW)
        unit.flush()
        entries = unit.execute(select(AuditEntry.before, AuditEntry.after).order_by(AuditEntry.id))
        assert [tuple(each) for each in entries] == [
            ({"required_of": "nobody"}, {"required_of": "admins"}),
            ({"required_of": "admins"}, {"required_of": "all"}),
        ]


class TestAccount:
    @pytest.mark.parametrize(
        ("length", "good"), [(11, False), (12, True), (200, True), (201, False), (0, False)]
    )
    def test_a_password_has_twelve_to_two_hundred_characters(self, length, good):
        if good:
            assert accounts.checked_password("x" * length) == "x" * length
            return
        with pytest.raises(AccountError) as caught:
            accounts.checked_password("x" * length)
        assert caught.value.field == "password"

    def test_a_name_is_one_line_of_at_most_eighty(self):
        assert accounts.checked_name(" Ada \n Ek ") == "Ada Ek"
        assert accounts.checked_name("x" * 81) == "x" * 80
        assert accounts.checked_name("x" * 80) == "x" * 80

    @pytest.mark.parametrize("email", ["bo@example.org", "BO@Example.Org", "  Bo@example.org\n"])
    def test_an_address_is_one_account_however_it_is_typed(self, unit, email):
        bo = accounts.add_staff(unit, "Bo@Example.org", Role.READER, None)
        assert bo.email == "bo@example.org"
        assert accounts.find(unit, email) is bo
        with pytest.raises(AccountError) as caught:
            accounts.add_staff(unit, email, Role.READER, PASSWORD)
        assert caught.value.field == "email"
        assert count(unit, Staff, Staff.id != bo.id) == 0

    @pytest.mark.parametrize(
        ("about", "given", "right"),
        [
            ({}, PASSWORD, True),
            ({}, PASSWORD[:-1], False),
            ({}, PASSWORD.upper(), False),
            ({"disabled_at": NOW}, PASSWORD, False),
            ({"password_hash": None}, PASSWORD, False),
            ({"password_hash": None}, "", False),
        ],
    )
    def test_a_password_opens_its_own_open_account(
        self, unit, settings, a_hash, about, given, right
    ):
        bo = a_member_of_staff(unit, email="bo@example.org", **{"password_hash": a_hash} | about)
        assert accounts.is_right(bo, given) is right
        found = accounts.sign_in(unit, settings, "Bo@example.org", given, "x")
        assert found is (bo if right else None)
        assert accounts.sign_in(unit, settings, "li@example.org", given, "x") is None
        assert not accounts.is_right(None, given)

    @pytest.mark.parametrize("right", [True, False])
    def test_only_success_forgets_the_failures(self, unit, settings, a_hash, right):
        a_member_of_staff(unit, email="bo@example.org", password_hash=a_hash)
        throttle.count(unit, settings, Tried.PASSWORD, "bo@example.org", "x")
        given = PASSWORD if right else "fel lösenord, länge nog"
        accounts.sign_in(unit, settings, "bo@example.org", given, "x")
        assert count(unit, LoginAttempt) == (0 if right else 1)


class TestDirectory:
    ISSUER = "https://id.example.se"

    @pytest.fixture
    def settings(self, module_settings) -> Settings:
        return replace(module_settings, oidc_issuer=self.ISSUER)

    def says(self, **about) -> Identity:
        given = {
            "issuer": self.ISSUER,
            "subject": "17",
            "email": "bo@example.org",
            "name": "Bo Alm",
            "role": None,
        }
        return Identity(**given | about)

    def refused(self, unit, settings, identity) -> str:
        with pytest.raises(RefusedError) as caught:
            directory.enter(unit, settings, identity)
        return caught.value.reason

    @pytest.fixture
    def bo(self, unit) -> Staff:
        return a_member_of_staff(unit, email="bo@example.org", name="")

    def test_links_an_account_by_its_address_and_names_the_nameless(self, unit, settings, bo):
        assert directory.enter(unit, settings, self.says()) is bo
        assert (bo.directory_issuer, bo.directory_subject) == (self.ISSUER, "17")
        assert bo.name == "Bo Alm"
        directory.enter(unit, settings, self.says(name="Någon Annan"))
        assert bo.name == "Bo Alm"

    def test_knows_a_linked_person_by_issuer_and_id_only(self, unit, settings, bo):
        directory.enter(unit, settings, self.says())
        other = a_member_of_staff(unit, email="li@example.org")
        assert directory.enter(unit, settings, self.says(email="li@example.org")) is bo
        assert directory.enter(unit, settings, self.says(email=None)) is bo
        # The same number at another directory is another person, and so is another number here.
        elsewhere = self.says(issuer="https://other.example.se", email="li@example.org")
        assert directory.enter(unit, settings, elsewhere) is other
        assert self.refused(unit, settings, self.says(subject="18")) == "somebody else"

    def test_without_an_address_to_be_believed_nobody_new_comes_in(self, unit, settings, bo):
        creating = replace(settings, oidc_create=True)
        assert self.refused(unit, creating, self.says(email=None)) == "no address"
        assert bo.directory_subject is None

    def test_who_has_no_account_gets_one_only_where_the_settings_say_so(self, unit, settings):
        assert self.refused(unit, settings, self.says()) == "unknown"
        assert count(unit, Staff) == 0
        made = directory.enter(unit, replace(settings, oidc_create=True), self.says())
        assert (made.role, made.password_hash, made.name) == (Role.READER, None, "Bo Alm")
        assert audited(unit) == [("staff.from_directory", None, str(made.id))]

    def test_a_closed_account_stays_closed(self, unit, settings, bo):
        bo.disabled_at = NOW
        unit.flush()
        assert self.refused(unit, settings, self.says()) == "closed"
        bo.disabled_at = None
        directory.enter(unit, settings, self.says())
        bo.disabled_at = NOW
        unit.flush()
        assert self.refused(unit, settings, self.says()) == "closed"

    @pytest.mark.parametrize("role", [None, *Role])
    @pytest.mark.parametrize("claim", ["", "roles"])
    def test_a_role_must_be_given_where_the_directory_gives_roles(
        self, unit, settings, bo, role, claim
    ):
        asked = replace(settings, oidc_role_claim=claim)
        if claim and role is None:
            assert self.refused(unit, asked, self.says(role=role)) == "no role"
            assert bo.directory_subject is None
            return
        directory.enter(unit, asked, self.says(role=role))
        assert bo.role is (role or Role.MODERATOR)
        changes = [each for each in audited(unit) if each[0] == "staff.role_changed"]
        assert len(changes) == int(role not in {None, Role.MODERATOR})

    @pytest.mark.parametrize(
        ("names", "role"),
        [
            (["chef"], Role.ADMIN),
            (["läsare", "chef", "handläggare"], Role.ADMIN),
            (["läsare", "handläggare"], Role.MODERATOR),
            ("handläggare", Role.MODERATOR),
            (["läsare"], Role.READER),
            (["Chef"], None),
            ([], None),
            (None, None),
            ({"chef": True}, None),
        ],
    )
    def test_the_highest_of_the_roles_counts(self, settings, names, role):
        asked = replace(
            settings,
            oidc_role_claim="a.b",
            oidc_roles={"admin": "chef", "moderator": "handläggare", "reader": "läsare"},
        )
        assert directory._role(asked, {"a": {"b": names}}) is role
        assert directory._role(asked, {"a.b": names}) is role
        assert directory._role(replace(asked, oidc_role_claim=""), {"a.b": names}) is None

    @pytest.mark.parametrize(
        ("verified", "trusted", "believed"),
        [
            (True, False, True),
            ("true", False, True),
            (False, False, False),
            ("false", False, False),
            (None, False, False),
            (1, False, True),
            (None, True, True),
            (False, True, True),
        ],
    )
    def test_an_address_is_believed_when_confirmed_or_where_all_are(
        self, settings, verified, trusted, believed
    ):
        asked = replace(settings, oidc_trust_email=trusted)
        claims = {"sub": 17, "email": "Bo@Example.org", "email_verified": verified, "name": None}
        found = directory._identity(asked, claims)
        assert found.email == ("bo@example.org" if believed else None)
        assert (found.subject, found.name, found.issuer) == ("17", "", self.ISSUER)
