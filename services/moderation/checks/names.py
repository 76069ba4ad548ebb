"""Names of persons in running text, found by first names, by surnames and by what announces them.

Streets, places, schools and firms are full of names ("Gustav Adolfs torg", "Karl Johansgatan",
"Håkan Hellströmsplatsen"), and many first names are everyday words ("Sol", "Per", "Vilja"). So a
first name alone is nobody: it needs a surname beside it, or a word before it that announces a
person ("min granne Kent", "rektorn Eva"), and what ends as a place is a place.

The lists of names are the project's own (data/first_names.txt, data/surnames.txt); every other
capitalised word can be a surname too, so that they need not be complete.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from services.moderation.checks import word_lists
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Span,
    Subject,
    joined,
)

NAME = "names"


def _listed(name: str) -> frozenset[str]:
    return frozenset(word.lower() for line in word_lists.lines(name) for word in line.split())


_CERTAIN = _listed("first_names.txt")
_ALSO_WORDS = _listed("first_names_also_words.txt")
_SURNAMES = _listed("surnames.txt")
_PLACES = _listed("place_words.txt")
_NO_NAMES = _listed("no_names.txt")
# What ends a longer word and is no ending of surnames as well ("Lindhall", "Lundborg").
_PLACE_ENDS = tuple(_listed("place_endings.txt"))

_PATRONYM = re.compile(r"[^\W\d_]{2,20}(?:sson|sdotter|sdóttir|son)s?\Z")
# Endings of surnames that no place has.
_NO_PLACE = re.compile(
    r"[^\W\d_]{2,20}(?:sson|sdotter|sdóttir|sen|son|ström|qvist|kvist|quist|stedt|crantz|krantz"
    r"|hjelm|hielm|skiöld|sköld|elius|enius|ović|ovic|ević|evic|oğlu|oglu)s?\Z"
)
_ENDING = re.compile(
    r"[^\W\d_]{2,20}(?:ss?on|dotter|qvist|kvist|quist|ström|gren|stedt|stett|blad|crantz|krantz"
    r"|hjelm|hielm|skiöld|sköld|berg|borg|lund|lind|holm|dahl|man|mark|ander|elius|enius|ell|én"
    r"|in|sen|ović|ovic|ević|evic|ić|ski|ska|nen|poulos|zadeh|yan|ian|oğlu|oglu|pour)s?\Z"
)
_RELATIONS = _listed("relations.txt")
_ROLES = _listed("roles.txt")
_OWNERS = frozenset(
    {"min", "mitt", "vår", "vårt", "din", "ditt", "er", "ert", "hans", "hennes"}
    | {"deras", "hens", "en", "ena", "denna", "denne", "my", "his", "her", "our"}
)
# Between a word that announces and the name.
_BRIDGE = re.compile(r"(?:,?\s(?:som\s)?heter|\svid\snamn|,)?\s(?=[^\W\d_])", re.IGNORECASE)
_SUBJECTS = frozenset({"han", "hon", "hen", "som"})
# Before a family's name: the whole of it is a name, even if no first name stands there.
_TITLES = frozenset({"herr", "fru", "fröken", "mr", "mrs", "ms", "miss", "familjen", "tant"})
_HOLY = frozenset({"sankt", "sankta", "st", "s:t", "s:ta", "kung", "drottning", "prins", "tsar"})
_PARTICLES = frozenset(
    {"von", "van", "der", "den", "de", "af", "av", "la", "le", "da", "dos", "di"}
    | {"du", "bin", "ibn", "al", "el", "ben", "ter", "zu"}
)

_WORD = re.compile(
    r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*(?:['’:-][^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*)*"
)
_LONGEST_NAME = 5


class Word(NamedTuple):
    """A word, where it stands, and how it is written in small letters."""

    start: int
    end: int
    text: str
    low: str

    @property
    def is_capital(self) -> bool:
        """Tell whether it is written as a name."""
        return self.text[0].isupper() or self.low.startswith(("al-", "el-", "d'", "d’"))


def words_of(text: str) -> list[Word]:
    """Return the words, accents written apart joined to their letters in `text` and `low` only."""
    found = []
    for match in _WORD.finditer(text):
        word = match[0]
        if not word.isascii():
            word = unicodedata.normalize("NFC", word)
        found.append(Word(match.start(), match.end(), word, word.lower()))
    return found


def _bare(low: str) -> str:
    """Return a name without the s of the genitive, if that makes it known."""
    shorter = low[:-1]
    return shorter if low.endswith("s") and (shorter in _SURNAMES or shorter in _CERTAIN) else low


def is_first_name(low: str) -> bool:
    """Tell whether a word in small letters is a first name, whatever else it may be."""
    parts = low.split("-")
    return all(part in _CERTAIN or part in _ALSO_WORDS for part in parts)


def is_certain(low: str) -> bool:
    """Tell whether a word in small letters is a first name and no other word."""
    return any(part in _CERTAIN for part in low.split("-")) and is_first_name(low)


def _is_place(low: str) -> bool:
    """Tell whether a word names a place, a building or an organisation."""
    last = low.rsplit("-", 1)[-1]
    stem = last.removesuffix("s")
    return (
        last in _PLACES
        or stem in _PLACES
        or last.endswith(_PLACE_ENDS)
        or stem.endswith(_PLACE_ENDS)
    )


def _is_surname(low: str) -> bool:
    """Tell whether a word is known for a surname, or ends like one."""
    last = low.rsplit("-", 1)[-1]
    return _bare(last) in _SURNAMES or _ENDING.match(last) is not None


def _runs(words: Sequence[Word], text: str) -> Iterator[tuple[int, int]]:
    """Yield [first, last) of stretches of capitalised words with one blank between them.

    Small particles between capitals ("von", "al") belong to the stretch, and so do initials.
    """
    first = 0
    while first < len(words):
        if not words[first].is_capital:
            first += 1
            continue
        last = first + 1
        while last < len(words) and _adjoin(text, words[last - 1], words[last]):
            if words[last].is_capital:
                last += 1
            elif (
                words[last].low in _PARTICLES
                and last + 1 < len(words)
                and words[last + 1].is_capital
                and _adjoin(text, words[last], words[last + 1])
            ):
                last += 2
            else:
                break
        yield first, last
        first = last


def _adjoin(text: str, left: Word, right: Word) -> bool:
    between = text[left.end : right.start]
    return between in {" ", "\u00a0"} or (len(left.text) == 1 and between in {". ", "."})


def _full_names(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield first names with a surname."""
    for first, last in _runs(words, text):
        if last - first < 2 or _is_place_after(words, last, text):
            continue
        run = words[first:last]
        if first and words[first - 1].low in _HOLY and _adjoin(text, words[first - 1], run[0]):
            continue
        yield from _in_run(run, opens=_opens(words, first, text))


