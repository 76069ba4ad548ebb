"""Links in running text: written out, with www., or a bare domain."""

import re
from dataclasses import dataclass

import tldextract

from services.moderation.checks.finding import Span
from services.moderation.checks.word_lists import words

# The list of suffixes that comes with the package; nothing is fetched and nothing is written.
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

_WRITTEN_OUT = re.compile(r"(?:https?://|www\.)[^\s<>\"”“]{1,2000}", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![\w@./:-])(?P<host>[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?){1,6})"
    r"(?P<path>[/?#][^\s<>\"”“]{0,500})?(?![\w@])"
)
_AFTER_LINK = ".,;:!?'’»)]}…"

# Suffixes that are also words: "varje dag.om man" has lost a space, it is no link. They count with
# a path or more than two labels.
_WORDS = words("word_suffixes.txt")

SHORTENERS = words("shorteners.txt")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link stands, and whether it hides where it leads."""

    span: Span
    shortened: bool


def find(text: str) -> tuple[Link, ...]:
    """Return the links of a text, in order. E-mail addresses are none."""
    found: list[Link] = []
    for match in _WRITTEN_OUT.finditer(text):
        shown = match[0].rstrip(_AFTER_LINK)
        host = re.split(r"[/?#:]", shown.split("://", 1)[-1], maxsplit=1)[0]
        if "." in host.lower().removeprefix("www."):
            found.append(_link(match.start(), shown, host))
    taken = [link.span for link in found]
    for match in _BARE.finditer(text):
        start = match.start()
        inside = any(a <= start < b for a, b in taken)
        if not inside and _is_domain(match["host"], with_path=match["path"] is not None):
            found.append(_link(start, match[0].rstrip(_AFTER_LINK), match["host"]))
    return tuple(sorted(found, key=lambda link: link.span))


def _link(start: int, shown: str, host: str) -> Link:
    site = host.lower().removeprefix("www.")
    return Link((start, start + len(shown)), site in SHORTENERS)


def _is_domain(host: str, *, with_path: bool) -> bool:
    labels = host.split(".")
    last = labels[-1]
    # "i parken.Se till att": a sentence begins with a capital, a suffix is written in one case.
    if not (last.islower() or host.isupper()) or len(last) < 2 or len(labels[-2]) < 2:
        return False
    if last.lower() in _WORDS and not with_path and len(labels) < 3:
        return False
    parts = _suffixes(host.lower())
    return bool(parts.domain and parts.suffix)
