"""The word lists: what is shipped, and what staff added to it.

A term belongs to a list: `threat`, `hate`, `insult`, `profanity`, or `allow`. What an allowed term
covers is never marked: that is how a shipped word is switched off, and how a look-alike is spared.
Shipped terms stand in data/tone_*.txt; staff's in the table `word_lists`, over and beside them.

| match | compared with |
| --- | --- |
| exact | the word, or the words beside each other, in this form only |
| forms | in every form of it (the last word's, where there are several): "idiot", "idioternas" |
| compounds | in every form, also as the end of a longer word: "kommunidiot" |
| ends | in every form, as the end of a longer word only: "-jävel" |
| begins | with what a word begins with: "vittu" in "vittumainen" |

Weight 0 to 1 says how sure and how grave: from 0.9 on a threat or hate is urgent, from 0.5 on
threats, hate and insults must be looked at by a person, below that they are shown.

Patterns of words stand beside them: data/tone_patterns.txt for the same lists, and two that are no
lists of staff's, data/self_harm_patterns.txt for despair and data/accusation_patterns.txt for what
is grave when it is said of a person.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from services.moderation.checks.word_lists import read_lines
from services.moderation.checks.wording import inflection, tone_patterns
from services.moderation.checks.wording.disguise import Vocabulary, Word, words_of
from services.moderation.checks.wording.tone_patterns import Automaton, Element

LISTS = ("threat", "hate", "insult", "profanity", "allow")
MATCHES = ("exact", "forms", "compounds", "ends", "begins")
LANGUAGES = ("", "sv", "en", "no", "da", "fi")
LONGEST_TERM = 80
_SHORTEST_TERM = 2
_MOST_WORDS = 8
# A shorter beginning, or end, of a word says nothing about it.
_SHORTEST_PART = 4


class TermError(ValueError):
    """A term that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Term:
    """An entry of a list."""

    list: str
    term: str
    language: str = ""
    match: str = "exact"
    weight: float = 1.0

    @classmethod
    def proposed(cls, entry: Mapping[str, object]) -> "Term":
        """Make a term of what somebody wrote: list and term, and if given language, match, weight.

        Raises TermError.
        """
        unknown = set(entry) - {"list", "term", "language", "match", "weight"}
        if unknown:
            raise TermError(f"unknown: {', '.join(sorted(unknown))}")
        weight = entry.get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise TermError("weight is a number, 0 to 1")
        made = cls(
            list=_one_of(entry, "list", LISTS),
            term=" ".join(str(entry.get("term", "")).lower().split()),
            language=_one_of({"language": "", **entry}, "language", LANGUAGES),
            match=_one_of({"match": "exact", **entry}, "match", MATCHES),
            weight=float(weight),
        )
        found = made.words
        letters = sum(map(len, found))
        if not letters >= _SHORTEST_TERM or len(made.term) > LONGEST_TERM:
            raise TermError("term has two letters at least and 80 characters at most")
        if len(found) > _MOST_WORDS:
            raise TermError("term has eight words at most")
        if made.match in {"compounds", "ends", "begins"} and (
            len(found) > 1 or letters < _SHORTEST_PART
        ):
            raise TermError("part of a word is one word of at least four letters")
        return made

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of the term as `disguise` reads them in a text."""
        return tuple(word.low for word in _plain_words(self.term))

    @property
    def last_forms(self) -> frozenset[str]:
        """Return the forms that the last word may have."""
        last = self.words[-1]
        if self.match not in {"forms", "compounds", "ends"}:
            return frozenset({last})
        return inflection.inflect_word(last, self.language or "sv")


def _one_of(entry: Mapping[str, object], name: str, allowed: tuple[str, ...]) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise TermError(f"{name} is one of {', '.join(each or '(empty)' for each in allowed)}")
    return value


_NOTHING = Vocabulary.of(frozenset(), frozenset())


def _plain_words(text: str) -> list[Word]:
    return words_of(text, _NOTHING)


@dataclass(frozen=True, slots=True)
class Match:
    """A listed term, or a shipped pattern, in a text: of the words [first, end).

    One that does not fit would count if a sentence began or ended there.
    """

    first: int
    end: int
    list: str
    weight: float
    is_pattern: bool = False
    says_not: bool = False
    fits: bool = True


class Row(NamedTuple):
    """What a sequence of words stands for, and where it has to stand.

    `opens`: it counts only at the beginning of a sentence or clause; `closes`: only at the end of
    one.
    """

    list: str
    weight: float
    is_pattern: bool = False
    says_not: bool = False
    opens: bool = False
    closes: bool = False

    def fits(self, words: Sequence[Word], first: int, end: int) -> bool:
        """Tell whether words [first, end) stand where they have to."""
        if self.opens and not words[first].opens:
            return False
        return not self.closes or end == len(words) or words[end].opens > 0


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Terms made ready for looking up."""

    whole: Mapping[str, tuple[Term, ...]]
    tails: Mapping[str, Term]
    heads: Mapping[str, Term]
    tail_lengths: tuple[int, ...]
    head_lengths: tuple[int, ...]
    automaton: Automaton
    sequences: tuple[Row, ...]
    vocabulary: Vocabulary

    def find(self, words: list[Word]) -> list[Match]:
        """Return every match, those too of allowed terms and those that do not fit.

        The work grows with the words.
        """
        found = []
        for n, word in enumerate(words):
            terms = self.whole.get(word.low)
            if terms is None and len(word.low) > _SHORTEST_PART:
                part = self._part(word.low)
                terms = (part,) if part else None
            if terms:
                found += [Match(n, n + 1, term.list, term.weight) for term in terms]
        for number, first, end in self.automaton.find(words):
            row = self.sequences[number]
            fits = row.fits(words, first, end)
            found.append(
                Match(first, end, row.list, row.weight, row.is_pattern, row.says_not, fits)
            )
        return found

    def _part(self, low: str) -> Term | None:
        """Return the term that a longer word ends with, or else begins with."""
        for length in self.tail_lengths:
            if length < len(low) and (term := self.tails.get(low[-length:])):
                # "Somalierjävlar": of a group an insult is hate.
                of_group = term.list == "insult" and low[:-length].rstrip("s-") in _groups()
                return Term("hate", term.term, term.language, term.match) if of_group else term
        for length in self.head_lengths:
            if length < len(low) and (term := self.heads.get(low[:length])):
                return term
        return None


