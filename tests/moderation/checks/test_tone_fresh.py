"""Threats, hate and despair by kind: what is told today stays told, and the ordinary in peace.

What is known not to be told is marked in the data: a pattern that learns of it takes its mark away.
"""

from collections import Counter
from pathlib import Path

import pytest

from services.moderation.checks import Equipment, Severity, Subject, self_harm, tone

DATA = Path(__file__).parents[3] / "bench" / "data" / "tone_fresh.tsv"
CHECKS = (tone.make_check(Equipment()), self_harm.make_check(Equipment()))


def rows():
    lines = DATA.read_text("utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if not line.startswith("#")]


def is_looked_at(sentence):
    found = (finding for check in CHECKS for finding in check.run(Subject(sentence)))
    return any(finding.severity.rank >= Severity.MEDIUM.rank for finding in found)


def test_every_sentence_is_told_as_its_mark_says():
    wrong = [
        (kind, sentence)
        for _turn, kind, _language, sentence in rows()
        if is_looked_at(sentence) is (kind.startswith("!") is not (kind.strip("!") == "plain"))
    ]
    assert wrong == []


def test_most_of_each_turn_is_told_and_few_ordinary_ones_are_marked():
    told = Counter(turn for turn, kind, *_ in rows() if "plain" not in kind and kind[0] != "!")
    every = Counter(turn for turn, kind, *_ in rows() if "plain" not in kind)
    assert told["1"] / every["1"] >= 0.9
    assert told["2"] / every["2"] >= 0.9
    plain = [(turn, kind) for turn, kind, *_ in rows() if "plain" in kind]
    assert sum(turn == "1" for turn, _kind in plain) >= 400
    assert sum(kind == "!plain" and turn == "1" for turn, kind in plain) <= 2


def test_after_a_condition_its_not_denies_no_threat():
    assert is_looked_at("Får jag inte mitt bygglov kommer jag med hagelbössan")
    assert is_looked_at("Om ni inte svarar ska jag slå ihjäl er")
    assert not is_looked_at("Inte ska jag slå ihjäl er för det")


@pytest.mark.parametrize(
    "text",
    [
        "Vi krattar löven, sen eldar vi upp allt",
        "Först krattar vi, sen eldar vi",
        "Klipper ni inte häcken kommer jag med motorsågen",
        "Du behöver inte oroa dig, inte heller ska jag slå honom",
    ],
)
def test_work_in_the_garden_is_no_threat(text):
    assert not is_looked_at(text)


@pytest.mark.parametrize(
    ("told", "ordinary"),
    [
        ("Jag vet vilken buss ditt barn tar", "Så att du vet vilken buss ditt barn sitter på"),
        ("I know which school your son goes to", "Now you know which school your son goes to"),
        ("Jag vet vilken skola era barn går på", "Bra om ni vet vilken skola era barn ska gå i"),
        (
            "Tell your kids to be careful on the way home",
            "Tell your kids to be careful in the snow",
        ),
        (
            "Hälsa din fru att vara försiktig på vägen hem",
            "Säg till dina barn att akta sig för bilarna",
        ),
        ("En dag hittar de dig i älven", "Hur hittar man er i skogen?"),
        ("Nästa möte blir ditt sista", "Nästa möte blir er sista chans att påverka planen"),
        ("Your next meeting will be your last", "The next meeting is your last chance"),
        ("Det kommer att sluta illa för er", "Det slutar illa för er"),
        (
            "They breed like rabbits, those Somalis",
            "Råttorna förökar sig som kaniner vid soptunnorna",
        ),
        ("We must finish the job with the Jews", "Finish the job of housing refugees"),
        ("Judarna ligger bakom allt ont", "Romer ligger bakom allt som är fint i festivalen"),
        ("Judarna ligger bakom allt", "Judarna ligger bakom allt det fina i parken"),
        ("Muslimer, de är smutsiga", "Flyktingar bor i baracker och de är smutsiga"),
        ("Ditt jävla kräk", "Kräk och bajs i sandlådan"),
        ("Din jävla kärring", "Gubbarna och kärringarna i byn vill ha en bänk"),
        ("Du är en kärring", "Jag är bara en gammal kärring, men lyssna på en kärring som jag"),
    ],
)
def test_words_that_threaten_or_hate_are_ordinary_in_another_place(told, ordinary):
    assert is_looked_at(told)
    assert not is_looked_at(ordinary)
