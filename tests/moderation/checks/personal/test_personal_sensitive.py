"""What is sensitive counts when it is told of one person, never as a topic."""

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import sensitive


def told(text):
    return {
        found.params["kind"]: (found.severity, [text[start:end] for start, end in found.spans])
        for found in sensitive.run(Subject(text))
    }


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Jag har diabetes och orkar inte", "health", "Jag har diabetes"),
        ("jag har en svår form av epilepsi", "health", "jag har en svår form av epilepsi"),
        ("Tyvärr är jag sjukskriven", "health", "är jag sjukskriven"),
        ("jag som har en funktionsnedsättning", "health", "jag som har en funktionsnedsättning"),
        ("Jag sitter i rullstol", "health", "Jag sitter i rullstol"),
        ("I have diabetes", "health", "I have diabetes"),
        ("Jag är muslim", "religion", "Jag är muslim"),
        ("Som muslim tycker jag", "religion", "muslim"),
        ("Jag röstar på SD", "politics", "Jag röstar på SD"),
        ("Därför är jag med i facket", "union", "är jag med i facket"),
        ("I am gay", "sexuality", "I am gay"),
        ("jag är rom", "ethnicity", "jag är rom"),
    ],
)
def test_told_of_oneself(text, kind, words):
    # An accent written apart, a smiley and a word from right to left before it change no place.
    for before in ("", "😀 e\u0301 سلام. "):
        assert told(before + text) == {kind: (Severity.LOW, [words])}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Min son har autism", "health", "Min son har autism"),
        ("min man har fått diagnosen Parkinsons", "health", None),
        ("Min mamma har lungcancer", "health", None),
        ("Min far är hjärtsjuk", "health", None),
        ("Kent är alkoholist", "health", "Kent är alkoholist"),
        ("nu är min fru dement", "health", "är min fru dement"),
        ("hon är lesbisk", "sexuality", "hon är lesbisk"),
        ("grannen knarkar", "crime", "grannen knarkar"),
        ("han är dömd för misshandel", "crime", "han är dömd"),
        ("Rektorn Eva röstar på SD", "politics", "Eva röstar på SD"),
    ],
)
def test_told_of_somebody_else(text, kind, words):
    assert told(text) == {kind: (Severity.MEDIUM, [words or text])}


@pytest.mark.parametrize(
    "text",
    [
        "Bygg en moské",
        "Personer med funktionsnedsättning behöver ramper",
        "Barn som är döva och vi som är blinda",
        "Om jag är sjuk kan jag inte komma",
        "Är jag sjuk så går jag inte",
        "Då har man diabetes",
        "Jag är rädd att bli sjuk",
        "Jag har jobbat med autism och cancervården",
        "Jag är sjuksköterska",
        "Jag är åksjuk",
        "Jag är emot muslimer",
        "Jag är trött på alla som röstar på SD",
        "Jag är blind för skönheten",
        "Jag är kommunal tjänsteman",
        "Min hund har cancer",
        "Min bil har diagnos",
        "Staden är sjuk",
        "Facket borde vara med",
    ],
)
def test_a_topic_tells_of_nobody(text):
    assert told(text) == {}


def test_kinds_are_found_beside_each_other():
    found = list(sensitive.run(Subject("Jag är muslim. Min bror har autism. Jag är gay.")))
    assert [finding.code for finding in found] == [Code.SENSITIVE] * 3
    assert [finding.params["kind"] for finding in found] == ["health", "religion", "sexuality"]
