"""Something grave said of one person who can be known: a crime, abuse, an illness, an addiction.

What is grave stands in data/accusation_patterns.txt and is looked for in the pass over the words
that `tone` makes; only where it is found are persons looked for. A person can be known by a name,
by a home ("på Storgatan 14 bor en alkoholist"), by a relation ("min granne"), or by a role with a
place ("läraren på Ekskolan"). What is said of nobody in particular ("tjuvar stjäl cyklar", "den som
tafsar") accuses nobody, and neither does what is denied, or set as a condition, or the illness of
somebody in the writer's own family ("min man är dement").

| who | crime, abuse | misuse of an office | illness, addiction |
| --- | --- | --- | --- |
| a name, a home | high | medium | medium |
| a relation, a role with a place | medium | medium | medium |
| somebody in a public office | as above | low: everybody may judge those in power | as above |
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from services.moderation.checks import tone
from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.personal.addresses import find_addresses
from services.moderation.checks.personal.name_words import (
    Word,
    is_certain,
    is_first_name,
    is_place,
    is_surname,
    words_of,
)
from services.moderation.checks.personal.names import find_names
from services.moderation.checks.word_lists import read_word_rows

NAME = "accusations"
VERSION = 3

GRAVE = 0.9
OFFICE = 0.7
ILLNESS = 0.5

_RELATIONS = read_word_rows("relations.txt")
_RELATION_ENDS = tuple(word for word in _RELATIONS if len(word) >= 5)
_ROLES = read_word_rows("roles.txt")
_ROLE_ENDS = tuple(read_word_rows("role_endings.txt"))
# Those whose office everybody may judge: at the desk and at the town hall.
_PUBLIC = read_word_rows("public_offices.txt")
_OWNERS = frozenset(
    {"min", "mitt", "vår", "vårt", "hans", "hennes", "deras", "hens", "mina", "våra", "my", "our"}
    | {"his", "her", "their"}
)
# Who lives at an address.
_DWELLERS = frozenset(
    {"familjen", "mannen", "kvinnan", "paret", "killen", "tjejen", "grannen", "ägaren", "gubben"}
    | {"tanten", "hyresgästen", "personen", "hon", "hen", "de", "dom", "snubben", "typen"}
    | {"pojken", "flickan", "ungdomarna", "familj", "han", "föräldrarna", "mamman", "pappan"}
    | {"karln", "damen", "grannarna", "bröderna", "systrarna", "makarna", "folk", "ägarna"}
)
_NEIGHBOURS = frozenset({"grannen", "grannfrun", "granngubben", "grannkärringen"})
_MINE = frozenset({"min", "mitt", "vår", "vårt", "my", "our"})
# Whose illness the writer tells because he cares for them.
_FAMILY = frozenset(
    {"man", "make", "maka", "fru", "hustru", "sambo", "partner", "son", "dotter", "bror", "syster"}
    | {"mamma", "pappa", "mor", "far", "mormor", "morfar", "farmor", "farfar", "barn", "barnbarn"}
    | {"husband", "wife", "daughter", "brother", "sister", "mother", "father", "mum", "dad"}
)
# Kings and saints are accused by nobody.
_OF_OLD = frozenset({"kung", "kungen", "drottning", "kejsare", "sankt", "sankta", "king", "queen"})
_PRONOUNS = frozenset({"han", "hon", "hen", "he", "she", "vederbörande", "denne"})
# Before these somebody else, or nobody in particular, does it.
_NOBODY = frozenset(
    {"någon", "några", "alla", "folk", "man", "dem", "den", "vem", "om", "ifall", "mot", "andra"}
    | {"ingen", "inga", "inte", "aldrig", "ej", "not", "never", "anyone", "someone", "people"}
    | {"somebody", "nobody", "if", "jag", "vi", "ni", "du", "i", "we", "you", "they", "många"}
    | {"människor", "personer", "elever", "ungdomar", "barn", "det", "dessa", "who", "de", "dom"}
    | {
        "polisen",
        "tjuvar",
        "annan",
        "it",
        "this",
        "that",
        "something",
        "misstänker",
        "varje",
        "en",
        "ett",
    }
)
_DENIED = frozenset({"inte", "aldrig", "ej", "knappast", "not", "never"})
_IN = frozenset({"på", "i", "vid", "från", "hos", "at", "in", "from", "of", "för"})
_LIVES = frozenset({"bor", "bodde", "lives", "finns", "huserar", "håller", "säljs", "langas"})
# A street with a number, even where `addresses` sees only a place.
_STREET = re.compile(
    r"\b[A-ZÅÄÖ][\w-]{1,25}(?:gatan|vägen|torget|stigen|gränden|gränd|allén|backen|gata|väg)"
    r"\s\d{1,3}(?!\d)(?:\s?[A-H]\b)?"
    # "Nummer 14 Mellangatan", "12:an på Mellangatan".
    r"|\b(?:(?i:nummer|nr\.?|hus)\s\d{1,3}|\d{1,3}:an)\s(?:på\s|i\s|vid\s)?"
    r"[A-ZÅÄÖ][\w-]{1,25}(?:gatan|vägen|torget|stigen|gränden|backen)\b"
)
_STOPS = ".!?;\n"
_BACK = 12
_AFTER = 6
_WIDEST = 12


class Person(NamedTuple):
    """Words [first, end) that tell who somebody is, and how well."""

    first: int
    end: int
    is_known: bool = False
    is_home: bool = False
    is_public: bool = False


def find_accusations(text: str, marked: Sequence[tone.Toned]) -> list[tuple[Span, Span, Severity]]:
    """Return who is accused, of what, and how grave that is; `marked` is what `tone` marks."""
    told = [
        each
        for each in marked
        if each.code is Code.ACCUSATION and not (each.negated or each.quoted)
    ]
    if not told:
        return []
    words = words_of(text)
    starts = [word.start for word in words]
    persons = _persons(words, starts, text)
    found = []
    for each in told:
        # What is marked may begin inside a word: "mare" in "Weston-Super-Mare".
        first = max(0, bisect_right(starts, each.span[0]) - 1)
        end = max(bisect_left(starts, each.span[1]), first + 1)
        if end < len(words) and words[end].low in _DENIED:
            continue
        person = _accused(words, persons, first, end, text)
        if person is not None and not (each.weight <= ILLNESS and _is_family(words, person)):
            who = (words[person.first].start, words[person.end - 1].end)
            found.append((who, each.span, _severity(person, each.weight)))
    return found


def _is_family(words: Sequence[Word], person: Person) -> bool:
    """Tell whether it is somebody of the writer's own family, without a name: "min man"."""
    own = words[person.first].low in _MINE and words[person.end - 1].low in _FAMILY
    return own and not person.is_known


