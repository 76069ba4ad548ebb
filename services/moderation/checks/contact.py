"""E-mail addresses and phone numbers in running text."""

import re
from collections.abc import Iterator

from phonenumbers import Leniency, PhoneNumberMatcher

from services.moderation.checks.finding import Span, joined

# Looked for from the sign outwards, so that a text full of letters costs nothing.
_AT = re.compile(r"@|\s?[\[({]\s?(?:at|a|snabel-?a|@)\s?[\])}]\s?", re.IGNORECASE)
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_LONGEST_LOCAL = 64


def emails(text: str) -> tuple[Span, ...]:
    """Return where e-mail addresses stand, also written as "anna (at) example.se"."""
    spans: list[Span] = []
    for at in _AT.finditer(text):
        window = text[max(0, at.start() - _LONGEST_LOCAL) : at.start()]
        local = _LOCAL.search(window)
        domain = _DOMAIN.match(text, at.end())
        if local and domain and (name := local[0].lstrip("./'`{|=*")):
            spans.append((at.start() - len(name), domain.end()))
    return joined(spans)


# What might be a number, and nothing else, is handed to the library: it is thorough but slow. As
# Swedish readers write it, a number begins with 0 or +.
_DIGITS = re.compile(
    r"(?<!\d)(?:\(?[+\uff0b]\s?\d|\(?[0\uff10])(?:[\s\-\u2010-\u2015\u2212/().]{0,3}\d){5,24}"
)
_MARGIN = 2


def phones(text: str, taken: tuple[Span, ...] = ()) -> tuple[Span, ...]:
    """Return where phone numbers valid in Sweden, or with a country code, stand.

    What overlaps `taken` (personnummer) is left out.
    """
    return joined(
        span
        for span in _phones(text)
        if not any(span[0] < end and start < span[1] for start, end in taken)
    )


def _phones(text: str) -> Iterator[Span]:
    for digits in _DIGITS.finditer(text):
        start = max(0, digits.start() - _MARGIN)
        part = text[start : digits.end() + _MARGIN]
        for match in PhoneNumberMatcher(part, "SE", leniency=Leniency.VALID):
            yield start + match.start, start + match.end
