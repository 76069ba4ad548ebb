"""Hints of what is nobody's business: health, faith, politics, union, sexuality, origin, crime.

What GDPR calls special categories (article 9) and offences (article 10). A topic tells of nobody
("bygg en moské", "personer med funktionsnedsättning"): the words count only where one person is
said to have, be or do it: the writer ("jag har diabetes"), a relative ("min son har autism"), or
somebody with a name or a role ("Kent är alkoholist", "grannen knarkar"). Denials and questions
count as well, for they tell as much; conditions ("om jag är sjuk") and general talk ("man är
sjuk", "den som är blind") do not.

One pass over the words; at each hit a bounded look back.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from services.moderation.checks import word_lists
from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.personal.name_words import Word, is_certain, is_first_name, words_of

NAME = "sensitive"

How = Literal["have", "be", "in", "do"]


class _Term(NamedTuple):
    kind: str
    how: str


_WHOLE: dict[str, tuple[_Term, ...]] = {}
# By their first three letters, so that a word is compared with a few only.
_STEMS: dict[str, list[tuple[str, _Term]]] = {}
_ENDS: list[tuple[str, _Term]] = []
for _line in word_lists.read_lines("sensitive.txt"):
    _kind, _how, *_words = _line.split()
    for _word in _words:
        _said = _Term(_kind, _how)
        _plain = _word.strip("*")
        if _word.startswith("*"):
            _ENDS.append((_plain, _said))
        elif _word.endswith("*"):
            _STEMS.setdefault(_plain[:3], []).append((_plain, _said))
        else:
            _WHOLE[_plain] = (*_WHOLE.get(_plain, ()), _said)
_ALL_ENDS = tuple(end for end, _said in _ENDS)
# End like an illness and are none.
_NO_ILLNESS = frozenset(
    {
        "åksjuk",
        "sjösjuk",
        "hemsjuk",
        "kärlekssjuk",
        "svartsjuk",
        "avundsjuk",
        "flygsjuk",
        "nöjessjuk",
    }
    | {"maktsjuk", "pratsjuk"}
)
# How a stem may go on: definite forms and words for an illness, not "cancervården".
_ENDINGS = re.compile(
    r"(?:s|n|t|en|et|er|ar|a|na|arna|erna|or|orna|sjuk(?:dom|a|t)?|sjukdomen|diagnos|diagnosen|problem"
    r"|besvär|symptom|anfall|attacker)?\Z"
)
_HAVE = frozenset(
    {"har", "hade", "fick", "fått", "lider", "led", "drabbats", "drabbades", "äter", "tar", "have"}
    | {"has", "had", "suffer", "suffers"}
)
_BE = frozenset({"är", "var", "blev", "blivit", "varit", "am", "is", "was", "i'm", "i’m"})
_IN = _BE | frozenset({"sitter", "suttit", "satt", "går", "röstar", "röstade", "röstat", "tillhör"})
_VERBS = {"have": _HAVE, "be": _BE, "in": _IN}
# What may stand between the verb and the word; anything else makes it tell of something else
# ("jag har jobbat med autism", "jag är rädd att bli sjuk").
_BETWEEN = word_lists.read_words("small_between.txt")
# Membership and places are told with one of these before them.
_INTO = frozenset({"i", "på", "med", "för", "av", "of", "in", "the", "tillhör", "svenska"})
_DEAF = frozenset({"blind", "döv", "sjuk", "förlamad"})
_TODAY = frozenset({"idag", "igår", "hemma", "igen", "imorgon", "imorse"})
_DAYS = frozenset({"dag", "går", "morse", "morgon", "veckan", "förrgår"}) | frozenset(
    {"måndags", "tisdags", "onsdags", "torsdags", "fredags", "måndag", "fredag"}
)
_I_AM = frozenset({"i'm", "i’m"})
_SOMEBODY = frozenset({"han", "hon", "hen", "he", "she"})
_OWNERS = frozenset(
    {"min", "mitt", "vår", "vårt", "hans", "hennes", "deras", "hens", "din", "ditt"}
    | {"my", "his", "her", "our"}
)
_DEFINITE = frozenset(word for line in word_lists.read_lines("roles.txt") for word in line.split())
_PEOPLE = _DEFINITE.union(*(line.split() for line in word_lists.read_lines("relations.txt")))
# After these nobody in particular is spoken of.
_GENERAL = frozenset(
    {"om", "man", "den", "de", "dem", "som", "alla", "någon", "några", "ifall", "när", "folk"}
    | {"personer", "människor", "barn", "vem", "ni", "vi", "oavsett", "varje", "ingen", "inga"}
    | {"andra", "många"}
)
# Between the verb and the word: "jag är faktiskt ganska svårt sjuk", "har en svår form av".
_LONGEST_BACK = 6
# Between two words of one sentence; a year may stand there.
_WIDEST = 10
_STOPS = ".!?;:\n"


def find_sensitive(text: str) -> dict[str, tuple[tuple[Span, ...], bool]]:
    """Return the spans of each kind, and whether somebody else than the writer is spoken of."""
    found: dict[str, tuple[list[Span], bool]] = {}
    words = words_of(text)
    for n, word in enumerate(words):
        for term in _terms(word.low):
            told = _told_of(words, n, text, term.how)
            if told is None:
                continue
            first, other = told
            spans, others = found.get(term.kind, ([], False))
            spans.append((words[first].start, word.end))
            found[term.kind] = (spans, others or other)
    return {kind: (join_spans(spans), other) for kind, (spans, other) in found.items()}


def _terms(low: str) -> Iterator[_Term]:
    yield from _WHOLE.get(low, ())
    for stem, term in _STEMS.get(low[:3], ()):
        if low.startswith(stem) and _ENDINGS.match(low, len(stem)):
            yield term
    if low.endswith(_ALL_ENDS) and low not in _NO_ILLNESS:
        yield from (term for end, term in _ENDS if low.endswith(end) and low not in _WHOLE)


def _told_of(words: Sequence[Word], n: int, text: str, how: str) -> tuple[int, bool] | None:
    """Return the word where the telling begins, and whether it is of another than the writer.

    None when nobody is told of.
    """
    if how == "be" and _as_one(words, n, text):
        return n, False
    verb = None if _is_idiom(words, n, how) else _verb(words, n, text, how)
    if verb is None:
        return _turned(words, n, text, how)
    if words[verb].low in _I_AM:
        return verb, False
    for at in range(verb - 1, max(-1, verb - 4), -1):
        if _parted(text, words[at], words[at + 1]):
            break
        word = words[at]
        if word.low == "jag" or word.text == "I":
            return None if _conditional(words, at, text) else (at, False)
        first = _somebody(words, at, text)
        if first is not None:
            return None if _conditional(words, first, text) else (first, True)
        if word.low in _GENERAL and not (word.low == "som" and _is_one(words, at - 1, text)):
            break
    return None


def _turned(words: Sequence[Word], n: int, text: str, how: str) -> tuple[int, bool] | None:
    """Find the telling where the verb stands first: "tyvärr har jag diabetes".

    Not at the beginning of a sentence, where it asks or sets a condition ("är jag sjuk så …").
    """
    if how == "do" or _is_idiom(words, n, how):
        return None
    for at in range(n - 1, max(-1, n - 1 - _LONGEST_BACK), -1):
        if _parted(text, words[at], words[at + 1]):
            return None
        word = words[at]
        if word.low in _BETWEEN:
            continue
        of_self = word.low == "jag" or word.text == "I"
        first = at if of_self else _somebody(words, at, text)
        if first is None or first < 2 or words[first - 1].low not in _VERBS[how]:
            return None
        if _parted(text, words[first - 1], words[first]):
            return None
        opens = _parted(text, words[first - 2], words[first - 1])
        return None if opens else (first - 1, not of_self)
    return None


def _is_idiom(words: Sequence[Word], n: int, how: str) -> bool:
    """Tell whether the words around make it mean something else."""
    if how == "in":
        return n == 0 or words[n - 1].low not in _INTO
    # "Blind för", "sjuk av oro"; "sjuk i dag" tells of a day and not of a person.
    after = words[n + 1].low if n + 1 < len(words) else ""
    then = words[n + 2].low if n + 2 < len(words) else ""
    if words[n].low == "sjuk" and (after in _TODAY or (after in {"i", "på"} and then in _DAYS)):
        return True
    return words[n].low in _DEAF and after in {"för", "av"}


def _is_one(words: Sequence[Word], at: int, text: str) -> bool:
    return at >= 0 and (words[at].low == "jag" or _somebody(words, at, text) is not None)


def _as_one(words: Sequence[Word], n: int, text: str) -> bool:
    """Tell whether it reads "som muslim tycker jag" or "jag som muslim"."""
    if n == 0 or words[n - 1].low != "som" or _parted(text, words[n - 1], words[n]):
        return False
    if n > 1 and words[n - 2].low == "jag":
        return True
    return (
        n + 2 < len(words)
        and words[n + 2].low == "jag"
        and not _parted(text, words[n], words[n + 1])
    )


def _somebody(words: Sequence[Word], at: int, text: str) -> int | None:
    """Return where one other person is begun to be named, if that ends at this word."""
    word = words[at]
    if word.low in _PEOPLE:
        for owner in (at - 1, at - 2):
            if owner >= 0 and words[owner].low in _OWNERS:
                return owner
    if word.low in _SOMEBODY or word.low in _DEFINITE:
        return at
    if word.is_capital and len(word.text) > 1 and is_first_name(word.low):
        opens = at == 0 or _parted(text, words[at - 1], word)
        if not opens or is_certain(word.low):
            return at
    return None


def _verb(words: Sequence[Word], n: int, text: str, how: str) -> int | None:
    """Return where the verb stands that ties the word to somebody."""
    if how == "do":
        return n
    verbs = _VERBS[how]
    found = None
    for at in range(n - 1, max(-1, n - 1 - _LONGEST_BACK), -1):
        if _parted(text, words[at], words[at + 1]):
            break
        if words[at].low in verbs:
            found = at  # the first of them: "har fått", "har varit"
        elif found is not None or words[at].low not in _BETWEEN:
            break
    return found


def _parted(text: str, left: Word, right: Word) -> bool:
    """Tell whether a sentence or a line ends between two words."""
    between = text[left.end : right.start]
    return len(between) > _WIDEST or any(stop in between for stop in _STOPS)


def _conditional(words: Sequence[Word], at: int, text: str) -> bool:
    if at == 0 or _parted(text, words[at - 1], words[at]):
        return False
    return words[at - 1].low in {"om", "ifall", "oavsett", "tänk", "if", "varken", "som"}


def run(subject: Subject) -> Iterator[Finding]:
    """Yield one finding per kind; of somebody else it must be looked at, of oneself it is shown."""
    for field, text in subject.fields:
        if field == "author":
            continue
        for kind, (spans, other) in sorted(find_sensitive(text).items()):
            severity, score = (Severity.MEDIUM, 0.7) if other else (Severity.LOW, 0.6)
            yield Finding(NAME, Code.SENSITIVE, severity, score, field, spans, {"kind": kind})


CHECK = Check(NAME, 2, run)
