"""A child that tells on itself: just the words of name and age are marked."""

import pytest

from services.moderation.checks import Code, Subject, run_all


def child(text, author=""):
    found = [f for f in run_all(Subject(text, author)).findings if f.code is Code.CHILD]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # The entry that the city once published.
        ("Hej! Jag heter Minna och är 11 år.Jag tycker att", ["Minna", "11 år"]),
        ("Jag heter Anna-Lisa Ek, 11 år, och vill", ["Anna-Lisa Ek", "11 år"]),
        ("jag heter melika och är elva år", ["melika", "elva år"]),
        ("Jag heter Li. Jag är 9 år och bor i Råå.", ["Li", "9 år"]),
        ("Jag är 9 år och jag heter Li", ["9 år", "Li"]),
        ("Mitt namn är Omar, jag går i 4B", ["Omar", "4B"]),
        ("Jag heter Elsa, bor i Ödåkra och är tolv år", ["Elsa", "tolv år"]),
        ("Bygg en pool! Hälsningar Hannes, 9 år", ["Hannes", "9 år"]),
        ("Bygg en pool!\n/Hannes 9 år", ["Hannes", "9 år"]),
        ("Bygg en pool!\n– Hannes (9 år)", ["Hannes", "9 år"]),
        ("Jag, Minna 11 år, vill", ["Minna", "11 år"]),
        ("Min son Elis är 5 år och vill gunga", ["Elis", "5 år"]),
        ("Vår dotter Elsa (7 år) cyklar", ["Elsa", "7 år"]),
        ("My name is Sara and I am 12 years old", ["Sara", "12 years old"]),
        ("Jag är Lisa 9 år", ["Lisa", "9 år"]),
        ("Jeg heter Nora og er 9 år", ["Nora", "9 år"]),
        ("Jeg hedder Emil og er ni år gammel", ["Emil", "ni år"]),
        ("Jag heter Elsa och går på Ekskolan", ["Elsa", "Ekskolan"]),
        ("Elsa i 4B på Ekskolan vill", ["Elsa", "4B"]),
        ("Min dotter Elin är elev på Ekskolan.", ["Elin", "Ekskolan"]),
        ("Min bror Erik, som går på Ekskolan, vill", ["Erik", "Ekskolan"]),
        ("Min dotter Elin blir mobbad på Ekskolan", ["Elin", "Ekskolan"]),
        ("Hälsningar Lisa 9 år från Råå", ["Lisa", "9 år"]),
        ("Elsa, 9 år, blev mobbad", ["Elsa", "9 år"]),
        ("Barnen Ella (7) badar", ["Ella", "7"]),
        ("Min 8-åriga dotter Elsa gungar", ["8-åriga", "Elsa"]),
        ("😀😀 Jag heter Åsa\u0301 och är 8 år", ["Åsa\u0301", "8 år"]),
    ],
)
def test_a_name_and_an_age(text, words):
    finding = child(text)
    assert [text[start:end] for start, end in finding.spans] == words
    assert finding.severity == "high"
    assert dict(finding.params) == {"named": 1}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Jag är 11 år och vill ha en lekplats", ["11 år"]),
        ("Jag är en tjej på 13 år", ["13 år"]),
        ("jag är bara sju år", ["sju år"]),
        ("Jag är en 11-årig kille", ["11-årig"]),
        ("Vi är två tjejer på 11 år", ["11 år"]),
        ("Jag som är 15 år får inte", ["15 år"]),
        ("Jag fyller 10 år snart", ["10 år"]),
        ("Som 14-åring vill jag ha", ["14-åring"]),
        ("Jag är 11 och går i femman", ["11", "femman"]),
        ("Jag går i fyran", ["fyran"]),
        ("jag går i årskurs 6", ["årskurs 6"]),
        ("Vi går i klass 4B på skolan", ["klass 4B"]),
        ("jag går i 5:an", ["5:an"]),
        ("Jag går i femte klass", ["femte klass"]),
        ("jag e 12 år", ["12 år"]),
        ("Är 12 år och tycker att", ["12 år"]),
        ("jag är 11", ["11"]),
        ("jag fyller 12 i maj", ["12"]),
        ("jag är född 2013", ["2013"]),
        ("jag och min kompis är 11 år", ["11 år"]),
        ("Vi i 3C vill ha en gunga", ["3C"]),
        ("Vi är fyra tjejer i klass 6A", ["klass 6A"]),
        ("Gunga!\n/Klass 4B, Ekskolan", ["Klass 4B"]),
        ("Jag går på Ekskolan", ["Ekskolan"]),
        ("Min skola heter Ekskolan", ["Ekskolan"]),
        ("Hälsningar Elsa, Ekskolan", ["Elsa, Ekskolan"]),
        ("Vi är en grupp 13-åringar", ["13-åringar"]),
        ("Jag, 12 år, tycker", ["12 år"]),
        ("Bygg en pool!\nTjej, 12 år", ["12 år"]),
        ("I am 12 years old", ["12 years old"]),
        ("I'm 11 and I want a pool", ["11"]),
        ("I'm in 4th grade", ["4th grade"]),
        ("Jeg er 11 år gammel", ["11 år gammel"]),
        ("Eg er elleve år", ["elleve år"]),
        ("Jeg går i 5. klasse", ["5. klasse"]),
        ("Olen 11-vuotias", ["11"]),
        ("عمري ١١ سنة", ["١١"]),
        ("Mam 11 lat i chodzę", ["11"]),
        ("Ich bin 10 Jahre alt", ["10"]),
    ],
)
def test_an_age_or_a_school_year_alone(text, words):
    finding = child(text)
    assert [text[start:end] for start, end in finding.spans] == words
    assert finding.severity == "medium"


