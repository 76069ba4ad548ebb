"""Which codes count and how often, and who must have a second factor."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import roles, second_factor, sessions
from services.moderation.people.second_factor import OwnFactorFirstError
from shared.models import (
    AuditEntry,
    RecoveryCode,
    Requires,
    Role,
    SecondFactor,
    SignInPolicy,
    Staff,
)
from tests.factories import a_member_of_staff
from tests.moderation.people.rules.given import NOW, audited, begun

STEP = timedelta(seconds=second_factor.STEP_S)


class TestSecondFactor:
    def secret(self, unit, settings, staff) -> str:
        second_factor.begin_second_factor(unit, settings, staff)
        unit.expire_all()
        return second_factor.read_pending_secret(unit, settings, staff)[0]

    def on(self, unit, settings, staff) -> tuple[str, list[str]]:
        """Turn one on with a code of the half minute before."""
        secret = self.secret(unit, settings, staff)
        codes = second_factor.confirm_second_factor(
            unit, settings, staff, pyotp.TOTP(secret).at(NOW - STEP)
        )
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
        assert second_factor.check_code(unit, settings, bo.id, code) is good

    def test_a_code_uses_up_its_half_minute_and_all_before(self, unit, settings, bo):
        secret, _ = self.on(unit, settings, bo)
        totp = pyotp.TOTP(secret)
        # What turned it on is used up.
        assert not second_factor.check_code(unit, settings, bo.id, totp.at(NOW - STEP))
        assert second_factor.check_code(unit, settings, bo.id, totp.at(NOW + STEP))
        for steps in (-1, 0, 1):
            assert not second_factor.check_code(unit, settings, bo.id, totp.at(NOW + steps * STEP))
        with travel(NOW + STEP, tick=False):
            assert not second_factor.check_code(unit, settings, bo.id, totp.at(NOW + STEP))
            assert second_factor.check_code(unit, settings, bo.id, totp.at(NOW + 2 * STEP))

    @pytest.mark.parametrize("typed", ["{0} ", "{1} {2}", "\t{0}\n", "{1}\u00a0{2}"])
    def test_a_code_may_be_typed_with_spaces(self, unit, settings, bo, typed):
        secret, _ = self.on(unit, settings, bo)
        code = pyotp.TOTP(secret).now()
        assert second_factor.check_code(
            unit, settings, bo.id, typed.format(code, code[:3], code[3:])
        )

    @pytest.mark.parametrize("typed", ["", "{0}0", "0{0}", "{1}", "{1}-{2}", "{0};", "-{0}"])
    def test_what_is_not_six_digits_is_no_code(self, unit, settings, bo, typed):
        secret, _ = self.on(unit, settings, bo)
        code = pyotp.TOTP(secret).now()
        assert not second_factor.check_code(
            unit, settings, bo.id, typed.format(code, code[:3], code[3:])
        )

    def test_counts_only_when_its_first_code_was_right(self, unit, settings, bo):
        secret = self.secret(unit, settings, bo)
        assert not second_factor.read_state(unit, bo.id).is_on
        assert not second_factor.check_code(unit, settings, bo.id, pyotp.TOTP(secret).now())
        wrong = f"{(int(pyotp.TOTP(secret).now()) + 1) % 10**6:06}"
        assert second_factor.confirm_second_factor(unit, settings, bo, wrong) is None
        assert audited(unit) == []
        codes = second_factor.confirm_second_factor(unit, settings, bo, pyotp.TOTP(secret).now())
        assert len(set(codes)) == second_factor.RECOVERY_CODES == 10
        assert second_factor.read_state(unit, bo.id) == second_factor.State(
            is_on=True, codes_left=10, has_app=True
        )
        assert second_factor.read_pending_secret(unit, settings, bo) is None
        assert audited(unit) == [("staff.second_factor_added", bo.id, str(bo.id))]

    def test_confirmed_it_stays_as_it_is_until_then_a_newer_secret_counts(self, unit, settings, bo):
        first = self.secret(unit, settings, bo)
        second = self.secret(unit, settings, bo)
        assert first != second
        assert (
            second_factor.confirm_second_factor(unit, settings, bo, pyotp.TOTP(first).now()) is None
        )
        assert second_factor.confirm_second_factor(
            unit, settings, bo, pyotp.TOTP(second).at(NOW - STEP)
        )
        kept = unit.get_one(SecondFactor, bo.id).secret
        second_factor.begin_second_factor(unit, settings, bo)
        unit.expire_all()
        assert unit.get_one(SecondFactor, bo.id).secret == kept
        # Nor can it be confirmed again for new recovery codes.
        assert (
            second_factor.confirm_second_factor(unit, settings, bo, pyotp.TOTP(second).now())
            is None
        )

    def test_recovery_codes_count_once_for_their_person_only(self, unit, settings, ada, bo):
        _, hers = self.on(unit, settings, ada)
        _, his = self.on(unit, settings, bo)
        assert not second_factor.check_code(unit, settings, bo.id, hers[0])
        assert second_factor.check_code(unit, settings, bo.id, his[0])
        assert not second_factor.check_code(unit, settings, bo.id, his[0])
        assert second_factor.read_state(unit, bo.id).codes_left == 9
        assert second_factor.read_state(unit, ada.id).codes_left == 10
        assert second_factor.check_code(unit, settings, ada.id, hers[0])
        used = select(RecoveryCode.used_at).where(RecoveryCode.used_at.is_not(None))
        assert unit.scalars(used).all() == [NOW, NOW]

    def test_recovery_codes_count_only_beside_a_confirmed_factor(self, unit, settings, bo):
        self.secret(unit, settings, bo)
        (code, *_) = second_factor.new_recovery_codes(unit, bo.id)
        assert not second_factor.check_code(unit, settings, bo.id, code)

    def test_new_recovery_codes_take_the_place_of_ones_own_old_ones(self, unit, settings, ada, bo):
        _, hers = self.on(unit, settings, ada)
        _, old = self.on(unit, settings, bo)
        new = second_factor.new_recovery_codes(unit, bo.id)
        assert not second_factor.check_code(unit, settings, bo.id, old[0])
        assert second_factor.check_code(unit, settings, bo.id, new[0])
        assert second_factor.check_code(unit, settings, ada.id, hers[0])

    @pytest.mark.parametrize("by_oneself", [True, False])
    def test_is_taken_away_from_one_person_with_sessions_and_codes(
        self, unit, settings, ada, bo, by_oneself
    ):
        self.on(unit, settings, ada)
        self.on(unit, settings, bo)
        his, hers = begun(unit, bo), begun(unit, ada)
        before = len(audited(unit))
        second_factor.remove_second_factor(unit, bo, by=bo.id if by_oneself else ada.id)
        assert second_factor.read_state(unit, bo.id) == second_factor.State(False, 0)
        assert second_factor.read_state(unit, ada.id) == second_factor.State(
            is_on=True, codes_left=10, has_app=True
        )
        assert sessions.find_session(unit, his) is None
        assert sessions.find_session(unit, hers) is not None
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
            second_factor.require_second_factor(unit, wanted, by=bo.id)
            return
        with pytest.raises(OwnFactorFirstError):
            second_factor.require_second_factor(unit, wanted, by=bo.id)
        assert second_factor.read_policy(unit) is Requires.NOBODY
        unit.get_one(SecondFactor, bo.id).confirmed_at = NOW
        unit.flush()
        second_factor.require_second_factor(unit, wanted, by=bo.id)
        assert second_factor.read_policy(unit) is wanted

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
        second_factor.require_second_factor(unit, wanted, by=ada.id)
        asked = wanted is Requires.ALL or (wanted is Requires.ADMINS and role is Role.ADMIN)
        # What began in the city's directory goes on: it asks for what it wants.
        ends = asked and via == sessions.PASSWORD and factor != "confirmed"
        assert (sessions.find_session(unit, session_id) is None) is ends
        assert sessions.find_session(unit, hers) is not None

    @pytest.mark.parametrize("via", [sessions.PASSWORD, sessions.DIRECTORY])
    @pytest.mark.parametrize("wanted", Requires)
    def test_also_when_a_role_is_given_that_must_have_one(self, unit, ada, bo, via, wanted):
        unit.add(SignInPolicy(second_factor=wanted, changed_by=ada.id))
        other = a_member_of_staff(unit, Role.ADMIN)
        his, theirs = begun(unit, bo, via=via), begun(unit, other)
        roles.change_role(unit, bo, Role.ADMIN, by=ada.id)
        ends = wanted is not Requires.NOBODY and via == sessions.PASSWORD
        assert (sessions.find_session(unit, his) is None) is ends
        # Only whose role was changed is looked at.
        assert sessions.find_session(unit, theirs) is not None

    def test_is_one_row_that_says_who_changed_it_and_is_in_the_log(self, unit, ada):
        for wanted in (Requires.ADMINS, Requires.ALL, Requires.ALL):
            second_factor.require_second_factor(unit, wanted, by=ada.id)
        row = unit.scalars(select(SignInPolicy)).one()
        unit.refresh(row)
        assert (row.second_factor, row.changed_by, row.changed_at) == (Requires.ALL, ada.id, NOW)
        unit.flush()
        entries = unit.execute(select(AuditEntry.before, AuditEntry.after).order_by(AuditEntry.id))
        assert [tuple(each) for each in entries] == [
            ({"required_of": "nobody"}, {"required_of": "admins"}),
            ({"required_of": "admins"}, {"required_of": "all"}),
        ]