def _severity(person: Person, weight: float) -> Severity:
    """Return how much it matters, as the table above says."""
    if person.is_public and OFFICE <= weight < GRAVE:
        return Severity.LOW
    return Severity.HIGH if person.is_known and weight >= GRAVE else Severity.MEDIUM


def _persons(words: Sequence[Word], starts: Sequence[int], text: str) -> list[Person]:
    """Return everybody whom a text points out, in order; of two that begin alike the longer."""
    found: dict[int, Person] = {}
    for person in (*_named(starts, text), *_told(words, text)):
        first, end = person.first, person.end
        if first not in found or found[first].end < end:
            around = words[max(0, first - 3) : end + 3]
            public = any(word.low in _PUBLIC for word in around)
            found[first] = person._replace(is_public=public)
    return [found[first] for first in sorted(found)]


def _named(starts: Sequence[int], text: str) -> Iterator[Person]:
    """Yield names and homes."""
    homes = [address.span for address in find_addresses(text)]
    homes += [match.span() for match in _STREET.finditer(text)]
    for is_home, spans in ((False, find_names(text)), (True, homes)):
        for start, stop in spans:
            first, end = bisect_left(starts, start), bisect_left(starts, stop)
            yield Person(first, max(first + 1, end), is_known=True, is_home=is_home)


