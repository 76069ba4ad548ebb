"""From findings to a verdict, and from a verdict to what happens to the idea.

A check that meets an idea in another status than `received` writes findings and perhaps an entry,
never a status.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm.attributes import set_committed_value

from services.moderation import lookups
from services.moderation.checking import arrivals, duplicates, meaning, switches, together
from services.moderation.checks import CHECK_VERSIONS, Finding
from services.moderation.checks.verdict import VERDICT_VERSION, combine_findings
from services.moderation.decisions import deciding, entries
from shared.clock import utcnow
from shared.delivery import outbox, queues
from shared.delivery.events import IdeaChecked
from shared.delivery.queues import Consumer
from shared.idea_locks import lock_idea
from shared.models import (
    FindingRow,
    Idea,
    IdeaStatus,
    IdeaText,
    Outcome,
    Reason,
    Source,
    TextKind,
    Verdict,
)

# One statement for all: of each that changes an idea the CHECK constraints are read anew.
_SEND_TO_PEOPLE = text("""
    UPDATE ideas SET status = 'waiting', version = version + 1 WHERE id = ANY(:ids)""")


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks said about the current text of one idea (its council loaded)."""

    idea: Idea
    findings: Sequence[Finding]
    unchecked: Sequence[str]


class Reached(NamedTuple):
    """A verdict."""

    outcome: Outcome
    priority: int
    unchecked: tuple[str, ...]


def write_verdicts(session: SqlSession, checked: Sequence[Checked]) -> None:
    """Store what was found, and act on what it means, in few statements for many ideas.

    Writing the same again changes nothing that a person sees: rows are replaced, an open entry
    stays the one it was, and nothing is sent twice.
    """
    earlier = _earlier_codes(session, [each.idea for each in checked])
    _forget_findings(session, [each.idea for each in checked if each.idea.id in earlier])
    rows = [_row(each.idea, finding) for each in checked for finding in each.findings]
    together.insert_rows(session, FindingRow, rows)
    reached = [(each, *combine_findings(each.findings, each.unchecked)) for each in checked]
    _store_verdicts(
        session,
        [(each.idea, outcome, priority, each.unchecked) for each, outcome, priority in reached],
    )
    confirmed = arrivals.to_confirm(
        session,
        [(each.idea, outcome) for each, outcome, _ in reached if each.idea.id not in earlier],
    )
    semantic_is_on = meaning.is_on(session)
    wanted: list[tuple[UUID, Reason, int]] = []
    to_people: list[Idea] = []
    events: dict[tuple[Consumer, ...], list[IdeaChecked]] = defaultdict(list)
    for each, outcome, priority in reached:
        look = (
            semantic_is_on
            and each.idea.status is not IdeaStatus.WITHDRAWN
            and meaning.is_worth_it(each.findings, outcome)
        )
        told = {queues.MEANING: look, queues.ARRIVAL: each.idea.id in confirmed}
        without = tuple(consumer for consumer, hears in told.items() if not hears)
        events[without].append(IdeaChecked(each.idea.id, each.idea.text_version))
        reason = _act(session, each, outcome, earlier.get(each.idea.id), look_pending=look)
        if reason is not None:
            wanted.append((each.idea.id, reason, priority))
        if reason is Reason.NEW and each.idea.status is IdeaStatus.RECEIVED:
            to_people.append(each.idea)
    send_to_people(session, to_people)
    entries.open_entries(session, wanted)
    for without, checked_now in events.items():
        outbox.record_all(session, checked_now, without=without)


def add_finding(session: SqlSession, idea_id: UUID, finding: Finding) -> None:
    """Add a finding to an idea that was checked before (an earlier copy of it turned up)."""
    replace_findings(session, session.get_one(Idea, idea_id), finding.check, [finding])


def replace_findings(
    session: SqlSession,
    idea: Idea,
    check: str,
    findings: Sequence[Finding],
    *,
    unchecked: bool = False,
) -> Reached | None:
    """Replace what one check said about the text that stands, and reach the verdict anew.

    `unchecked` says that this check could not run. No status and no entry changes here. Returns
    None when the text has no verdict yet: the findings then wait for it.
    """
    session.execute(
        delete(FindingRow).where(
            FindingRow.idea_id == idea.id,
            FindingRow.text_version == idea.text_version,
            FindingRow.check_name == check,
        )
    )
    together.insert_rows(session, FindingRow, [_row(idea, finding) for finding in findings])
    standing = session.get(Verdict, (idea.id, idea.text_version), populate_existing=True)
    if standing is None:
        return None
    missing = [name for name in standing.unchecked if name != check] + [check] * unchecked
    outcome, priority = combine_findings(_findings(session, idea), missing)
    _store_verdicts(session, [(idea, outcome, priority, missing)])
    return Reached(outcome, priority, tuple(missing))


def give_up(session: SqlSession, idea_id: UUID, payload: Mapping[str, object]) -> None:
    """Say that the checks could not run: `unchecked`, never "clean". Called by the relay.

    It runs no check itself, so that whatever killed the worker cannot kill the relay.
    """
    idea = lock_idea(session, idea_id)
    if payload["text_version"] != idea.text_version and idea.status is not IdeaStatus.RECEIVED:
        return  # a newer text has been, or will be, checked in its own right
    should_have_run = CHECK_VERSIONS.keys() | lookups.NAMES
    unchecked = tuple(sorted(should_have_run - switches.list_switched_off(session)))
    duplicates.take_turn(session)
    write_verdicts(session, [Checked(idea, [], unchecked)])