@pytest.mark.parametrize(
    "text",
    [
        "Vi har 5 barn hemma den 18/11",
        "En lekplats för barn 6-12 år",
        "Skolan är 100 år",
        "Jag är 45 år och trött",
        "Jag är arton år",
        "Jag heter Bo och är 67 år",
        "När jag var 11 år fanns det bad",
        "Jag är 10 år äldre än parken",
        "Jag är 1 av många som cyklar",
        "Min son är 5 år",  # nobody is named
        "Jag heter Anna och min son är 5 år",
        "oss ungdomar som går i årskurs 6-9",
        "25% av 4-åringar och 35% av 8-åringar har antikroppar",
        "Ingegerd, 83 år, uttryckte",
        "Detta har pågått i 15 år. Nu räcker det",
        "Hundar som är 11 år",
        "Jag går i parken 3 gånger om dagen",
        "Jag går i skogen. 4 barn",
        "Lekplatsen 10 år",
        "Volvo 12 år",
        "Garanti 5 år.",
        "Jag går på Musikhögskolan",
        "Jag går på Dansskolan",
        "Vi går på Förskolan Solen",
        "Jag går på Friskis",
        "Vi i åk 1-6",
        "jag är 17 minuter från havet",
        "jag är 100 % säker",
        "jag är född 1983",
        "I am 35 years old",
        "I am ten minutes away",
        "I am one of many",
        "Mam 11 lat doświadczenia",
        "I.D. Cards At 16 Years Old.",
        # A relative with a name and a school nearby is no pupil of it.
        "Min kusin Erik bor nära Ekskolan.",
        "Min bror Erik har målat ett plank vid Ekskolan.",
        "Min son Erik är rektor vid Ekskolan.",
        "Min dotter Elin är lärare på Ekskolan.",
        "Min syster Elin är fritidsledare på Ekskolan.",
    ],
)
def test_what_tells_of_no_child(text):
    assert child(text) is None


def test_the_name_beside_the_text_counts_as_a_name():
    finding = child("Jag är 11 år", author="Minna")
    assert (finding.field, finding.severity) == ("text", "high")


def test_a_name_field_with_an_age():
    finding = child("Bygg en pool", author="Minna, 11 år")
    assert finding.field == "author"
    assert finding.spans == ((0, 5), (7, 12))
    assert child("Bygg en pool", author="Minna, 31 år") is None
    assert child("Bygg en pool", author="Minna 4B").spans == ((0, 5), (6, 8))
    assert child("Bygg en pool", author="Volvo 12") is None
