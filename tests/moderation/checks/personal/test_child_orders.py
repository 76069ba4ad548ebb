"""A child told of in any order: class, age, school, name and relation."""

from itertools import permutations

import pytest

from services.moderation.checks import Code, Subject, run_all


def child(text, author=""):
    found = [f for f in run_all(Subject(text, author)).findings if f.code is Code.CHILD]
    return found[0] if found else None


def words(text):
    finding = child(text)
    return [text[start:end] for start, end in finding.spans]


FACTS = ("heter Kalle", "är 8 år", "går i 2B", "bor på Råå")


@pytest.mark.parametrize("order", list(permutations(FACTS, 3)))
def test_the_order_in_which_a_child_tells_of_itself_does_not_matter(order):
    text = f"Jag {order[0]}, {order[1]} och {order[2]}. Jag vill ha en gunga."
    finding = child(text)
    told = " ".join(order)
    if "år" in told or "2B" in told:
        assert finding is not None
        assert finding.severity == ("high" if "Kalle" in told else "medium")
        assert ("Kalle" in words(text)) is ("Kalle" in told)
        assert ("8 år" in words(text)) is ("8 år" in told)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Jag är 8 år och heter Kalle", ["8 år", "Kalle"]),
        ("Jag är 8 år, heter Kalle", ["8 år", "Kalle"]),
        ("Vi i 4a vill ha en gunga. Hälsningar Kalle och Lisa", ["4a", "Kalle", "Lisa"]),
        ("Vi i 4a vill ha en gunga!\n/Kalle, Omar & Lisa", ["4a", "Kalle", "Omar", "Lisa"]),
        ("Nova 9 år: jag vill ha en pool", ["Nova", "9 år"]),
        ("Jag tycker att Nova, 9 år, ska få gunga", ["Nova", "9 år"]),
        ("Nova fyller 9 i mars", ["Nova", "9"]),
        ("Elsa är nio år och blir retad", ["Elsa", "nio år"]),
        ("Nioåriga Elsa blir retad", ["Nioåriga", "Elsa"]),
        ("9-åringen Elsa blir retad", ["9-åringen", "Elsa"]),
        ("Ali som går i fyran på Ekskolan blir mobbad", ["Ali", "fyran"]),
        ("Lisa i 4a får inte vara med", ["Lisa", "4a"]),
        ("I 5B går Elsa som blir retad", ["5B", "Elsa"]),
        ("Eleven Ivanka Dren i 5b på Ekskolan blir slagen", ["Ivanka Dren", "5b", "Ekskolan"]),
        ("Eleven Ivanka på Ekskolan blir slagen", ["Ivanka", "Ekskolan"]),
        ("Min dotter Ivanka går på Ekskolan", ["Ivanka", "Ekskolan"]),
    ],
)
def test_a_name_and_what_tells_of_a_child(text, marked):
    assert words(text) == marked
    assert child(text).severity == "high"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Vi i 4a vill ha en gunga", ["4a"]),
        ("Hej! Fyller 13 i mars och vill ha ett utegym", ["13"]),
        ("Jag fyller 13 i mars", ["13"]),
        ("Jag är en tjej som går i sjuan", ["sjuan"]),
        ("Går i sjuan och vill ha en skatepark", ["sjuan"]),
        ("En kille i 7:an", ["7:an"]),
        ("Jag bor på Råå och går i sjuan", ["sjuan"]),
        ("Jag spelar fotboll och är elva år", ["elva år"]),
        ("Min dotter går i 4a på Ekskolan", ["4a", "Ekskolan"]),
        ("Min son är 7 år och går på Råå skola", ["Råå skola"]),
    ],
)
def test_who_can_be_known_without_a_name(text, marked):
    assert words(text)[-len(marked) :] == marked
    assert child(text).severity == "medium"


@pytest.mark.parametrize(
    "text",
    [
        "Min dotter går i skolan på Olympia och trivs",
        "Min son går i sjuan",
        "Min son är 7 år och vill gunga",
        "Biblioteket fyller 10 i mars",
        "Läraren Eva i 4B är bra",
        "Fröken Elsa, 4B, är bra",
        "Sommarlovskort för alla som går i sjuan till nian",
        "Barn som går i ettan åker gratis",
        "Juni 10 år efter branden",
        "Jag har en son som går i sjuan",
        "Vi i kvarteret 4 vill ha en bänk",
        "Jag är 45 år och heter Kalle",
        "Max blir 10 grader",
        "Vi vill ha en bänk. Hälsningar Kalle och Lisa",
        "Anna på Ekskolan är en bra rektor",
    ],
)
def test_what_points_out_no_child(text):
    assert child(text) is None
