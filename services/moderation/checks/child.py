"""A child (under 18) that tells its age, school year or name in a text of its own.

Only what a child says of itself, and a relative's child with name and age: "för barn 6-12 år" or
"skolan är 100 år" tell of nobody. Patterns are bounded, so the work grows with the text only.
"""

import re
from dataclasses import dataclass

from services.moderation.checks.finding import Span, joined

ADULT = 18

_NUMBERS = (
    *("noll", "ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva"),
    *("tolv", "tretton", "fjorton", "femton", "sexton", "sjutton"),
)
_ENGLISH_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
)
_VALUES = {
    word: value for words in (_NUMBERS, _ENGLISH_NUMBERS) for value, word in enumerate(words)
}
_ORDINALS = "första|andra|tredje|fjärde|femte|sjätte|sjunde|åttonde|nionde"
_CARDINALS = "ettan|tvåan|trean|fyran|femman|sexan|sjuan|åttan|nian"

_N = rf"(?:\d{{1,2}}|{'|'.join(_NUMBERS[2:])})"
_HALF = r"(?:\s?½|[.,]5|\s(?:och\s(?:ett|en)\s(?:halvt?|halv)|o\shalvt?))?"
_YEARS = rf"{_N}{_HALF}(?:\s?-?\s?år(?:ig[at]?|ing)?|\sbast|\s?-?\s?years?(?:\s|-)old)(?!\w)"
_OLD = rf"(?P<age>{_YEARS})(?!\s(?:äldre|yngre|sedan|sen|i\srad|efter|före|framåt)\b)"
# Accents may be combining marks, which are no letters to a regular expression.
_LETTER = r"[\w'’\u0300-\u036f]"
_NAME = rf"[A-ZÅÄÖÉÜ]{_LETTER}{{1,30}}(?:-[A-ZÅÄÖ]{_LETTER}{{1,30}})?"
_NAMES = rf"{_NAME}(?:\s{_NAME}){{0,2}}"
_KID = (
    r"(?:kille|tjej|pojke|flicka|barn|elev|kompisar|killar|tjejer|pojkar|flickor|barn|elever|ungdom"
    r"|ungdomar|tonåring)"
)
# One to three small words between the verb and the age: "jag är bara", "jag är en kille på".
_FILLER = (
    r"(?:(?:bara|nu|precis|snart|nästan|själv|en|ett|två|tre|fyra|några|också|ju|alltså|endast|typ"
    rf"|liten|och|är|{_KID}|på)\s){{0,5}}"
)

