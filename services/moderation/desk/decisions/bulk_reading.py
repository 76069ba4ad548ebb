"""What the pages of an act on many ideas read: which they are, and what became of them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, and_, cast, func, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.checking import idea_reading
from services.moderation.checks import Finding, Severity, marks
from services.moderation.checks.explanations import explain_finding, name_finding
from services.moderation.checks.marks import Piece
from services.moderation.decisions import acknowledging
from services.moderation.decisions.bulk import KINDS
from services.moderation.decisions.transitions import CAN_HOLD_MERGED, TRANSITIONS
from services.moderation.desk.queue.queue_filter import place_in
from shared.models import (
    Contact,
    Council,
    Decision,
    DecisionKind,
    DuplicateLink,
    Idea,
    IdeaStatus,
    IdeaText,
    Outcome,
    Precision,
    QueueEntry,
    Rule,
    Staff,
    Verdict,
)

MAX_BULK = 1000
_MERGE = DecisionKind.MERGE
# So many characters of a text are shown where nothing in it is grave.
_SHOWN = 400


@dataclass(frozen=True, slots=True)
class Item:
    """One of the ideas that an act is about, as the person sees it."""

    number: str
    version: int
    status: IdeaStatus
    council_id: int
    council: str
    author: str
    text: str
    received_at: datetime
    precision: Precision
    outcome: Outcome | None
    has_contact: bool
    has_correction: bool
    idea_id: UUID
    text_version: int
    unchecked: Sequence[str]
    # Whether it stands in the queue, or did so only when the list was loaded.
    waits: bool
    findings: list[Finding] = field(default_factory=list)
    # The codes that have to be named before its text may be public.
    grave: list[str] = field(default_factory=list)

    @property
    def pieces(self) -> list[Piece]:
        """The words, cut where something is marked: all of them where something is grave."""
        shown = self.text if self.grave or len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]} …"
        marked = {
            ref: spans
            for ref, each in enumerate(self.findings, start=1)
            if each.field == "text" and each.check != "duplicates"
            if (spans := tuple(span for span in each.spans if span[1] <= len(shown)))
        }
        return marks.cut_text(shown, marked)

    @property
    def is_public_grave(self) -> bool:
        """Whether everybody reads a text here in which something grave was found."""
        return bool(self.grave) and self.status is IdeaStatus.PUBLISHED and not self.has_correction

    @property
    def worst(self) -> str:
        """What kind of text this is, by the worst finding; empty without any."""
        return name_finding(self.findings[0].code) if self.findings else ""

    @property
    def is_unread(self) -> bool:
        """Whether some check has not read it, so that no finding says nothing."""
        return self.outcome is None or bool(self.unchecked)

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """The severity, the kind and the sentence of each finding that asks for something."""
        return [
            (each.severity.value, name_finding(each.code), self._sentence(each))
            for each in self.findings
            if each.severity is not Severity.INFO
        ]

    def _sentence(self, finding: Finding) -> str:
        return explain_finding(finding, self.text if finding.field == "text" else self.author)


@dataclass(frozen=True)
class Preview:
    """The ideas of an act that has not been made yet."""

    items: Sequence[Item]

    @cached_property
    def kinds(self) -> list[DecisionKind]:
        """What can be decided about every one of them."""
        fitting = [kind for kind in KINDS if all(_fits(kind, item) for item in self.items)]
        together = len({item.council_id for item in self.items}) == 1
        return [kind for kind in fitting if together or kind is not _MERGE]

    @cached_property
    def statuses(self) -> list[tuple[IdeaStatus, int]]:
        """How many there are of each status."""
        return Counter(item.status for item in self.items).most_common()

    @cached_property
    def councils(self) -> list[tuple[str, int]]:
        """How many there are to each council."""
        return Counter(item.council for item in self.items).most_common()

    @cached_property
    def held(self) -> list[Item]:
        """Those with something in them that has to be named before it may be public."""
        return [item for item in self.items if item.grave]

    @cached_property
    def kinds_of_findings(self) -> list[tuple[str, int]]:
        """How many there are by their worst finding, the commonest first; empty: without any.

        Those that some check has not read, and where nothing else is found, are none of these.
        """
        read = [item for item in self.items if item.findings or not item.is_unread]
        return Counter(item.worst for item in read).most_common()

    @property
    def with_contact(self) -> int:
        """How many writers left an address."""
        return sum(item.has_contact for item in self.items)

    @property
    def looks_like_spam(self) -> bool:
        """Whether the checks think so of every one of them."""
        return all(item.outcome is Outcome.LIKELY_SPAM for item in self.items)

    @property
    def numbers(self) -> list[str]:
        """Their numbers, in the order in which they came."""
        return [item.number for item in self.items]

    def merged(self, target: Item | None) -> "Preview":
        """Return those that a merge would be about: all but the one that they go to."""
        numbers = {target.number} if target else set()
        return Preview([item for item in self.items if item.number not in numbers])


def _fits(kind: DecisionKind, item: Item) -> bool:
    if item.status not in TRANSITIONS[kind][0]:
        return False
    public = item.status is IdeaStatus.PUBLISHED
    return kind is not DecisionKind.PUBLISH or not public or item.has_correction


def read_preview(session: SqlSession, numbers: Sequence[str]) -> Preview:
    """Return the ideas with these numbers, in the order in which they came; unknown ones are none.

    The text is the one to be decided about: of a public idea, a correction that waits.
    """
    rows: Iterable[Any] = session.execute(
        select(
            Idea.number,
            Idea.version,
            Idea.status,
            Idea.council_id,
            Council.title,
            func.coalesce(IdeaText.author, ""),
            func.coalesce(IdeaText.text, ""),
            Idea.received_at,
            Idea.precision,
            Verdict.outcome,
            select(Contact.idea_id).where(Contact.idea_id == Idea.id).exists(),
            func.coalesce(Idea.public_version, Idea.text_version) != Idea.text_version,
            Idea.id,
            Idea.text_version,
            func.coalesce(Verdict.unchecked, cast([], ARRAY(Text))),
            select(QueueEntry.id)
            .where(QueueEntry.idea_id == Idea.id, QueueEntry.closed_at.is_(None))
            .exists(),
        )
        .join(Council, Council.id == Idea.council_id)
        .join(IdeaText, and_(IdeaText.idea_id == Idea.id, IdeaText.version == Idea.text_version))
        .outerjoin(
            Verdict, and_(Verdict.idea_id == Idea.id, Verdict.text_version == Idea.text_version)
        )
        .where(Idea.number.in_(numbers))
        .order_by(Idea.received_at, Idea.id)
        .limit(MAX_BULK)
    )
    items = [Item(*row) for row in rows]
    found = idea_reading.findings_of(session, [item.idea_id for item in items])
    versions = [(item.idea_id, item.text_version) for item in items]
    grave = acknowledging.grave_in(session, versions)
    return Preview(
        [
            replace(
                item,
                findings=found.get(item.idea_id, []),
                grave=sorted(grave.get((item.idea_id, item.text_version), ())),
            )
            for item in items
        ]
    )


def merge_target(session: SqlSession, of: Preview, asked: str) -> Item | None:
    """Return the idea that these would be merged into: the one asked for, or that of their group.

    Nothing is guessed: ideas that are not all alike have no such one. Where the root of the group
    can hold none, it is the earliest of them.
    """
    if not of.items or _MERGE not in of.kinds:
        return None
    if asked and (found := read_preview(session, [asked]).items):
        return found[0]
    root = _root(session, of)
    if root is None:
        return None
    here = next((item for item in of.items if item.number == root), None)
    there = here or next(iter(read_preview(session, [root]).items), None)
    if there and there.status in CAN_HOLD_MERGED and there.council_id == of.items[0].council_id:
        return there
    return of.items[0] if len(of.items) > 1 else None


def _root(session: SqlSession, of: Preview) -> str | None:
    """Return the number of the idea that all of these are copies of, itself perhaps among them."""
    root, idea = aliased(Idea), aliased(Idea)
    roots = session.scalars(
        select(root.number)
        .select_from(idea)
        .outerjoin(DuplicateLink, DuplicateLink.idea_id == idea.id)
        .join(root, root.id == func.coalesce(DuplicateLink.original_id, idea.id))
        .where(idea.number.in_(of.numbers))
        .distinct()
        .limit(2)
    ).all()
    return roots[0] if len(roots) == 1 and [roots[0]] != of.numbers else None


def find_alike(session: SqlSession, number: str) -> tuple[list[str], bool]:
    """Return the numbers of the ideas that stand in the queue as one with this one.

    The most urgent first, MAX_BULK of them at most; and whether there are more.
    """
    own, entry = aliased(QueueEntry), aliased(QueueEntry)
    fold = (
        select(own.fold)
        .join(Idea, Idea.id == own.idea_id)
        .where(Idea.number == number, own.closed_at.is_(None))
        .order_by(*place_in(own))
        .limit(1)
        .scalar_subquery()
    )
    numbers = session.scalars(
        select(Idea.number)
        .join(entry, entry.idea_id == Idea.id)
        .where(entry.fold == fold, entry.closed_at.is_(None))
        .order_by(*place_in(entry))
        .limit(MAX_BULK + 1)
    ).all()
    return list(numbers[:MAX_BULK]), len(numbers) > MAX_BULK


@dataclass(frozen=True, slots=True)
class Act:
    """What was decided about many ideas at once."""

    kind: DecisionKind
    rule: Rule | None
    # The number of the idea that they were merged into.
    into: str | None
    who: str
    note: str
    decided_at: datetime
    # Of the ideas about which nothing was decided since, and of the others.
    standing: list[str]
    moved: list[str]


def read_act(session: SqlSession, bulk_id: UUID) -> Act | None:
    """Return a person's act on many ideas; None when there is none with this id."""
    later, target = aliased(Decision), aliased(Idea)
    is_latest = ~(
        select(later.id).where(later.idea_id == Decision.idea_id, later.seq > Decision.seq).exists()
    )
    rows = session.execute(
        select(Decision, Rule, target.number, Staff.name, Staff.email, Idea.number, is_latest)
        .join(Idea, Idea.id == Decision.idea_id)
        .join(Staff, Staff.id == Decision.staff_id)
        .outerjoin(Rule, Rule.id == Decision.rule_id)
        .outerjoin(target, target.id == Decision.into_id)
        .where(Decision.bulk_id == bulk_id)
        .order_by(Idea.number)
    ).all()
    if not rows:
        return None
    decision, rule, into, name, email, _number, _is_latest = rows[0]
    return Act(
        kind=decision.kind,
        rule=rule,
        into=into,
        who=name or email,
        note=decision.note or "",
        decided_at=decision.decided_at,
        standing=[number for *_, number, stands in rows if stands],
        moved=[number for *_, number, stands in rows if not stands],
    )
