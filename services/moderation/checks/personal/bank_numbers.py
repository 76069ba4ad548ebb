"""Bank accounts, giro numbers, IBAN and payment cards in running text.

A card is told by its issuer's prefix, its length and the check digit (ISO/IEC 7812-1); an IBAN by
its country's length and ISO 7064 mod 97-10. Swedish accounts and giro numbers look like any other
number and count only after a word that says so. Patterns are bounded; the work grows with the text.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from stdnum import iban, luhn

from services.moderation.checks.finding import Span

Kind = Literal["bank", "card", "giro", "iban"]

# What people put between digits: blanks, dashes, dots and signs without width.
_BETWEEN = r"[ \t\u00a0\u00ad\u2009\u200b-\u200d\u2060\u202f\-\u2010-\u2015\u2212.]"


class Account(NamedTuple):
    """Where a number stands, and what kind it is."""

    span: Span
    kind: Kind


_DIGITS = re.compile(rf"(?<![\w+])\d(?:{_BETWEEN}{{0,3}}\d){{12,60}}(?!\d)")
_GROUP = re.compile(r"\d+")
_SHORTEST_CARD, _LONGEST_CARD = 13, 19
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\s?\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])"
)
# ISO 13616: how long a country's numbers are.
_COUNTRIES = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE LT LU XK",
    21: "CH HR LI LV",
    22: "BG DE GB GE IE ME RS",
    23: "AE GI IL IQ",
    24: "AD CZ ES MD PK RO SA SE SK TN",
    25: "PT",
    26: "IS TR",
    27: "FR GR IT MC SM",
    28: "AL AZ CY HU LB PL BY",
    29: "EG UA QA",
    30: "KW JO MU",
    31: "MT",
}
_IBAN_LENGTHS = {
    country: length for length, countries in _COUNTRIES.items() for country in countries.split()
}
# Six digits near each other, so that long patterns are tried on few texts.
SIX_DIGITS = re.compile(r"\d(?:\D{0,12}\d){5}")
_GIRO = re.compile(
    r"\b(?i:bankgiro(?:t|nummer|nr)?|plusgiro(?:t|nummer|nr)?|postgiro(?:t)?|bg|pg|swish(?:a|nummer|nr)?)\b"
    r"[^\d\n]{0,20}?(?P<number>\d(?:[ \u00a0\-\u2010-\u2015]{0,3}\d){5,9})(?!\d)"
)
_BANK = re.compile(
    r"\b(?i:(?:bank|löne|spar|person|privat)?konto(?:t|nummer|numret|nr)?|clearing(?:nummer|nr)?"
    r"|account(?:\s(?:number|no))?|swedbank|nordea|handelsbanken|seb|sparbanken|länsförsäkringar"
    r"|ica[\s-]?banken|skandiabanken|danske\sbank|icabanken|resurs\sbank|avanza|ålandsbanken)\b"
    r"[^\d\n]{0,30}?(?P<number>[1-9](?:[ \u00a0\-\u2010-\u2015.,/]{0,3}"
    r"(?i:(?:konto(?:nummer|nr)?|kto)?[\s:.]{0,3})\d){8,15})(?!\d)"
)
_FEWEST_BANK_DIGITS = 9
# What has as many digits and is no account.
_DATE = re.compile(r"(?:19|20)\d\d(?:0\d|1[0-2])[0-3]\d")
_YEARS = re.compile(r"(?:19|20)\d\d\s?[\-\u2010-\u2015]\s?(?:19|20)\d\d\Z")
_MONEY = re.compile(r"\s?(?:kr\b|kronor|miljon|miljard|mkr|tkr|sek\b|euro|:-|%)", re.IGNORECASE)


def find_bank_numbers(text: str) -> tuple[Account, ...]:
    """Return what is found, in the order of the text; nothing overlaps."""
    if not SIX_DIGITS.search(text):
        return ()
    found: list[Account] = []
    for account in (*_ibans(text), *_cards(text), *_giros(text), *_banks(text)):
        start, end = account.span
        if not any(start < other.span[1] and other.span[0] < end for other in found):
            found.append(account)
    return tuple(sorted(found))


def _digits(written: str) -> str:
    """Return the digits alone, in ASCII."""
    return "".join(str(int(sign)) for sign in written if sign.isdecimal())


def is_card(digits: str) -> bool:
    """Tell whether an issuer gives out such numbers, and whether the check digit is right."""
    length, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    known = (
        (digits[0] == "4" and length in {13, 16, 19})
        or (length == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))
        or (length == 15 and two in {34, 37})
        or (length == 14 and (300 <= three <= 305 or two in {36, 38}))
        or (length == 16 and (four == 6011 or two == 65 or 644 <= three <= 649))
        or (length == 16 and 3528 <= four <= 3589)
        or (16 <= length <= 19 and (two in {50, 62} or 56 <= two <= 69))
    )
    return known and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _cards(text: str) -> Iterator[Account]:
    for run in _DIGITS.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, run.start(), run.end())]
        if any(end - start == 1 for start, end in groups):
            # Digit by digit: only the whole of it.
            groups = [run.span()]
        written = [_digits(text[start:end]) for start, end in groups]
        for first in range(len(groups)):
            last = _card_from(written[first : first + _LONGEST_CARD])
            if last:
                yield Account((groups[first][0], groups[first + last - 1][1]), "card")


def _card_from(groups: Sequence[str]) -> int:
    """Return how many of the groups of digits, from the first on, make a card's number; 0: none."""
    digits = ""
    for count, group in enumerate(groups, 1):
        digits += group
        if len(digits) > _LONGEST_CARD:
            break
        if len(digits) >= _SHORTEST_CARD and is_card(digits):
            return count
    return 0


def _ibans(text: str) -> Iterator[Account]:
    for match in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(match[0][:2].upper())
        places = [n for n, sign in enumerate(match[0]) if sign.isalnum()]
        if length is None or len(places) < length or not match[0].replace("\u00a0", " ").isascii():
            continue
        # What follows may be words.
        end = places[length - 1] + 1
        if iban.is_valid("".join(match[0][n] for n in places[:length]), check_country=False):
            yield Account((match.start(), match.start() + end), "iban")


def _giros(text: str) -> Iterator[Account]:
    for match in _GIRO.finditer(text):
        digits = _digits(match["number"])
        if _YEARS.match(match["number"]):
            continue
        if match[0][:5].lower() == "swish" and not (len(digits) == 10 and digits.startswith("123")):
            continue  # a phone number, which is told as one
        yield Account(match.span("number"), "giro")


def _banks(text: str) -> Iterator[Account]:
    for match in _BANK.finditer(text):
        digits = _digits(match["number"])
        if _DATE.match(digits) or _MONEY.match(text, match.end()):
            continue
        if len(digits) >= _FEWEST_BANK_DIGITS:
            yield Account(match.span("number"), "bank")
