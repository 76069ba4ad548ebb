"""What an account is made of, and who gets in with a password."""

import pytest

from services.moderation.people import accounts, throttle
from services.moderation.people.accounts import AccountError
from services.moderation.people.throttle import Tried
from shared.models import LoginAttempt, Role, Staff
from tests.factories import a_member_of_staff, count
from tests.moderation.people.rules.given import NOW, PASSWORD


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
        with pytest.raises(accounts.AccountError) as refused:
            accounts.checked_name("x" * 81)
        assert refused.value.field == "name"
        assert accounts.checked_name("x" * 80) == "x" * 80

    @pytest.mark.parametrize("email", ["bo@example.org", "BO@Example.Org", "  Bo@example.org\n"])
    def test_an_address_is_one_account_however_it_is_typed(self, unit, email):
        bo = accounts.add_staff(unit, "Bo@Example.org", Role.READER, None)
        assert bo.email == "bo@example.org"
        assert accounts.find_account(unit, email) is bo
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
        throttle.count_attempt(unit, settings, Tried.PASSWORD, "bo@example.org", "x")
        given = PASSWORD if right else "fel lösenord, länge nog"
        accounts.sign_in(unit, settings, "bo@example.org", given, "x")
        assert count(unit, LoginAttempt) == (0 if right else 1)
