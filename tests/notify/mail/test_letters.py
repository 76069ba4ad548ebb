"""Which letters are owed, when they leave, and what an undo does to them."""

import pytest
from sqlalchemy import func, select

from services.moderation.decisions import deciding
from services.notify.sending.mailing import send_due
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import outbox
from shared.delivery.events import ReceiptAction
from shared.models import (
    Contact,
    Council,
    DecisionKind,
    IdeaStatus,
    Letter,
    OutboxDelivery,
    ReceiptVerb,
)
from tests.factories import a_rule, an_idea


def test_a_letter_waits_for_the_undo_window_and_then_leaves_once(desk, idea, server, settings):
    decision = desk.publish(idea)
    desk.deliver()
    (letter,) = desk.letters()
    assert (letter.due_at - decision.decided_at).total_seconds() == settings.undo_seconds
    assert send_due(settings) == 0
    desk.ripen()
    assert send_due(settings) == 1
    assert send_due(settings) == 0
    (mail,) = server.taken
    assert mail["Message-ID"] == letter.message_id == f"<{letter.id}@stad.example>"
    assert desk.states() == [("published", "sent")]


def test_a_delivery_that_comes_twice_writes_one_row(desk, idea):
    desk.publish(idea)
    desk.deliver()
    with Session.begin() as session:
        for delivery in session.scalars(select(OutboxDelivery)):
            delivery.done_at = None
            delivery.lease_until = utcnow()
    desk.deliver()
    assert len(desk.letters()) == 1


def test_who_left_no_address_gets_no_letter_and_leaves_no_trace(desk, session):
    silent = an_idea(session)
    desk.wait_for(silent)
    desk.publish(silent)
    desk.deliver()
    assert desk.letters() == []


@pytest.mark.parametrize(
    ("status", "kind", "template"),
    [
        (IdeaStatus.WAITING, DecisionKind.PUBLISH, "published"),
        (IdeaStatus.WAITING, DecisionKind.REJECT, "rejected"),
        (IdeaStatus.WAITING, DecisionKind.MERGE, "merged"),
        # Nobody had seen the words, and the writer hears when it is published.
        (IdeaStatus.WAITING, DecisionKind.MASK, None),
        (IdeaStatus.PUBLISHED, DecisionKind.MASK, "masked"),
        (IdeaStatus.PUBLISHED, DecisionKind.REJECT, "rejected"),
        # Nothing has changed for the writer.
        (IdeaStatus.PUBLISHED, DecisionKind.KEEP, None),
        # The next decision is told.
        (IdeaStatus.PUBLISHED, DecisionKind.REOPEN, None),
    ],
)
def test_what_is_owed(desk, idea, session, status, kind, template):
    if status is IdeaStatus.PUBLISHED:
        desk.publish(idea)
    target = an_idea(session, session.get_one(Council, idea.council_id), submitted=False)
    desk.wait_for(target)
    more = {
        DecisionKind.REJECT: {"rule_code": a_rule(session).code},
        DecisionKind.MERGE: {"into": target.number},
        DecisionKind.MASK: {"mask_spans": [(0, 2)]},
    }.get(kind, {})
    decision = desk.decide(idea, kind, **more)
    desk.deliver()
    made = [each.template for each in desk.letters() if each.decision_id == decision.id]
    assert made == ([template] if template else [])


def test_undone_before_it_left_the_letter_is_cancelled(desk, idea, server, settings):
    desk.undo(desk.publish(idea))
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 0
    assert server.taken == []
    assert desk.states() == [("published", "cancelled")]


def test_an_undo_that_is_not_yet_delivered_stops_the_letter_too(desk, idea, server, settings):
    decision = desk.publish(idea)
    desk.deliver()
    desk.undo(decision)
    desk.ripen()
    send_due(settings)
    assert server.taken == []
    desk.deliver()
    assert [(each.state.value, each.error) for each in desk.letters()] == [("cancelled", "undone")]


def test_undone_after_it_left_a_correction_follows(desk, idea, server, settings):
    decision = desk.publish(idea)
    desk.deliver()
    desk.ripen()
    send_due(settings)
    desk.undo(decision)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert desk.states() == [("published", "sent"), ("corrected", "sent")]
    assert server.subjects[1] == f"Rättelse: beslutet om din idé {idea.number} är ändrat"


def test_a_correction_waits_for_the_letter_that_is_under_way(desk, idea, server, settings):
    decision = desk.publish(idea)
    desk.deliver()
    desk.ripen()
    server.before_reply = lambda: (desk.undo(decision), desk.deliver(), desk.ripen(), None)[-1]
    assert send_due(settings) == 2
    assert [mail["Subject"].split(":")[0] for mail in server.taken][1] == "Rättelse"


def test_a_correction_is_not_sent_when_the_first_letter_never_left(desk, idea, server, settings):
    decision = desk.publish(idea)
    desk.deliver()
    desk.ripen()

    def undo_meanwhile():
        server.before_reply = None
        desk.undo(decision)
        desk.deliver()

    server.before_reply = undo_meanwhile
    server.to_data = ["451 later"]
    send_due(settings)
    desk.ripen()
    assert send_due(settings) == 0
    assert server.taken == []
    assert desk.states() == [("published", "cancelled"), ("corrected", "cancelled")]


def test_a_later_decision_replaces_the_letter_of_the_earlier(desk, idea, session, server, settings):
    desk.publish(idea)
    desk.decide(idea, DecisionKind.REJECT, rule_code=a_rule(session).code)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert desk.states() == [("published", "cancelled"), ("rejected", "sent")]


def test_undoing_the_later_decision_brings_the_earlier_letter_back(
    desk, idea, session, server, settings
):
    desk.publish(idea)
    later = desk.decide(idea, DecisionKind.REJECT, rule_code=a_rule(session).code)
    desk.deliver()
    with Session.begin() as look:
        published = look.scalar(select(Letter).where(Letter.template == "published"))
        published.due_at = utcnow()
    assert send_due(settings) == 0
    desk.undo(later)
    desk.deliver()
    desk.ripen()
    assert send_due(settings) == 1
    assert desk.states() == [("published", "sent"), ("rejected", "cancelled")]


def test_a_withdrawn_idea_gets_no_letter(desk, idea, server, settings):
    desk.publish(idea)
    desk.deliver()
    with Session.begin() as session:
        outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.WITHDRAW))
    desk.ripen()
    assert send_due(settings) == 0
    assert [each.error for each in desk.letters()] == ["withdrawn"]


def test_an_address_deleted_meanwhile_is_not_written_to(desk, idea, server, settings):
    desk.publish(idea)
    desk.deliver()
    with Session.begin() as session:
        session.delete(session.get_one(Contact, idea.id))
    desk.ripen()
    assert send_due(settings) == 0
    assert [each.error for each in desk.letters()] == ["no address"]


def test_the_policy_of_a_council_and_an_import_never_write(desk, session, idea):
    deciding.publish_by_policy(session, idea)
    session.commit()
    desk.deliver()
    assert session.scalar(select(func.count()).select_from(Letter)) == 0
