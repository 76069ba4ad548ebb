"""What a check sees and what it says."""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default
from typing import Literal
from uuid import UUID

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

    @staticmethod
    def code_of(stored: str) -> Code:
        """Return the code that a row holds."""
        return Code(stored)

    @staticmethod
    def severity_of(stored: str) -> Severity:
        """Return the severity that a row holds."""
        return Severity(stored)


@dataclass(frozen=True, slots=True)
class Check:
    """A function from a subject to findings, with a name and a version.

    Raise the version whenever the function finds anything else than before: stored findings are
    told apart by it.
    """

    name: str
    version: int
    run: Callable[[Subject], Iterable[Finding]]


def join_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that touch or overlap made one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