@cache
def load_shipped_terms() -> tuple[Term, ...]:
    """Return the terms of the shipped lists, in their order."""
    terms = []
    for name in LISTS:
        for line in read_lines(f"tone_{name}.txt"):
            language, match, weight, rest = line.split(maxsplit=3)
            # "exact" lines with several words are words, unless the list keeps a phrase a line.
            is_phrase = match == "exact" and name in _PHRASE_LISTS
            terms += [
                Term(name, term, language, match, float(weight))
                for term in ([rest] if is_phrase else rest.split())
            ]
    return tuple(dict.fromkeys(terms))


_NOT = re.compile(
    r"(?:^|[ |])(?:inte|ej|aldrig|ikke|not|no|never|dont|cant|ingen|inga|inget|ei)(?=[ |?])"
)
_PHRASE_LISTS = frozenset({"threat", "allow"})
# Whose patterns and classes of words there are.
_PATTERNS = ("tone", "self_harm", "accusation")


@cache
def _classes() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in (line for kind in _PATTERNS for line in read_lines(f"{kind}_classes.txt")):
        name, language, rest = line.split(maxsplit=2)
        known = found.setdefault(name, set())
        for word in (each.low for each in _plain_words(rest)):
            inflected = language.endswith("+")
            known |= inflection.inflect_word(word, language[:-1]) if inflected else {word}
    return {name: frozenset(words) for name, words in found.items()}


@cache
def _groups() -> frozenset[str]:
    return _classes()["group"]


@cache
def _patterns() -> tuple[tuple[Row, tuple[Element, ...]], ...]:
    found = []
    for line in (line for kind in _PATTERNS for line in read_lines(f"{kind}_patterns.txt")):
        name, weight, written = line.split(maxsplit=2)
        for pattern in _variants(written):
            body = pattern.removeprefix("^ ").removesuffix(" $")
            row = Row(
                name,
                float(weight),
                is_pattern=True,
                # "Hör inte hemma" is said with its "not".
                says_not=_NOT.search(body) is not None,
                opens=pattern.startswith("^ "),
                closes=pattern.endswith(" $"),
            )
            found.append((row, tone_patterns.read_pattern(body, _classes())))
    return tuple(found)


def _variants(written: str) -> list[str]:
    """Return the patterns that one line stands for.

    A group in English is often two words: each `@group` is `<group>`, or `<kind> <folk>`. Where a
    pattern must end a clause, what may be missing at its end makes a pattern of its own.
    """
    if "@group" in written:
        return [
            variant
            for group in ("<group>", "<kind> <folk>")
            for variant in _variants(written.replace("@group", group))
        ]
    parts = written.removesuffix(" $").split()
    if not written.endswith(" $") or not parts[-1].endswith("?"):
        return [written]
    shorter = f"{' '.join(parts[:-1])} $"
    needed = f"{' '.join([*parts[:-1], parts[-1].removesuffix('?')])} $"
    return [*_variants(shorter), needed]


@lru_cache(maxsize=8)
def lexicon_of(added: tuple[Term, ...] = ()) -> Lexicon:
    """Return the shipped lists and patterns with these terms added."""
    whole: dict[str, list[Term]] = {}
    tails: dict[str, Term] = {}
    heads: dict[str, Term] = {}
    rows: list[tuple[Element, ...]] = [elements for _row, elements in _patterns()]
    sequences = [row for row, _elements in _patterns()]
    starred: set[str] = set()
    for term in (*added, *load_shipped_terms()):
        words = term.words
        if not words:
            continue
        if len(words) > 1:
            start = [Element(frozenset({word}), is_optional=False) for word in words[:-1]]
            rows.append((*start, Element(term.last_forms, is_optional=False)))
            sequences.append(Row(term.list, term.weight))
            continue
        forms = term.last_forms
        for form in forms:
            if term.match not in {"ends", "begins"}:
                whole.setdefault(form, []).append(term)
            if term.match in {"compounds", "ends"} and len(form) >= _SHORTEST_PART:
                tails.setdefault(form, term)
        if term.match == "begins":
            whole.setdefault(words[0], []).append(term)
            heads.setdefault(words[0], term)
        if term.list != "allow":
            starred |= forms
    automaton = Automaton(rows)
    return Lexicon(
        whole={form: tuple(terms) for form, terms in whole.items()},
        tails=tails,
        heads=heads,
        tail_lengths=tuple(sorted({len(form) for form in tails}, reverse=True)),
        head_lengths=tuple(sorted({len(form) for form in heads}, reverse=True)),
        automaton=automaton,
        sequences=tuple(sequences),
        vocabulary=Vocabulary.of(frozenset(whole) | automaton.words, frozenset(starred)),
    )
