"""Street addresses: where somebody lives, not where a bench is wanted.

Ideas are full of streets with a number: "ett övergångsställe på Storgatan 12". That tells of a
place. It tells of a person after words about living there, with the sign of an entrance or a flat,
or with a postal code; then it is an address. Anything else is left in peace when a preposition of
place stands before it, and shown at the lowest severity when none does.
"""

import re
from typing import Literal, NamedTuple

from services.moderation.checks.finding import Span

_ENDS = (
    *("gatan", "gata", "vägen", "väg", "torget", "torg", "stigen", "stig", "gränden", "gränd"),
    *("backen", "allén", "allé", "leden", "platsen", "plats", "gången", "kajen", "kaj", "stråket"),
    *("esplanaden", "svängen", "slingan", "vången", "gärdet", "rundan", "parken", "bron", "kroken"),
    *("liden", "vreten", "ringen", "hagen", "åsen", "höjden", "berget", "dalen", "ängen"),
)
# The number of a house, and what makes it an address: "12 B, 2 tr, 252 20 Lund".
_NUMBER = re.compile(
    r"(?<=[a-zåäöéA-ZÅÄÖÉ])\s(?:nr\.?\s?|nummer\s)?(?P<number>\d{1,3})"
    r"(?![\d:%]|[.,]\d|\s%|\s?[-\u2010-\u2015]\s?\d)"
    r"(?P<entrance>\s?[A-Ha-h](?![\w.'’:]))?"
    r"(?P<flat>,?\s(?:lgh|lägenhet|lght)\.?\s?\d{1,4}|,?\s\d\s?tr(?:appor)?\b"
    r"|,?\s(?:port|uppgång)\s\w{1,2}\b)?"
    r"(?P<post>,?\s(?:SE-|S-)?\d{3}\s?\d{2}\s[A-ZÅÄÖ][^\W\d_]{1,20})?",
    re.IGNORECASE,
)
_LONGEST_END = 10
# The street: a word, and words with a capital before it.
_BEGINNING = re.compile(
    r"(?:(?<![\w-])[A-ZÅÄÖÉ](?:[^\W\d_]|[\u0300-\u036f'’:-]){0,24}\s){0,3}"
    r"(?<![\w-])(?:[^\W\d_]|[\u0300-\u036f'’:-]){0,30}\Z"
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
    r"|lägenhet\w*|lght?|villa|radhus\w*|hyr|hyresgäst\w*|c/o|hos|familjen|mamma|pappa|postadress\w*"
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


def find(text: str) -> tuple[Address, ...]:
    """Return street addresses in the order of the text."""
    found = []
    for match in _NUMBER.finditer(text):
        if not text[max(0, match.start() - _LONGEST_END) : match.start()].lower().endswith(_ENDS):
            continue
        window = text[max(0, match.start() - _LONGEST_BEGINNING) : match.start()]
        beginning = _BEGINNING.search(window)
        if beginning is None:
            continue
        start = match.start() - len(beginning[0])
        if opening := _OPENING.match(text, start, match.start()):
            start = opening.end()
        named = text[start].isupper()
        if not named and text[start : match.start()].lower() in _GENERAL:
            continue
        before = text[max(0, start - _BEFORE) : start]
        sentence = _SENTENCE_END.split(before)[-1]
        after = _SENTENCE_END.split(text[match.end() : match.end() + _AFTER])[0]
        if _LIVES.search(sentence) or match["flat"]:
            found.append(Address((start, match.end()), "home"))
        elif (
            (match["entrance"] and named)
            or match["post"]
            or _HOME.search(sentence)
            or _HOME.search(after)
        ):
            found.append(Address((start, match.end()), "address"))
        elif named and not _PLACE.search(before):
            found.append(Address((start, match.end()), "place"))
    return tuple(found)
