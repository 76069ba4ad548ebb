"""The rule of Skatteverket over every date, held against a second writing of it."""

from datetime import date

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import personal_data
from services.moderation.checks.personal.personnummer import (
    find_personnummer,
    is_number,
    may_be_phone,
)


def check_digit(nine):
    """ISO/IEC 7812-1, written by hand."""
    total = 0
    for place, sign in enumerate(nine):
        doubled = int(sign) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def numbered(year, month, day, serial="238"):
    """Return the parts of a number with the right check digit."""
    serial += check_digit(f"{year}{month}{day}{serial.replace('T', '1')}")
    return year, month, day, serial


def exists(year, month, day):
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("year", [1896, 1900, 1999, 2000, 2023, 2024])
def test_every_month_and_day_of_a_year(year):
    """A date that is, or one with 60 added to its day, whatever day somebody said."""
    wrong = []
    for month in range(20):
        for day in range(100):
            century, parts = (
                str(year)[:2],
                numbered(str(year)[2:], f"{month:02}", f"{day:02}"),
            )
            coordination = 60 <= day <= 91 and month <= 12
            right = coordination or exists(year, month, day)
            if is_number(century, *parts) != right:
                wrong.append((year, month, day))
    assert wrong == []


def test_without_a_century_any_of_three_will_do():
    """29 February 1900 was none, 2000 was: two digits do not tell which."""
    leap = numbered("00", "02", "29")
    assert is_number("", *leap)
    assert is_number("20", *leap)
    assert not is_number("19", *leap)
    assert not is_number("18", *leap)
    assert is_number("18", *numbered("96", "02", "29"))
    assert not is_number("", *numbered("99", "02", "29"))


def test_only_one_check_digit_is_right():
    year, month, day, serial = numbered("81", "12", "18", "987")
    assert serial == "9876"
    right = [last for last in "0123456789" if is_number("19", year, month, day, "987" + last)]
    assert right == ["6"]


def test_no_serial_is_nothing():
    for serial in ("000", "001", "100", "999"):
        assert is_number("19", *numbered("81", "12", "18", serial)) is (serial != "000")


@pytest.mark.parametrize("letter", "TRSUWXJKLMNtrsuwxjklmn")
def test_an_interim_number_has_a_letter_for_one(letter):
    serial = letter + numbered("81", "12", "18", "122")[-1][1:]
    assert is_number("19", "81", "12", "18", serial)
    assert find_personnummer(f"811218-{serial}") == ((0, 11),)


@pytest.mark.parametrize("letter", "ABCDEFGHIOPQVYZÅabc")
def test_no_other_letter_is_of_an_interim_number(letter):
    assert find_personnummer(f"811218-{letter}{numbered('81', '12', '18', '122')[-1][1:]}") == ()


def test_numbers_of_books_and_films_are_nobody():
    """PTS keeps 070-174 06 05 to 99 free; with a century it is no phone."""
    for tens in range(50, 80):
        parts = numbered("07", "01", "74", f"0{tens}")
        free = 701740605 <= int("".join(parts)) <= 701740699
        assert is_number("", *parts) is not free
        assert is_number("20", *parts)
        assert find_personnummer("".join(parts)) == (() if free else ((0, 10),))


@pytest.mark.parametrize("century", ["18", "19", "20", "１９", "１８"])
def test_three_centuries_belong_to_numbers(century):
    number = century + "".join(numbered("96", "02", "28"))
    assert find_personnummer(f"x {number}") == ((2, 14),)


@pytest.mark.parametrize("century", ["17", "21", "16", "29", "30"])
def test_no_other_century_belongs_to_a_number(century):
    number = century + "".join(numbered("96", "02", "28"))
    assert (0, len(number)) not in find_personnummer(number)


def test_eleven_digits_are_none():
    assert find_personnummer("1811218-9876") == ()
    assert find_personnummer("811218-98765") == ()
    assert find_personnummer("x811218-9876x") == ((1, 12),)


UNSEEN = ("", "\u00ad", "\u200b", "\u200d", "\u200f", "\u2060", "\ufeff", "\u200b\u200b")
BLANKS = ("", " ", "\t", "\u00a0", "\u2009", "\u202f", "\u3000", "  ")
DASHES = ("-", "\u2010", "\u2013", "\u2014", "\u2015", "\u2043", "\u2212", "\ufe63", "\uff0d")


def test_what_stands_between_date_and_serial():
    signs = [*UNSEEN, *BLANKS, *DASHES, "+", "＋", ".", "/", "_", ":", "+-", "--"]
    signs += [f"{left}{dash}{right}" for left in BLANKS for right in BLANKS for dash in ("-", "+")]
    signs += [f"\u200b\u200b{dash}\u200b\u200b" for dash in DASHES]
    missed = [
        sign for sign in signs if find_personnummer(f"811218{sign}9876") != ((0, 10 + len(sign)),)
    ]
    assert missed == []
    apart = [
        "   ",
        "   - ",
        " -   ",
        "\u200b" * 5,
        "---",
        "x",
        " x ",
        ",",
        ";",
        "\n",
        " \n",
        "=",
        "*",
    ]
    assert [sign for sign in apart if find_personnummer(f"811218{sign}9876")] == []


