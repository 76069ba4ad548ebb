"""Swedish personal identity numbers in running text.

The rule of Skatteverket (SKV 704, SKV 707): YYMMDD-NNNC or YYYYMMDD-NNNC, `+` instead of `-` from
the year the person turns 100; the last digit is a Luhn check over the nine before it (ISO/IEC
7812-1, annex B). A coordination number (samordningsnummer) has 60 added to the day. An interim
number has a letter for the first digit of NNN, counted as 1; who gives out numbers of that form for
a while (schools, hospitals) may count otherwise, so beside a date and a sign the letter is enough.
"""

import re
from calendar import monthrange
from collections.abc import Iterator

from stdnum import luhn

from services.moderation.checks.finding import Span, join_spans

_BLANK = r" \t\u00a0\u2000-\u200a\u202f\u205f\u3000"
_DASH = r"\-\u2010-\u2015\u2043\u2212\ufe58\ufe63\uff0d"
# Signs without width, which copying from a web page or a PDF leaves behind.
_UNSEEN = r"[\u00ad\u200b-\u200f\u2060\ufeff]{0,2}"
_GAP = rf"{_UNSEEN}[{_BLANK}{_DASH}./_]?{_UNSEEN}"
_SIGN = (
    rf"{_UNSEEN}(?:[{_BLANK}]{{0,2}}[+\uff0b{_DASH}./_:][{_DASH}]?[{_BLANK}]{{0,2}}|[{_BLANK}]{{1,2}})?"
    rf"{_UNSEEN}"
)
_INTERIM = "TRSUWXJKLMNtrsuwxjklmn"

# Date or serial may stand in brackets: "(811218) 9876".
_GROUPED = re.compile(
    rf"(?<!\d)(?P<date>\()?(?:(?:[1１][89８９]|[2２][0０]){_GAP})?\d\d{_GAP}\d\d{_GAP}\d\d(?(date)\))"
    rf"{_SIGN}(?P<serial>\()?[\d{_INTERIM}](?:{_GAP}\d{_GAP}\d{_GAP}\d)(?(serial)\))(?!\d)"
)
# Of another office than the one that counts check digits.
_LENT = re.compile(
    rf"\(?(?:19|20)?\d{{6}}\)?[{_BLANK}]?[+{_DASH}./_][{_BLANK}]?[{_INTERIM}]{_GAP}\d{{3}}\Z"
)
# Every digit by itself: "8 1 1 2 1 8 - 9 8 7 6".
_SPACED = re.compile(
    rf"(?<!\d)(?:\d{_UNSEEN}(?:[{_BLANK}]?[.+_{_DASH}][{_BLANK}]?|[{_BLANK}]{{1,2}})){{9,11}}\d(?!\d)"
)
# Nine digits near each other, so that the long patterns are tried on few texts.
_ENOUGH = re.compile(r"\d(?:\D{0,12}\d){8}")
_SIGNS = re.compile(rf"[\d{_INTERIM}]")
_PIECES = re.compile(rf"[\d{_INTERIM}]{{1,12}}")
_APART = rf"(?:[^\S\n]{{1,2}}|[.,:/_+{_DASH}]|[^\S\n][._+{_DASH}][^\S\n])?"
_NEXT_BEFORE = re.compile(rf"\d{_APART}\Z")
_NEXT_AFTER = re.compile(rf"{_APART}\d")
# "2001-12-18 – 2004" is a time.
_DATE_TO_YEAR = re.compile(rf"\s[{_DASH}]\s(?:19|20)\d\d\Z")
_COORDINATION = 60

# Numbers that PTS keeps free for books and films (PTSFS 2006:3 and later); nobody has them, and
# written in one piece they have the shape of a coordination number of 2007.
_FICTIONAL_PHONES = range(701740605, 701740700)


