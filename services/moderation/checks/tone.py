"""Threats, hate, insults and swearing, by lists that staff can change and patterns of words.

A word in quotation marks or after "kallade mig" is reported, and a name that the writer gives
itself ("jag är en idiot", "as a proud …") hurts nobody else: both count as `quoted`. A match after
"inte" in the same clause is denied (`negated`). Both make a finding weigh less:

| list | weight | severity | quoted | negated |
| --- | --- | --- | --- | --- |
| threat | ≥ 0.9 | high | medium | low |
| threat | ≥ 0.5 | medium | medium | low |
| hate | ≥ 0.9 | high | low | low |
| hate, insult | ≥ 0.5 | medium | low | low |
| profanity | ≥ 0.5 | low | info | info |
| anything | below | low, profanity info | info | info |

A threat that is quoted may tell of somebody who is threatened: a person looks. In a name, which
stands alone and is public, an insult and swearing of weight 0.5 are medium. The score is the
weight, halved when quoted or negated; none of these codes speaks for spam.

Despair and what is grave about a person are looked for in the same pass over the words, and told by
`self_harm` and `accusations`.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import (
    Check,
    Code,
    Field,
    Finding,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.word_lists import read_word_rows
from services.moderation.checks.wording.disguise import Word, words_of
from services.moderation.checks.wording.lexicon import Lexicon, Match, Term, lexicon_of

NAME = "tone"
VERSION = 5

URGENT = 0.9
LOOK = 0.5

TONES = frozenset({Code.THREAT, Code.HATE, Code.INSULT, Code.PROFANITY})

_NEGATIONS = read_word_rows("tone_negations.txt")
_REPORTING = read_word_rows("tone_reporting.txt")
# "Inte bara en idiot": more than that, not less.
_ONLY = frozenset({"bara", "endast", "only", "just", "bare", "kun"})
_BUT = frozenset({"men", "utan", "but", "mutta"})
_REACH = 4
_OWN = frozenset({"jag", "i", "jeg", "vi", "we"})
# Who speaks of himself, and what may stand between that and the name he gives himself.
_SELF = _OWN | {"im", "were", "us", "myself", "mig", "oss", "man", "meg", "fellow", "my", "our"}
_AS = frozenset({"as", "som"})
_MYSELF = frozenset({"myself", "själv"})
_YOU = frozenset({"you", "du", "ni", "u"})
_ASKS = frozenset({"do", "dont", "visst", "också"})
_PROUD = frozenset({"proud", "stolt", "stolta", "fellow"})
_SELF_BETWEEN = read_word_rows("tone_self_between.txt")

_QUOTED = re.compile(r'"[^"\n]{1,300}"|[”“„»«][^”“„»«\n]{1,300}[”“»«]|‘[^‘’\n]{1,300}’')


class Toned(NamedTuple):
    """A match with its place in the raw text."""

    code: Code
    span: Span
    weight: float
    quoted: bool
    negated: bool


def find_marked(text: str, lexicon: Lexicon) -> list[Toned]:
    """Return what is marked in a text, in order; nothing that an allowed term covers."""
    words = words_of(text, lexicon.vocabulary)
    return _sift(text, words, lexicon.find(words))


def _sift(text: str, words: Sequence[Word], found: Sequence[Match]) -> list[Toned]:
    matches = [match for match in found if match.fits]
    if not matches:
        return []
    allowed = {
        n for match in matches if match.list == "allow" for n in range(match.first, match.end)
    }
    marked = [
        match
        for match in matches
        if match.list != "allow" and not all(n in allowed for n in range(match.first, match.end))
    ]
    quotes = [match.span() for match in _QUOTED.finditer(text)] if marked else []
    kept = _without_swallowed(marked)
    toned = sorted(_toned(match, words, quotes) for match in kept)
    return [each for each in toned if not _leaves_quotes(each.span, quotes)]


def _leaves_quotes(span: Span, quotes: Sequence[Span]) -> bool:
    """Tell whether words inside quotation marks and outside were read as one sentence."""
    at = bisect_left(quotes, (span[0], span[0])) - 1
    return at >= 0 and span[0] < quotes[at][1] < span[1]


def _without_swallowed(marked: Sequence[Match]) -> list[Match]:
    """Leave out swearing that is part of something worse: "jävla idiot" is one insult."""
    worse = {
        n for match in marked if match.list != "profanity" for n in range(match.first, match.end)
    }
    return [match for match in marked if match.list != "profanity" or match.first not in worse]


def _toned(match: Match, words: Sequence[Word], quotes: Sequence[Span]) -> Toned:
    start, end = words[match.first].start, words[match.end - 1].end
    # Quotes lie in order and apart: the last that begins before the match, or none.
    at = bisect_left(quotes, (start, start)) - 1
    in_quotes = at >= 0 and end < quotes[at][1]
    return Toned(
        Code(match.list),
        (start, end),
        match.weight,
        # "Min son säger att han vill dö" is no less grave for being told.
        in_quotes
        or (match.list in TONES and (_is_reported(words, match) or _is_own(words, match))),
        _is_negated(words, match),
    )


def _is_negated(words: Sequence[Word], match: Match) -> bool:
    """Tell whether a "not" stands in the match or up to four words before it in its clause."""
    inside = range(match.first + 1, match.end) if match.is_pattern and not match.says_not else ()
    if any(_is_not(words, n) for n in inside):
        return True
    # "Får jag inte lov, kommer jag med yxan": the "not" is of the condition, whatever parts them.
    reach = 1 if _follows_condition(words, match) else _REACH
    if match.first and words[match.first - 1].low == "heller":
        # "Inte heller ska jag slå honom": the "not" before it is of this verb.
        reach = max(reach, 2)
    for n in range(match.first, max(-1, match.first - reach - 1), -1):
        if n < match.first and (words[n].low in _BUT or _is_not(words, n)):
            return words[n].low not in _BUT
        if words[n].opens:
            break
    return False


def _follows_condition(words: Sequence[Word], match: Match) -> bool:
    """Tell whether a threat has its verb before who does it, as after a condition."""
    if match.list != Code.THREAT or not match.is_pattern or words[match.first].low in _OWN:
        return False
    return match.first + 1 < len(words) and words[match.first + 1].low in _OWN


def _is_not(words: Sequence[Word], n: int) -> bool:
    if words[n].low not in _NEGATIONS:
        return False
    return not (n + 1 < len(words) and words[n + 1].low in _ONLY)


def _is_reported(words: Sequence[Word], match: Match) -> bool:
    """Tell whether somebody else is said to have said it: "kallade mig", "ordet", "ropar"."""
    for n in range(match.first, max(-1, match.first - _REACH - 1), -1):
        if n < match.first and words[n].low in _REPORTING:
            near = {word.low for word in words[max(0, n - 1) : n + 2]}
            # "Don't you think …" asks for assent.
            asks = n > 1 and words[n - 1].low in _YOU and words[n - 2].low in _ASKS
            return near.isdisjoint(_OWN) and not asks
        if words[n].opens > 1:
            break
    return False


def _is_own(words: Sequence[Word], match: Match) -> bool:
    """Tell whether the writer says it of himself: "jag är en idiot", "we are …", "as a proud …"."""
    # A pattern says of whom it is said, unless it begins with "a …".
    of_whom = match.is_pattern and words[match.first].low not in _SELF_BETWEEN
    if match.list not in (Code.HATE, Code.INSULT) or of_whom:
        return False
    if any(word.low in _MYSELF for word in words[match.end : match.end + 2]):
        return True
    at = match.first
    while at > 0 and match.first - at <= _REACH and not words[at].opens:
        at -= 1
        if words[at].low not in _SELF_BETWEEN:
            return words[at].low in _SELF or words[at].low in _PROUD
    return at < match.first and words[at].low in _AS


def severity_of(tone: Toned, field: Field = "text") -> Severity:
    """Return how much a match matters, as the table above says."""
    look = tone.weight >= LOOK
    grave = tone.weight >= URGENT and tone.code in {Code.THREAT, Code.HATE}
    if tone.code is Code.PROFANITY:
        if field == "author" and look:
            return Severity.MEDIUM
        return Severity.LOW if look and not (tone.quoted or tone.negated) else Severity.INFO
    if tone.quoted or tone.negated:
        if tone.code is Code.THREAT and look and not tone.negated:
            return Severity.MEDIUM
        return Severity.LOW if look else Severity.INFO
    if not look:
        return Severity.LOW
    return Severity.HIGH if grave else Severity.MEDIUM


def terms_added(equipment: Equipment) -> tuple[Term, ...]:
    """Return the terms of an equipment in the order of their lists."""
    return tuple(term for name in sorted(equipment.words) for term in equipment.words[name])


# Three checks in turn ask about the same text and name, read with and without their lines.
@lru_cache(maxsize=4)
def marked_with(text: str, added: tuple[Term, ...]) -> tuple[Toned, ...]:
    """Return what is marked in a text by the shipped lists and these terms."""
    # The ends of lines part words, and may end what has to stand at an end; they join none.
    if "\n" in text and not _read(text.replace("\n", " "), added)[1]:
        return ()
    return tuple(_sift(text, *_read(text, added)))


@lru_cache(maxsize=2)
def _read(text: str, added: tuple[Term, ...]) -> tuple[list[Word], list[Match]]:
    # Made ready with the first text: programs that check nothing need not wait for it.
    lexicon = lexicon_of(added)
    words = words_of(text, lexicon.vocabulary)
    return words, lexicon.find(words)


def make_check(equipment: Equipment) -> Check:
    """Return the check with the shipped lists and those of the equipment."""
    added = terms_added(equipment)

    def run(subject: Subject) -> Iterator[Finding]:
        """Yield at most one finding per code, quoted or not, negated or not, in each field."""
        for field, text in subject.fields:
            groups: dict[tuple[Code, bool, bool], list[Toned]] = {}
            for tone in marked_with(text, added):
                if tone.code not in TONES:
                    continue
                groups.setdefault((tone.code, tone.quoted, tone.negated), []).append(tone)
            for (code, quoted, negated), tones in groups.items():
                worst = max((severity_of(tone, field) for tone in tones), key=lambda s: s.rank)
                weight = max(tone.weight for tone in tones)
                yield Finding(
                    NAME,
                    code,
                    worst,
                    weight / 2 if quoted or negated else weight,
                    field,
                    join_spans(tone.span for tone in tones),
                    {"quoted": int(quoted), "negated": int(negated)},
                )

    return Check(NAME, VERSION, run)
