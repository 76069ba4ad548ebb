"""Who may be invited, until when a link is good, and that it is good once."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from time_machine import travel

from services.moderation.people import invitations
from services.moderation.people.accounts import AccountError
from shared.ids import new_id
from shared.links import account_links
from shared.models import Invitation, LinkKind, OutboxEvent, Role
from tests.factories import a_member_of_staff, count
from tests.moderation.people.rules.given import NOW, PASSWORD, TICK, audited


class TestInvitation:
    def invite(self, unit, settings, ada, email="ny@example.org", **about):
        return invitations.invite_person(
            unit, settings, email=email, role=Role.READER, by=ada.id, **about
        )

    def token(self, settings, invitation) -> str:
        return account_links.make_account_token(
            settings.secret_key, LinkKind.INVITATION, invitation.nonce
        )

    @pytest.mark.parametrize(
        ("after", "opens"),
        [(timedelta(), True), (invitations.LASTS - TICK, True), (invitations.LASTS, False)],
    )
    def test_lasts_seven_days_to_the_instant(self, unit, settings, ada, after, opens):
        assert timedelta(days=7) == invitations.LASTS
        invitation = self.invite(unit, settings, ada)
        with travel(NOW + after, tick=False):
            assert (
                invitations.find_invitation(unit, self.token(settings, invitation)) is not None
            ) is opens
            assert bool(invitations.open_ones(unit)) is opens
            assert invitations.withdraw_invitation(unit, invitation.id, by=ada.id) is opens

    def test_used_once_it_is_neither_open_nor_listed_nor_withdrawn(self, unit, settings, ada):
        invitation = self.invite(unit, settings, ada, name="Ny", language="en")
        token = self.token(settings, invitation)
        found = invitations.find_invitation(unit, token)
        staff = invitations.accept_invitation(
            unit, found, email="annan@example.org", password=PASSWORD, name="Ny Namn"
        )
        assert (staff.email, staff.role, staff.language) == ("ny@example.org", Role.READER, "en")
        assert invitation.used_at == NOW
        unit.flush()
        assert invitations.find_invitation(unit, token) is None
        assert invitations.open_ones(unit) == []
        assert not invitations.withdraw_invitation(unit, invitation.id, by=ada.id)
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
            assert invitations.find_invitation(unit, self.token(settings, older)) is None
            for each in (other, newer):
                assert invitations.find_invitation(unit, self.token(settings, each)) is not None

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
        assert invitations.withdraw_invitation(unit, invitation.id, by=ada.id)
        assert not invitations.withdraw_invitation(unit, invitation.id, by=ada.id)
        assert not invitations.withdraw_invitation(unit, new_id(), by=ada.id)
        unit.expire_all()
        assert invitations.find_invitation(unit, self.token(settings, invitation)) is None
        assert invitations.find_invitation(unit, self.token(settings, other)) is not None
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
        assert invitations.find_invitation(unit, first) is None
        assert invitations.find_invitation(unit, second).role is Role.ADMIN
        assert timedelta(hours=24) == invitations.FIRST_LASTS
        for after, opens in (
            (invitations.FIRST_LASTS - TICK, True),
            (invitations.FIRST_LASTS, False),
        ):
            with travel(NOW + after, tick=False):
                assert (invitations.find_invitation(unit, second) is not None) is opens
        # Nobody sees it in the list: it was printed where the system was started.
        assert invitations.open_ones(unit) == []

    def test_of_the_first_administrator_ends_nobody_elses(self, unit, settings, ada):
        ada.disabled_at = NOW
        mailed = invitations.invite_person(
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
