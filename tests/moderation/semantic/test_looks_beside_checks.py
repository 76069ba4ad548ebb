"""A look and a batch of checks at one instant: both write of ideas that the other one has."""

import threading
from datetime import timedelta

from sqlalchemy import select, text

from services.moderation.checking import batches as checking
from services.moderation.semantic import looking, outcomes
from shared import db
from shared.clock import utcnow
from shared.delivery import outbox, queues
from shared.models import DuplicateLink
from tests.factories import a_council, an_idea
from tests.in_turn import _waits
from tests.moderation.semantic.test_looking import LIGHTS, TOOLS, check, offered, on, session

__all__ = ["on", "session"]


def test_a_look_and_a_check_that_write_of_the_same_ideas_take_turns(session, monkeypatch):
    """The earlier copies turn up in the other order than the look goes through the later ones."""
    council = a_council(session)
    one, two = (an_idea(session, council, text=words) for words in (LIGHTS, TOOLS))
    check(session)
    looked = [(batch, outbox.claim_batch(batch)) for batch in offered(queues.MEANING)]
    assert [each.subject_id for _batch, claimed in looked for each in claimed] == [one.id, two.id]
    earlier = [
        an_idea(session, council, text=words, received_at=utcnow() - timedelta(hours=hours))
        for words, hours in ((TOOLS, 2), (LIGHTS, 1))
    ]
    session.commit()
    [batch] = offered(queues.CHECK)
    copies = outbox.claim_batch(batch)
    assert {each.subject_id for each in copies} == {each.id for each in earlier}

    wrong: list[Exception] = []
    pid: list[int] = []

    def check_copies() -> None:
        try:
            with db.Session.begin() as own:
                pid.append(own.scalar(text("SELECT pg_backend_pid()")) or 0)
                begun.set()
                checking.check_batch(own, batch, copies)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
            wrong.append(error)

    begun, conclude = threading.Event(), outcomes.conclude_look
    checks = threading.Thread(target=check_copies)

    def conclude_and_wait(own, idea, found):
        conclude(own, idea, found)
        if not begun.is_set():
            checks.start()
            assert begun.wait(20)
            assert _waits(db.Session.kw["bind"], pid[0], checks)

    monkeypatch.setattr(outcomes, "conclude_look", conclude_and_wait)
    try:
        with db.Session.begin() as own:
            for look, claimed in looked:
                looking.compare_batch(own, look, claimed, is_on=False)
    finally:
        checks.join(20)
    assert wrong == []
    links = session.execute(select(DuplicateLink.idea_id, DuplicateLink.original_id)).all()
    assert {*links} == {(one.id, earlier[1].id), (two.id, earlier[0].id)}
