"""Links that are keys, and what is sealed: each opens one thing, under one key."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session as SqlSession

from shared import i18n, ids, times
from shared.links import account_links, receipts, sealed, unsubscribe_links
from shared.models import LinkKind, ReceiptToken, UnsubscribeLink
from shared.models.enums import Precision
from tests.factories import a_member_of_staff, an_idea

KEY, OTHER = "a key for tests only, long enough", "another key for tests, long enough"
NONCE = b"n" * 16


class TestTokens:
    def test_a_token_is_made_again_from_its_nonce_and_key_and_from_nothing_else(self):
        made = {
            receipts.make_receipt_token(KEY, NONCE),
            receipts.make_receipt_token(OTHER, NONCE),
            receipts.make_receipt_token(KEY, b"m" * 16),
            *(account_links.make_account_token(KEY, kind, NONCE) for kind in LinkKind),
            *(account_links.make_account_token(OTHER, kind, NONCE) for kind in LinkKind),
            *(account_links.make_account_token(KEY, kind, b"m" * 16) for kind in LinkKind),
        }
        assert len(made) == 3 + 3 * len(LinkKind)
        assert all(len(each) == 43 for each in made)
        assert receipts.make_receipt_token(KEY, NONCE) in made

    def test_nonces_are_never_the_same(self):
        for new in (receipts.new_nonce, account_links.new_nonce):
            assert len({new() for _ in range(100)}) == 100
            assert len(new()) == 16

    def test_each_kind_of_link_leads_to_its_own_page(self):
        assert receipts.make_receipt_url("https://a.se", "t") == "https://a.se/receipts/t"
        assert {
            kind: account_links.make_account_url("https://a.se", kind, "t") for kind in LinkKind
        } == {
            LinkKind.INVITATION: "https://a.se/welcome/t",
            LinkKind.RESET: "https://a.se/reset/t",
            LinkKind.UNSUBSCRIBE: "https://a.se/unsubscribe/t",
        }
        assert (
            unsubscribe_links.make_unsubscribe_url("https://a.se", "t")
            == "https://a.se/unsubscribe/t"
        )

    def test_a_receipt_opens_its_own_idea_under_every_key_it_had(self, session: SqlSession):
        first, second = an_idea(session), an_idea(session)
        old = receipts.issue_receipt(session, KEY, first.id, first.receipt_nonce)
        new = receipts.issue_receipt(session, OTHER, first.id, first.receipt_nonce)
        other = receipts.issue_receipt(session, KEY, second.id, second.receipt_nonce)
        assert receipts.issue_receipt(session, KEY, first.id, first.receipt_nonce) == old
        assert [
            receipts.find_receipt(session, each) for each in (old, new, other, "", old[:-1])
        ] == [*(first.id, first.id, second.id, None, None)]
        assert session.scalar(select(func.count()).select_from(ReceiptToken)) == 3
        # The table alone opens nothing.
        stored = session.scalars(select(ReceiptToken.sha256)).all()
        assert all(old.encode() not in each for each in stored)

    def test_a_link_that_turns_digests_off_stays_good_and_is_made_once_for_each_key(
        self, session: SqlSession
    ):
        ada, bo = a_member_of_staff(session), a_member_of_staff(session)
        first = unsubscribe_links.issue_unsubscribe_token(session, KEY, ada.id)
        assert unsubscribe_links.issue_unsubscribe_token(session, KEY, ada.id) == first
        session.execute(text("UPDATE unsubscribe_links SET made_at = made_at - interval '1 day'"))
        second = unsubscribe_links.issue_unsubscribe_token(session, OTHER, ada.id)
        assert second != first
        assert unsubscribe_links.issue_unsubscribe_token(session, OTHER, ada.id) == second
        other = unsubscribe_links.issue_unsubscribe_token(session, OTHER, bo.id)
        found = [
            unsubscribe_links.find_unsubscriber(session, each)
            for each in (first, second, other, "x")
        ]
        assert found == [ada.id, ada.id, bo.id, None]
        assert session.scalar(select(func.count()).select_from(UnsubscribeLink)) == 3


class TestSealing:
    @given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
    def test_what_is_sealed_is_opened_by_its_key_purpose_and_owner_only(self, words):
        owner, other = ids.new_id(), ids.new_id()
        box = sealed.seal_text(KEY, b"a", owner, words)
        assert sealed.unseal_text(KEY, b"a", owner, box) == words
        assert sealed.unseal_text(OTHER, b"a", owner, box) is None
        assert sealed.unseal_text(KEY, b"b", owner, box) is None
        assert sealed.unseal_text(KEY, b"a", other, box) is None
        assert sealed.seal_text(KEY, b"a", owner, words) != box

    @given(st.integers(0, 35))
    def test_a_changed_bit_is_noticed(self, place):
        owner = ids.new_id()
        box = bytearray(sealed.seal_text(KEY, b"a", owner, "Hemligt!"))
        box[place] ^= 1
        assert sealed.unseal_text(KEY, b"a", owner, bytes(box)) is None


class TestIds:
    def test_ids_are_in_the_order_of_time(self):
        made = [ids.new_id() for _ in range(200)]
        assert made == sorted(made)
        assert len(set(made)) == 200
        assert {each.version for each in made} == {7}

    def test_the_least_id_of_a_moment_parts_what_was_before_from_what_came_after(self):
        before = ids.new_id()
        made_at = datetime.fromtimestamp((before.int >> 80) / 1000, UTC)
        assert ids.least_id_at(made_at) < before
        assert ids.least_id_at(made_at + timedelta(milliseconds=1)) > before

    def test_a_number_has_the_year_of_the_city(self, session: SqlSession):
        new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
        city = ZoneInfo("Europe/Stockholm")
        first = ids.next_number(session, new_year, city)
        second = ids.next_number(session, new_year - timedelta(hours=1), city)
        assert (first[:7], second[:7]) == ("R-2027-", "R-2026-")
        assert int(second[7:]) == int(first[7:]) + 1
        assert len(first) == 13


class TestTimes:
    CITY = ZoneInfo("Europe/Stockholm")
    LATE = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("language", "precision", "said"),
        [
            ("sv", Precision.INSTANT, "1 juli 2026 00:30"),
            ("sv", Precision.DAY, "1 juli 2026"),
            ("en", Precision.INSTANT, "1 July 2026 00:30"),
        ],
    )
    def test_people_read_the_city_s_clock(self, language, precision, said):
        with i18n.speak_language(language):
            assert times.write_moment(self.LATE, precision, self.CITY) == said

    def test_machines_read_it_too_and_no_hour_that_nobody_knows(self):
        assert times.write_machine_moment(self.LATE, Precision.INSTANT, self.CITY) == (
            "2026-07-01T00:30:00+02:00"
        )
        assert times.write_machine_moment(self.LATE, Precision.DAY, self.CITY) == "2026-07-01"


class TestLanguages:
    @pytest.mark.parametrize(
        ("code", "spoken"), [("sv", "sv"), ("en", "en"), ("fi", "sv"), ("", "sv")]
    )
    def test_an_unknown_language_is_swedish_and_the_one_before_comes_back(self, code, spoken):
        with i18n.speak_language("en"):
            with i18n.speak_language(code):
                assert i18n.get_language() == spoken
            assert i18n.get_language() == "en"
            i18n.set_language(code)
            assert i18n.get_language() == spoken
        assert i18n.get_language() == "sv"

    @pytest.mark.parametrize(
        ("language", "one", "two"),
        [("sv", "Listan har 1 rad.", "Listan har 2 rader."), ("en", None, None)],
    )
    def test_numbers_have_their_form(self, language, one, two):
        with i18n.speak_language(language):
            said = [
                i18n.ngettext("Listan har %(n)s rad.", "Listan har %(n)s rader.", n) for n in (1, 2)
            ]
        assert said[0] != said[1]
        assert all("%(" not in each for each in said)
        if one:
            assert said == [one, two]

    def test_a_text_without_values_may_hold_percent_signs(self):
        assert i18n.gettext("100 %") == "100 %"
        assert i18n.gettext("%(n)s %%", n=7) == "7 %"