def _opens(words: Sequence[Word], first: int, text: str) -> bool:
    """Tell whether a word opens a sentence or a line, where every word has a capital."""
    if first == 0:
        return True
    between = text[words[first - 1].end : words[first].start]
    return any(mark in between for mark in '.!?:\n•*"”»–')


def _is_place_after(words: Sequence[Word], last: int, text: str) -> bool:
    """Tell whether a place follows in small letters: "Gustav Adolfs torg"."""
    return (
        last < len(words)
        and words[last].low in _PLACES
        and text[words[last - 1].end : words[last].start] == " "
        and words[last - 1].low.endswith(("s", "x", "z"))
    )


def _in_run(run: Sequence[Word], *, opens: bool) -> Iterator[Span]:
    at = 0
    while at < len(run) - 1:
        length = _name_at(run, at, opens=opens and at == 0)
        if length:
            yield run[at].start, run[at + length - 1].end
            at += length
        else:
            at += 1


def _name_at(run: Sequence[Word], at: int, *, opens: bool) -> int:
    """Return how many words of the run from `at` on are one person's name; 0 for none.

    `opens` says that the first of them would have a capital whatever it is.
    """
    head = run[at]
    rest = run[at + 1 : at + _LONGEST_NAME]
    if head.low in _HOLY or _is_none(head.low) or any(_is_place(word.low) for word in rest):
        return 0
    known = is_certain(head.low)
    shouted = head.text.isupper() and len(head.text) > 1
    length = 1
    for word in rest:
        if _is_none(word.low) or (word.text.isupper() and len(word.text) > 2 and not shouted):
            break
        length += 1
        if not is_first_name(word.low) and word.low not in _PARTICLES and len(word.text) > 1:
            break
    tail = run[at + length - 1]
    # A second surname, and a double one.
    if length < 2 or tail.low in _PARTICLES or len(tail.text) < 2:
        return 0
    if at + length < len(run) and _is_surname(run[at + length].low) and _is_surname(tail.low):
        length += 1
    if shouted:
        return length if known and _is_surname(tail.low) else 0
    if known:
        # Two first names and nothing else are a street, a ship, or half a name.
        return length if not is_first_name(tail.low) or _is_surname(tail.low) else 0
    if is_first_name(head.low):
        return length if _is_surname(tail.low) or not (opens or is_first_name(tail.low)) else 0
    # A first name that nobody listed, before what can be nothing but a surname.
    sure = _PATRONYM if opens else _NO_PLACE
    return length if length == 2 and sure.match(tail.low) and len(head.text) > 2 else 0


