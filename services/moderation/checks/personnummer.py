"""Swedish personal identity numbers in running text.

The rule of Skatteverket (SKV 704, SKV 707): YYMMDD-NNNC or YYYYMMDD-NNNC, `+` instead of `-` from
the year the person turns 100; the last digit is a Luhn check over the nine before it (ISO/IEC
7812-1, annex B). A coordination number (samordningsnummer) has 60 added to the day. An interim
number has a letter for the first digit of NNN, counted as 1.
"""

import re
from calendar import monthrange

from stdnum import luhn

from services.moderation.checks.finding import Span, joined

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

_GROUPED = re.compile(
    rf"(?<!\d)(?:(?P<century>1[89]|20){_GAP})?(?P<year>\d\d){_GAP}(?P<month>\d\d){_GAP}(?P<day>\d\d)"
    rf"{_SIGN}(?P<first>[\d{_INTERIM}])(?P<rest>{_GAP}\d{_GAP}\d{_GAP}\d)(?!\d)"
)
# Every digit by itself: "8 1 1 2 1 8 - 9 8 7 6".
_SPACED = re.compile(
    rf"(?<!\d)(?:\d{_UNSEEN}[{_BLANK}]?[{_BLANK}.+_{_DASH}][{_BLANK}]?){{9,11}}\d(?!\d)"
)
# Nine digits near each other, so that the long patterns are tried on few texts.
_ENOUGH = re.compile(r"\d(?:\D{0,12}\d){8}")
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


def find(text: str) -> tuple[Span, ...]:
    """Return where valid numbers stand, in any common way of writing them."""
    if not _ENOUGH.search(text):
        return ()
    spans: list[Span] = []
    for match in _GROUPED.finditer(text):
        serial = match["first"] + re.sub(r"\D", "", match["rest"])
        parts = (match["century"] or "", match["year"], match["month"], match["day"], serial)
        if is_number(*parts):
            spans.append(match.span())
    for match in _SPACED.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) in {10, 12}:
            century, short = digits[:-10], digits[-10:]
            if is_number(century, short[:2], short[2:4], short[4:6], short[6:]):
                spans.append(match.span())
    return joined(spans)
