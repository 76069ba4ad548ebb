"""Names of persons: found beside a surname or an announcing word, and not in streets and places."""

import csv

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import name_words, names


def marked(text):
    return [text[start:end] for start, end in names.find_names(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Min granne Kent spelar högt", ["Kent"]),
        ("rektorn Eva gör inget", ["Eva"]),
        ("min granne kent stör", ["kent"]),
        ("Läraren Lisa Ek är bra", ["Lisa Ek"]),
        ("Prata med Anna Svensson om det", ["Anna Svensson"]),
        ("Bert Alfsons insändare", ["Bert Alfsons"]),
        ("Mohamed Ali Hassan vet", ["Mohamed Ali Hassan"]),
        ("enligt Jan-Erik Åkerström", ["Jan-Erik Åkerström"]),
        ("Johan af Ugglas sa", ["Johan af Ugglas"]),
        ("av Fatima al-Hassan", ["Fatima al-Hassan"]),
        ("Karin M Ekström", ["Karin M Ekström"]),
        ("anna andersson vet", ["anna andersson"]),
        ("PETER DANIELSSON", ["PETER DANIELSSON"]),
        ("granne som heter Bo", ["Bo"]),
        ("min kollega, Stefan, vet", ["Stefan"]),
        ("Lisa (min granne) vet", ["Lisa"]),
        ("min dagisfröken Britta", ["Britta"]),
        ("familjen Nilsson bredvid", ["Nilsson"]),
        ("Bra!\n/Karin Ek", ["Karin Ek"]),
        ("Bra! Mvh Siw Ekdahl", ["Siw Ekdahl"]),
        ("Bo Hall och Anna Strand", ["Bo Hall", "Anna Strand"]),
        ("Per Nilsson och Vilja Ek", ["Per Nilsson", "Vilja Ek"]),
        ("😀 A\u030asa Berg 😀", ["A\u030asa Berg"]),
        ("سلام Anna Berg", ["Anna Berg"]),
        ("Peter Danielsson, Lena Ek och Bo Lind", ["Peter Danielsson", "Lena Ek", "Bo Lind"]),
    ],
)
def test_a_person(text, found):
    assert marked(text) == found


@pytest.mark.parametrize("after", [", 3 år,", ", som vi gillar,", " och Anna Berg"])
@pytest.mark.parametrize(
    ("name", "is_person"),
    [
        *(("Hunden Bella", False), ("Båten Elin", False), ("Katten Murre", False)),
        # Hunden is no part of the next; who cuts hair is a person as well as a shop.
        *(("Belinda Trast", True), ("Frisören Trast", True)),
    ],
)
def test_the_name_of_an_animal_or_a_thing_is_nobodys(name, is_person, after):
    found = [each for each in marked(f"{name}{after} är här.") if each != "Anna Berg"]
    assert found == ([name] if is_person else [])


@pytest.mark.parametrize(
    "text",
    [
        "Karl Johansgatan och Gustav Adolfs torg",
        "Dag Hammarskjöldsleden, Sven Hultins gata, Olof Palmes plats",
        "Sankt Jörgens park",
        "Maria Park och Maria Station",
        "Adolf Fredriks kyrka",
        "Eva Andersson-skolan",
        "Astrid Lindgrens Värld",
        "Göta Älv",
        "Nya Lundby, Gamla Ullevi, Västra Frölunda Torg",
        "Bo i Majorna. Per person. Vilja att bygga. Klara Norra.",
        "Mina Grannar och Min granne Har hund",
        "Rektorn Måste gå. Kommunalrådet Moderaterna.",
        "Fru talman, herr ordförande, familjen Hem",
        "Inga Bilar, Dina Barn, läraren hans bil, min fru vill",
        "Clas Ohlson, Robin Hood och Gustav Vasas staty",
        "Nils Ericson Terminalen, Evert Taubes scen, Doktor Fries Torg",
        "Rosa Bussarna",
        "Rädda Barnen och Helsingborgs Dagblad",
        "Max Hamburgare, Stora Coop",
        "Anna och Lisa",
        "Hälsningar Anna",
        "jag heter Anna",
        "Tack på förhand / Boende på Söder",
    ],
)
def test_nobody(text):
    assert marked(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # Nobody's name by its letters, but by what is beside it.
        ("Det vet premiärminister Qirin Voss", ["Qirin Voss"]),
        ("Tack till försvararen Qirin Voss", ["Qirin Voss"]),
        ("Bra, säger Qirin Voss till oss", ["Qirin Voss"]),
        ("Qirin Voss skriver om bron", ["Qirin Voss"]),
        ("Vi mötte Qirin Voss, 45, i parken", ["Qirin Voss"]),
        ("Du kan fråga Qirin Voss (MP) om det", ["Qirin Voss"]),
        ("Du kan fråga Qirin Voss, som vet", ["Qirin Voss"]),
        ("Boken är av Qirin van der Voss", ["Qirin van der Voss"]),
        ("Anna Berg, Qirin Voss och Ludde Zimm", ["Anna Berg", "Qirin Voss", "Ludde Zimm"]),
        # A first letter for the surname, and a surname that is a city.
        ("Vi såg Anna B. i parken", ["Anna B"]),
        ("Vi såg Kalle Lund igår", ["Kalle Lund"]),
        # What is a first name elsewhere is a surname as well.
        ("Vi såg David Cameron igår", ["David Cameron"]),
        ("Vi såg Gareth Barry igår", ["Gareth Barry"]),
        # Without any of it, nobody.
        ("Vi såg Qirin Voss igår", []),
        ("Bra, säger Qirin", []),
        ("skriver Dagens Nyheter", []),
        ("Enligt Stockholmspolisen säger ingen något", []),
        ("Vi vill till Skansen Kronan, som är fin", []),
        ("uppger Borås Tidning", []),
        ("säger Svenska Akademien", []),
        ("säger SKTF Vision", []),
        ("Plan A. Bra. Vitamin B. Anna.", []),
        ("Qirin Voss torg, som är fint", []),
    ],
)
def test_what_stands_beside_it_makes_a_name(text, found):
    assert marked(text) == found


def test_a_name_is_shown_and_asks_for_nothing():
    """Two entries of the city's page name public persons: that is for people to judge."""
    [finding] = names.run(Subject("Lyssna på Karin Ek"))
    assert (finding.code, finding.severity) == (Code.PERSON_NAME, Severity.LOW)
    [own] = names.run(Subject("Lyssna", author="Bo Lind"))
    assert (own.field, own.severity) == ("author", Severity.INFO)


def test_the_lists_know_most_people(shared_data):
    """Weighted by bearers, more than four of five people in Sweden have a listed first name."""
    known = every = 0
    for kind in ("kvinnor", "man"):
        path = shared_data / "swedish_names" / f"tilltalsnamn-{kind}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                every += int(row["persons"])
                known += int(row["persons"]) * name_words.is_first_name(row["name"].lower())
    assert known / every > 0.8


def test_places_and_roads_are_nobody(shared_data):
    """No place, municipality or road of the country is a person by itself."""
    folder = shared_data / "swedish_names"
    taken = []
    for name, column in (("ortsnamn.csv", "city"), ("kommuner.csv", "name"), ("vagar.csv", "road")):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            taken += [
                row[column] for row in csv.DictReader(file) if marked(f"Bygg i {row[column]}")
            ]
    assert len(taken) <= 3, taken
