"""E-mail, phone and personnummer, with exactly the words they mark."""

import json

import pytest

from services.moderation.checks import CHECKS, Check, Code, Subject, run_all
from services.moderation.checks.personal import personnummer


def marked(text, code):
    return [
        text[start:end]
        for finding in run_all(Subject(text)).findings
        if finding.code == code
        for start, end in finding.spans
    ]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("Mejla anna.berg+x@example.co.uk.", ["anna.berg+x@example.co.uk"]),
        ("(åsa@räksmörgås.se)", ["åsa@räksmörgås.se"]),
        ("mailto:a@b.se", ["a@b.se"]),
        ("anna (at) example.se", ["anna (at) example.se"]),
        ("anna[snabel-a]example.se", ["anna[snabel-a]example.se"]),
        ("😀a@b.se😀", ["a@b.se"]),
        ("anna snabel-a example punkt se", ["anna snabel-a example punkt se"]),
        ("anna at gmail dot com", ["anna at gmail dot com"]),
        ("anna(at)example(dot)se", ["anna(at)example(dot)se"]),
        ("anna＠example.se", ["anna＠example.se"]),
        ("anna @ gmail.com", ["anna @ gmail.com"]),
        ("log in at example.com", []),
        ("vi ses @ stadshuset.Sen går vi", []),
        ("följ @helsingborg på nätet", []),  # a handle
        ("3 st @ 50 kr", []),
        ("a@b", []),
    ],
)
def test_email(text, addresses):
    assert marked(text, Code.EMAIL) == addresses


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Ring 070-174 06 05!", ["070-174 06 05"]),
        ("Ring 0701740605.", ["0701740605"]),
        ("+46 70 174 06 05", ["+46 70 174 06 05"]),
        ("0046701740605", ["0046701740605"]),
        ("042-10 50 00", ["042-10 50 00"]),
        ("(042) 10 50 00", ["(042) 10 50 00"]),
        ("växeln 042/105000", ["042/105000"]),
        ("+45 33 12 34 56", ["+45 33 12 34 56"]),  # Denmark
        ("😀070-1740605😀", ["070-1740605"]),
        ("+1 (415) 555-2671", ["+1 (415) 555-2671"]),
        ("+46 (0)70-174 06 05", ["+46 (0)70-174 06 05"]),
        ("070.174.06.05", ["070.174.06.05"]),
        ("0 7 0 1 7 4 0 6 0 5", ["0 7 0 1 7 4 0 6 0 5"]),
        ("070\u200b-174\u200b06 05", ["070\u200b-174\u200b06 05"]),
        ("０７０－１７４０６０５", ["０７０－１７４０６０５"]),
        ("Tlf. 22 33 44 55", ["22 33 44 55"]),  # Norway
        ("Call 212-555-0187", ["212-555-0187"]),
        ("22 33 44 55", []),  # nothing says that it is one
        ("öppet 08.00-16.00 och 0.12345678", []),
        ("Ring 112, 1177 eller 116 000", []),
        ("Dnr KS 2019/00432-12", []),
        ("57.7089, 11.9746", []),
        ("Dnr. 567-1433", []),
        ("20180225 och 2013-2014", []),  # dates
        ("1 500 000 kr", []),  # a sum
        ("811218-9876", []),  # a personnummer
        ("5:e och 6/12 2021 kl 10.30", []),
    ],
)
def test_phone(text, numbers):
    assert marked(text, Code.PHONE) == numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Jag är 811218-9876.", ["811218-9876"]),
        ("19811218-9876", ["19811218-9876"]),
        ("8112189876", ["8112189876"]),
        ("811218+9876", ["811218+9876"]),
        ("811218 9876", ["811218 9876"]),
        ("811218 – 9876", ["811218 – 9876"]),
        ("１９８１１２１８９８７６", ["１９８１１２１８９８７６"]),
        ("kl 10 30 811218-9876", ["811218-9876"]),
        ("81 12 18 98 76\n81 12 18 98 76", ["81 12 18 98 76", "81 12 18 98 76"]),
        ("nr 3. 81 12 18 98 76, 5 barn", ["81 12 18 98 76"]),
        ("12 345 811218 9876 11", ["811218 9876"]),
        ("811218_9876", ["811218_9876"]),
        ("811218:9876", ["811218:9876"]),
        ("811218\u200b9876", ["811218\u200b9876"]),
        ("811218\u00a0-\u00a09876", ["811218\u00a0-\u00a09876"]),
        ("1981 1218 9876", ["1981 1218 9876"]),
        ("pnr8112189876", ["8112189876"]),
        ("1981-12-18-9876", ["1981-12-18-9876"]),
        ("81 12 18 98 76", ["81 12 18 98 76"]),
        ("8 1 1 2 1 8 9 8 7 6", ["8 1 1 2 1 8 9 8 7 6"]),
        ("８１１２１８-９８７６", ["８１１２１８-９８７６"]),  # full width
        ("730288-9931", ["730288-9931"]),  # a coordination number
        ("000101-T220", ["000101-T220"]),  # an interim number
        ("811218-9877", []),  # wrong check digit
        ("811318-9872", []),  # no such month
        ("990229-0006", []),  # no such day
        ("1811218-98765", []),  # part of something longer
        ("802406-2302", []),  # a company
        ("070-1740605, 0701740600, 0701740605", []),  # phones for books and films
    ],
)
def test_personnummer(text, numbers):
    assert marked(text, Code.PERSONNUMMER) == numbers


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("811218-9876", "high"),
        ("0701019804", "medium"),  # as well a mobile phone
        ("pnr 0701019804", "high"),
        ("070101-9804", "high"),
    ],
)
def test_what_may_be_a_phone_is_not_urgent(text, severity):
    assert [
        finding.severity
        for finding in run_all(Subject(text)).findings
        if finding.code is Code.PERSONNUMMER
    ] == [severity]


