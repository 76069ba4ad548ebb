"""Where childhood ends, in every way of telling an age; and whose age or school it is."""

import pytest

from services.moderation.checks import Code, Severity, Subject
from services.moderation.checks.personal import child
from services.moderation.checks.personal.child import in_name, in_text

# `{}` is the number; what stands in brackets is marked.
WAYS = [
    "Jag är [{} år] och vill ha en bänk",
    "jag e [{} år]",
    "jag ä [{} år]",
    "Jag blir [{} år] i morgon",
    "jag fyllde [{} år]",
    "jag har fyllt [{} år]",
    "Vi är två tjejer på [{} år]",
    "jag som är [{} år] vill",
    "jag och min kompis är [{} år]",
    "Jag är en [{}-åring]",
    "Jag är en [{}-årig] kille",
    "jag är [{} bast]",
    "Jag, [{} år], tycker",
    "jag ([{} år])",
    "Jag är [Lisa] [{} år]",
    "Jag, [Minna] [{} år], vill",
    "Bra!\nTjej, [{} år]",
    "Bra! En kille på [{} år]",
    "Som [{}-åring] vill jag ha",
    "Är [{} år] och tycker att",
    "Hej! Är [{} år] och vill",
    "Jag är [{}] och går i skolan",
    "jag är [{}].",
    "jag är bara [{}]",
    "jag fyller [{}] i maj",
    "jag fyllde [{}], tack",
    "Jag heter [Bo] och är [{} år]",
    "Jag heter [Bo], [{} år]",
    "Mitt namn är [Bo] ([{} år])",
    "Bygg!\n/[Hannes] [{} år]",
    "Bygg! Hälsningar [Hannes], [{} år]",
    "Bygg! Mvh [Hannes] ([{} år])",
    "Min son [Elis] är [{} år]",
    "vår dotter [Elsa] ([{} år])",
    "Min lillasyster [Elsa] fyller [{} år]",
    "Min [{}-åriga] dotter [Elsa]",
    "[Elsa], [{} år], blev",
    "Barnen [Ella] ([{}]) badar",
    "I am [{} years old]",
    "I'm [{} yrs old]",
    "im [{} y/o]",
    "I'm [{}] and I want a pool",
    "As a [{} year old] I want",
    "My name is [Sara] and I am [{} years old]",
    "Jeg er [{} år gammel]",
    "Jeg blir [{} år]",
    "Vi er to jenter på [{} år]",
    "Eg er [{} år]",
    "Jeg heter [Nora] og er [{} år]",
    "Olen [{}]-vuotias",
    "Ich bin [{}] Jahre alt",
    "ich bin erst [{}], und",
    "mam [{}] lat i chodzę",
    "Ben [{}] yaşındayım",
    "imam [{}] godina i volim",
    "waxaan jiraa [{}]",
    "عمري [{}]",
    "[{}] ساله هستم",
    "ez [{}] salî me",
]


def marked(text):
    told = in_text(text)
    return None if told is None else [text[start:end] for start, end in told.spans]


def without_brackets(way, number):
    """Return a text and the words that its brackets hold."""
    text = way.format(number)
    words = [part.split("]")[0] for part in text.split("[")[1:]]
    return text.replace("[", "").replace("]", ""), words


@pytest.mark.parametrize("way", WAYS)
def test_a_child_is_from_one_to_seventeen(way):
    wrong = []
    for age in range(41):
        text, words = without_brackets(way, age)
        if marked(text) != (words if 1 <= age <= 17 else None):
            wrong.append((age, text, marked(text)))
    assert wrong == []


