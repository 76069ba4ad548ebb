"""What writers ask for and readers report: every verb in every status, in order, each once."""

from itertools import count

import pytest
from sqlalchemy import select, update

from services.moderation.decisions import receipt_actions
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.delivery.outbox import Delivery, StaleBatchError
from shared.ids import new_id
from shared.models import Idea, IdeaStatus, OutboxDelivery, OutboxEvent, Reason, ReceiptVerb
from tests.moderation.decisions.rules.given import idea_in, open_entries, text_version
from tests.moderation.decisions.test_decisions import waiting

RECEIVED, WAITING, PUBLISHED, REJECTED, MERGED, WITHDRAWN = IdeaStatus
WITHDRAW, CORRECT, RE_REVIEW, REPORT = ReceiptVerb
# In which statuses a verb opens which entry. In others it opens none.
OPENS = {
    RE_REVIEW: ({PUBLISHED, REJECTED, MERGED}, (Reason.RE_REVIEW, 260)),
    REPORT: ({PUBLISHED}, (Reason.REPORT, 350)),
}
_rounds = count()


def asked(session, *events: ReceiptAction) -> tuple[object, list[Delivery]]:
    """Store requests, and let a worker have claimed them, in their order."""
    batch = new_id()
    session.flush()
    outbox.record_all(session, events)
    session.execute(
        update(OutboxDelivery)
        .where(OutboxDelivery.consumer == "moderation.receipt", OutboxDelivery.batch.is_(None))
        .values(batch=batch)
    )
    rows = session.execute(
        select(OutboxDelivery.id, OutboxEvent.subject_id, OutboxEvent.payload)
        .join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
        .where(OutboxDelivery.batch == batch)
        .order_by(OutboxDelivery.id)
    )
    return batch, [Delivery(*row, 1) for row in rows]


def act(session, *events: ReceiptAction) -> None:
    batch, deliveries = asked(session, *events)
    assert len(deliveries) == len(events)
    receipt_actions.act_on_receipts(session, batch, deliveries)
    session.flush()


def ask(session, idea: Idea, verb: ReceiptVerb) -> ReceiptAction:
    if verb is CORRECT:
        words = f"Rättat, gång {next(_rounds)}."
        return ReceiptAction(idea.id, verb, text_version=text_version(session, idea, words))
    return ReceiptAction(idea.id, verb)


@pytest.mark.parametrize("status", IdeaStatus)
def test_each_verb_does_in_each_status_what_it_should_and_nothing_else(
    session, council, staff, status
):
    for verb in ReceiptVerb:
        idea = idea_in(session, council, staff, status)
        before, text_before = open_entries(session, idea), idea.text_version
        act(session, ask(session, idea, verb))
        opened = [row[1:] for row in open_entries(session, idea) if row not in before]
        statuses, entry = OPENS.get(verb, (set(), None))
        assert opened == ([entry] if status in statuses else []), verb
        is_gone = verb is WITHDRAW or status is WITHDRAWN
        assert idea.status is (WITHDRAWN if is_gone else status), verb
        moves = verb is CORRECT and status is not WITHDRAWN
        assert idea.text_version == text_before + moves, verb
        if is_gone:
            assert open_entries(session, idea) == []


def test_are_acted_on_in_their_order(session, council, staff):
    idea = idea_in(session, council, staff, PUBLISHED)
    act(session, *(ask(session, idea, verb) for verb in (RE_REVIEW, REPORT, CORRECT, WITHDRAW)))
    assert (idea.status, idea.text_version, open_entries(session, idea)) == (WITHDRAWN, 2, [])
    other = idea_in(session, council, staff, PUBLISHED)
    act(session, *(ask(session, other, verb) for verb in (WITHDRAW, RE_REVIEW, REPORT, CORRECT)))
    assert (other.status, other.text_version, open_entries(session, other)) == (WITHDRAWN, 1, [])


def test_of_several_ideas_each_gets_its_own(session, council, staff):
    first, second = (idea_in(session, council, staff, PUBLISHED) for _ in range(2))
    act(session, ask(session, second, REPORT), ask(session, first, WITHDRAW))
    assert (first.status, second.status) == (WITHDRAWN, PUBLISHED)
    assert [row[1] for row in open_entries(session, second)] == [Reason.REPORT]


def test_asked_for_twice_wait_once(session, council, staff):
    idea = idea_in(session, council, staff, PUBLISHED)
    act(session, ask(session, idea, REPORT), ask(session, idea, REPORT))
    assert [row[1:] for row in open_entries(session, idea)] == [(Reason.REPORT, 350)]


def test_are_done_with_what_they_did_and_never_a_second_time(session, council):
    idea = waiting(session, council)
    batch, deliveries = asked(session, ask(session, idea, CORRECT))
    receipt_actions.act_on_receipts(session, batch, deliveries)
    [done_at] = session.scalars(select(OutboxDelivery.done_at).where(OutboxDelivery.batch == batch))
    assert done_at is not None
    seen = idea.version
    with pytest.raises(StaleBatchError):
        receipt_actions.act_on_receipts(session, batch, deliveries)
    assert idea.version == seen
