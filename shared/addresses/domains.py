"""A domain as DNS has it: IDNA 2008, in one place for checking, sending and comparing.

The codec of Python's standard library speaks IDNA 2003, which makes `strasse.example` of
`straße.example` and even of `xn--strae-oqa.example`: somebody else's domain.
"""

import re

import idna

LONGEST = 253
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class BadDomainError(ValueError):
    """A name is no domain; the text never quotes it."""


def ascii_of(name: str) -> str:
    """Return a domain in small ASCII letters (`räksmörgås.se` → `xn--…`). Raises BadDomainError.

    A dot at its end says nothing. A label that says it is encoded (`xn--…`) is decoded, and has to
    be what it says.
    """
    lower = name.lower()
    if not (lower.isascii() and "xn--" not in lower):
        try:
            lower = idna.encode(name, uts46=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError):
            raise BadDomainError from None
    lower = lower.removesuffix(".")
    if len(lower) > LONGEST or not _PLAIN.fullmatch(lower):
        raise BadDomainError
    return lower


def as_browsers_do(name: str) -> str:
    """Return the host that a browser would ask for, to compare it with others; nothing is raised.

    Browsers (UTS 46) also take names that IDNA 2008 does not know, such as those with pictures.
    """
    try:
        return ascii_of(name)
    except BadDomainError:
        pass
    try:
        labels = idna.uts46_remap(name, std3_rules=False, transitional=False).split(".")
        return ".".join(
            each if each.isascii() else f"xn--{each.encode('punycode').decode('ascii')}"
            for each in labels
        )
    except (idna.IDNAError, UnicodeError):
        return name.lower()