SWEDISH = "noll ett två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton"
SWEDISH_WORDS = [*SWEDISH.split(), "sjutton"]
NORDIC_WORDS = [
    *("fire", "fem", "seks", "syv", "åtte", "ni", "ti", "elleve", "tolv", "tretten", "fjorten"),
    *("femten", "seksten", "sytten"),
]
ENGLISH_WORDS = [
    *("three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
]


def test_ages_in_words():
    told = [f"jag är {word} år" for word in SWEDISH_WORDS[2:]]
    told += [f"jeg er {word} år" for word in NORDIC_WORDS]
    told += [f"I am {word} years old" for word in ENGLISH_WORDS]
    assert [text for text in told if marked(text) is None] == []
    # Grown up, or no number at all.
    others = [f"jag är {word} år" for word in ("arton", "nitton", "tjugo", "noll", "ett", "hundra")]
    others += [f"jeg er {word} år" for word in ("atten", "nitten", "tyve")]
    others += [f"I am {word} years old" for word in ("eighteen", "nineteen", "twenty")]
    assert [text for text in others if marked(text)] == []


@pytest.mark.parametrize(
    "after", ["äldre", "yngre", "sedan", "sen", "i rad", "efter", "före", "framåt", "tillbaka"]
)
def test_years_that_passed_are_no_age(after):
    assert marked(f"jag är 11 år {after}") is None
    assert marked(f"jag är 11 år{after[0]}") is None
    assert marked("jag är 11 år och") == ["11 år"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jag är 7,5 år", ["7,5 år"]),
        ("jag är 7½ år", ["7½ år"]),
        ("jag är sju och ett halvt år", ["sju och ett halvt år"]),
        ("jag är 17,5 år", ["17,5 år"]),
        ("jag är 18,5 år", None),
        ("jag är 111 år", None),
    ],
)
def test_half_a_year_more(text, words):
    assert marked(text) == words


def test_years_of_birth_of_children():
    """Who was born in 2009 is seventeen; an older year tells of nobody."""
    told = {year for year in range(1950, 2040) if marked(f"jag är född {year}")}
    assert told == set(range(2009, 2030))
    assert marked("jag som är född år 2013") == ["2013"]
    assert marked("jag är född 20133") is None


YEARS_OF_SCHOOL = [
    *("ettan", "tvåan", "trean", "fyran", "femman", "sexan", "sjuan", "åttan", "nian"),
    *(
        f"{nth} klass"
        for nth in (
            *("första", "andra", "tredje", "fjärde", "femte", "sjätte", "sjunde", "åttonde"),
            "nionde",
        )
    ),
    *(f"{form} {n}" for form in ("årskurs", "åk", "klass") for n in range(1, 10)),
    *(f"{n}{letter}" for n in range(1, 10) for letter in "ABCDEFabcdef"),
    *(f"{n}:an" for n in range(1, 10)),
    *("4:e klass", "3:e klassen", "första klassen", "andra årskurs", "tredje årskursen"),
    *("förskoleklass", "förskoleklassen", "lågstadiet", "mellanstadiet", "högstadiet"),
]


def test_school_years_are_a_childs():
    assert [y for y in YEARS_OF_SCHOOL if marked(f"Jag går i {y} nu") != [y]] == []
    assert [y for y in YEARS_OF_SCHOOL if marked(f"vi börjar i {y}.") != [y]] == []
    others = ["årskurs 0", "klass 4-6", "åk 1–6", "4G", "10A", "0B", "gymnasiet", "femmanna", "4Bo"]
    assert [y for y in others if marked(f"Jag går i {y} nu")] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Går i 4B och vill", ["4B"]),
        ("Tack, går nu i klass 4B", ["klass 4B"]),
        ("Hon går i 4B", None),
        ("Elsa i 4B", ["Elsa", "4B"]),
        ("Elsa från klass 4B", ["Elsa", "4B"]),
        ("Elsa, 4B", ["Elsa", "4B"]),
        ("Linje i 4B", None),  # no name
        ("Sol i 4B", None),  # also a word
        ("Vi i 3C vill", ["3C"]),
        ("oss från klass 3", ["klass 3"]),
        ("eleverna i åk 5", ["åk 5"]),
        ("eleverna i åk 5-6", None),
        ("Bra!\n/Alla i klass 4B", ["klass 4B"]),
        ("Mvh åk 5", ["åk 5"]),
        ("Mvh åk 5 " + "x" * 31, None),
        ("I'm in 4th grade", ["4th grade"]),
        ("we're in year 7", ["year 7"]),
        ("I go to primary school", ["primary school"]),
        ("I'm in high school", None),
        ("Jeg går i 5. klasse", ["5. klasse"]),
        ("vi går på 5. trinn", ["5. trinn"]),
        ("jeg går i femte klasse", ["femte klasse"]),
    ],
)
def test_classes(text, words):
    assert marked(text) == words


