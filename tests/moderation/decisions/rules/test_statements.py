"""What the statements of decisions promise: they are few, and they lose nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session as SqlSession

from services.moderation.decisions import bulk
from services.moderation.decisions.decision_request import DecisionRequest
from shared.idea_locks import lock_ideas
from shared.models import DecisionKind, Idea
from tests.moderation.decisions.test_decisions import waiting


@contextmanager
def counted(session: SqlSession) -> Iterator[list[str]]:
    """Note the statements that a session sends meanwhile."""
    sent: list[str] = []
    connection = session.connection()

    def note(_conn, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(connection, "before_cursor_execute", note)


@pytest.mark.parametrize("kind", [DecisionKind.PUBLISH, DecisionKind.REJECT, DecisionKind.MERGE])
def test_an_act_takes_as_many_for_thirty_as_for_three(session, council, staff, kind):
    target = waiting(session, council)
    request = DecisionRequest(
        kind=kind,
        staff_id=staff.id,
        rule_code="spam",
        into=target.number,
        counts_as_support=True,
    )
    took = []
    for many in (3, 30):
        items = [
            (idea.number, idea.version) for idea in (waiting(session, council) for _ in range(many))
        ]
        session.expire_all()
        with counted(session) as deciding:
            made = bulk.decide_many(session, request, items)
        with counted(session) as undoing:
            back = bulk.undo_many(session, bulk_id=made.bulk_id, staff_id=staff.id)
        assert len(made.done) == len(back.done) == many
        took.append((len(deciding), len(undoing)))
    assert took[0] == took[1]
    assert max(took[0]) <= 12


def test_a_lock_loses_nothing_that_was_changed_before_it(session, council):
    """It reads the rows anew: what is not stored yet is stored first, whoever holds that back."""
    idea = waiting(session, council)
    with session.no_autoflush:
        idea.version += 1
        [locked] = lock_ideas(session, Idea.id == idea.id)
    assert (locked is idea, idea.version) == (True, 3)
