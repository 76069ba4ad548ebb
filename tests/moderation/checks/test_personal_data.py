"""E-mail, phone and personnummer, with exactly the words they mark."""

import json

import pytest

from services.moderation.checks import Code, Subject, personnummer, run_all


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


def written(number):
    """Yield a number of twelve digits in every common way of writing it."""
    c, y, m, d, n = number[:2], number[2:4], number[4:6], number[6:8], number[8:]
    for sign in ("", "-", "+", " ", " - ", "–", "."):
        yield f"{c}{y}{m}{d}{sign}{n}"
        yield f"{y}{m}{d}{sign}{n}"
    yield from (" ".join(number), " ".join(number[2:]), ".".join(number))
    yield from (f"{y} {m} {d} {n}", f"{y}.{m}.{d}-{n}", f"{c}{y}-{m}-{d}-{n}")
    yield from (f"{y} {m} {d} {n[:2]} {n[2:]}", f"{c}{y}/{m}/{d} {n}")


@pytest.mark.parametrize("name", ["half_allPins", "half_allCoords"])
def test_every_official_test_number_is_found_as_a_whole(shared_data, name):
    numbers = json.loads((shared_data / "personnummer" / f"{name}.json").read_text())
    assert len(numbers) > 1000
    # Every number in a third of the ways of writing it, every way with a third of the numbers.
    missed = [
        form
        for n, number in enumerate(numbers)
        for k, form in enumerate(written(number))
        if (n + k) % 3 == 0
        if personnummer.find(f"Hej {form}, tack") != ((4, 4 + len(form)),)
    ]
    assert missed == []


def test_the_official_list_of_right_and_wrong(shared_data):
    folder = shared_data / "personnummer"
    listed = json.loads((folder / "structured.json").read_text())
    for kind in listed.values():
        assert all(personnummer.find(number) for number in kind["string"]["valid"])
        wrong = [number for number in kind["string"]["invalid"] if personnummer.find(number)]
        # A space for the sign is wrong in a register, and usual in a letter.
        assert all(" " in number for number in wrong)
    for row in json.loads((folder / "interim.json").read_text()):
        assert bool(personnummer.find(row["separated_format"])) == row["valid"]
    for row in json.loads((folder / "orgnumber.json").read_text()):
        assert not personnummer.find(row["separated_format"])
