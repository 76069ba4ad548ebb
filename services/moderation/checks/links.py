"""Links in running text: written out, with www., bare, or disguised ("exempel [dot] com")."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import idna
import tldextract

from services.moderation.checks.finding import Span
from services.moderation.checks.scripts import is_mixed
from services.moderation.checks.word_lists import read_words
from shared.text import fold_word

# The list of suffixes that comes with the package; nothing is fetched and nothing is written.
_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

_WRITTEN_OUT = re.compile(r"(?:https?://|www\.)[^\s<>\"”“]{1,2000}", re.IGNORECASE)
_BARE = re.compile(
    r"(?<![\w@./:-])(?P<host>[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?){1,6})"
    r"(?P<path>[/?#][^\s<>\"”“]{0,500})?(?![\w@])"
)
# "exempel [dot] com", "exempel (punkt) se".
_DISGUISED = re.compile(
    r"\b[^\W_][\w-]{1,62}\s?[\[({]\s?(?:dot|punkt|\.)\s?[\])}]\s?[a-z]{2,12}\b", re.IGNORECASE
)
_AFTER_LINK = ".,;:!?'’»)]}…"

# Suffixes that are also words: "varje dag.om man" has lost a space, it is no link. They count with
# a path or more than two labels.
_WORDS = read_words("word_suffixes.txt")

SHORTENERS = read_words("shorteners.txt")
# Sites that are imitated to steal passwords.
_KNOWN_SITES = read_words("known_sites.txt")
_LIKE_LETTERS = str.maketrans("0135", "oles")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link stands, whether it hides where it leads, and whether it poses as another site.

    `host` is the site it leads to, decoded (IDNA) to what a reader would see.
    """

    span: Span
    host: str
    shortened: bool
    lookalike: bool = False


def find_links(text: str, own_sites: frozenset[str] = frozenset()) -> tuple[Link, ...]:
    """Return the links of a text, in order. E-mail addresses are none.

    `own_sites` are the city's (`name_sites`), which others may pose as, too.
    """
    found: list[Link] = []
    for match in _WRITTEN_OUT.finditer(text):
        shown = match[0].rstrip(_AFTER_LINK)
        # "https://bank.se@elsewhere.ru": what stands before the @ is no host.
        authority = re.split(r"[/?#]", shown.split("://", 1)[-1], maxsplit=1)[0]
        before, _at, site = authority.rpartition("@")
        host = site.partition(":")[0]
        if "." in host.lower().removeprefix("www."):
            found.append(_link(match.start(), shown, host, own_sites, poses="." in before))
    taken = [link.span for link in found]
    for match in _BARE.finditer(text):
        start = match.start()
        inside = any(a <= start < b for a, b in taken)
        if not inside and _is_domain(match["host"], with_path=match["path"] is not None):
            found.append(_link(start, match[0].rstrip(_AFTER_LINK), match["host"], own_sites))
    found += [Link(match.span(), match[0], shortened=True) for match in _DISGUISED.finditer(text)]
    return tuple(sorted(found, key=lambda link: link.span))


def name_sites(hosts: Iterable[str]) -> frozenset[str]:
    """Return the sites that hosts belong to; what is no host of the open internet has none."""
    parts = [_suffixes(host.lower()) for host in hosts]
    return frozenset(f"{each.domain}.{each.suffix}" for each in parts if each.suffix)


def _link(
    start: int, shown: str, host: str, own_sites: frozenset[str], *, poses: bool = False
) -> Link:
    site = decode_host(host.lower().removeprefix("www."))
    return Link(
        (start, start + len(shown)),
        site,
        shortened=site in SHORTENERS or site.replace(".", "").isdigit(),
        lookalike=poses or _imitates(site, own_sites),
    )


def decode_host(host: str) -> str:
    """Return a host as a reader would see it: "xn--…" (RFC 3492) as the letters it stands for."""
    labels = []
    for label in host.split("."):
        try:
            labels.append(idna.decode(label) if label.startswith("xn--") else label)
        except (idna.IDNAError, UnicodeError):
            labels.append(label)
    return ".".join(labels)


def _imitates(site: str, own_sites: frozenset[str]) -> bool:
    """Tell whether a host mixes alphabets, or is a known site but for letters that look alike."""
    labels = site.split(".")
    if any(is_mixed(label) for label in labels):
        return True
    registered = ".".join(labels[-2:])
    known = _KNOWN_SITES | own_sites
    return registered not in known and _plain(registered) in _list_plain(known)


def _plain(site: str) -> str:
    return ".".join(
        fold_word(label).translate(_LIKE_LETTERS).replace("rn", "m") for label in site.split(".")
    )


@lru_cache(maxsize=8)
def _list_plain(sites: frozenset[str]) -> frozenset[str]:
    return frozenset(map(_plain, sites))


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
