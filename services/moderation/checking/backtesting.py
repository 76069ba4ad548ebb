"""Today's or proposed checks over stored ideas, beside what people decided about them.

Nothing is written. Checks that compare an idea with others, or ask somebody outside, keep what they
found when the idea came: what is stored now is not what was stored then.
"""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased, joinedload

from services.moderation.checking.batches import subject_of
from services.moderation.checking.verdicts import from_row
from services.moderation.checks import Equipment, Finding, checks_with, run_all
from services.moderation.checks.verdict import SPAM_THRESHOLD, combine_findings
from services.moderation.checks.wording.lexicon import Term, TermError
from shared.models import (
    Decision,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    Outcome,
    TextKind,
    Verdict,
)

_AT_A_TIME = 500


class ProposalError(ValueError):
    """A file of proposed rules that cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the checks would work with, and how much spam it takes to be likely spam."""

    equipment: Equipment
    spam_threshold: float = SPAM_THRESHOLD

    @classmethod
    def read(cls, toml: str, standing: Equipment) -> "Proposal":
        """Read proposed rules: what they do not mention stays as it stands.

        `off = ["language"]` switches checks off, `on = [...]` on again; `spam_threshold = 0.7`;
        each `[[words]]` with list, term, language, match and weight adds a word.

        Raises ProposalError.
        """
        try:
            given = tomllib.loads(toml)
        except tomllib.TOMLDecodeError as error:
            raise ProposalError(str(error)) from None
        unknown = set(given) - {"off", "on", "spam_threshold", "words"}
        if unknown:
            raise ProposalError(f"unknown: {', '.join(sorted(unknown))}")
        threshold = given.get("spam_threshold", SPAM_THRESHOLD)
        if not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise ProposalError("spam_threshold is a number above 0, at most 1")
        known = {check.name for check in checks_with(replace(standing, off=frozenset()))}
        switched = {name: given.get(name, []) for name in ("off", "on", "words")}
        for name, entries in switched.items():
            if not isinstance(entries, list):
                raise ProposalError(f"{name} is a list")
        for name in (*switched["off"], *switched["on"]):
            if name not in known:
                raise ProposalError(f"there is no check {name!r}")
        off = (standing.off | set(switched["off"])) - set(switched["on"])
        words = {name: tuple(terms) for name, terms in standing.words.items()}
        for number, entry in enumerate(switched["words"], start=1):
            try:
                term = Term.proposed(entry)
            except TermError as error:
                raise ProposalError(f"words {number}: {error}") from None
            words[term.list] = (*words.get(term.list, ()), term)
        return cls(replace(standing, off=off, words=words), float(threshold))


@dataclass(frozen=True, slots=True)
class Compared:
    """One idea: the verdict when it came and now, and what people made of it.

    `decided` is `published`, `merged`, the code of the rule it was rejected by, or empty while no
    person has decided. `added` and `gone` are codes of findings.
    """

    number: str
    before: Outcome | None
    after: Outcome
    decided: str
    found: frozenset[str]
    added: frozenset[str]
    gone: frozenset[str]

    @property
    def changed(self) -> bool:
        """Whether the verdict is another one now."""
        return self.before is not None and self.before is not self.after


@dataclass(slots=True)
class Summary:
    """Counts over many ideas."""

    ideas: int = 0
    # (verdict then, verdict now) → ideas; then is empty where it was never checked.
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    # (verdict now, what people decided) → ideas.
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    # (verdict then, what people decided) → ideas.
    decided_before: Counter[tuple[str, str]] = field(default_factory=Counter)
    # code → ideas where it is found now, was found, and is found among the published.
    found: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    found_in_published: Counter[str] = field(default_factory=Counter)

    def add(self, each: Compared) -> None:
        """Count one idea."""
        self.ideas += 1
        before = each.before.value if each.before else ""
        self.moves[before, each.after.value] += 1
        self.decided[each.after.value, each.decided] += 1
        self.decided_before[before, each.decided] += 1
        self.found.update(each.found)
        self.added.update(each.added)
        self.gone.update(each.gone)
        if each.decided == "published":
            self.found_in_published.update(each.found)


def count_ideas(session: SqlSession, since: datetime | None) -> int:
    """Return how many ideas `compare_verdicts` will go through."""
    return session.scalar(select(func.count()).select_from(Idea).where(*_wanted(since))) or 0