def _told(words: Sequence[Word], text: str) -> Iterator[Person]:
    """Yield first names, relations, and roles with their place."""
    for n, word in enumerate(words):
        low = word.low
        if word.is_capital and len(low) > 1 and is_first_name(low) and not is_place(low):
            if n and words[n - 1].low in _OF_OLD:
                continue
            opens = n == 0 or _parted(text, words[n - 1], word)
            if not opens or is_certain(low):
                yield Person(n, n + 1, is_known=True)
        elif _is_owned(words, n):
            yield Person(n - 1, n + 1)
        elif low in _ROLES or low.endswith(_ROLE_ENDS):
            end = _titled(words, n, text) or _placed(words, n, text)
            if end is not None:
                yield Person(n, end)
        if low in _PUBLIC or low in _NEIGHBOURS:
            yield Person(n, n + 1)


def _is_owned(words: Sequence[Word], n: int) -> bool:
    """Tell whether it reads "min granne", "vår gamla rektor"."""
    low = words[n].low
    if n == 0 or not (low in _RELATIONS or low.endswith(_RELATION_ENDS + _ROLE_ENDS)):
        return False
    if words[n - 1].low in _OWNERS:
        return True
    # "Min förra sambo".
    return n > 1 and words[n - 2].low in _OWNERS and not words[n - 1].is_capital


def _titled(words: Sequence[Word], n: int, text: str) -> int | None:
    """Return where a name ends that follows a role: "handläggare Ek", "kassören Babak"."""
    at = n + 1
    if at == len(words) or text[words[n].end : words[at].start] != " ":
        return None
    low = words[at].low
    if not words[at].is_capital or is_place(low):
        return None
    return at + 1 if is_surname(low) or (len(low) > 1 and words[n].low.endswith("n")) else None


def _placed(words: Sequence[Word], n: int, text: str) -> int | None:
    """Return where a role's place ends: "läraren på Ekskolan", "handläggaren i Råå"."""
    for at in range(n + 1, min(n + 4, len(words) - 1)):
        if _parted(text, words[at - 1], words[at]):
            return None
        if words[at].low in _IN:
            place = words[at + 1]
            if place.is_capital or is_place(place.low) or place.low.endswith(_PLACES):
                return at + 2
            if at + 2 < len(words) and place.low in {"vår", "vårt", "min", "mitt", "klass"}:
                return at + 3
    return None


_PLACES = (
    *("linje", "våningen", "skift", "plan", "vårdcentral", "vårdcentralen", "skola", "pizzerian"),
    *("kiosken", "krogen", "firman", "företaget", "gymnasiet", "akuten", "mottagningen", "dagiset"),
    *("skolan", "kontoret", "förvaltningen", "boendet", "hemmet", "centralen", "sjukhuset"),
    *("gatan", "nämnden", "kommunen", "klubben", "laget", "föreningen", "affären", "butiken"),
    *(
        "kyrkan",
        "moskén",
        "dagis",
        "biblioteket",
        "gården",
        "enheten",
        "avdelningen",
        "jobbet",
        "badet",
    ),
)


def _accused(
    words: Sequence[Word], persons: Sequence[Person], first: int, end: int, text: str
) -> Person | None:
    """Return who does, is or has what stands at words [first, end)."""
    ends = {person.end - 1: person for person in persons}
    begins = {person.first: person for person in persons}
    before = _before(words, ends, persons, first, text)
    if before is not None or _is_blocked(words, first, text):
        return before
    # "Pedofilen Kent Larsson", "tjuven på Storgatan 14", "bor en alkoholist".
    for at in range(end, min(end + _AFTER, len(words))):
        if _parted(text, words[at - 1], words[at]):
            break
        if at in begins and (at == end or words[at - 1].low in _IN or words[at - 1].low in _VERBAL):
            return begins[at]
    return None


_VERBAL = frozenset({"är", "heter", "var", "is", "namn", "som", "called", "named"})


def _is_blocked(words: Sequence[Word], first: int, text: str) -> bool:
    """Tell whether somebody else is said to do it: "tjuvar rånade Kent"."""
    for at in range(first - 1, max(-1, first - 3), -1):
        if _parted(text, words[at], words[at + 1]):
            return False
        low = words[at].low
        if low in _LIVES or low in {"den", "en", "det", "the", "a"}:
            continue
        return low not in {"varför", "nu", "idag", "då", "för", "akta", "varning", "är", "var"}
    return False


