"""Accounts, cards and plates, and which number is which when several kinds have its shape."""

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import bank_numbers, personal_data, plates


def findings(text, code):
    return [found for found in personal_data.run(Subject(text)) if found.code is code]


def marked(text, code):
    return [text[start:end] for found in findings(text, code) for start, end in found.spans]


# Numbers of the card schemes' own test pages and of ISO 13616's registry; nobody's.
@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("kort 4111 1111 1111 1111.", "card", "4111 1111 1111 1111"),
        ("4111-1111-1111-1111", "card", "4111-1111-1111-1111"),
        ("5555555555554444", "card", "5555555555554444"),
        ("12 4111 1111 1111 1111 05/27", "card", "4111 1111 1111 1111"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
        ("amex 3782 822463 10005", "card", "3782 822463 10005"),
        ("😀4012888888881881😀", "card", "4012888888881881"),
        ("IBAN SE45 5000 0000 0583 9825 7466 tack", "iban", "SE45 5000 0000 0583 9825 7466"),
        ("SE4550000000058398257466", "iban", "SE4550000000058398257466"),
        ("DE89370400440532013000", "iban", "DE89370400440532013000"),
        ("GB82 WEST 1234 5698 7654 32", "iban", "GB82 WEST 1234 5698 7654 32"),
        ("no93 8601 1117 947", "iban", "no93 8601 1117 947"),
        ("bankgiro 5050-1055", "giro", "5050-1055"),
        ("BG: 991-2346", "giro", "991-2346"),
        ("plusgiro 90 20 33-1", "giro", "90 20 33-1"),
        ("Swish 123 456 78 90", "giro", "123 456 78 90"),
        ("konto 8327-9 123 456 789-0", "bank", "8327-9 123 456 789-0"),
        ("Mitt kontonummer är 5439 10 123 45", "bank", "5439 10 123 45"),
        ("clearingnr 6000, konto 123 456 789", "bank", "6000, konto 123 456 789"),
        ("Swedbank 8105-9,123 456 789-1", "bank", "8105-9,123 456 789-1"),
    ],
)
def test_an_account(text, kind, words):
    [found] = findings(text, Code.ACCOUNT)
    assert found.params == {"kind": kind}
    assert [text[start:end] for start, end in found.spans] == [words]
    assert found.severity is (Severity.MEDIUM if kind == "giro" else Severity.HIGH)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # the check digit
        "9999 9999 9999 9995",  # no such issuer
        "0000 0000 0000 0000",
        "SE46 5000 0000 0583 9825 7466",
        "konto 3440 under 2019",
        "kostade 1 200 000 000 kr på konto 3440",
        "SEB 1 200 000 000 kr i vinst",
        "Nordea 2017-01-01 10 personer",
        "bg 2010-2015 var svart",
        "5050-1055",  # no word says what it is
        "8327-9 123 456 789-0",
        "ISBN 978-91-0-012345-6",
        "EAN 7310865004703",
    ],
)
def test_no_account(text):
    assert findings(text, Code.ACCOUNT) == []


def test_a_number_is_one_thing():
    """An account that is a personnummer is told as the worse; an account is no phone."""
    text = "sätt in på konto 3300-8112189876, inte 8105-9,070 174 06 05"
    assert marked(text, Code.PERSONNUMMER) == ["8112189876"]
    assert marked("IBAN SE45 5000 0000 0583 9825 7466", Code.PHONE) == []
    assert marked("kort 4111 1111 1111 1111", Code.PERSONNUMMER) == []
    assert marked("swisha 070-174 06 05", Code.PHONE) == ["070-174 06 05"]
    assert marked("swisha 070-174 06 05", Code.ACCOUNT) == []


def test_kinds_are_told_apart():
    text = "bg 991-2346 eller kort 4111 1111 1111 1111"
    kinds = {found.params["kind"] for found in findings(text, Code.ACCOUNT)}
    assert kinds == {"giro", "card"}


@pytest.mark.parametrize("length", [13, 14, 15, 16, 17, 18, 19])
def test_a_card_needs_issuer_length_and_check_digit(length):
    """Of all numbers with one beginning exactly one in ten has the right last digit."""
    body = "4" + "0" * (length - 3) + "7"
    right = [last for last in "0123456789" if bank_numbers.is_card(body + last)]
    assert len(right) == (1 if length in {13, 16, 19} else 0)


@pytest.mark.parametrize(
    ("text", "words", "severity"),
    [
        ("bilen ABC 123 står där", "ABC 123", Severity.MEDIUM),
        ("reg.nr ABC12D", "ABC12D", Severity.MEDIUM),
        ("regnr abc 123", "abc 123", Severity.MEDIUM),
        ("Han som kör MLB 84K", "MLB 84K", Severity.MEDIUM),
        ("ABC123 är felparkerad", "ABC123", Severity.MEDIUM),
        ("parkerad: DEF-456", "DEF-456", Severity.MEDIUM),
        ("the plate is JKL 123", "JKL 123", Severity.MEDIUM),
        ("jag såg GHJ45P igen", "GHJ45P", Severity.LOW),
        ("e\u0301😀 reg ABC 12A", "ABC 12A", Severity.MEDIUM),
    ],
)
def test_a_plate(text, words, severity):
    [found] = findings(text, Code.PLATE)
    assert [text[start:end] for start, end in found.spans] == [words]
    assert found.severity is severity


@pytest.mark.parametrize(
    "text",
    [
        "SPF 100 och EPA 500",
        "bilar ska köra max 100",
        "en bil till max 110 km/h",
        "busslinje 218 och tåg 101",
        "ISO 140",
        "SUV 200 bilar",
        "ABC 123",  # nothing says that it is one
        "bilen ABI 123",  # I is not used
        "bilen ABQ 123",
        "bilen ABC 12O",
        "bilen ABC 1234",
        "bilen XABC 123",
        "MAX100",
    ],
)
def test_no_plate(text):
    assert plates.find_plates(text) == ()
