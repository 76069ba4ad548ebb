"""A drawn decision as the second person meets it: what they may see, say and learn.

A sample is for whoever could have decided and has decided nothing about that idea. Everybody else
gets LookupError, as if it were not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.checking.idea_reading import STANDS
from services.moderation.checking.verdicts import from_row
from services.moderation.checks import Finding, worst_first
from services.moderation.decisions import entries
from services.moderation.settings import rules
from shared.clock import utcnow
from shared.idea_locks import lock_ideas
from shared.models import (
    Council,
    Decision,
    DecisionKind,
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    Judgement,
    Precision,
    Reason,
    Rule,
    Sample,
    Verdict,
)

MOST_LISTED = 50
_OPEN = and_(Sample.answered_at.is_(None), Sample.voided_at.is_(None))


class SampleClosedError(Exception):
    """Somebody answered first, or the first decision was undone, or the idea taken back."""


class RuleMissingError(Exception):
    """A rejection that names no rule in force."""


class Waiting(NamedTuple):
    """A sample in the list of those to look at. Nothing here tells what was decided."""

    id: int
    council: str
    drawn_at: datetime


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the second person sees: the text as the first one saw it, and what was found."""

    id: int
    council: str
    text: str
    author: str
    received_at: datetime
    precision: Precision
    findings: list[Finding]
    # The texts of earlier ideas that findings point at.
    similar: list[str]
    # The checks that have not read it; None where none has.
    unchecked: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two judgements of one text; rules by their codes, empty for anything but a rejection."""

    id: int
    number: str
    first: DecisionKind
    first_rule: str
    second: Judgement
    second_rule: str
    note: str
    answered_at: datetime
    # What was decided about the idea after the second look, if anything.
    since: DecisionKind | None = None

    @property
    def is_alike(self) -> bool:
        """Whether both said the same, rule included."""
        return (self.first.value, self.first_rule) == (self.second.value, self.second_rule)


def is_for(staff_id: UUID) -> ColumnElement[bool]:
    """Return the condition that an open sample is for this person."""
    own = select(Decision.id).where(
        Decision.idea_id == Sample.idea_id, Decision.staff_id == staff_id
    )
    return and_(_OPEN, ~own.exists(), ~Sample.passed_by.contains([staff_id]))


def list_waiting(session: SqlSession, staff_id: UUID) -> tuple[list[Waiting], bool]:
    """Return the oldest samples that are for this person, and whether there are more."""
    rows = session.execute(
        select(Sample.id, Council.title, Sample.drawn_at)
        .join(Idea, Idea.id == Sample.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .where(is_for(staff_id))
        .order_by(Sample.drawn_at, Sample.id)
        .limit(MOST_LISTED + 1)
    ).all()
    return [Waiting(*row) for row in rows[:MOST_LISTED]], len(rows) > MOST_LISTED


def find_following(session: SqlSession, staff_id: UUID) -> int | None:
    """Return the id of the oldest sample that is for this person."""
    return session.scalar(
        select(Sample.id).where(is_for(staff_id)).order_by(Sample.drawn_at, Sample.id).limit(1)
    )


def on_idea(session: SqlSession, number: str, staff_id: UUID) -> int | None:
    """Return the id of the open sample of an idea that is for this person, if there is one.

    Until they have answered, the idea's own page would tell them what was decided.
    """
    return session.scalar(
        select(Sample.id)
        .join(Idea, Idea.id == Sample.idea_id)
        .where(Idea.number == number, is_for(staff_id))
    )


def read_sample_sheet(session: SqlSession, sample_id: int, staff_id: UUID) -> Sheet:
    """Return what this person may see of a sample. Raises LookupError, and SampleClosedError."""
    row = session.execute(
        select(Sample, Idea.received_at, Idea.precision, Council.title, IdeaText, Verdict.unchecked)
        .join(Idea, Idea.id == Sample.idea_id)
        .join(Council, Council.id == Idea.council_id)
        .join(
            IdeaText,
            and_(IdeaText.idea_id == Sample.idea_id, IdeaText.version == Sample.text_version),
        )
        .outerjoin(
            Verdict,
            and_(Verdict.idea_id == Sample.idea_id, Verdict.text_version == Sample.text_version),
        )
        .where(Sample.id == sample_id)
    ).one_or_none()
    if row is None:
        raise LookupError
    _require_open(session, row.Sample, staff_id)
    found = session.scalars(
        select(FindingRow).where(
            FindingRow.idea_id == row.Sample.idea_id,
            FindingRow.text_version == row.Sample.text_version,
        )
    )
    findings = list(worst_first(from_row(each) for each in found))
    return Sheet(
        row.Sample.id,
        row.title,
        row.IdeaText.text or "",
        row.IdeaText.author or "",
        row.received_at,
        row.precision,
        findings,
        _texts(session, [each.similar_to for each in findings if each.similar_to]),
        row.unchecked,
    )


def answer_sample(
    session: SqlSession,
    sample_id: int,
    staff_id: UUID,
    judgement: Judgement,
    *,
    rule_code: str = "",
    note: str = "",
) -> Compared:
    """Take a second judgement, which changes nothing about the idea, and compare it with the first.

    Where both were sure and differ, an entry for a new look is opened. Raises LookupError,
    SampleClosedError, and RuleMissingError.
    """
    sample = _lock_sample(session, sample_id, staff_id)
    rule = _rule_in_force(session, rule_code) if judgement is Judgement.REJECT else None
    sample.judgement = judgement
    sample.rule_id = rule.id if rule else None
    sample.note = note or None
    sample.answered_by = staff_id
    sample.answered_at = utcnow()
    session.flush()
    entries.close_entries(session, sample.idea_id, reasons=[Reason.SAMPLE])
    compared = _compared(session, [Sample.id == sample_id])[0]
    if judgement is Judgement.UNSURE:
        return compared
    sample.is_alike = compared.is_alike
    if not compared.is_alike:
        entries.open_entry(session, sample.idea_id, Reason.RE_REVIEW, entries.RETURNED_PRIORITY)
    return compared


def pass_on(session: SqlSession, sample_id: int, staff_id: UUID) -> None:
    """Leave a sample to others: this person knows the first decision.

    Raises as `answer_sample` does.
    """
    sample = _lock_sample(session, sample_id, staff_id)
    sample.passed_by = [*sample.passed_by, staff_id]


def answered_by(session: SqlSession, sample_id: int, staff_id: UUID) -> Compared:
    """Return what this person's own answer was compared with. Raises LookupError."""
    found = _compared(session, [Sample.id == sample_id, Sample.answered_by == staff_id])
    if not found:
        raise LookupError
    return found[0]