@pytest.mark.parametrize(
    "text",
    [
        "07.10 07.20 07.30 08.10 08.20",
        "8 1 1 2 1 8 9 8 7 6 5 4 3",
        "10 81 12 18 98 76",
        "81 12 18 98 76 10",
        "5  8 1 1 2 1 8 9 8 7 6",
        "2001-12-18 – 2001",
    ],
)
def test_tables_and_times_are_nobody(text):
    assert personnummer.find_personnummer(text) == ()


def written(number):
    """Yield a number of twelve digits in every common way of writing it."""
    c, y, m, d, n = number[:2], number[2:4], number[4:6], number[6:8], number[8:]
    for sign in ("", "-", "+", " ", " - ", "–", ".", " – ", "\u2011", "_", ":", "\u200b", "\u00a0"):
        yield f"{c}{y}{m}{d}{sign}{n}"
        yield f"{y}{m}{d}{sign}{n}"
    yield from (" ".join(number), " ".join(number[2:]), ".".join(number))
    yield from (f"{y} {m} {d} {n}", f"{y}.{m}.{d}-{n}", f"{c}{y}-{m}-{d}-{n}")
    yield from (f"{c} {y}{m}{d}-{n}", f"{c}{y} {m} {d} {n}", "-".join(number))
    yield from (f"{y} {m} {d} {n[:2]} {n[2:]}", f"{c}{y}/{m}/{d} {n}")


@pytest.mark.parametrize("name", ["half_allPins", "half_allCoords"])
def test_every_official_test_number_is_found_as_a_whole(shared_data, name):
    numbers = json.loads((shared_data / "personnummer" / f"{name}.json").read_text())
    assert len(numbers) > 1000
    # Every number in a ninth of the ways of writing it, every way with a ninth of the numbers.
    missed = [
        form
        for n, number in enumerate(numbers)
        for k, form in enumerate(written(number))
        if (n + k) % 9 == 0
        if personnummer.find_personnummer(f"Hej {form}, tack") != ((4, 4 + len(form)),)
    ]
    assert missed == []


def test_the_official_list_of_right_and_wrong(shared_data):
    folder = shared_data / "personnummer"
    listed = json.loads((folder / "structured.json").read_text())
    for kind in listed.values():
        assert all(personnummer.find_personnummer(number) for number in kind["string"]["valid"])
        wrong = [
            number for number in kind["string"]["invalid"] if personnummer.find_personnummer(number)
        ]
        # A space for the sign is wrong in a register, and usual in a letter.
        assert all(" " in number for number in wrong)
    for row in json.loads((folder / "interim.json").read_text()):
        assert bool(personnummer.find_personnummer(row["separated_format"])) == row["valid"]
    for row in json.loads((folder / "orgnumber.json").read_text()):
        assert not personnummer.find_personnummer(row["separated_format"])


def test_the_official_list_in_its_four_formats(shared_data):
    """Right ones are found as they are listed, wrong ones not."""
    forms = ("long_format", "short_format", "separated_format", "separated_long")
    rows = json.loads((shared_data / "personnummer" / "list.json").read_text())
    wrong = [
        (row[form], row["valid"])
        for row in rows
        for form in forms
        if bool(personnummer.find_personnummer(f"Hej {row[form]}!")) != row["valid"]
    ]
    # A space for the sign is wrong in a register, and usual in a letter.
    assert all(" " in form and not valid for form, valid in wrong)
    assert len(wrong) < 8


def test_no_log_knows_a_digit(caplog):
    """Whatever is found, and whatever breaks, nothing of the text is logged."""
    text = "811218-9876, 070-174 06 05, a@b.se, 4111 1111 1111 1111, bilen ABC 123, Anna Svensson"

    def broken(_subject):
        raise ValueError(text)

    with caplog.at_level("DEBUG"):
        found = run_all(Subject(text, text), (*CHECKS, Check("broken", 1, broken)))
    assert found.unchecked == ("broken",)
    assert len({finding.code for finding in found.findings}) >= 5
    said = " ".join(
        f"{record.getMessage()} {record.__dict__} {record.exc_text}" for record in caplog.records
    )
    assert "a check failed" in said
    for words in ("-9876", "174 06", "a@b", "4111 1111", "ABC 123", "Svensson"):
        assert words not in said
