"""Signs of advertising and noise: links, shouting, repetition, known phrases.

Each sign is a finding of its own; how much they mean together is for the verdict to say. The score
of a finding is what it alone speaks for spam.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import prod

from services.moderation.checks import links, phrases
from services.moderation.checks.equipment import Equipment
from services.moderation.checks.finding import (
    Check,
    Code,
    Field,
    Finding,
    Reads,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.language import identify_language
from services.moderation.checks.learned_spam.spam_meaning import classes_of
from services.moderation.checks.writing import NEIGHBOURS

NAME = "spam"


def make_check(equipment: Equipment) -> Check:
    """Return the check, which knows the city's own sites."""
    return Check(NAME, 5, lambda subject: run(subject, equipment.own_sites), Reads.WORDS)


def run(subject: Subject, own_sites: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Yield at most one finding of each kind per field."""
    for field, text in subject.fields:
        found = links.find_links(text, own_sites)
        yield from _links(field, text, found, subject.council_language)
        yield from _phrases(field, text, linked=bool(found))
        yield from _shouting(field, text)
        yield from _repetition(field, text)


# Number of links: how much they speak for spam. One link is usual in a good idea.
_LINK_SCORES = (0.0, 0.1, 0.3, 0.5)
_MANY_LINKS = 0.65
_SHORTENED = 0.55


# Links as programs write them, in the markup of forums and pages; people do not.
_MARKUP = re.compile(r"<a\s+href\b|\[(?:url|link)\b", re.IGNORECASE)
_WRITTEN_BY_PROGRAMS = 0.7
_POSES = 0.65
_BARE = 0.4
_STRANGE = 0.4
_CIVIC = "civic"
# What the words of that class are written in (`spam_classes.txt`).
_CIVIC_IN = frozenset({"sv", "en"})
# A phrase of this weight is an offer by itself.
_ADVERTISES = 0.65


def _links(
    field: Field, text: str, found: Sequence[links.Link], council_language: str
) -> Iterator[Finding]:
    markup = [match.span() for match in _MARKUP.finditer(text)]
    if not found and not markup:
        return
    count = len(found)
    shortened = sum(link.shortened for link in found)
    poses = sum(link.lookalike for link in found)
    score = _LINK_SCORES[count] if count < len(_LINK_SCORES) else _MANY_LINKS
    severity = (Severity.INFO, Severity.INFO, Severity.LOW, Severity.MEDIUM)[min(count, 3)]
    if shortened:
        score, severity = max(score, _SHORTENED), Severity.MEDIUM
    if markup:
        score, severity = max(score, _WRITTEN_BY_PROGRAMS), Severity.MEDIUM
    if poses:
        score, severity = max(score, _POSES), Severity.MEDIUM
    spans = join_spans([*(link.span for link in found), *markup])
    if not _WORD.search(_without(text, spans)):
        # Nothing says what it leads to, or why.
        score, severity = max(score, _BARE), Severity.MEDIUM
    strange = found and _is_strange(text, council_language)
    if strange:
        score, severity = max(score, _STRANGE), Severity.MEDIUM
    if field == "author":
        # A name that is an address is written to be clicked.
        score, severity = max(score, 0.4), Severity.MEDIUM
    params = {"count": count, "shortened": shortened, "lookalike": poses}
    if strange:
        params["strange"] = 1
    yield Finding(NAME, Code.LINK, severity, score, field, spans, params)


def _is_strange(text: str, council_language: str) -> bool:
    """Tell whether a text is in another language and has no word of what a council has to do with.

    The words of an address count: "see https://oslo.no/sykkel" is about something.
    """
    if any(_CIVIC in classes_of(word[0].lower()) for word in _WORD.finditer(text)):
        return False
    code = identify_language(text).code
    # Of other languages nobody here can say that such a word is missing.
    if code not in _CIVIC_IN or code == council_language:
        return False
    return not {code, council_language} <= NEIGHBOURS


def _without(text: str, spans: Sequence[Span]) -> str:
    ends = [0, *(end for _start, end in spans)]
    starts = [*(start for start, _end in spans), len(text)]
    return " ".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _phrases(field: Field, text: str, *, linked: bool) -> Iterator[Finding]:
    """Advertising; beside a link also what praises the page that it stands on, or announces it."""
    found = list(phrases.find_phrases(text))
    if linked:
        taken = [span for span, _weight in found]
        found += [
            (span, weight)
            for span, weight in phrases.find_phrases(text, phrases.PRAISE)
            if not any(span[0] < end and start < span[1] for start, end in taken)
        ]
    if found:
        score = 1 - prod(1 - weight for _span, weight in found)
        # "Klicka här för blanketten" sells nothing where there is nothing to click on.
        is_alone = score < _ADVERTISES and not linked and not _MARKUP.search(text)
        yield Finding(
            NAME,
            Code.PHRASE,
            Severity.LOW if is_alone else Severity.MEDIUM,
            score,
            field,
            join_spans(span for span, _weight in found),
            {"count": len(found)},
        )


_WORD = re.compile(r"[^\W\d_]+")
_SHOUTED_WORD = 3
_FEWEST_SHOUTED = 4
_FEWEST_LETTERS = 20
_SHOUTED_SHARE = 0.6


def _shouting(field: Field, text: str) -> Iterator[Finding]:
    """Most of the words in capitals; abbreviations and single words of stress are no shouting."""
    if field == "author":
        return
    words = list(_WORD.finditer(text))
    letters = sum(len(word[0]) for word in words)
    shouted = [word for word in words if len(word[0]) >= _SHOUTED_WORD and word[0].isupper()]
    loud = sum(len(word[0]) for word in words if word[0].isupper())
    if len(shouted) < _FEWEST_SHOUTED or letters < _FEWEST_LETTERS:
        return
    share = loud / letters
    if share >= _SHOUTED_SHARE:
        yield Finding(
            NAME,
            Code.SHOUTING,
            Severity.LOW,
            0.25 * share,
            field,
            _runs(words),
            {"percent": round(100 * share)},
        )


def _runs(words: list[re.Match[str]]) -> tuple[Span, ...]:
    """Return the stretches of words in capitals, what stands between them included."""
    return tuple(
        (run[0].start(), run[-1].end())
        for loud, group in groupby(words, key=lambda word: word[0].isupper())
        if loud and (run := list(group)) and any(len(w[0]) >= _SHOUTED_WORD for w in run)
    )


# Dots, lines and figures are repeated in ordinary writing.
_SAME_CHARACTER = re.compile(r"([^\s\d.…_=*\-–—])\1{4,}")
_TOKEN = re.compile(r"\w+")
_LONGEST_PHRASE = 4
_FEWEST_WORDS_REPEATED = 4
_FEWEST_TIMES = 3
_LONG = 30


def _repetition(field: Field, text: str) -> Iterator[Finding]:
    """One character five times in a row, or the same one to four words again and again."""
    found = join_spans(
        [*(m.span() for m in _SAME_CHARACTER.finditer(text)), *_repeated_words(text)]
    )
    if not found:
        return
    covered = sum(end - start for start, end in found)
    share = covered / len(text)
    mostly = share > 0.5 and len(text) >= _LONG
    severity = Severity.MEDIUM if mostly else Severity.LOW
    yield Finding(
        NAME,
        Code.REPETITION,
        severity,
        0.5 if mostly else 0.2,
        field,
        found,
        {"percent": round(100 * share)},
    )


def _repeated_words(text: str) -> Iterator[Span]:
    """Yield stretches where a group of words comes at least three times, and four words, in a row.

    Each length of group is one pass over the words, so the work is linear.
    """
    tokens = list(_TOKEN.finditer(text))
    words = [token[0].casefold() for token in tokens]
    for size in range(1, _LONGEST_PHRASE + 1):
        same = [words[i] == words[i + size] for i in range(len(words) - size)]
        start = 0
        for again, group in groupby(same):
            length = len(list(group))
            # `length` words repeat those before them: the stretch is a group longer.
            stretch = length + size
            if again and stretch >= max(_FEWEST_TIMES * size, _FEWEST_WORDS_REPEATED):
                yield tokens[start].start(), tokens[start + stretch - 1].end()
            start += length