def compare_verdicts(
    session: SqlSession, proposal: Proposal, since: datetime | None
) -> Iterator[Compared]:
    """Judge every idea that this installation stored since a moment, in the order it came.

    An idea is judged in its newest text that is not a mask: what the writer wrote last.
    """
    checks = checks_with(proposal.equipment)
    own = {check.name for check in checks_with(replace(proposal.equipment, off=frozenset()))}
    last = 0
    while rows := _page(session, since, last):
        last = rows[-1][0].seq
        findings = _findings(session, rows)
        decided = _decided(session, [idea for idea, _text, _verdict in rows])
        for idea, text, verdict in rows:
            stored = findings.get((idea.id, text.version), [])
            kept = [each for each in stored if each.check not in own]
            result = run_all(subject_of(idea, text), checks)
            now = [*result.findings, *kept]
            after = combine_findings(
                now, result.unchecked, spam_threshold=proposal.spam_threshold
            ).outcome
            codes = frozenset(each.code.value for each in now)
            before = frozenset(each.code.value for each in stored)
            yield Compared(
                number=idea.number,
                before=verdict.outcome if verdict else None,
                after=after,
                decided=decided.get(idea.id, ""),
                found=codes,
                added=codes - before,
                gone=before - codes,
            )


def _wanted(since: datetime | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Idea.destroyed_at.is_(None)]
    if since is not None:
        conditions.append(Idea.stored_at >= since)
    return conditions


_Row = tuple[Idea, IdeaText, Verdict | None]


def _page(session: SqlSession, since: datetime | None, last: int) -> Sequence[_Row]:
    newer = aliased(IdeaText)
    rows = session.execute(
        select(Idea, IdeaText, Verdict)
        .join(IdeaText, IdeaText.idea_id == Idea.id)
        .outerjoin(
            Verdict, and_(Verdict.idea_id == Idea.id, Verdict.text_version == IdeaText.version)
        )
        .where(
            *_wanted(since),
            Idea.seq > last,
            IdeaText.kind != TextKind.MASK,
            ~exists().where(
                newer.idea_id == Idea.id,
                newer.kind != TextKind.MASK,
                newer.version > IdeaText.version,
            ),
        )
        .order_by(Idea.seq)
        .limit(_AT_A_TIME)
        .options(joinedload(Idea.council, innerjoin=True), joinedload(Idea.rule))
        # What was read is let go of: a backtest may go through everything that is stored.
        .execution_options(populate_existing=True)
    ).all()
    session.expunge_all()
    return [(idea, text, verdict) for idea, text, verdict in rows]


def _findings(
    session: SqlSession, rows: Sequence[_Row]
) -> Mapping[tuple[UUID, int], list[Finding]]:
    found: dict[tuple[UUID, int], list[Finding]] = {}
    question = select(FindingRow).where(FindingRow.idea_id.in_([idea.id for idea, *_ in rows]))
    for row in session.scalars(question):
        found.setdefault((row.idea_id, row.text_version), []).append(from_row(row))
    session.expunge_all()
    return found


def _decided(session: SqlSession, ideas: Sequence[Idea]) -> dict[UUID, str]:
    """Return what people decided; the system's own decisions are no measure of the checks."""
    by_people = set(
        session.scalars(
            select(Decision.idea_id)
            .where(
                Decision.idea_id.in_([idea.id for idea in ideas]), Decision.staff_id.is_not(None)
            )
            .distinct()
        )
    )
    words: dict[UUID, str] = {}
    for idea in ideas:
        if idea.id not in by_people:
            continue
        if idea.status is IdeaStatus.REJECTED and idea.rule is not None:
            words[idea.id] = idea.rule.code
        elif idea.status in {IdeaStatus.PUBLISHED, IdeaStatus.MERGED}:
            words[idea.id] = idea.status.value
    return words


def as_json(summary: Summary) -> dict[str, Any]:
    """Return the counts for a program to read."""
    return {
        "ideas": summary.ideas,
        "verdicts": [
            {"before": before, "after": after, "ideas": ideas}
            for (before, after), ideas in sorted(summary.moves.items())
        ],
        "decisions": [
            {
                "verdict": verdict,
                "decided": decided,
                "before": summary.decided_before[verdict, decided],
                "after": summary.decided[verdict, decided],
            }
            for verdict, decided in sorted(summary.decided.keys() | summary.decided_before.keys())
        ],
        "findings": [
            {
                "code": code,
                "ideas": summary.found[code],
                "published": summary.found_in_published[code],
                "new": summary.added[code],
                "gone": summary.gone[code],
            }
            for code in sorted(summary.found.keys() | summary.gone.keys())
        ],
    }
