"""What a check sees and what it says."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as default
from typing import Literal
from uuid import UUID

from shared.reading import Reading, read_text

Field = Literal["text", "author"]
Span = tuple[int, int]


class Code(enum.StrEnum):
    """The kinds of findings. Each has a title and a sentence in `explanations`."""

    EXACT = "exact"
    NEAR = "near"
    SEMANTIC = "semantic"

    EMAIL = "email"
    PHONE = "phone"
    PERSONNUMMER = "personnummer"
    CHILD = "child"
    PERSON_NAME = "person_name"
    ADDRESS = "address"
    ACCOUNT = "account"
    PLATE = "plate"
    HANDLE = "handle"
    SENSITIVE = "sensitive"
    SELF_HARM = "self_harm"
    ACCUSATION = "accusation"

    LINK = "link"
    SHOUTING = "shouting"
    REPETITION = "repetition"
    PHRASE = "phrase"
    OFFER = "offer"
    INVISIBLE = "invisible"
    MIXED_SCRIPT = "mixed_script"
    GIBBERISH = "gibberish"
    LEARNED_SPAM = "learned_spam"
    BURST = "burst"
    HONEYPOT = "honeypot"
    TIME_TRAP = "time_trap"
    NOT_PUBLIC_BEFORE = "not_public_before"
    LISTED = "listed"

    THREAT = "threat"
    HATE = "hate"
    INSULT = "insult"
    PROFANITY = "profanity"
    LEARNED_TONE = "learned_tone"

    LANGUAGE = "language"


class Severity(enum.StrEnum):
    """How much a finding matters to the person who decides; from medium up somebody must look."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """Return 0 for info to 3 for high; compare ranks, not the words."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a pure check sees of an idea: a text version and the name beside it."""

    text: str
    author: str = ""
    council_language: str = "sv"
    # What the intake noticed about the way it came: {"burst": 34, "honeypot": 1}.
    signals: Mapping[str, int] = default(default_factory=dict)

    @property
    def fields(self) -> tuple[tuple[Field, str], ...]:
        """Return the text and the name, each with what it is called in a finding."""
        return (("text", self.text), ("author", self.author))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check noticed. Holds positions and codes, never a copy of the resident's words.

    `score` is how sure the check is, 0 to 1. `spans` are [start, end) in code points of the field,
    in order and not overlapping. `params` holds what the explanation needs besides the words at the
    spans: numbers and codes.

    Raises ValueError when score or spans break these rules.
    """

    check: str
    code: Code
    severity: Severity
    score: float
    field: str = "text"
    spans: tuple[Span, ...] = ()
    params: Mapping[str, int | float | str] = default(default_factory=dict)
    similar_to: UUID | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError("a score is a share, 0 to 1")
        before = 0
        for start, end in self.spans:
            if not before <= start < end:
                raise ValueError("spans are in order, do not overlap and are not empty")
            before = end

    def put(self, reading: Reading) -> "Finding":
        """Return the finding with its spans where they stand in the text as it is written."""
        spans = reading.locate_spans(self.spans)
        return self if spans == self.spans else replace(self, spans=spans)

    @staticmethod
    def code_of(stored: str) -> Code:
        """Return the code that a row holds."""
        return Code(stored)

    @staticmethod
    def severity_of(stored: str) -> Severity:
        """Return the severity that a row holds."""
        return Severity(stored)


class Reads(enum.Enum):
    """What a check is given of a text.

    `LINES`: the text as it is read, with a blank where a line ended, and, if it has several lines,
    once more with its lines. Words belong together across the end of a line, and a line may end
    what a full stop does not; what either of the two tells is told, the graver of both.
    `WORDS`: only the first of the two, for checks to which a line is nothing.
    `CHARACTERS`: the characters as they are written, for checks that look for odd ones.
    """

    LINES = enum.auto()
    WORDS = enum.auto()
    CHARACTERS = enum.auto()


@dataclass(frozen=True, slots=True)
class Check:
    """A function from a subject to findings, with a name and a version.

    `look` is only ever given what is read (`shared.reading`), never the text as it is written, so
    that what looks the same is judged the same; its spans are those of the reading.

    Raise the version whenever the function finds anything else than before: stored findings are
    told apart by it.
    """

    name: str
    version: int
    look: Callable[[Subject], Iterable[Finding]]
    reads: Reads = Reads.LINES

    def run(self, subject: Subject) -> Sequence[Finding]:
        """Return what is found, with spans of the text and the name as they are written."""
        if self.reads is Reads.CHARACTERS:
            return tuple(self.look(subject))
        text, author = read_text(subject.text), read_text(subject.author)
        read = _read_subject(subject, text.text, author.text)
        found = tuple(self.look(read))
        if self.reads is Reads.LINES and (text.has_lines or author.has_lines):
            by_line = tuple(self.look(_read_subject(subject, text.lines, author.lines)))
            found = found if found == by_line else _either(found, by_line)
        return tuple(finding.put(text if finding.field == "text" else author) for finding in found)


def _read_subject(subject: Subject, text: str, author: str) -> Subject:
    if text == subject.text and author == subject.author:
        return subject
    return replace(subject, text=text, author=author)


def _either(flat: Sequence[Finding], by_line: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what two readings tell: of one kind all words of both, as the graver tells it.

    Of two that are as grave it is the one that tells of more, a name beside the age.
    """
    told: list[Finding] = []
    for finding in sorted((*flat, *by_line), key=_gravest_first):
        for place, each in enumerate(told):
            if _is_alike(each, finding):
                told[place] = replace(each, spans=join_spans([*each.spans, *finding.spans]))
                break
        else:
            told.append(finding)
    return tuple(told)


def _gravest_first(finding: Finding) -> tuple[float, ...]:
    numbers = (value for value in finding.params.values() if isinstance(value, int | float))
    return (-finding.severity.rank, -finding.score, -sum(numbers))


def _is_alike(one: Finding, other: Finding) -> bool:
    kinds = one.params.get("kind"), other.params.get("kind")
    return one.code is other.code and one.field == other.field and kinds[0] == kinds[1]


def join_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that touch or overlap made one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
