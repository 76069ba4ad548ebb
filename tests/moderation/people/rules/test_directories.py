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
            "is_proven": True,
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

    def test_an_account_is_linked_by_an_address_that_is_proven_only(self, unit, settings, bo):
        creating = replace(settings, oidc_create=True, oidc_trust_email=True)
        assert self.refused(unit, creating, self.says(is_proven=False)) == "not linked"
        assert bo.directory_subject is None
        assert audited(unit) == []
        directory.enter_account(unit, settings, self.says())
        assert audited(unit) == [("staff.directory_linked", None, str(bo.id))]
        # From then on it is who they are, whatever is said of their address.
        for said in ({"is_proven": False}, {"email": "x@example.org"}, {"email": None}):
            assert directory.enter_account(unit, settings, self.says(**said)) is bo
        assert len(audited(unit)) == 1

    def test_its_owner_links_it_whatever_is_said_of_the_address(self, unit, settings, bo):
        mine = self.says(is_proven=False, email=None)
        directory.link_account(unit, bo, mine)
        assert audited(unit) == [("staff.directory_linked", bo.id, str(bo.id))]
        assert directory.enter_account(unit, settings, mine) is bo

    @pytest.mark.parametrize("whose", ["mine already", "somebody else's", "mine as another"])
    def test_nothing_is_linked_twice(self, unit, bo, whose):
        li = a_member_of_staff(unit, email="li@example.org")
        directory.link_account(unit, li if whose == "somebody else's" else bo, self.says())
        again = self.says(subject="18") if whose == "mine as another" else self.says()
        with pytest.raises(RefusedError, match="taken"):
            directory.link_account(unit, bo, again)
        assert bo.directory_subject == (None if whose == "somebody else's" else "17")

    def test_what_is_unlinked_opens_it_no_more(self, unit, settings, bo):
        ada = a_member_of_staff(unit, Role.ADMIN)
        mine = self.says(is_proven=False)
        assert directory.unlink_account(unit, bo, by=ada.id) is False
        directory.link_account(unit, bo, mine)
        assert directory.unlink_account(unit, bo, by=ada.id) is True
        assert (bo.directory_issuer, bo.directory_subject) == (None, None)
        assert audited(unit)[-1] == ("staff.directory_unlinked", ada.id, str(bo.id))
        assert self.refused(unit, settings, mine) == "not linked"

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
            ([{"chef": 1}, ["chef"], None, 1, "läsare"], Role.READER),
            ([["chef"]], None),
            (1, None),
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
            (["true"], False, False),
            ({"email": True}, False, False),
            ("True", False, False),
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
        # Proven is what the directory has seen; that all are believed proves none.
        assert found.is_proven is (verified in (True, "true"))

    @pytest.mark.parametrize(
        "said", [None, "", True, False, [], ["17"], {"id": 17}, 1.5, "x" * 256, "17\x00", "1\n7"]
    )
    def test_what_names_nobody_is_nobody(self, said):
        assert not directory._is_subject(said)

    @pytest.mark.parametrize("said", ["17", 17, "x" * 255, "a|b-åäö", "auth0|0 1"])
    def test_what_names_somebody_does(self, said):
        assert directory._is_subject(said)

    @pytest.mark.parametrize("claim", ["preferred_username", "upn", "mail"])
    @pytest.mark.parametrize("trusted", [False, True])
    def test_what_is_verified_is_the_claim_email_and_no_other(self, settings, claim, trusted):
        asked = replace(settings, oidc_trust_email=trusted, oidc_email_claim=claim)
        claims = {
            "sub": 17,
            claim: "ada@example.org",
            "email": "eva@example.org",
            "email_verified": True,
        }
        found = directory._identity(asked, claims)
        assert found.email == ("ada@example.org" if trusted else None)
        assert not found.is_proven