def _is_none(low: str) -> bool:
    return low in _NO_NAMES and low not in _CERTAIN


def _small_names(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield names in small letters: a certain first name before one that ends on -sson."""
    for left, right in pairwise(words):
        if (
            not left.is_capital
            and left.low in _CERTAIN
            and right.low.rstrip("s").endswith(("sson", "sdotter"))
            and _PATRONYM.match(right.low)
            and _adjoin(text, left, right)
        ):
            yield left.start, right.end


def _announced(words: Sequence[Word], text: str) -> Iterator[Span]:
    """Yield what stands after a word that announces a person."""
    for n, word in enumerate(words):
        owned = word.low in _RELATIONS and any(w.low in _OWNERS for w in words[max(0, n - 2) : n])
        called = word.low == "heter" and n > 0 and words[n - 1].low in _SUBJECTS
        if not (owned or called or word.low in _ROLES):
            continue
        bridge = _BRIDGE.match(text, word.end)
        # The bridge may be words of its own.
        at = next(
            (
                k
                for k in range(n + 1, min(n + 4, len(words)))
                if bridge and words[k].start == bridge.end()
            ),
            None,
        )
        if at is not None and words[at].is_capital and len(words[at].text) > 1:
            titled = word.low in _TITLES
            yield from _name_after(words, at, text, owned=owned, titled=titled)


def _name_after(
    words: Sequence[Word], n: int, text: str, *, owned: bool, titled: bool
) -> Iterator[Span]:
    last = n + 1
    while (
        last < len(words)
        and last - n < 3
        and words[last].is_capital
        and _adjoin(text, words[last - 1], words[last])
    ):
        last += 1
    run = words[n:last]
    if any(_is_place(word.low) for word in run) or _is_place_after(words, last, text):
        return
    if titled and run[-1].low.endswith("s") and _is_surname(run[-1].low[:-1]):
        return  # "familjen Dicksons donation"
    head = run[0]
    if _is_none(head.low) or (head.text.isupper() and not is_first_name(head.low)):
        return
    if is_first_name(head.low):
        length = len(run)
    elif titled and _is_surname(head.low):
        length = 1
    elif len(run) > 1 and _is_surname(run[1].low):
        length = 2
    elif owned and len(run) == 1:
        length = 1
    else:
        return
    yield run[0].start, run[length - 1].end


_FAREWELL = re.compile(
    r"(?:\b(?:mvh|hälsningar|hälsar|hälsn|vänligen|högaktningsfullt|undertecknad|regards)\b[,:.!]?\s{1,3}|[/–—]\s?)"
    r"(?P<name>[^\W\d_][^\n.!?,/]{2,50}?)[.!]?\s*\Z",
    re.IGNORECASE,
)
_TAIL = 80


def _signed(text: str) -> Iterator[Span]:
    """Yield the full name under a text; a first name alone is nobody."""
    at = max(0, len(text) - _TAIL)
    match = _FAREWELL.search(text, at)
    if match is None:
        return
    run = words_of(match["name"])
    if (
        2 <= len(run) <= 3
        and all(word.is_capital and len(word.text) > 1 and not word.text.isupper() for word in run)
        and not any(_is_place(word.low) or _is_none(word.low) for word in run)
        and (is_first_name(run[0].low) or _is_surname(run[-1].low))
    ):
        yield match.start("name") + run[0].start, match.start("name") + run[-1].end


def find(text: str) -> tuple[Span, ...]:
    """Return where persons are named in a text."""
    words = words_of(text)
    return joined(
        [
            *_full_names(words, text),
            *_small_names(words, text),
            *_announced(words, text),
            *_signed(text),
        ]
    )


def run(subject: Subject) -> Iterator[Finding]:
    """Yield what names a person: to be seen, since only people know who is public and who is not.

    The writer's own full name in the field for it is theirs to give, and only told.
    """
    for field, text in subject.fields:
        spans = find(text)
        if spans:
            severity, score = (Severity.LOW, 0.6) if field == "text" else (Severity.INFO, 0.5)
            yield Finding(NAME, Code.PERSON_NAME, severity, score, field, spans)


CHECK = Check(NAME, 1, run)