def is_number(century: str, year: str, month: str, day: str, serial: str) -> bool:
    """Tell whether the parts are a valid number; `century` may be empty.

    `serial` is the last four signs, its first possibly a letter.
    """
    if serial[0] in _INTERIM:
        serial = "1" + serial[1:]
    if serial.startswith("000"):
        return False
    years = [int(c) * 100 + int(year) for c in ([century] if century else ["20", "19", "18"])]
    if not any(_is_date(y, int(month), int(day)) for y in years):
        return False
    digits = "".join(str(int(d)) for d in year + month + day + serial)
    if not century and int(digits) in _FICTIONAL_PHONES:
        return False
    return bool(luhn.is_valid(digits))


def _is_date(year: int, month: int, day: int) -> bool:
    if day >= _COORDINATION:
        # The date is only what somebody said: month and day may be 0, and 31 April is among the
        # official test numbers.
        return month <= 12 and day - _COORDINATION <= 31
    return 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def find_personnummer(text: str) -> tuple[Span, ...]:
    """Return where valid numbers stand, in any common way of writing them."""
    if not _ENOUGH.search(text):
        return ()
    return join_spans([*_found(_GROUPED, text), *_found(_SPACED, text)])


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """Yield what is valid; after what is not, go on from its second sign.

    Other digits before a number make one with its beginning: "kl 10 30 811218-9876".
    """
    at = 0
    while match := pattern.search(text, at):
        at = match.start() + 1
        if not (_is_tight(match[0]) or _stands_alone(text, match)):
            if pattern is _SPACED:
                at = match.end()  # nor does anything inside a longer row of digits
        elif _is_valid(match[0]) or _is_lent(match[0]):
            yield match.span()
            at = match.end()


def _is_valid(written: str) -> bool:
    signs = "".join(_SIGNS.findall(written))
    century, short = signs[:-10], signs[-10:]
    return len(signs) in {10, 12} and is_number(
        century, short[:2], short[2:4], short[4:6], short[6:]
    )


def _is_lent(written: str) -> bool:
    """Tell whether a date, a sign and a letter are somebody's number, whatever its last digit."""
    signs = "".join(_SIGNS.findall(written))
    if not _LENT.match(written) or len(signs) not in {10, 12}:
        return False
    date = signs[-10:-4]
    years = [int(signs[:4])] if len(signs) > 10 else [1900 + int(date[:2]), 2000 + int(date[:2])]
    return any(_is_date(year, int(date[2:4]), int(date[4:])) for year in years)


def _is_tight(written: str) -> bool:
    """Tell whether date and serial are written in one piece each."""
    parts = _PIECES.findall(written)
    return len(parts) <= 2 and len(parts[-1]) in {4, 10, 12}


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Tell whether what is written in many pieces is no part of a table ("07.10 07.20 07.30").

    Its date has one sort of sign between the parts, and no other number is beside it.
    """
    if _NEXT_BEFORE.search(text[max(0, match.start() - 4) : match.start()]):
        return False
    if _NEXT_AFTER.match(text, match.end()):
        return False
    between = [gap.strip() or gap[:1] for gap in _PIECES.split(match[0])[1:-1]]
    # The last of them but those in the serial stands before the serial and may be any.
    sorts = set(between[:2]) if len(between) > 2 else set()
    return len(sorts) <= 1 and not _DATE_TO_YEAR.search(match[0])


_MOBILE = re.compile(r"070\d{7}\Z")
_SAID = re.compile(
    r"\b(?:pnr|person|samordning|född|fött|id)\w{0,12}\b[^\n]{0,20}\Z", re.IGNORECASE
)
_BEFORE = 40


def may_be_phone(text: str, span: Span) -> bool:
    """Tell whether a valid number is as well a mobile phone's, and no word says which.

    One in seventeen of the mobile numbers on 070 has, in one piece, the shape and the check digit
    of somebody born in 2007.
    """
    start, end = span
    before = text[max(0, start - _BEFORE) : start]
    return _MOBILE.match(text[start:end]) is not None and _SAID.search(before) is None