def list_differing(session: SqlSession) -> list[Compared]:
    """Return the newest samples on which two people differed. It says nobody's name."""
    ids = session.scalars(
        select(Sample.id)
        .where(~Sample.is_alike)
        .order_by(Sample.answered_at.desc())
        .limit(MOST_LISTED)
    ).all()
    return _compared(session, [Sample.id.in_(ids)])


def _compared(session: SqlSession, which: Sequence[ColumnElement[bool]]) -> list[Compared]:
    first, second, later = aliased(Rule), aliased(Rule), aliased(Decision)
    since = (
        select(later.kind)
        .where(later.idea_id == Sample.idea_id, later.decided_at > Sample.answered_at)
        .order_by(later.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = session.execute(
        select(Sample, Idea.number, Decision.kind, first.code, second.code, since)
        .join(Idea, Idea.id == Sample.idea_id)
        .join(Decision, Decision.id == Sample.decision_id)
        .outerjoin(first, first.id == Decision.rule_id)
        .outerjoin(second, second.id == Sample.rule_id)
        .where(Sample.answered_at.is_not(None), *which)
        .order_by(Sample.answered_at.desc())
    )
    return [
        Compared(
            sample.id,
            number,
            kind,
            first_rule or "",
            sample.judgement,
            second_rule or "",
            sample.note or "",
            sample.answered_at,
            done,
        )
        for sample, number, kind, first_rule, second_rule, done in rows
    ]


def _lock_sample(session: SqlSession, sample_id: int, staff_id: UUID) -> Sample:
    sample = session.get(Sample, sample_id, with_for_update=True, populate_existing=True)
    if sample is None:
        raise LookupError
    # What is decided about the idea, or taken back, waits for the answer.
    lock_ideas(session, Idea.id == sample.idea_id)
    _require_open(session, sample, staff_id)
    return sample


def _require_open(session: SqlSession, sample: Sample, staff_id: UUID) -> None:
    if sample.answered_at is not None or sample.voided_at is not None:
        raise SampleClosedError
    undone = select(Decision.id).where(Decision.undoes == sample.decision_id).exists()
    gone = select(undone | (Idea.status == IdeaStatus.WITHDRAWN)).where(Idea.id == sample.idea_id)
    # The draw voids such a one, but not at once.
    if session.scalar(gone):
        raise SampleClosedError
    if session.scalar(select(Sample.id).where(Sample.id == sample.id, is_for(staff_id))) is None:
        raise LookupError


def _rule_in_force(session: SqlSession, code: str) -> Rule:
    rule = rules.find_rule_in_force(session, code)
    if rule is None:
        raise RuleMissingError
    return rule


def _texts(session: SqlSession, ids: Sequence[UUID]) -> list[str]:
    if not ids:
        return []
    return [
        text or ""
        for text in session.scalars(
            select(IdeaText.text)
            .join(Idea, STANDS)
            .where(Idea.id.in_(ids), Idea.destroyed_at.is_(None))
            .order_by(Idea.received_at, Idea.id)
        )
    ]