def _earlier_codes(session: SqlSession, ideas: Sequence[Idea]) -> dict[UUID, set[str]]:
    """Return the codes found before, in any text, for those ideas that were ever checked."""
    ids = [idea.id for idea in ideas]
    codes: dict[UUID, set[str]] = {
        idea_id: set()
        for idea_id in session.scalars(
            select(Verdict.idea_id).where(Verdict.idea_id.in_(ids)).distinct()
        )
    }
    if codes:
        found = select(FindingRow.idea_id, FindingRow.code).where(FindingRow.idea_id.in_(codes))
        for idea_id, code in session.execute(found.distinct()):
            codes[idea_id].add(code)
    return codes


def _act(
    session: SqlSession,
    checked: Checked,
    outcome: Outcome,
    earlier: set[str] | None,
    *,
    look_pending: bool,
) -> Reason | None:
    """Publish an idea that may be, or return why a person should look at it, if so.

    `earlier` holds the codes found in its texts before; None when it was never checked. While a
    semantic look is pending an idea that may publish itself stays received; the look's end decides.
    """
    idea = checked.idea
    clear = outcome is Outcome.CLEAR  # never with a check that could not run
    if idea.status is IdeaStatus.RECEIVED:
        if clear and deciding.may_publish_itself(idea):
            if not look_pending:
                deciding.publish_by_policy(session, idea)
            return None
        return Reason.NEW
    if idea.status is IdeaStatus.WITHDRAWN:
        return None
    return _reason_to_look_again(session, checked, earlier, clear=clear)


def send_to_people(session: SqlSession, ideas: Sequence[Idea]) -> None:
    """Let ideas that were received, and are locked, wait for a person.

    Who calls this opens the entries.
    """
    if not ideas:
        return
    session.flush()
    session.execute(_SEND_TO_PEOPLE, {"ids": [idea.id for idea in ideas]})
    for idea in ideas:
        set_committed_value(idea, "status", IdeaStatus.WAITING)
        set_committed_value(idea, "version", idea.version + 1)


def _reason_to_look_again(
    session: SqlSession, checked: Checked, earlier: set[str] | None, *, clear: bool
) -> Reason | None:
    idea = checked.idea
    if _is_correction(session, idea):
        return Reason.CORRECTION
    if idea.status is IdeaStatus.WAITING:
        return Reason.NEW
    if clear:
        return None
    if earlier is None and idea.source is Source.IMPORT:
        return Reason.CLEAN_UP
    new_codes = {finding.code.value for finding in checked.findings} - (earlier or set())
    return Reason.LATE_FINDING if new_codes or checked.unchecked else None


def _is_correction(session: SqlSession, idea: Idea) -> bool:
    """Whether the text just checked is the writer's correction, which nobody has accepted yet."""
    if idea.text_version == idea.public_version:
        return False
    kind = session.scalar(
        select(IdeaText.kind).where(
            IdeaText.idea_id == idea.id, IdeaText.version == idea.text_version
        )
    )
    return kind is TextKind.CORRECTION


def _forget_findings(session: SqlSession, ideas: Sequence[Idea]) -> None:
    """Remove what an earlier run found in the texts that are checked again.

    What the semantic look suggested stays until the next look replaces it.
    """
    for idea in ideas:
        session.execute(
            delete(FindingRow).where(
                FindingRow.idea_id == idea.id,
                FindingRow.text_version == idea.text_version,
                FindingRow.check_name != switches.SEMANTIC,
            )
        )


def _row(idea: Idea, finding: Finding) -> dict[str, Any]:
    return {
        "idea_id": idea.id,
        "text_version": idea.text_version,
        "check_name": finding.check,
        "check_version": switches.VERSIONS[finding.check],
        "code": finding.code.value,
        "severity": finding.severity.value,
        "score": finding.score,
        "field": finding.field,
        "spans": [list(span) for span in finding.spans],
        "params": dict(finding.params),
        "similar_to": finding.similar_to,
        "found_at": utcnow(),
    }


def _findings(session: SqlSession, idea: Idea) -> list[Finding]:
    rows = session.scalars(
        select(FindingRow).where(
            FindingRow.idea_id == idea.id, FindingRow.text_version == idea.text_version
        )
    )
    return [from_row(row) for row in rows]


def from_row(row: FindingRow) -> Finding:
    """Return the finding that a row holds."""
    return Finding(
        check=row.check_name,
        code=Finding.code_of(row.code),
        severity=Finding.severity_of(row.severity),
        score=row.score,
        field=row.field,
        spans=tuple((start, end) for start, end in row.spans),
        params=row.params,
        similar_to=row.similar_to,
    )


def _store_verdicts(
    session: SqlSession, reached: Sequence[tuple[Idea, Outcome, int, Sequence[str]]]
) -> None:
    now = utcnow()
    together.insert_rows(
        session,
        Verdict,
        [
            {
                "idea_id": idea.id,
                "text_version": idea.text_version,
                "outcome": outcome,
                "priority": priority,
                "unchecked": list(unchecked),
                "ruleset": VERDICT_VERSION,
                "reached_at": now,
            }
            for idea, outcome, priority, unchecked in reached
        ],
        replacing=("idea_id", "text_version"),
    )
