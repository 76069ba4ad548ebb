"""A child (under 18) who can be known by what is told: age, school year, school, name, relation.

The order of the words does not matter; how well they point out a child does:

| who | with | severity |
| --- | --- | --- |
| the writer ("jag", "vi i 4a") | an age, a school year or a school | medium |
| a name, of the writer or another | an age or school year; of a pupil or relation a school | high |
| a relation ("min son") without a name | an age or a school year, and a school | medium |
| a relation | one of them | nothing: "min son är 5 år" points out nobody |

"För barn 6-12 år" and "skolan är 100 år" tell of nobody.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from services.moderation.checks.personal import child_anywhere, child_orders
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
from services.moderation.checks.word_lists import read_word_rows

NAME = "children"
ADULT = 18
# Who works with children bears names too.
_GROWN_UPS = read_word_rows("roles.txt") - {
    "eleven",
    "barnet",
    "pojken",
    "flickan",
    "sonen",
    "dottern",
}
# Nor do animals, boats and houses become children by an age.
_NO_CHILDREN = _GROWN_UPS | child_anywhere.NO_PERSONS
_NEAR = 40
_TAIL = 160
_CAPITAL = re.compile(r"[^\W\d_][\w’'-]{1,30}")
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
    met: dict[Callable[[str], object], bool] = {needed: bool(needed(text)) for needed, _ in AGES}
    for needed, patterns in AGES:
        if met[needed]:
            for pattern in patterns:
                _collect(pattern, text, names, ages)
    ages += _in_other_languages(text)
    introduced = list(INTRODUCED.finditer(text))
    for match in introduced:
        ages += _after_a_name(text, match.end())
    if "skola" in text:
        ages += [match.span("school") for match in SCHOOL.finditer(text)]
        ages += [match.span(match.lastgroup or 0) for match in SCHOOL_OTHERWISE.finditer(text)]
    _in_any_order(text, met, names, ages)
    if not ages:
        return None
    names += [match.span("name") for match in introduced]
    names += _called(text)
    return Told(join_spans(names + ages), bool(names))


# Patterns behind what all of a group need, the first and the third as in AGES.
_TELLS_AGE, _TELLS_CLASS = AGES[0][0], AGES[2][0]
_ORDERS = (
    (
        _TELLS_AGE,
        (
            child_orders.SELF_FAR,
            child_orders.NAMED_IS,
            child_orders.NAMED_OPENS,
            child_orders.NAMED_BESIDE,
            child_orders.KIN_CALLED,
            child_orders.PAIR,
        ),
    ),
    (
        child_orders.TELLS_NUMBER.search,
        (
            child_orders.TURNS,
            child_orders.NAMED_TURNS,
            child_orders.SELF_KID,
            child_orders.SELF_BARE,
            child_orders.NAMED_ASIDE,
            child_orders.KIN_IS,
        ),
    ),
    (
        _TELLS_CLASS,
        (
            child_orders.KID_GRADE,
            child_orders.WE_IN_GRADE,
            child_orders.CLASS_ANY,
            child_orders.SIGNED_GRADE,
            child_orders.GRADE_OPENS,
            child_orders.GRADE_BEGINS,
            child_orders.GRADE_FAR,
            child_orders.CLASS_SMALL,
            child_orders.NAMED_GRADE,
            child_orders.GRADE_NAMED,
            child_orders.PUPIL,
        ),
    ),
)


# Where children are in the daytime.
_PLACES = ("skola", "dagis", "fritids", "förskol")


def _in_any_order(
    text: str, met: Mapping[Callable[[str], object], bool], names: list[Span], ages: list[Span]
) -> None:
    """Add what is told in another order than that of AGES, if it is not among it already."""
    named: list[Span] = []
    told: list[Span] = []
    may_tell = _DIGIT.search(text) is not None or any(each in text for each in _PLACES)
    for needed, patterns in _ORDERS:
        if met[needed] if needed in met else needed(text):
            may_tell = True
            for pattern in patterns:
                _collect(pattern, text, named, told)
    _collect(child_orders.SELF_PLURAL, text, named, told)
    if "r jag" in text:
        _collect(child_orders.SELF_TURNS, text, named, told)
        _collect(child_orders.SELF_TURNED, text, named, told)
    if "årig" in text or "åring" in text:
        _collect(child_orders.AGE_NAMED, text, named, told)
    if any(each in text for each in _PLACES[1:]):
        _collect(child_orders.PRESCHOOL, text, named, told)
    if "skola" in text:
        _add_schools(text, named, told)
    if may_tell:
        _add_named(text, named, told)
    names += _apart(named, names)
    ages += _apart(told, ages)


def _add_schools(text: str, names: list[Span], ages: list[Span]) -> None:
    for match in child_orders.KIN_AT_SCHOOL.finditer(text):
        ages += [match.span(group) for group in ("age", "school") if match[group]]
    ages += [match.span("school") for match in child_orders.SELF_AT_SCHOOL.finditer(text)]
    for match in child_orders.PUPIL_AT_SCHOOL.finditer(text):
        if not _WORKS.search(text, match.end("name"), match.start("school")):
            names.append(match.span("name"))
            ages.append(match.span("school"))


# Who has a place at a school without being its pupil.
_WORKS = re.compile(
    r"\b(?:jobb|arbet|undervis|städ|vikari|anställ|lärar|rektor|chef|vaktm|kurator|(?:skol)?sköter|tränar"
    r"|\w{0,20}ledare\b|pedagog|bibliotek|kock\b|mamma|pappa|förälder|teach|work|principal)",
    re.IGNORECASE,
)


def _add_named(text: str, names: list[Span], ages: list[Span]) -> None:
    for name, age in child_anywhere.find_named(text):
        if _is_child(text[slice(*age)]):
            names.append(name)
            ages.append(age)


def _apart(spans: Sequence[Span], known: Sequence[Span]) -> list[Span]:
    return [
        (start, end)
        for start, end in spans
        if not any(start < other_end and other < end for other, other_end in known)
    ]


def _called(text: str) -> Iterator[Span]:
    """Yield the names that a child gives itself: "och heter Kalle", "Hälsningar Kalle och Lisa"."""
    for match in child_orders.CALLED.finditer(text):
        if not OTHERS.search(text, max(0, match.start() - _NEAR), match.start()):
            yield match.span("name")
    signed = child_orders.SIGNED.search(text, max(0, len(text) - _TAIL))
    if signed:
        start = signed.start("names")
        every = [name for name in _CAPITAL.finditer(signed["names"]) if name[0][0].isupper()]
        # "Elsa, Ekskolan" may be a teacher's.
        if all(is_first_name(name[0].lower()) for name in every):
            yield from ((start + name.start(), start + name.end()) for name in every)


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


def _is_childs_name(match: re.Match[str], text: str) -> bool:
    """Tell whether it is a first name for sure, and no teacher's: "läraren Eva i 4B"."""
    low, start = match["first"].lower(), match.start("first")
    before = text[:start].rsplit(maxsplit=1)[-1:] if start else []
    if before and before[0].lower().strip(",.") in _NO_CHILDREN:
        return False
    if is_certain(low):
        return True
    # "Juni 10 år" and "Vår 9 år" may be anything where a sentence begins.
    beside = text[match.end("first") : match.start("age")].strip() in {"", "i", "från", "på"}
    opens = not before or before[0][-1] in ".!?:"
    return is_first_name(low) and not (opens and beside and text[match.end() :][:1] != ":")


def _collect(pattern: re.Pattern[str], text: str, names: list[Span], ages: list[Span]) -> None:
    for match in pattern.finditer(text):
        if not _is_child(match["age"]):
            continue
        groups = pattern.groupindex
        if "first" in groups and not _is_childs_name(match, text):
            continue
        if "between" in groups and OTHERS.search(match["between"]):
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


CHECK = Check(NAME, 3, run)