def _before(
    words: Sequence[Word],
    ends: dict[int, Person],
    persons: Sequence[Person],
    first: int,
    text: str,
) -> Person | None:
    """Look to the left for the one who does it, as far as nobody else stands between."""
    for at in range(first - 1, max(-1, first - 1 - _BACK), -1):
        if _parted(text, words[at], words[at + 1]):
            break
        if at in ends:
            if _may_do(words, ends[at], first):
                return ends[at]
            return _resident(words, persons, ends[at]) if ends[at].is_home else None
        if words[at].low in _PRONOUNS:
            return _meant(persons, at, words, text)
        if _is_another(words, at, ends):
            break
    return None


def _is_another(words: Sequence[Word], at: int, ends: Collection[int]) -> bool:
    """Tell whether somebody else, or nobody in particular, is said to do it."""
    low = words[at].low
    if low in _ARTICLES and _is_said(words, at):
        return False
    # "Där bor det en knarkare".
    if low == "det" and words[at - 1].low in _LIVES:
        return False
    if low == "i":
        return words[at].text == "I"
    if low == "som":
        return at - 1 not in ends and words[at - 1].low not in _DWELLERS
    return low in _NOBODY or low.endswith(("arna", "erna", "orna"))


_ARTICLES = frozenset({"en", "ett", "den", "de", "dom"})


def _is_said(words: Sequence[Word], at: int) -> bool:
    """Tell whether the article belongs to what is said: "Kent är en tjuv", "där bor en alkis"."""
    return at > 0 and words[at - 1].low in {
        "är",
        "var",
        "is",
        "was",
        "blev",
        "bor",
        "bodde",
        "ut",
        "det",
    }


_FROM_A_HOME = 8


def _may_do(words: Sequence[Word], person: Person, first: int) -> bool:
    """Tell whether the one before is spoken of as the one who does it.

    A home alone does nothing: somebody must be said to live there.
    """
    at = person.first - 1
    if at >= 0 and words[at].low in {"om", "ifall", "if", "mot", "hjälp", "hjälpte"}:
        return False
    if not person.is_home:
        return True
    near = {word.low for word in words[max(0, person.first - _FROM_A_HOME) : first + 2]}
    return not near.isdisjoint(_DWELLERS | _LIVES)


def _resident(words: Sequence[Word], persons: Sequence[Person], home: Person) -> Person | None:
    """Return who is named before a home: "Kent på Storgatan 14", "min granne på Storgatan 14"."""
    if home.first == 0 or words[home.first - 1].low not in _IN:
        return None
    for person in persons:
        if not person.is_home and person.first < home.first - 1 <= person.end:
            return person._replace(is_known=True)
    return None


_NEAR = 30


def _meant(persons: Sequence[Person], at: int, words: Sequence[Word], text: str) -> Person | None:
    """Return who "han" is: the last one before it, in this sentence or the one before."""
    last = next((person for person in reversed(persons) if person.end <= at), None)
    if last is None or at - last.end > _NEAR or last.is_home:
        return None
    between = text[words[last.end - 1].end : words[at].start]
    return last if sum(between.count(stop) for stop in ".!?") <= 1 else None


def _parted(text: str, left: Word, right: Word) -> bool:
    """Tell whether a sentence ends between two words."""
    between = text[left.end : right.start]
    return len(between) > _WIDEST or any(stop in between for stop in _STOPS)


def make_check(equipment: Equipment) -> Check:
    """Return the check; staff's words count only in that what they allow is spared."""
    added = tone.terms_added(equipment)

    def run(subject: Subject) -> Iterator[Finding]:
        """Yield one finding with all who are accused and of what."""
        found = find_accusations(subject.text, tone.marked_with(subject.text, added))
        if found:
            worst = max((severity for *_, severity in found), key=lambda s: s.rank)
            spans = join_spans(span for who, what, _ in found for span in (who, what))
            score = {Severity.HIGH: 0.9, Severity.MEDIUM: 0.7}.get(worst, 0.4)
            yield Finding(NAME, Code.ACCUSATION, worst, score, "text", spans)

    return Check(NAME, VERSION, run)
