"""Where somebody lives, and where somebody is found in social media."""

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import personal_data


def one(text, code):
    found = [finding for finding in personal_data.run(Subject(text)) if finding.code is code]
    assert len(found) <= 1
    return found[0] if found else None


def words(text, finding):
    return [text[start:end] for start, end in finding.spans]


@pytest.mark.parametrize(
    ("text", "street", "severity"),
    [
        ("Jag bor på Storgatan 12.", "Storgatan 12", Severity.MEDIUM),
        ("jag bor på storgatan 12", "storgatan 12", Severity.MEDIUM),
        ("Vi bor i radhus på Lärkvägen 33", "Lärkvägen 33", Severity.MEDIUM),
        ("Min adress: Kärngränden 5", "Kärngränden 5", Severity.MEDIUM),
        ("I live at Kungsgatan 4", "Kungsgatan 4", Severity.MEDIUM),
        ("Södra Vallgatan 7A lgh 1102", "Södra Vallgatan 7A lgh 1102", Severity.MEDIUM),
        ("Storgatan 12, 2 tr", "Storgatan 12, 2 tr", Severity.MEDIUM),
        ("Hon på Nygatan 4 B", "Nygatan 4 B", Severity.LOW),
        ("Ekgatan 4, 252 21 Helsingborg", "Ekgatan 4, 252 21 Helsingborg", Severity.LOW),
        ("grannen på Ekvägen 4", "Ekvägen 4", Severity.LOW),
        ("hemma hos mig, Gustav Adolfs torg 3", "Gustav Adolfs torg 3", Severity.LOW),
        ("😀e\u0301 bor på Åsgatan 1", "Åsgatan 1", Severity.MEDIUM),
        ("I live at 12 High Street", "12 High Street", Severity.MEDIUM),
        ("Jeg bor på Vestergade 4", "Vestergade 4", Severity.MEDIUM),
        ("Kontoret: Storgatan 12", "Storgatan 12", Severity.INFO),
    ],
)
def test_an_address(text, street, severity):
    found = one(text, Code.ADDRESS)
    assert words(text, found) == [street]
    assert found.severity is severity


@pytest.mark.parametrize(
    "text",
    [
        "Ett övergångsställe på Storgatan 12, tack",
        "vid Drottninggatan 4 saknas bänkar",
        "Storgatan 12-14 ska byggas om",
        "Storgatan 3 gånger om dagen",
        "Drottninggatan 10 meter bort",
        "På Storgatan 5 juni 2020",
        "Väg 111 mot Höganäs, Riksväg 40 och länsväg 111",
        "Lekplatsen 10 år och Plats 12",
        "Parkeringen 12 timmar",
        "Storgatan 2020",
        "Storgatan",
    ],
)
def test_a_place_is_no_address(text):
    assert one(text, Code.ADDRESS) is None


@pytest.mark.parametrize(
    ("text", "name", "severity"),
    [
        ("min insta är anna_berg", "anna_berg", Severity.MEDIUM),
        ("snap: kalle2010", "kalle2010", Severity.MEDIUM),
        ("Följ mig på instagram: @anna.b", "@anna.b", Severity.MEDIUM),
        ("adda mig på snap kalle123", "kalle123", Severity.MEDIUM),
        ("discord: kalle#1234", "kalle", Severity.MEDIUM),
        ("jag heter kalle123 på snap", "kalle123", Severity.MEDIUM),
        ("skriv på insta anna_b", "anna_b", Severity.MEDIUM),
        ("tack @anna_b", "@anna_b", Severity.LOW),
        ("se instagram.com/annab", "annab", Severity.LOW),
        ("😀 سلام insta: anna_b", "anna_b", Severity.MEDIUM),
    ],
)
def test_a_handle(text, name, severity):
    found = one(text, Code.HANDLE)
    assert words(text, found) == [name]
    assert found.severity is severity


@pytest.mark.parametrize(
    "text",
    [
        "Facebook är stängt och insta: nej",
        "Instagram och Snapchat",
        "se facebook.com/groups/hbg",
        "följ mig på vägen",
        "Signal: grönt. steam: 100 grader",
        "3 st @ 50 kr",
        "mejla a@b.se",
        "snap är dåligt",
    ],
)
def test_no_handle(text):
    assert one(text, Code.HANDLE) is None