def test_what_stands_between_the_parts_of_the_date():
    gaps = ["", " ", "-", ".", "/", "_", "–", "\u200b", "\u200b-\u200b"]
    numbers = [f"81{gap}12{gap}18-9876" for gap in gaps]
    numbers += [f"1981{gap}12{gap}18-9876" for gap in gaps]
    assert [each for each in numbers if find_personnummer(each) != ((0, len(each)),)] == []
    # Two sorts of sign are a table; a comma or two blanks are no number's.
    mixed = [
        "81.12 18-9876",
        "81 12.18-9876",
        "81-12.18-9876",
        "1981 12-18-9876",
        "81  12  18 9876",
    ]
    assert [each for each in mixed if find_personnummer(each)] == []


@pytest.mark.parametrize(
    "apart",
    [" ", "  ", ".", ",", ":", "/", "_", "+", *DASHES, " - ", " + ", " _ ", " . ", " \u2212 "],
)
def test_in_pieces_it_must_stand_alone(apart):
    assert find_personnummer(f"5{apart}81 12 18 98 76") == ()
    assert find_personnummer(f"81 12 18 98 76{apart}5") == ()
    assert find_personnummer(f"5{apart}x 81 12 18 98 76")
    assert find_personnummer(f"81 12 18 98 76 x{apart}5")


def test_in_one_piece_it_may_have_numbers_beside_it():
    assert find_personnummer("5 811218-9876 5") == ((2, 13),)
    assert find_personnummer("5 8112189876 5") == ((2, 12),)
    assert find_personnummer("5 198112189876") == ((2, 14),)


@pytest.mark.parametrize("gap", [" ", "  ", ".", "+", "_", *DASHES, " - ", " _ ", "\u00a0"])
def test_digit_by_digit(gap):
    for number in ("8112189876", "198112189876"):
        spaced = gap.join(number)
        assert find_personnummer(f"nr {spaced}!") == ((3, 3 + len(spaced)),)
    assert (
        find_personnummer(gap.join("81121898765"))
        == find_personnummer(gap.join("18112189876"))
        == ()
    )
    assert find_personnummer(gap.join("811218987")) == ()


def test_a_date_to_a_year_is_a_time():
    """The digits are a valid number each; a blank on either side of the dash makes a time of it."""
    year, month, day, serial = numbered("01", "12", "18", "200")
    assert find_personnummer(f"20{year}-{month}-{day} – {serial}") == ()
    assert find_personnummer(f"20{year}-{month}-{day} - {serial}") == ()
    assert find_personnummer(f"20{year}-{month}-{day}-{serial}") != ()
    year, month, day, serial = numbered("01", "12", "18", "210")
    assert find_personnummer(f"20{year}-{month}-{day} – {serial}") != ()


MOBILE = "0701019804"


@pytest.mark.parametrize(
    ("before", "may_be"),
    [
        ("", True),
        ("ring ", True),
        ("pnr ", False),
        ("Personnummer: ", False),
        ("samordningsnummer ", False),
        ("född ", False),
        ("fött ", False),
        ("ID ", False),
        ("mitt id-nummer är ", False),
        ("en person ringde\n", True),  # another line
        (f"pnr {'x' * 18} ", False),
        (f"pnr {'x' * 19} ", True),  # too far away
        (f"person{'x' * 12} ", False),
        (f"person{'x' * 13} ", True),
        ("impnr ", True),
    ],
)
def test_a_mobile_number_may_be_a_person_unless_it_is_said(before, may_be):
    text = f"{before}{MOBILE}"
    span = (len(before), len(text))
    assert find_personnummer(text) == (span,)
    assert may_be_phone(text, span) is may_be
    severities = [f.severity for f in personal_data.run(Subject(text)) if f.code == "personnummer"]
    assert severities == [Severity.MEDIUM if may_be else Severity.HIGH]


def test_only_numbers_on_070_in_one_piece_may_be_phones():
    assert not may_be_phone("070101-9804", (0, 11))
    assert not may_be_phone("0721019802", (0, 10))
    assert not may_be_phone("20070101-9804", (0, 13))


@pytest.mark.parametrize(
    ("text", "severity", "score"),
    [
        ("811218-9876", Severity.HIGH, 0.99),
        (MOBILE, Severity.MEDIUM, 0.5),
        (f"{MOBILE} och 811218-9876", Severity.HIGH, 0.99),  # one of them is no phone
    ],
)
def test_how_sure_it_is(text, severity, score):
    [finding] = [f for f in personal_data.run(Subject(text)) if f.code is Code.PERSONNUMMER]
    assert (finding.severity, finding.score) == (severity, score)
