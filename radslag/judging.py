"""What the checks say about texts that are stored nowhere: the line of `check` and of `--dry-run`.

The same functions as the workers use; copies are sought among the texts themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from services.moderation.checking import meaning
from services.moderation.checking.candidates import BUCKET_SIZE, MAX_CANDIDATES
from services.moderation.checking.duplicates import EXACT
from services.moderation.checks import (
    CHECKS,
    Check,
    Finding,
    Subject,
    duplicates,
    run_all,
    worst_first,
)
from services.moderation.checks.copies.common import EVERYDAY, Common, learn_common
from services.moderation.checks.explanations import explain_finding
from services.moderation.checks.verdict import combine_findings
from services.moderation.semantic.among import Among
from services.moderation.semantic.model import Model
from shared.text import fold_text

_AT_A_TIME = 200
# Of texts whose meaning is read, too: each takes a tenth of a second, and people watch.
_AT_A_TIME_WITH_MEANING = 20
_LEARNED_FROM = 2000


@dataclass(frozen=True, slots=True)
class Judged:
    """A text to judge, named by `id`."""

    id: str
    text: str
    author: str = ""
    language: str = "sv"


def judge_texts(
    texts: Sequence[Judged], checks: Sequence[Check] = CHECKS, model: Model | None = None
) -> Iterator[dict[str, Any]]:
    """Give `{"id","verdict","priority","findings","unchecked"}` of each text, in their order.

    The order is that of arrival: what comes first is the original of what is like it. The
    `similar_to` of a finding is the other's `id`. With a `model` the semantic depth is among them.
    """
    earlier = _Earlier()
    among = None if model is None else Among(model)
    left = iter(texts)
    while piece := list(islice(left, _AT_A_TIME if among is None else _AT_A_TIME_WITH_MEANING)):
        folded = [fold_text(each.text) for each in piece]
        earlier.learn(folded)
        if among is not None:
            among.add([each.text for each in piece])
        for each, words, keys in zip(piece, folded, duplicates.keys_of(folded), strict=True):
            copies = earlier.add(each, words, keys)
            meant = None if among is None else earlier.meant(among, copies)
            yield _line(each, checks, copies, earlier.id_of, meant)


def describe_judged(judged: Judged, checks: Sequence[Check] = CHECKS) -> dict[str, Any]:
    """Give the same of a text by itself, compared with no other."""
    return _line(judged, checks, (), str)


def _line(
    judged: Judged,
    checks: Sequence[Check],
    copies: Sequence[Finding],
    name_of: Callable[[UUID], str],
    meant: Callable[[], Sequence[Finding]] | None = None,
) -> dict[str, Any]:
    result = run_all(Subject(judged.text, judged.author, judged.language), checks)
    findings = [*result.findings, *copies]
    outcome, priority = combine_findings(findings, result.unchecked)
    if meant is not None and meaning.is_worth_it(findings, outcome):
        findings += meant()
        outcome, priority = combine_findings(findings, result.unchecked)
    return {
        "id": judged.id,
        "verdict": outcome.value,
        "priority": priority,
        "findings": [_as_json(each, judged, name_of) for each in worst_first(findings)],
        "unchecked": list(result.unchecked),
    }


def _as_json(finding: Finding, judged: Judged, name_of: Callable[[UUID], str]) -> dict[str, Any]:
    shown = judged.author if finding.field == "author" else judged.text
    said: dict[str, Any] = {
        "check": finding.check,
        "code": finding.code.value,
        "severity": finding.severity.value,
        "score": round(finding.score, 4),
        "field": finding.field,
        "spans": [list(span) for span in finding.spans],
        "explanation": explain_finding(finding, shown),
    }
    if finding.similar_to is not None:
        said["similar_to"] = name_of(finding.similar_to)
    return said


@dataclass(slots=True)
class _Earlier:
    """The texts so far, and the groups they make; a place in the list is a text's age."""

    texts: list[Judged] = field(default_factory=list)
    folded: list[str] = field(default_factory=list)
    _common: Common = EVERYDAY
    _exact: dict[str, int] = field(default_factory=dict)
    _buckets: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _roots: dict[int, int] = field(default_factory=dict)

    def id_of(self, place: UUID) -> str:
        """Return the id of the text that a finding points at by its place."""
        return self.texts[place.int].id

    def learn(self, folded: Sequence[str]) -> None:
        """Learn what everybody says from some of the texts so far, and from those that come now."""
        step = max(1, len(self.folded) // _LEARNED_FROM)
        self._common = learn_common([*self.folded[::step], *folded])

    def add(self, judged: Judged, folded: str, keys: duplicates.Keys) -> list[Finding]:
        """Add a text, and return the finding that it is a copy, if it is."""
        here = len(self.texts)
        self.texts.append(judged)
        self.folded.append(folded)
        same = self._exact.setdefault(folded, here) if folded else here
        if same != here:
            self._roots[here] = self._root(same)
            return [self._finding(here, self._root(same), EXACT, 1.0, frozenset())]
        matches = [
            (self._root(other), match)
            for other in self._candidates(keys)
            if (match := duplicates.confirm_match(folded, self.folded[other], self._common))
            is not None
            and not duplicates.is_elsewhere(match, judged.text, self.texts[other].text)
        ]
        for key in keys.stored:
            if len(self._buckets[key]) < BUCKET_SIZE:
                self._buckets[key].append(here)
        return self._settle(here, matches)

    def meant(self, among: Among, copies: Sequence[Finding]) -> Callable[[], Sequence[Finding]]:
        """Return what asks for ideas that wish the same as the last text; it may not be asked.

        What it is said to be a copy of is not said again.
        """
        here = len(self.texts) - 1
        told = {self._root(here), *(each.similar_to.int for each in copies if each.similar_to)}

        def name_of(place: int) -> tuple[int, str]:
            root = self._root(place)
            return root, self.texts[root].id

        return lambda: among.suggest(here, name_of, told)

    def _candidates(self, keys: duplicates.Keys) -> list[int]:
        """Return who shares a key: what few others share weighs more, as in the database."""
        weights: Counter[int] = Counter()
        for key in keys.query | set(keys.stored):
            bucket = self._buckets.get(key, ())
            for other in bucket:
                weights[other] += 1 / len(bucket)  # type: ignore[assignment]  # Counter of shares
        heaviest = sorted(weights, key=lambda other: (-weights[other], other))
        return heaviest[:MAX_CANDIDATES]

    def _settle(self, here: int, matches: list[tuple[int, duplicates.Match]]) -> list[Finding]:
        """Join all that is near; what is merely a part joins the best one; a hint joins nothing."""
        if not matches:
            return []
        best_first = sorted(matches, key=lambda each: (each[1].kind != "near", -each[1].score))
        near = [each for each in best_first if each[1].kind == "near"]
        best = best_first[0][1]
        if not near and best.score <= duplicates.HINT:
            return [self._finding(here, best_first[0][0], best.kind, best.score, best.words)]
        joined = [root for root, _match in near or best_first[:1]]
        first = min(joined)
        for root in {here, *joined} - {first}:
            self._roots[root] = first
        return [self._finding(here, first, best.kind, best.score, best.words)]

    def _root(self, place: int) -> int:
        while place in self._roots:
            place = self._roots[place]
        return place

    def _finding(
        self, here: int, root: int, kind: str, score: float, shared: frozenset[str]
    ) -> Finding:
        return duplicates.copy_finding(
            kind=kind,
            score=score,
            number=self.texts[root].id,
            similar_to=UUID(int=root),
            text=self.texts[here].text,
            shared=shared,
        )
