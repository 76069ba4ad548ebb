"""Whom the directory lets in, and as whom."""

from dataclasses import replace

import pytest

from services.moderation.people import directory
from services.moderation.people.directory import Identity, RefusedError
from shared.config import Settings
from shared.models import Role, Staff
from tests.factories import a_member_of_staff, count
from tests.moderation.people.rules.given import NOW, audited


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
            directory.enter_account(unit, settings, identity)
        return caught.value.reason

    @pytest.fixture
    def bo(self, unit) -> Staff:
        return a_member_of_staff(unit, email="bo@example.org", name="")

    def test_links_an_account_by_its_address_and_names_the_nameless(self, unit, settings, bo):
        assert directory.enter_account(unit, settings, self.says()) is bo
        assert (bo.directory_issuer, bo.directory_subject) == (self.ISSUER, "17")
        assert bo.name == "Bo Alm"
        directory.enter_account(unit, settings, self.says(name="Någon Annan"))
        assert bo.name == "Bo Alm"

    def test_knows_a_linked_person_by_issuer_and_id_only(self, unit, settings, bo):
        directory.enter_account(unit, settings, self.says())
        other = a_member_of_staff(unit, email="li@example.org")
        assert directory.enter_account(unit, settings, self.says(email="li@example.org")) is bo
        assert directory.enter_account(unit, settings, self.says(email=None)) is bo
        # The same number at another directory is another person, and so is another number here.
        elsewhere = self.says(issuer="https://other.example.se", email="li@example.org")
        assert directory.enter_account(unit, settings, elsewhere) is other
        assert self.refused(unit, settings, self.says(subject="18")) == "somebody else"

    def test_without_an_address_to_be_believed_nobody_new_comes_in(self, unit, settings, bo):
        creating = replace(settings, oidc_create=True)
        assert self.refused(unit, creating, self.says(email=None)) == "no address"
        assert bo.directory_subject is None

    def test_who_has_no_account_gets_one_only_where_the_settings_say_so(self, unit, settings):
        assert self.refused(unit, settings, self.says()) == "unknown"
        assert count(unit, Staff) == 0
        made = directory.enter_account(unit, replace(settings, oidc_create=True), self.says())
        assert (made.role, made.password_hash, made.name) == (Role.READER, None, "Bo Alm")
        assert audited(unit) == [("staff.from_directory", None, str(made.id))]

    def test_a_closed_account_stays_closed(self, unit, settings, bo):
        bo.disabled_at = NOW
        unit.flush()
        assert self.refused(unit, settings, self.says()) == "closed"
        bo.disabled_at = None
        directory.enter_account(unit, settings, self.says())
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
        directory.enter_account(unit, asked, self.says(role=role))
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
