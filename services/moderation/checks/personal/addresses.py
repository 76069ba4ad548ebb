"""Street addresses: where somebody lives, not where a bench is wanted.

Ideas are full of streets with a number: "ett övergångsställe på Storgatan 12". That tells of a
place. It tells of a person after words about living there, with the sign of an entrance or a flat,
or with a postal code; then it is an address. Anything else is left in peace when a preposition of
place stands before it, and shown at the lowest severity when none does.
"""

import re
from typing import Literal, NamedTuple

from services.moderation.checks.finding import Span

# Streets for sure, by their ending.
_STREETS = (
    *("gatan", "gata", "vägen", "väg", "torget", "torg", "stigen", "stig", "gränden", "gränd"),
    *("allén", "allé", "esplanaden"),
    *("gade", "vej", "veien", "vegen", "katu", "straße", "strasse"),
)
# Streets as well, but also much else ("parkeringen 12"): only beside a word about a home.
_ENDS = (
    *_STREETS,
    *("backen", "leden", "platsen", "plats", "gången", "kajen", "kaj", "stråket", "svängen"),
    *("slingan", "vången", "gärdet", "rundan", "parken", "bron", "kroken", "liden", "vreten"),
    *("ringen", "hagen", "åsen", "höjden", "berget", "dalen", "ängen"),
)
# What only looks like a street.
_NO_STREET = re.compile(
    r"(?:riks|läns|europa|motor|järn|gång|cykel|genom|skol)väg(?:en)?|.*(?:lek|håll|parkerings|arbets"
    r"|mötes|upplags|ställ|bad|natur|rast|uteserverings)plats(?:en)?|.*parkeringen|.*föreningen"
    r"|(?:rätte|ut|in|ned|över|av|till|fram|fot)gången|.*vården",
    re.IGNORECASE,
)
# What is counted, or a day of a month.
_COUNTED = re.compile(
    r"\s(?:m|meter|km|mil|st|stycken|gånger?|år|dagar|veckor|månader|timmar|min|minuter|sekunder|kr"
    r"|kronor|personer|bilar|hus|träd|bänkar|parkeringar|procent|grader|våningar|januari|februari|mars"
    r"|april|maj|juni|juli|augusti|september|oktober|november|december|bussar|cyklar|barn|nya|stora)\b",
    re.IGNORECASE,
)
# The number of a house, and what makes it an address: "12 B, 2 tr, 252 20 Lund".
_NUMBER = re.compile(
    r"(?<=[a-zåäöéA-ZÅÄÖÉ])\s(?:nr\.?\s?|nummer\s)?(?P<number>\d{1,3})"
    r"(?![\d:%]|[.,]\d|\s%|\s?[-\u2010-\u2015]\s?\d)"
    r"(?P<entrance>\s?[A-Ha-h](?![\w'’:]|\.\w))?"
    r"(?P<flat>,?\s(?:lgh|lägenhet|lght)\.?\s?\d{1,4}|,?\s\d\s?tr(?:appor)?\b"
    r"|,?\s(?:port|uppgång)\s\w{1,2}\b)?"
    r"(?P<post>,?\s(?:SE-|S-)?\d{3}\s?\d{2}\s[A-ZÅÄÖ][^\W\d_]{1,20})?",
    re.IGNORECASE,
)
_LONGEST_END = 10
# The street: a word, and words with a capital before it.
_BEGINNING = re.compile(
    r"(?:(?<![\w-])[A-ZÅÄÖÉ](?:[^\W\d_]|[\u0300-\u036f'’-]|:(?=\w)){0,24}\s){0,3}"
    r"(?<![\w-])(?:[^\W\d_]|[\u0300-\u036f'’-]|:(?=\w)){0,30}\Z"
)
_LONGEST_BEGINNING = 80
# A capital that only the beginning of a sentence gave.
_OPENING = re.compile(
    r"(?:På|Vid|Till|Från|I|Mellan|Utanför|Längs|Bakom|Framför|Min|Vår|Min\sadress|Adress|Adressen|Bor"
    r"|Jag|Vi|Hon|Han|Mot|Nära|Och|Är|Om|At|On|In)\s"
)
# Somebody's home: said before it, or after it.
_HOME = re.compile(
    r"\b(?:bor|bodde|bosatta?|boende|adress(?:en)?|hemadress\w*|hemma|hem|flytta\w*|granne\w*|grannar\w*"
    r"|lägenhet\w*|lght?|villa|radhus\w*|hyr|hyresgäst\w*|c/o|hos|till\s(?:mig|oss)|familjen|mamma|pappa|postadress\w*"
    r"|skicka|hälsa\spå|knacka|lives?|living|home|address|folkbokförd\w*|skriven)\b",
    re.IGNORECASE,
)
# The plain cases, in which the number is surely a person's.
_LIVES = re.compile(
    r"\b(?:bor|bodde|bosatt|folkbokförd|skriven|lives?|living)\s"
    r"(?:\w{1,12}\s){0,3}?(?:på|i|vid|at|on|in)\s\Z|\b(?:hem)?adress(?:en)?\s?(?:är|:|,)?\s?\Z"
    r"|\baddress(?:\sis|:)?\s\Z",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:på|vid|utanför|mellan|från|till|hörnet|korsningen|mot|bredvid|kring|runt|framför|bakom"
    r"|intill|nära|invid|längs|utmed|mittemot|vis|av|i|och|inne|cafét?|restaurang\w*|skolan|huset"
    r"|butiken|hållplatsen|parkeringen|fastigheten)\s{1,3}\Z",
    re.IGNORECASE,
)
# "I live at 12 High Street".
_ENGLISH = re.compile(
    r"\b(?i:live|lives|living|address(?:\sis)?|home)[:,]?\s(?i:at\s|on\s|in\s)?"
    r"(?P<where>\d{1,4}[A-Da-d]?\s[A-Z][\w'’]{1,20}(?:\s[A-Z][\w'’]{1,20}){0,2}\s"
    r"(?:Street|Road|Avenue|Lane|Drive|Square|Court|St|Rd|Ave)\b)"
)
_BEFORE = 70
_AFTER = 40

