"""Links, shouting, repetition and phrases, with the words they mark."""

import pytest

from services.moderation.checks import Code, Subject, run_all


def marked(text, code, field="text"):
    subject = Subject(text) if field == "text" else Subject("En vanlig idé", text)
    return [
        text[start:end]
        for finding in run_all(subject).findings
        if finding.code == code and finding.field == field
        for start, end in finding.spans
    ]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Se https://goteborg.se/cykel.", ["https://goteborg.se/cykel"]),  # without the full stop
        ("(www.helsingborg.se)", ["www.helsingborg.se"]),
        ("HTTP://EXAMPLE.COM!", ["HTTP://EXAMPLE.COM"]),
        ("GP.se skriver om det", ["GP.se"]),
        ("se dialog.helsingborg.se/lokalpolitiken", ["dialog.helsingborg.se/lokalpolitiken"]),
        ("tid på 1177.se, tack", ["1177.se"]),
        ("köp på räksmörgås.se", ["räksmörgås.se"]),
        ("http://192.168.0.1/x", ["http://192.168.0.1/x"]),
        ("😀 https://a.se/😀 b", ["https://a.se/😀"]),
        ("t.ex. bl.a. o.s.v. kl.10 3.5", []),  # abbreviations and figures
        ("är 11 år.Jag tycker", []),  # a space is missing
        ("i parken.Se till att", []),
        ("varje dag.om man vill", []),
        ("mejla anna@example.se", []),  # an address is no link
        ("http:// och www. är inget", []),
        ("bilden.pdf", []),
    ],
)
def test_links(text, links):
    assert marked(text, Code.LINK) == links


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("Se goteborg.se", "info"),
        ("Se goteborg.se och malmo.se", "low"),
        ("Se goteborg.se, malmo.se och lund.se", "medium"),
        ("Se https://bit.ly/x", "medium"),  # hides where it leads
    ],
)
def test_one_link_is_usual_and_many_are_not(text, severity):
    assert run_all(Subject(text)).findings[0].severity == severity


def test_a_name_that_is_a_link_stands_out():
    finding = run_all(Subject("Bra idé", "www.pengar.biz")).findings[0]
    assert (finding.field, finding.severity) == ("author", "medium")


@pytest.mark.parametrize(
    ("text", "shouted"),
    [
        ("BYGG EN NY BRO ÖVER ÅN, TACK!", ["BYGG EN NY BRO ÖVER ÅN, TACK"]),
        ("Hej! BYGG EN NY BRO ÖVER ÅN, GENAST", ["BYGG EN NY BRO ÖVER ÅN, GENAST"]),
        ("Det är MYCKET viktigt att SJ och SL gör något åt det", []),  # one word, abbreviations
        ("NEJ!", []),  # too short to be called so
        ("我们需要更多的自行车道和更多的公园在城市里面和更多的树木和花", []),  # no capitals at all
    ],
)
def test_shouting(text, shouted):
    assert marked(text, Code.SHOUTING) == shouted


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("Snälla!!!!!!", ["!!!!!!"]),
        ("Jaaaaaaa tack", ["aaaaaaa"]),
        ("😀😀😀😀😀 bra", ["😀😀😀😀😀"]),
        ("nu nu nu nu", ["nu nu nu nu"]),
        ("köp nu! Köp nu! KÖP NU!", ["köp nu! Köp nu! KÖP NU"]),
        ("Bra!!! Mycket, mycket bra", []),  # emphasis
        ("Vänta..... nej ----- och 1000000 kr", []),  # dots, lines, figures
    ],
)
def test_repetition(text, repeated):
    assert marked(text, Code.REPETITION) == repeated


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("KLICKA HÄR för mer", ["KLICKA HÄR"]),
        ("Tjäna\npengar  hemifrån!", ["Tjäna\npengar  hemifrån"]),
        ("Сlick here", ["Сlick here"]),  # a Cyrillic letter
        ("Gratis pengar? Köp nu", ["Gratis pengar", "Köp nu"]),
        ("Gratis toaletter och billiga bussar", []),  # what ideas say
        ("De klickade här och där", []),  # whole words only
        ("Köp nuvarande hus", []),
    ],
)
def test_phrases(text, phrases):
    assert marked(text, Code.PHRASE) == phrases
