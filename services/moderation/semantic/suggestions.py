"""Which ideas are suggested as the same wish, of those whose meaning is near. No database here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from services.moderation.checking.switches import SEMANTIC
from services.moderation.checks.finding import Code, Finding, Severity
from services.moderation.checks.places import find_places, share_no_place
from services.moderation.semantic.telling import shared_words

# Likeness (the cosine in `space`) from which a wish may be the same: with a telling word in common
# (or in two languages, which have none), and without. `bench/semantic.py` has the figures.
LIKE = 0.35
LIKE_WITHOUT_WORDS = 0.43
# In another council it must be liker: there the two can only be mentioned to one another.
MORE_ELSEWHERE = 0.08
MOST = 3
# So many of the nearest are looked at more closely; the others are hardly suggested.
CANDIDATES = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """An idea whose meaning is near, and who should be named for it.

    `id` and `number` are those of the idea to name: the first of its copies, or the one it was
    merged into. `text` is the near idea's own.
    """

    id: UUID
    number: str
    text: str
    likeness: float
    same_council: bool = True
    same_language: bool = True


def suggest_same_wishes(
    text: str, near: Iterable[Candidate], told: Collection[UUID] = ()
) -> list[Finding]:
    """Return the findings that an idea may wish the same as others, three at most, the best first.

    Not suggested: what is `told` of already, the same wish in another place, and what is not like
    enough.
    """
    here = find_places(text)
    findings: dict[UUID, Finding] = {}
    for candidate in sorted(near, key=lambda each: (-each.likeness, each.number)):
        if candidate.id in told or candidate.id in findings:
            continue
        there = find_places(candidate.text)
        if share_no_place(here, there):
            continue
        spans = shared_words(text, candidate.text, here | there)
        if candidate.likeness < _needed(candidate, has_words=bool(spans)):
            continue
        findings[candidate.id] = Finding(
            SEMANTIC,
            Code.SEMANTIC,
            Severity.INFO,
            round(min(1.0, candidate.likeness), 4),
            spans=spans,
            params={"number": candidate.number},
            similar_to=candidate.id,
        )
        if len(findings) == MOST:
            break
    return list(findings.values())


def _needed(candidate: Candidate, *, has_words: bool) -> float:
    """Return how like a candidate must be."""
    needed = LIKE if has_words or not candidate.same_language else LIKE_WITHOUT_WORDS
    return needed if candidate.same_council else needed + MORE_ELSEWHERE