# Words that are no street by themselves.
_GENERAL = frozenset(
    {"gatan", "gata", "vägen", "väg", "torget", "torg", "plats", "platsen"}
    | {"parken", "bron", "backen", "leden", "gången", "kajen", "ringen", "kaj"}
    | {"dalen", "höjden", "berget", "ängen", "åsen", "hagen", "gränd", "stigen"}
    | {"allén", "allé", "stig"}
)
_SENTENCE_END = re.compile(r"[.!?\n]")

Certainty = Literal["home", "address", "place"]


class Address(NamedTuple):
    """Where an address stands, and how much it tells of a person."""

    span: Span
    certainty: Certainty


def find_addresses(text: str) -> tuple[Address, ...]:
    """Return street addresses in the order of the text."""
    found = [Address(match.span("where"), "home") for match in _ENGLISH.finditer(text)]
    for match in _NUMBER.finditer(text):
        start = _street_before(text, match.start())
        if start is None or _COUNTED.match(text, match.end()):
            continue
        street = text[start : match.start()]
        before = text[max(0, start - _BEFORE) : start]
        sentence = _SENTENCE_END.split(before)[-1]
        after = _SENTENCE_END.split(text[match.end() : match.end() + _AFTER])[0]
        sure = street[0].isupper() and street.lower().endswith(_STREETS)
        if _LIVES.search(sentence) or match["flat"]:
            found.append(Address((start, match.end()), "home"))
        elif (
            (match["entrance"] and sure)
            or match["post"]
            or _HOME.search(sentence)
            or _HOME.search(after)
        ):
            found.append(Address((start, match.end()), "address"))
        elif sure and not _PLACE.search(before):
            found.append(Address((start, match.end()), "place"))
    return tuple(sorted(found))


def _street_before(text: str, end: int) -> int | None:
    """Return where the name of a street begins that ends here, if one does."""
    if not text[max(0, end - _LONGEST_END) : end].lower().endswith(_ENDS):
        return None
    beginning = _BEGINNING.search(text[max(0, end - _LONGEST_BEGINNING) : end])
    if beginning is None:
        return None
    start = end - len(beginning[0])
    if opening := _OPENING.match(text, start, end):
        start = opening.end()
    street = text[start:end]
    return None if street.lower() in _GENERAL or _NO_STREET.match(street) else start
