"""The same datum in other places, and what a mask leaves."""

import pytest

from services.moderation.decisions import same_datum
from services.moderation.desk.decisions import mask_left


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        ("Elsa Berg", "Elsa Berg och elsa bergs mamma.", ["Elsa Berg", "elsa", "bergs"]),
        (
            "Elsa",
            "Elsas, Elsa:s, Elsa's, ELSA och Elsan.",
            ["Elsas", "Elsa:s", "Elsa's", "ELSA", "Elsan"],
        ),
        ("Lars", "Lars cykel. Lar oss! Lars.", ["Lars", "Lar", "Lars"]),
        # No part of another word, and no word that everybody shares.
        ("Elsa", "Jelsa, Elsasson, elsan", []),
        ("Jag är Moa", "Jag är Moa. Jag vill.", ["Jag är Moa"]),
        ("Ann", "Annan plats, annan tid", []),
        ("0701740605", "070-174 06 05, +46 70 174 06 05, 0701740606", None),
        ("811218-9876", "19811218-9876 och 8112189876 och 811218-9877", None),
        ("ada@x.se", "Ada@X.se. och ada@y.se", ["Ada@X.se"]),
        (
            "ABC 123",
            "Bilen ABC 123, abc123 och abc-123, men inte abc 1234 eller ABC 124.",
            [
                "ABC 123",
                "abc123",
                "abc-123",
            ],
        ),
        (
            "Storgatan 12",
            "Storgatan 12, storgatan12 och Storgatan 1.",
            [
                "Storgatan 12",
                "storgatan12",
                "Storgatan",
            ],
        ),
        ("@moa_l", "@moa_l eller moa_l, inte moa_lund", ["@moa_l", "moa_l"]),
        ("5B", "5B och 5 B", ["5B"]),
        ("", "Elsa", []),
        ("9 år", "Jag är 9 år, inte 19 år.", ["9 år"]),
    ],
)
def test_stands_in(words, text, found):
    got = [text[start:end] for start, end in same_datum.find_places(text, words)]
    if found is None:
        # Two ways of writing one number, and not the one that is another.
        assert (len(got), text.endswith(got[-1])) == (2, False)
    else:
        assert got == found


@pytest.mark.parametrize(
    ("author", "words", "is_same"),
    [
        ("elsa b", "Elsas", True),
        ("Elsa Berg", "Elsa Berg, 9 år", True),
        ("Karin Berg", "Elsa", False),
        ("Jag", "Jag", False),
        ("", "Elsa", False),
    ],
)
def test_is_the_name_beside_the_text(author, words, is_same):
    assert same_datum.is_same_person(author, words) is is_same


class TestWhatAMaskLeaves:
    TEXT = "Elsa Lind heter jag och är 9 år. Elsas skola är bra."

    def test_is_the_same_name_elsewhere_and_beside_the_text(self, session):
        said = mask_left.what_tells(session, self.TEXT, "Elsa", [(0, 9), (26, 31)])
        assert "”Elsa Lind” står kvar på 1 ställe till." in said
        assert "Namnet ”Elsa” visas som skribent." in said

    def test_is_what_the_checks_still_see(self, session):
        said = mask_left.what_tells(session, "Ring Anna Svensson, 0701740605.", "", [(20, 30)])
        assert len(said) == 1
        assert "Anna Svensson" in said[0]

    def test_is_nothing_when_all_of_it_is_masked(self, session):
        places = [(0, 9), (27, 31), (33, 38)]
        assert mask_left.what_tells(session, self.TEXT, "", places) == []
