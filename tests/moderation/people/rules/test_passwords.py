"""Which passwords are too easy to guess, and what the person who chose one is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.moderation.people import accounts, passwords
from services.moderation.people.accounts import AccountError
from shared import i18n
from shared.models import Role
from tests.factories import a_member_of_staff
from tests.moderation.people.rules.given import PASSWORD

ANNA = ("anna.andersson@helsingborg.se", "Anna Andersson")
WHY = {
    "own": "Det bygger på din adress eller ditt namn.",
    "common": "Det liknar ett av de vanligaste lösenorden.",
    "word": "Det bygger på ett vanligt ord eller namn.",
    "repeat": "Det upprepar sig.",
    "order": "Det följer en ordning, som 1234 eller abcd.",
    "keys": "Det följer tangenterna på ett tangentbord.",
    "date": "Det bygger på ett årtal eller ett datum.",
}


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("123456789012", "common"),
        ("password1234", "common"),
        ("P4ssw0rd!P4ss", "common"),
        ("qwertyuiopåä", "common"),
        ("aaaaaaaaaaaa", "repeat"),
        ("hejhejhejhejhej", "repeat"),
        ("ärtärtärtärt", "repeat"),
        ("abcdefghijklmn", "order"),
        ("zxcvbhgfdertyu", "keys"),
        ("2026-11-30-2027", "date"),
        ("lösenord1234", "word"),
        ("Sommaren2026!", "word"),
        ("välkommen2026", "word"),
        ("Söndagmåndag", "word"),
        ("Stockholm2026", "word"),
        ("Margareta1961", "word"),
        ("Rådslag2026!!", "word"),
        ("anna.andersson@helsingborg.se", "own"),
        ("Anna.Andersson@Helsingborg.SE!", "own"),
        ("andersson.anna", "own"),
        ("AnnaAndersson1", "own"),
        ("anna.andersson.1980", "own"),
        ("annahelsingborg1", "own"),
        ("helsingborg-anna-2026", "own"),
        ("anna i 123456", "own"),
    ],
)
def test_what_is_guessed_early_is_refused_and_says_why(password, why):
    said = passwords.find_weakness(password, ANNA)
    assert said == (
        f"Lösenordet är för lätt att gissa. {WHY[why]} Skriv hellre fyra ord som inte hör ihop."
    )


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "ett helt annat lösenord",
        "korrekt häst batteri klammer",
        "en cykel under blå himmel",
        "x7Kq9vLm2pRt",
        "anna äter gröna moln i regn",
        "anna i q7x9z2w",
        "漢字かな交じり文を書く人々",
        "🦊🐻🐼🐨🐯🦁🐮🐷🐸🐵🐔🐧",
    ],
)
def test_what_nobody_guesses_is_taken(password):
    assert passwords.find_weakness(password, ANNA) == ""


def test_what_is_anothers_own_is_a_word_like_others():
    assert passwords.find_weakness("kerstin.wikholmsdotter", ANNA) == ""
    assert passwords.find_weakness("kerstin.wikholmsdotter", ["kerstin.wikholmsdotter@a.se"]) != ""


@pytest.mark.parametrize("about", [(), ("", ""), ("a@b.se", "Bo")])
def test_what_is_known_of_nobody_refuses_nothing(about):
    assert passwords.find_weakness(PASSWORD, about) == ""


@given(
    st.text(min_size=1, max_size=200)
    | st.text(alphabet="4@8({[<369&1!|0$5+7%2aq", min_size=1, max_size=200),
    st.lists(st.text(max_size=30), max_size=3),
)
def test_anything_is_judged_and_nothing_typed_is_in_what_is_said(password, about):
    said = passwords.find_weakness(password, about)
    assert said in {
        "",
        *(
            f"Lösenordet är för lätt att gissa. {why} Skriv hellre fyra ord som inte hör ihop."
            for why in [*WHY.values(), "Det är för kort."]
        ),
    }


def test_it_helps_in_english_too():
    with i18n.speak_language("en"):
        said = passwords.find_weakness("123456789012", ())
    assert said.startswith("The password is too easy to guess.")


class TestAtAnAccount:
    def test_an_account_is_not_made_with_a_weak_one(self, unit):
        with pytest.raises(AccountError) as refused:
            accounts.add_staff(unit, "anna.lind@example.org", Role.READER, "anna.lind@example")
        assert refused.value.field == "password"
        assert WHY["own"] in refused.value.sentence

    @pytest.mark.parametrize(
        "password", ["Kerstin-kerstin", "kerstin.wikholm@example.org", "Wikholm-Kerstin1"]
    )
    def test_none_is_set_that_is_made_of_the_address_or_the_name(self, unit, password):
        kerstin = a_member_of_staff(
            unit, email="kerstin.wikholm@example.org", name="Kerstin Wikholm", password_hash="x"
        )
        with pytest.raises(AccountError):
            accounts.set_password(kerstin, password)
        assert kerstin.password_hash == "x"

    def test_one_that_was_chosen_before_still_opens_it(self, unit, settings):
        weak = accounts._hasher.hash("123456789012")
        bo = a_member_of_staff(unit, email="bo@example.org", password_hash=weak)
        assert accounts.sign_in(unit, settings, bo.email, "123456789012", "x") is bo

    def test_it_is_judged_as_it_is_kept(self, unit):
        # Wide letters are the same password as plain ones.
        with pytest.raises(AccountError):
            accounts.set_password(a_member_of_staff(unit), "１２３４５６７８９０１２")
