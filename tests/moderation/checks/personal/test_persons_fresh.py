"""Children, accusations and personnummer in sentences written before the patterns were read."""

from pathlib import Path

import pytest

from services.moderation.checks import CHECKS, Code, Severity, Subject, run_all

DATA = Path(__file__).parents[4] / "bench" / "data" / "persons_fresh.tsv"
LINES = DATA.read_text("utf-8").splitlines()
ROWS = [line.split("\t") for line in LINES if not line.startswith("#")]
# What a model has learned is no rule; a sentence is told with or without it.
RULES = [check for check in CHECKS if check.name != "learned_spam"]


def looked_at(text):
    found = run_all(Subject(text), RULES)
    assert found.unchecked == ()
    return {f.code for f in found.findings if f.severity.rank >= Severity.MEDIUM.rank}


@pytest.mark.parametrize(("turn", "kind", "sentence"), ROWS)
def test_a_sentence_is_told_for_what_it_is(turn, kind, sentence):
    codes = looked_at(sentence.replace(r"\n", "\n"))
    is_known = not kind.startswith("!")
    if kind.endswith("plain"):
        assert (codes == set()) is is_known
    else:
        assert (Code(kind.lstrip("!")) in codes) is is_known


def test_there_are_enough_of_each_and_few_are_known_to_be_missed():
    kinds = [kind for _turn, kind, _sentence in ROWS]
    for kind, least in {"child": 50, "accusation": 50, "personnummer": 36, "plain": 400}.items():
        told, missed = kinds.count(kind), kinds.count(f"!{kind}")
        assert told + missed >= least
        assert missed <= (0.03 if kind == "plain" else 0.2) * (told + missed)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # Whose the age is, and that it is one.
        ("Elsa, 9 år, vill ha en gunga", True),
        ("Elsa har väntat 9 år på en gunga", False),
        ("Elsa vill ha en gunga för barn från 9 år", False),
        ("Elsa, mamma till en 9-åring, vill ha en gunga", False),
        ("Hunden Elsa, 9 år, vill ha en gunga", False),
        ("Läraren Elsa i 4B vill ha en gunga", False),
        ("Elsa är rädd. Hon är bara nio.", True),
        ("Elsa är rädd. Han bredvid är nio.", False),
        ("Elsa, 19, vill ha en gunga", False),
        ("Elsa (9) vill ha en gunga", True),
        ("Vår 9-åriga Elsa vill ha en gunga", True),
        ("Min gudson Juni på förskolan Ekorren vill ha en gunga", True),
        ("Min bror Kent jobbar på Ekskolan", False),
        ("Elever i årskurs 4 till 6 vill ha en gunga", False),
        ("Vi är två tjejer i sexan", True),
    ],
)
def test_an_age_is_a_childs_only_where_it_is_told_of_one(text, told):
    assert (Code.CHILD in looked_at(text)) is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Kent Larsson på Storgatan 14 säljer knark", True),
        ("Min granne på Storgatan 14 slår sin fru", True),
        ("På Storgatan 14 är grinden trasig. De säljer knark i parken", False),
        ("Tränaren i laget, Kent, tar på flickorna", True),
        ("Min förra sambo slog mig", True),
        ("Kung Karl stal mark av bönderna", False),
        ("Läraren Kent i 8B slår eleverna", True),
        ("When Kent came I stole the show", False),
    ],
)
def test_who_lives_in_a_home_is_the_one_accused(text, told):
    assert (Code.ACCUSATION in looked_at(text)) is told