@pytest.mark.parametrize(
    "kind",
    [
        *("hög", "musik", "kör", "trafik", "kultur", "dans", "balett", "sim", "hund", "rid"),
        *("segel", "språk", "för", "golf", "tennis", "surf", "skid", "konst", "yrkes", "bil"),
        "fri",
    ],
)
def test_schools_for_others_tell_of_no_child(kind):
    assert marked(f"Jag går på {kind.capitalize()}skolan") is None
    assert marked(f"Hälsningar Elsa, Nya{kind}skolan") is None
    assert marked(f"Jag heter Elsa och går på Nya{kind}skolan") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Jag går på Ekskolan", ["Ekskolan"]),
        ("vi är elever på Ekskolan", ["Ekskolan"]),
        ("jag pluggar i Norra Ekskola", ["Norra Ekskola"]),
        ("jag går på ekskolan", None),
        ("jag går på Ekskolans gård", None),
        ("Hon går på Ekskolan", None),
        ("Min skola är Ekskolan", ["Ekskolan"]),
        ("Kram från Elsa på Ekskolan", ["Elsa på Ekskolan"]),
        ("Jag heter Elsa, bor här och går på Ekskolan", ["Elsa", "Ekskolan"]),
        ("Jag heter Elsa och går i 4B", ["Elsa", "4B"]),
        ("Jag heter Elsa. Min mamma går på Ekskolan", None),
        ("Jag heter Elsa och min dotter går på Ekskolan", None),
        ("Jag heter Elsa och mitt barn är 4 år", None),
        ("Jag heter Elsa, jag är 4 år", ["Elsa", "4 år"]),
        (f"Jag heter Elsa {'x' * 58} är 4 år", ["Elsa", "4 år"]),
        (f"Jag heter Elsa {'x' * 59} är 4 år", None),  # too far apart
        (f"Jag heter Elsa {'x' * 58} går på Ekskolan", ["Elsa", "Ekskolan"]),
        (f"Jag heter Elsa {'x' * 59} går på Ekskolan", None),
    ],
)
def test_schools_and_what_follows_a_name(text, words):
    assert marked(text) == words


@pytest.mark.parametrize(
    "other",
    [
        *("min", "mitt", "mina", "vår", "vårt", "våra", "hans", "hennes", "deras", "son", "sonen"),
        *("dotter", "dottern", "barn", "barnen", "syster", "bror", "skola", "skolan", "hund"),
        *("hunden", "katt", "my", "sønn", "søn", "datter"),
    ],
)
def test_an_age_after_somebody_else_is_not_the_writers(other):
    assert marked(f"Jag heter Elsa och {other} är 9 år") is None
    assert marked(f"Jag heter Elsa och {other}x är 9 år") == ["Elsa", "9 år"]


@pytest.mark.parametrize(
    ("author", "spans"),
    [
        ("Minna 17", ((0, 5), (6, 8))),
        ("Minna 18", None),
        ("Minna 0", None),
        ("Minna 1", ((0, 5), (6, 7))),
        ("Minna, 17 år", ((0, 5), (7, 12))),
        ("Minna, 18 år", None),
        ("Minna (11)", ((0, 5), (7, 9))),
        ("Minna 4B", ((0, 5), (6, 8))),
        ("Minna klass 4B", ((0, 5), (6, 14))),
        ("Minna åk 4", ((0, 5), (6, 10))),
        ("Minna Ek, elva år", ((0, 8), (10, 17))),
        ("Volvo 11", None),  # a number alone needs a name
        ("Volvo, 11 år", ((0, 5), (7, 12))),
        ("Minna 2013", None),
        ("11", None),
        ("Minna", None),
        ("Minna 11 hälsar", None),
    ],
)
def test_a_name_field_that_tells_an_age(author, spans):
    told = in_name(author)
    assert (told.spans if told else None) == spans


@pytest.mark.parametrize(
    ("text", "author", "severity", "score", "named"),
    [
        ("Jag är 11 år", "", Severity.MEDIUM, 0.7, 0),
        ("Jag är 11 år", "M", Severity.HIGH, 0.95, 0),
        ("Jag heter Li och är 11 år", "", Severity.HIGH, 0.95, 1),
        ("Jag heter Li och är 11 år", "Bo", Severity.HIGH, 0.95, 1),
    ],
)
def test_a_name_beside_an_age_is_worse_than_an_age(text, author, severity, score, named):
    [finding] = child.run(Subject(text, author))
    assert (finding.check, finding.code, finding.field) == ("children", Code.CHILD, "text")
    assert (finding.severity, finding.score) == (severity, score)
    assert finding.params == {"named": named}


def test_text_and_name_are_told_each():
    found = list(child.run(Subject("Jag är 11 år", "Minna 11")))
    assert [(f.field, f.severity) for f in found] == [("text", "high"), ("author", "high")]
