"""A child (under 18) that tells its age, school year, school or name in a text of its own.

Only what a child says of itself, and another child's age beside its name: "för barn 6-12 år" or
"skolan är 100 år" tell of nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.moderation.checks.finding import (
    Check,
    Code,
    Finding,
    Severity,
    Span,
    Subject,
    join_spans,
)
from services.moderation.checks.personal.child_patterns import (
    AGES,
    AGES_OTHER,
    IN_NAME,
    INTRODUCED,
    INTRODUCED_AGE,
    INTRODUCED_SCHOOL,
    OTHERS,
    SCHOOL,
    SCHOOL_OTHERWISE,
)
from services.moderation.checks.personal.name_words import is_certain, is_first_name

NAME = "children"
ADULT = 18
_DIGIT = re.compile(r"\d")
_NUMBER = re.compile(r"\d{1,2}")
_YEAR_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Told:
    """The words of name and age, and whether a name is among them."""

    spans: tuple[Span, ...]
    named: bool


def _is_child(words: str) -> bool:
    """Tell whether an age or school year is a child's.

    What names no number is a school year, and the numbers in words end at seventeen.
    """
    number = _NUMBER.match(words)
    if len(words) == _YEAR_LENGTH and words.isdecimal():
        return True  # a year of birth
    return number is None or 0 < int(number[0]) < ADULT


def in_text(text: str) -> Told | None:
    """Return what a text tells of a child; None when it tells nothing."""
    names: list[Span] = []
    ages: list[Span] = []
    for needed, patterns in AGES:
        if needed.search(text):
            for pattern in patterns:
                _collect(pattern, text, names, ages)
    ages += _in_other_languages(text)
    introduced = list(INTRODUCED.finditer(text))
    for match in introduced:
        ages += _after_a_name(text, match.end())
    if "skola" in text:
        ages += [match.span("school") for match in SCHOOL.finditer(text)]
        ages += [match.span(match.lastgroup or 0) for match in SCHOOL_OTHERWISE.finditer(text)]
    if not ages:
        return None
    names += [match.span("name") for match in introduced]
    return Told(join_spans(names + ages), bool(names))


def _in_other_languages(text: str) -> Iterator[Span]:
    if _DIGIT.search(text):
        for match in AGES_OTHER.finditer(text):
            group = match.lastgroup
            if group and _is_child(match[group]):
                yield match.span(group)


def _after_a_name(text: str, end: int) -> Iterator[Span]:
    """Yield the age and the school of somebody who has just told a name."""
    age = INTRODUCED_AGE.match(text, end)
    if age and _is_child(age["age"]) and not OTHERS.search(text, end, age.start("age")):
        yield age.span("age")
    school = INTRODUCED_SCHOOL.match(text, end)
    if school and not OTHERS.search(text, end, school.start("school")):
        yield school.span("school")


def _is_name(words: str) -> bool:
    """Tell whether the first of the words is a known first name ("Lekplatsen 10 år" is nobody)."""
    return is_first_name(words.split(maxsplit=1)[0].lower())


def in_name(author: str) -> Told | None:
    """Return what a name field tells of a child: "Minna, 11 år", "Minna 11", "Minna 4B"."""
    match = IN_NAME.match(author)
    if match is None or not _is_child(match["age"]):
        return None
    if match["age"].isdecimal() and not _is_name(match["name"]):
        return None  # "Volvo 12"
    return Told(join_spans([match.span("name"), match.span("age")]), named=True)


def _collect(pattern: re.Pattern[str], text: str, names: list[Span], ages: list[Span]) -> None:
    for match in pattern.finditer(text):
        if not _is_child(match["age"]):
            continue
        groups = pattern.groupindex
        if "first" in groups and not is_certain(match["first"].lower()):
            continue
        if "cue" in groups and not (match["cue"] or _is_name(match["name"])):
            continue
        ages.append(match.span("age"))
        names += [match.span(name) for name in ("name", "first") if name in groups]


def run(subject: Subject) -> Iterator[Finding]:
    """An age or a school year is medium; together with a name it is high."""
    for field, text in subject.fields:
        found = in_name(text) if field == "author" else in_text(text)
        if found is None:
            continue
        # A name beside the text makes the child as known as one inside it.
        named = found.named or (field == "text" and bool(subject.author))
        severity, score = (Severity.HIGH, 0.95) if named else (Severity.MEDIUM, 0.7)
        yield Finding(
            NAME, Code.CHILD, severity, score, field, found.spans, {"named": int(found.named)}
        )


CHECK = Check(NAME, 2, run)
