"""Who may get another role, or be closed out, and that an administrator stays."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import roles, sessions
from services.moderation.people.roles import LastAdministratorError
from shared.ids import new_id
from shared.models import AuditEntry, Role, SecondFactor, Staff
from tests.factories import a_member_of_staff
from tests.moderation.people.rules.given import NOW, audited, begun


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
                roles.disable_account(unit, ada, by=None)
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
        roles.disable_account(unit, bo, by=ada.id)
        closed = self.closed(unit)
        roles.change_role(unit, closed, Role.READER, by=ada.id)
        roles.change_role(unit, ada, Role.ADMIN, by=ada.id)
        assert (bo.role, bo.disabled_at) == (Role.READER, NOW)
        assert closed.role is Role.READER

    def test_closing_ends_sessions_once_and_opening_opens_once(self, unit, ada, bo):
        his, hers, epoch = begun(unit, bo), begun(unit, ada), bo.session_epoch
        roles.disable_account(unit, bo, by=ada.id)
        with travel(NOW + timedelta(hours=1), tick=False):
            roles.disable_account(unit, bo, by=ada.id)
        assert (bo.disabled_at, bo.session_epoch) == (NOW, epoch + 1)
        roles.enable_account(unit, bo, by=ada.id)
        roles.enable_account(unit, bo, by=ada.id)
        assert bo.disabled_at is None
        assert sessions.find_session(unit, his) is None
        assert sessions.find_session(unit, hers) is not None
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
        listed = [each.email[:3].rstrip("@") for each in roles.list_accounts(unit)]
        assert listed[-1] == "d@e"
        assert listed.index("b@e") < listed.index("c@e") < listed.index("cil")

    def test_a_person_is_told_of_as_they_are(self, unit, ada, bo, a_hash):
        told = roles.find_person(unit, bo.id)
        assert (told.has_password, told.in_directory, told.has_second_factor) == (False,) * 3
        assert told.seen_at is None
        bo.password_hash, bo.directory_issuer, bo.directory_subject = a_hash, "https://x", "1"
        unit.add(SecondFactor(staff_id=bo.id, secret=b"x"))
        unit.flush()
        # One that waits for its first code counts for nothing yet.
        told = roles.find_person(unit, bo.id)
        assert (told.has_password, told.in_directory, told.has_second_factor) == (True, True, False)
        unit.get_one(SecondFactor, bo.id).confirmed_at = NOW
        begun(unit, bo)
        newest = begun(unit, bo)
        with travel(NOW + timedelta(minutes=5), tick=False):
            sessions.touch_session(unit, newest)
        told = roles.find_person(unit, bo.id)
        assert told.has_second_factor
        assert told.seen_at == NOW + timedelta(minutes=5)
        assert not roles.find_person(unit, ada.id).has_second_factor
        assert roles.find_person(unit, new_id()) is None