# "Jag är 11 år", "jag som är en tjej på elva år", "vi är två killar på 12 år", "jag fyller 9 år".
_SELF = re.compile(
    r"\b(?i:(?:jag|vi)\s(?:som\s)?(?:\w{2,8}\s)?(?:är|blir|fyller|fyllde|har\sfyllt)\s"
    rf"{_FILLER}{_OLD})"
)
# "Är en 11-årig tjej" or "Hej, 11 år här" without "jag" are rare; "jag, Minna 11 år," is not.
_SELF_NAMED = re.compile(rf"\b[Jj]ag,?\s(?P<name>{_NAMES}),?\s\(?(?i:{_OLD})")
_SOM_ARING = re.compile(
    rf"\b(?i:som\s(?P<age>{_N}\s?-?\s?åring)\s(?:tycker|vill|önskar|känner|har|är|kan|får)\sjag\b)"
)
# "Jag är 11 och går i femman.": no "år", so what follows must end the thought.
_SELF_BARE = re.compile(
    rf"\b(?i:jag\s(?:som\s)?är\s(?P<age>{_N})(?=\s?(?:[.!,]\s|[.!]?\s*\Z|och\s(?:går|bor|heter|tycker|vill)\b)))"
)
_SELF_ENGLISH = re.compile(
    r"\b(?i:I(?:\s?am|['’]m)\s(?:only\s|just\s|a\s|an\s)?"
    rf"(?P<age>(?:\d{{1,2}}|{'|'.join(_ENGLISH_NUMBERS[3:])})(?:\s|-)years?(?:\s|-)old)\b)"
)
_INTRODUCED = re.compile(
    r"\b(?i:jag\sheter|mitt\snamn\sär|my\sname\sis)\s"
    rf"(?P<name>[^\W\d_]{_LETTER}{{0,30}}(?:-{_LETTER}{{1,30}})?(?:\s{_NAME}){{0,2}})"
)
# "…heter Minna och är 11 år", "jag heter Minna, bor i Råå och är elva år".
_INTRODUCED_AGE = re.compile(
    r"[^.!?\n\d]{0,60}?(?:\b(?i:är|fyller|blir)\s(?i:bara\s|snart\s|nu\s)?|,\s|\s?\()"
    rf"(?i:{_OLD})"
)
_OTHERS = re.compile(
    r"(?i)\b(?:min|mitt|mina|vår|vårt|våra|hans|hennes|deras|son|sonen|dotter|dottern|barn|barnen"
    r"|syster|bror|skola|skolan|hund|hunden|katt)\b"
)
# "Jag går i 4B", "vi i klass 5A går i …" no; "jag går i fyran", "vi går i årskurs 6".
_GRADE = re.compile(
    r"\b(?i:jag|vi)\s(?i:som\s)?(?i:\w{2,8}\s)?(?i:går|börjar|pluggar)\s(?i:nu\s|bara\s|just\snu\s)?(?i:i|på)\s"
    rf"(?P<age>(?i:årskurs|åk|klass)\s?[1-9](?:\s?[A-Fa-f])?(?!\w)|(?i:{_CARDINALS})(?!\w)"
    rf"|(?i:{_ORDINALS})\s(?i:klass(?:en)?|årskurs(?:en)?)(?!\w)|[1-9]\s?-?[A-Fa-f](?!\w)"
    r"|[1-9]:?an(?!\w)|[1-9]:[ea]\s(?i:klass(?:en)?)(?!\w)"
    r"|(?i:förskoleklass(?:en)?|lågstadiet|mellanstadiet|högstadiet)(?!\w))"
)
# A signature: "Hannes, 9 år" or "/Hannes 9 år" where a line or the text ends.
_SIGNED = re.compile(
    rf"(?:(?:^|[\n.!?/–—”\"(-])\s*|(?i:mvh|hälsningar|hälsar|från|av)[\s,:]{{1,3}})"
    rf"(?!(?i:mvh|hälsningar|hälsar|från|av)\b)(?P<name>{_NAMES})(?:,?\s|\s?[(–-]\s?)(?i:(?P<age>{_YEARS}))\)?[.!]?\s*(?:\n|\Z)"
)
# Somebody else's child, but only with its name: "min son Elis är 5 år", "vår dotter Elsa (7 år)".
_RELATIVE = re.compile(
    r"\b(?i:min|mitt|vår|vårt)\s(?i:(?:lilla|äldsta|yngsta|stora)\s)?"
    r"(?i:son|dotter|barn|barnbarn|(?:lille|lilla|stora?)?(?:syster|bror)|kille|tjej|pojke|flicka)"
    rf"\s(?P<name>{_NAME})(?:,|\s\(|\s)\s?(?i:(?:som\s)?(?:är|på|fyller|blir)\s)?(?i:(?P<age>{_YEARS}))"
)
_IN_NAME = re.compile(rf"(?P<name>{_NAMES})[\s,(–-]{{0,3}}(?i:(?P<age>{_YEARS}))\)?\Z")


@dataclass(frozen=True, slots=True)
class Told:
    """The words of name and age, and whether a name is among them."""

    spans: tuple[Span, ...]
    named: bool


def _is_child(words: str) -> bool:
    """Tell whether an age or school year is a child's; what names no number is a school year."""
    number = re.match(r"\d{1,2}", words)
    if number:
        return 0 < int(number[0]) < ADULT
    first = re.match(r"[^\W\d_]+", words)
    value = _VALUES.get(first[0].lower()) if first else None
    return value is None or 0 < value < ADULT


def in_text(text: str) -> Told | None:
    """Return what a text tells of a child; None when it tells nothing."""
    names: list[Span] = []
    ages: list[Span] = []
    for pattern in (_SELF, _SELF_NAMED, _SOM_ARING, _SELF_BARE, _SELF_ENGLISH, _GRADE):
        _collect(pattern, text, names, ages)
    for pattern in (_SIGNED, _RELATIVE):
        _collect(pattern, text, names, ages)
    introduced = list(_INTRODUCED.finditer(text))
    for match in introduced:
        age = _INTRODUCED_AGE.match(text, match.end())
        if (
            age
            and _is_child(age["age"])
            and not _OTHERS.search(text, match.end(), age.start("age"))
        ):
            ages.append(age.span("age"))
    if not ages:
        return None
    names += [match.span("name") for match in introduced]
    return Told(joined(names + ages), bool(names))


def in_name(author: str) -> Told | None:
    """Return what a name field tells of a child: "Minna, 11 år"."""
    match = _IN_NAME.match(author)
    if match is None or not _is_child(match["age"]):
        return None
    return Told(joined([match.span("name"), match.span("age")]), named=True)


def _collect(pattern: re.Pattern[str], text: str, names: list[Span], ages: list[Span]) -> None:
    for match in pattern.finditer(text):
        if _is_child(match["age"]):
            ages.append(match.span("age"))
            if "name" in pattern.groupindex:
                names.append(match.span("name"))
