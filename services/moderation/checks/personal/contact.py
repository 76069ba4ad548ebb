"""E-mail addresses and phone numbers in running text."""

import re
from collections.abc import Iterator

from phonenumbers import (
    Leniency,
    NumberParseException,
    PhoneNumberMatcher,
    is_valid_number,
    parse,
)

from services.moderation.checks.finding import Span, join_spans
from services.moderation.checks.personal.bank_numbers import SIX_DIGITS

# Looked for from the sign outwards, so that a text full of letters costs nothing.
_AT = re.compile(
    r"[@\uff20]|\s?[\[({<]\s?(?:at|a|snabel-?\s?a|alfakrull|@)\s?[\])}>]\s?"
    r"|\s(?:snabel-?a|alfakrull|at)\s|\s[@\uff20]\s?",
    re.IGNORECASE,
)
# Met backwards.
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~\u0300-\u036f-]{1,64}")
_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w\u0300-\u036f-]{0,61}[^\W_])?[\u0300-\u036f]{0,2}\.){1,8}[^\W\d_]{2,24}(?![\w@])"
)
# With the dot in words, or a blank before the sign, only suffixes that people use.
_USUAL = r"(?:se|com|nu|org|net|eu|dk|no|fi|de|io|me|info|co\.uk|live|hotmail|gmail)"
_SAID = re.compile(
    r"[^\W_][\w-]{0,62}(?:\s?[\[({]\s?(?:dot|punkt|\.)\s?[\])}]\s?|\s(?:dot|punkt)\s|\.)"
    + _USUAL
    + r"(?![\w@])",
    re.IGNORECASE,
)
# A mere "at" may be any word ("log in at example.com").
_PROVIDER = re.compile(
    r"(?:gmail|hotmail|outlook|live|yahoo|icloud|telia|protonmail|proton|msn)(?:\.|\s(?:dot|punkt)\s)"
    r"(?:com|se|me)(?![\w@])|[^\W_][\w-]{0,62}\s(?:dot|punkt)\s[^\W\d_]{2,6}(?![\w@])",
    re.IGNORECASE,
)
_LONGEST_LOCAL = 64


def find_emails(text: str) -> tuple[Span, ...]:
    """Return where e-mail addresses stand, also as "anna (at) example.se" and "… punkt se"."""
    spans: list[Span] = []
    for at in _AT.finditer(text):
        window = text[max(0, at.start() - _LONGEST_LOCAL) : at.start()]
        local = _LOCAL.match(window[::-1])
        if local is None:
            continue
        plain = at[0] in {"@", "\uff20"}
        bracketed = not plain and at[0].strip()[:1] in {"[", "(", "{", "<"}
        domain = (_PROVIDER if at[0].strip().lower() == "at" else _SAID).match(text, at.end())
        if plain or bracketed:
            domain = _DOMAIN.match(text, at.end()) or domain
        if domain and (name := local[0][::-1].lstrip("./'`{|=*")):
            spans.append((at.start() - len(name), domain.end()))
    return join_spans(spans)


# What might be a number, and nothing else, is handed to the library: it is thorough but slow. As
# Swedish readers write it, a number begins with 0 or +.
_UNSEEN = "\u00ad\u200b-\u200f\u2060\ufeff"
_DIGITS = re.compile(
    rf"(?<!\d)(?:\(?[+\uff0b]\s?\d|\(?[0\uff10])"
    rf"(?:[\s\-\u2010-\u2015\u2212\uff0d/().·_{_UNSEEN}]{{0,4}}\d){{5,24}}"
)
# A number of a neighbour without its country code counts after a word that says what it is.
_CUE = re.compile(
    r"(?<!ocr-)(?<!serie)\b(?:tel|tlf|tfn|telefon\w{0,8}|mobil\w{0,8}|phone|call|text|sms:?a?|ring|ringa|swish\w{0,4}|whats\s?app"
    r"|viber|puh|nummer|numret)\b\.?:?\s{0,2}(?:\w{2,6}\s){0,3}"
    r"(?P<digits>\(?\d(?:[ \u00a0\-\u2010-\u2015/().]{0,3}\d){6,13})(?!\d)",
    re.IGNORECASE,
)
_NEIGHBOURS = ("NO", "DK", "FI", "US", "GB", "DE", "PL")
# Opening hours and decimals.
_NO_PHONE = re.compile(
    r"\d{1,2}\.\d\d\s?[\-\u2010-\u2015]\s?\d{1,2}\.\d\d\Z|0\.\d+\Z"
    r"|0[5-9][0-5]\d\s?[\-\u2010-\u2015]\s?(?:1\d|2[0-3])[0-5]\d\Z"
)
_MARGIN = 2
# How much of a text the library is asked about, at most: signs, and numbers after a word.
_MOST_ASKED_SIGNS = 240
_MOST_ASKED = 6
_HIDDEN = re.compile(f"[{_UNSEEN}]")
_ODD = str.maketrans("_·", "--") | {0x2212: "-"}


def find_phones(text: str, taken: tuple[Span, ...] = ()) -> tuple[Span, ...]:
    """Return where phone numbers valid in Sweden, or with a country code, stand.

    After a word like "tlf" also numbers of the neighbours and of a few large countries. What
    overlaps `taken` (personnummer, accounts) is left out.
    """
    if not SIX_DIGITS.search(text):
        return ()
    return join_spans(
        span
        for span in _phones(text)
        if not any(span[0] < end and start < span[1] for start, end in taken)
    )


def _phones(text: str) -> Iterator[Span]:
    candidates = (each for each in _DIGITS.finditer(text) if not _NO_PHONE.match(each[0]))
    asked = 0
    for digits in candidates:
        asked += len(digits[0])
        if asked > _MOST_ASKED_SIGNS:
            # So many are a list of numbers: these need no proof, and asking takes time.
            if _is_long_enough(digits[0]):
                yield digits.span()
            continue
        start = max(0, digits.start() - _MARGIN)
        # One sign for one, so that places stay; the library knows no signs without width.
        part = text[start : digits.end() + _MARGIN].translate(_ODD)
        places = [at for at, sign in enumerate(part) if not _HIDDEN.match(sign)]
        seen = "".join(part[at] for at in places)
        for match in PhoneNumberMatcher(seen, "SE", leniency=Leniency.VALID):
            yield start + places[match.start], start + places[match.end - 1] + 1
    for n, cue in enumerate(_CUE.finditer(text)):
        if cue["digits"].startswith(("0", "(0")):
            continue
        if _is_long_enough(cue["digits"]) if n >= _MOST_ASKED else _is_foreign(cue["digits"]):
            yield cue.span("digits")


def _is_long_enough(written: str) -> bool:
    return 8 <= sum(sign.isdecimal() for sign in written) <= 15


def _is_foreign(digits: str) -> bool:
    for region in _NEIGHBOURS:
        try:
            if is_valid_number(parse(digits, region)):
                return True
        except NumberParseException:
            continue
    return False
