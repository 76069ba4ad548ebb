"""How right each kind of finding has been: what people did with the ideas that had it.

Agreement, one answer per idea and kind of finding (check and code), given by the latest decision a
person made about the idea:

- words that may be personal: right when they were masked, or the idea was rejected as personal
  data or secret; wrong when the words were published, or kept public, as they stood;
- spam, and the way it was sent: right when the idea was rejected as spam, repeat, advertising or
  off the subject; wrong when it was published;
- tone: right when it was rejected as insult or unlawful; wrong when it was published;
- likeness to another idea: right when it was merged, or rejected as a repeat or spam; wrong when
  it was published on its own.

A rejection by any other rule, and a merge of what has findings of another kind, say nothing about
the finding and are not counted. Nor is what the system decides, nor what no decision can show (the
language of a text, that somebody is in despair). Undoing a decision takes its answers back.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Boolean, ColumnElement, Text, any_, cast, delete, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Session as SqlSession

from services.moderation.checks import Code
from services.moderation.checks.verdict import PERSONAL_CODES, TONE_CODES
from shared.models import CheckOutcome, Decision, FindingRow, IdeaStatus

# How many of the latest ideas with a finding are looked at.
LATEST = 50

_ALIKE = frozenset({Code.EXACT, Code.NEAR, Code.SEMANTIC})
# Facts of where an idea comes from and what it is written in, and care for who wrote it: no
# decision agrees with them.
_FACTS = frozenset({Code.LANGUAGE, Code.NOT_PUBLIC_BEFORE, Code.SELF_HARM})
_PERSONAL = PERSONAL_CODES - _FACTS
_SPAM = frozenset(Code) - PERSONAL_CODES - _ALIKE - TONE_CODES - _FACTS

_MEASURED = frozenset(Code) - _FACTS
# What a rejection by each rule agrees with.
_AGREES = {
    "personal-data": _PERSONAL,
    "secret": _PERSONAL,
    "spam": _SPAM | _ALIKE,
    "repeat": _SPAM | _ALIKE,
    "advertising": _SPAM,
    "off-topic": _SPAM,
    "insult": TONE_CODES,
    "unlawful": TONE_CODES,
}


def shown_by(status: IdeaStatus, rule_code: str | None) -> tuple[frozenset[Code], frozenset[Code]]:
    """Return which kinds a decision agrees with, and which it contradicts."""
    if status is IdeaStatus.PUBLISHED:
        return frozenset(), _MEASURED
    if status is IdeaStatus.REJECTED:
        return _AGREES.get(rule_code or "", frozenset()), frozenset()
    if status is IdeaStatus.MERGED:
        return _ALIKE, frozenset()
    return frozenset(), frozenset()


def note_decisions(
    session: SqlSession, decisions: Sequence[Decision], rule_code: str | None
) -> None:
    """Write down what a person's stored decisions show about the findings in the texts they judge.

    One that leads back to waiting, or masks, shows nothing here (`note_masked`).
    """
    # What is kept stays what it is: one of them public, another rejected.
    for status in sorted({each.status_after for each in decisions}):
        agreed, wrong = shown_by(status, rule_code)
        made = [each.id for each in decisions if each.status_after is status]
        _insert(session, agreed, wrong, Decision.id.in_(made))


def note_masked(
    session: SqlSession,
    decision: Decision,
    version: int,
    spans: Sequence[tuple[int, int]],
    *,
    author: bool,
) -> None:
    """Write down that the findings whose words a mask took away were right."""
    rows = session.execute(
        select(FindingRow.code, FindingRow.field, FindingRow.spans).where(
            FindingRow.idea_id == decision.idea_id,
            FindingRow.text_version == version,
            FindingRow.code.in_([code.value for code in _PERSONAL]),
        )
    )
    hit = {
        Code(code)
        for code, field, places in rows
        if (author if field == "author" else _overlap(places, spans))
    }
    if hit:
        _insert(session, hit, (), Decision.id == decision.id, version)


def _overlap(places: Sequence[Sequence[int]], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < last and first < end for start, end in places for first, last in spans)


def take_back(session: SqlSession, *undone: Decision) -> None:
    """Forget what decisions showed that are now undone."""
    session.execute(
        delete(CheckOutcome).where(
            CheckOutcome.idea_id.in_([each.idea_id for each in undone]),
            CheckOutcome.decision_seq.in_([each.seq for each in undone]),
        )
    )


def _insert(
    session: SqlSession,
    agreed: Collection[Code],
    wrong: Collection[Code],
    made: ColumnElement[bool],
    version: int | None = None,
) -> None:
    if not agreed and not wrong:
        return
    right = [code.value for code in agreed]
    measured = sorted({*right, *(code.value for code in wrong)})
    shown = (
        select(
            FindingRow.idea_id,
            FindingRow.check_name,
            FindingRow.code,
            cast(FindingRow.code == any_(cast(right, ARRAY(Text))), Boolean),
            Decision.seq,
        )
        .join(Decision, Decision.idea_id == FindingRow.idea_id)
        .where(
            made,
            FindingRow.text_version == (version or Decision.text_version),
            FindingRow.code == any_(cast(measured, ARRAY(Text))),
        )
        .distinct()
    )
    columns = ["idea_id", "check_name", "code", "agreed", "decision_seq"]
    rows = insert(CheckOutcome).from_select(columns, shown)
    session.execute(
        rows.on_conflict_do_update(
            index_elements=["idea_id", "check_name", "code"],
            set_={name: rows.excluded[name] for name in ("agreed", "decision_seq")},
        )
    )
