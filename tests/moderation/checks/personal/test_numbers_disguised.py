"""Numbers of people in other clothes: brackets, letters for digits, other digits, two lines."""

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import personal_data, personnummer

CHECK = personal_data.CHECK


def found(text):
    return {
        finding.code: [text[start:end] for start, end in finding.spans]
        for finding in CHECK.run(Subject(text))
    }


@pytest.mark.parametrize(
    "number",
    [
        "(811218) 9876",
        "(811218)-9876",
        "(811218)9876",
        "811218 (9876)",
        "811218-(9876)",
        "(19811218) (9876)",
        "(811218)\n9876",
        "8112\u00ad18-98\u200b76",
        "811218-\n9876",
        "8112 18\n-9876",
        "٨١١٢١٨-٩٨٧٦",
        "۸۱۱۲۱۸-۹۸۷۶",
        "①⑨⑧①①②①⑧-⑨⑧⑦⑥",
        "8II2I8-9876",
        "8ll2l8-9876",
        "8I12l8-9876",
        "1981I218-9876",
    ],
)
def test_a_personnummer(number):
    for text in (f"Jag är {number}.", number, f"nr {number}, tack"):
        assert found(text) == {Code.PERSONNUMMER: [number]}


@pytest.mark.parametrize("number", ["9O0512-1236", "900512-I236", "9oo512-1236"])
def test_letters_that_are_read_as_digits(number):
    """Only where the digits that they stand for make a number with its check digit."""
    digits = number.lower().replace("o", "0").replace("i", "1")
    right = personnummer.find_personnummer(digits) != ()
    assert (Code.PERSONNUMMER in found(f"pnr {number} ")) is right


def test_o_stands_for_nought():
    zeros = "000101-T220".replace("T", "1")
    assert personnummer.find_personnummer(zeros) == ((0, 11),)
    assert found("pnr OOo101-1220") == {Code.PERSONNUMMER: ["OOo101-1220"]}
    assert found("Ring O7O-174 O6 O5!") == {Code.PHONE: ["O7O-174 O6 O5"]}
    assert found("Ring 07O-I74 06\n05!") == {Code.PHONE: ["07O-I74 06\n05"]}


@pytest.mark.parametrize(
    "text",
    [
        "Till NO93 8601 1117 947 tack",  # the letters of a country
        "IE29 AIBK 9311 5212 3456 78",
        "LI21 0881 0000 2324 013A A",
    ],
)
def test_letters_beside_letters_are_no_digits(text):
    assert list(found(text)) == [Code.ACCOUNT]


@pytest.mark.parametrize(
    "number", ["640823-T233", "19640823-T233", "640823+K001", "640823–x999", "000229-N123"]
)
def test_a_date_and_a_letter_are_enough_of_a_lent_number(number):
    """Whoever lends it out counts its last digit in another way, or not at all."""
    text = f"Patienten {number} väntar"
    assert found(text) == {Code.PERSONNUMMER: [number]}
    [finding] = CHECK.run(Subject(text))
    assert finding.severity is Severity.HIGH


@pytest.mark.parametrize(
    "text",
    [
        "641323-T233",  # no such month
        "640832-T233",
        "20230229-T233",
        "640823 T233",  # no sign: two words
        "640823T233",
        "640823-E233",  # no letter of an interim number
        "640823-TT33",
        "640823-T23",
        "640823-T2333",
        "1640823-T233",
        "64-08-23-T233",  # a date of three parts and a code
        "811218) 9876",
        "811218 (9876",
        "811218-9877",
        "(811218) 9877",
    ],
)
def test_what_only_looks_like_one(text):
    assert Code.PERSONNUMMER not in found(f"Se {text}!")


@pytest.mark.parametrize(
    "text",
    [
        "Linje 10l går kl 12 och 5l mjölk kostar 10 kr",
        "Iris I 4B och OL 2026, SO i 7:an",
        "10O000 steg, 5O bänkar",
        "Hus O 12 och I 14",
    ],
)
def test_letters_beside_digits_are_usual(text):
    assert found(text) == {}
