"""What a batch found is written by as many statements, however many ideas are in it."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from services.moderation.checking.verdicts import Checked, send_to_people, write_verdicts
from services.moderation.checks import Code, Finding, Severity
from shared.models import FindingRow, Idea, IdeaStatus, OutboxEvent, QueueEntry, Verdict
from tests.factories import a_council, an_idea

EMAIL = Finding("personal_data", Code.EMAIL, Severity.MEDIUM, 0.9, spans=((3, 18),))
PHONE = Finding("personal_data", Code.PHONE, Severity.HIGH, 1 / 3, params={"digits": 9})

pytestmark = pytest.mark.usefixtures("module_database")


def received(session, council, number):
    ideas = [an_idea(session, council, submitted=False) for _ in range(number)]
    for idea in ideas:
        session.refresh(idea, ["council"])
    return ideas


@contextmanager
def written(session):
    """How often the database is asked to do something; each of many rows counts."""
    asked = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        # Of one statement with many rows in it the parameters are no list.
        asked.extend([statement] * (len(parameters) if isinstance(parameters, list) else 1))

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_many_ideas_cost_no_more_statements_than_few(unit):
    council = a_council(unit)
    cost = {}
    for number in (2, 20):
        ideas = received(unit, council, number)
        with written(unit) as asked:
            write_verdicts(unit, [Checked(idea, [EMAIL, PHONE], ()) for idea in ideas])
            unit.flush()
        cost[number] = len(asked)
        of_these = [idea.id for idea in ideas]
        for model in (Verdict, FindingRow, QueueEntry):
            rows = unit.scalars(select(model).where(model.idea_id.in_(of_these))).all()
            assert len(rows) == number * (2 if model is FindingRow else 1)
        told = select(OutboxEvent).where(OutboxEvent.subject_id.in_(of_these))
        assert len(unit.scalars(told).all()) == number
    assert cost[2] == cost[20]


def test_a_finding_is_stored_as_it_was_told(unit):
    [idea] = received(unit, a_council(unit), 1)
    write_verdicts(unit, [Checked(idea, [EMAIL, PHONE], ("names", "tone"))])
    found = {row.code: row for row in unit.scalars(select(FindingRow))}
    email, phone = found["email"], found["phone"]
    assert (email.spans, email.params, email.similar_to) == ([[3, 18]], {}, None)
    assert (phone.spans, phone.params, phone.score) == ([], {"digits": 9}, 1 / 3)
    assert (email.severity, email.field, email.idea_id) == ("medium", "text", idea.id)
    verdict = unit.get_one(Verdict, (idea.id, 1))
    assert verdict.unchecked == ["names", "tone"]
    # Checked again: what was said is replaced, in every column.
    verdict_before = (verdict.outcome, verdict.priority, verdict.reached_at)
    write_verdicts(unit, [Checked(idea, [], ())])
    unit.refresh(verdict)
    assert verdict.unchecked == []
    assert all(
        before != after
        for before, after in zip(
            verdict_before, (verdict.outcome, verdict.priority, verdict.reached_at), strict=True
        )
    )


def test_those_that_wait_for_a_person_are_as_they_stand(unit):
    ideas = received(unit, a_council(unit), 3)
    # What was changed and not stored yet is not lost.
    ideas[0].signals = {"burst": 3}
    send_to_people(unit, ideas[:2])
    assert [(idea.status, idea.version) for idea in ideas] == [
        *[(IdeaStatus.WAITING, 2)] * 2,
        (IdeaStatus.RECEIVED, 1),
    ]
    assert not unit.dirty
    stored = unit.execute(select(Idea.id, Idea.status, Idea.version, Idea.signals))
    assert {tuple(row[:3]) for row in stored} >= {
        (idea.id, idea.status, idea.version) for idea in ideas
    }
    ideas[1].version += 1
    unit.flush()
    unit.refresh(ideas[0])
    assert ideas[0].signals == {"burst": 3}
    assert unit.scalar(select(Idea.version).where(Idea.id == ideas[1].id)) == 3
