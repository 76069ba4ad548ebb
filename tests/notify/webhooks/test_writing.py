"""From events to what is owed: only what somebody wants, once, and nothing of imports."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import func, select

from services.moderation.decisions import official_answers
from services.notify.webhooks import endpoints, writing
from services.notify.webhooks.payloads import _TOLD
from services.notify.webhooks.sending import send_due
from shared import db
from shared.clock import utcnow
from shared.db import Session
from shared.delivery import events, hooks, outbox, queues
from shared.delivery.events import AlertRaised, IdeaChecked, IdeaSubmitted, ReceiptAction
from shared.ids import new_id
from shared.models import (
    DecisionKind,
    DeliveryState,
    OutboxDelivery,
    OutboxEvent,
    ReceiptVerb,
    Source,
    WebhookDelivery,
)
from tests.factories import a_council, a_rule, an_idea


def to_endpoints() -> int:
    with Session() as session:
        found = select(func.count()).where(OutboxDelivery.consumer == queues.HOOK.name)
        return session.scalar(found) or 0


def test_every_name_belongs_to_an_event_and_is_told_of():
    assert all(hasattr(events, kind) for kind in hooks.NAMES)
    assert set(_TOLD) == set(hooks.NAMES)
    assert hooks.PING not in hooks.NAMES.values()


def test_without_endpoints_nothing_is_recorded_and_nothing_more_is_asked(session, hooked):
    statements = []
    engine = db._engines[0]
    sqlalchemy_event.listen(
        engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    an_idea(session)
    session.commit()
    assert len([each for each in statements if "outbox" in each or "webhooks" in each]) == 2
    assert to_endpoints() == 0


def test_an_event_is_recorded_for_an_endpoint_that_wants_its_kind(session, hooked, receiver):
    webhook = hooked.endpoint(receiver, "idea.submitted")
    idea = an_idea(session)
    outbox.record_event(session, IdeaChecked(idea.id, 1))
    session.commit()
    assert to_endpoints() == 1
    with Session.begin() as writing:
        endpoints.pause_endpoint(endpoints.lock_endpoint(writing, webhook))
    an_idea(session)
    session.commit()
    assert to_endpoints() == 1


def test_an_import_is_no_news_and_is_not_even_recorded(session, hooked, receiver):
    hooked.endpoint(receiver, "idea.submitted")
    idea = an_idea(session, submitted=False)
    outbox.record_event(session, IdeaSubmitted(idea.id, 1), queue=queues.BULK)
    session.commit()
    assert to_endpoints() == 0
    outbox.record_event(session, IdeaSubmitted(idea.id, 1))
    session.commit()
    assert to_endpoints() == 1


def test_each_endpoint_is_owed_an_event_once(session, hooked, receiver, other):
    hooked.endpoint(receiver, "idea.submitted")
    hooked.endpoint(other, "idea.submitted", "idea.decided")
    an_idea(session)
    session.commit()
    assert hooked.deliver() == 1
    assert len(hooked.rows()) == 2
    with Session.begin() as again:
        again.execute(OutboxDelivery.__table__.update().values(done_at=None))
    assert hooked.deliver() == 1
    assert len(hooked.rows()) == 2


def test_a_council_narrows_ideas_and_not_alerts(session, hooked, receiver):
    mine, its = a_council(session), a_council(session)
    session.commit()
    hooked.endpoint(receiver, council_id=mine.id)
    an_idea(session, mine)
    an_idea(session, its)
    outbox.record_event(session, AlertRaised("wave", new_id()))
    session.commit()
    hooked.deliver()
    assert [row.kind for row in hooked.rows()] == ["idea.submitted", "alert.raised"]


def test_imports_corrections_and_masks_are_no_new_ideas(session, hooked, receiver):
    hooked.endpoint(receiver)
    brought = an_idea(session, source=Source.IMPORT, source_id="1", submitted=False)
    outbox.record_event(session, IdeaSubmitted(brought.id, 1), queue=queues.BULK)
    outbox.record_event(session, IdeaChecked(brought.id, 1))
    idea = an_idea(session, submitted=False)
    outbox.record_event(session, IdeaSubmitted(idea.id, 2))
    outbox.record_event(session, ReceiptAction(idea.id, ReceiptVerb.CORRECT, text_version=2))
    session.commit()
    hooked.deliver()
    assert [row.kind for row in hooked.rows()] == ["receipt.action"]


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize(
    ("event", "is_told_of_imports", "is_told_of_others"),
    [
        (IdeaSubmitted(new_id(), 1), False, True),
        (IdeaSubmitted(new_id(), 2), False, False),
        (IdeaChecked(new_id(), 1), False, True),
        (IdeaChecked(new_id(), 2), False, True),
        (events.IdeaDecided(new_id(), new_id(), DecisionKind.KEEP), True, True),
        (events.IdeaAnswered(new_id(), new_id()), True, True),
        (ReceiptAction(new_id(), ReceiptVerb.WITHDRAW), True, True),
    ],
    ids=lambda value: getattr(type(value), "__name__", None),
)
def test_what_is_news_of_an_idea(source, event, is_told_of_imports, is_told_of_others):
    stored = OutboxEvent(kind=type(event).__name__, payload=event.payload())
    expected = is_told_of_imports if source is Source.IMPORT else is_told_of_others
    assert writing.is_news(stored, source) == expected


def test_only_what_can_be_undone_waits_for_the_undo_window(settings):
    now = utcnow()
    patient = replace(settings, undo_seconds=30)
    for kind in hooks.NAMES:
        waits = kind in {"IdeaDecided", "IdeaAnswered"}
        due = writing._due(OutboxEvent(kind=kind, occurred_at=now), patient)
        assert due == now + timedelta(seconds=30 if waits else 0), kind


def test_who_is_paused_when_it_is_written_down_is_owed_nothing(session, hooked, receiver):
    webhook = hooked.endpoint(receiver, "alert.raised")
    outbox.record_event(session, AlertRaised("wave", new_id()))
    session.commit()
    with Session.begin() as pausing:
        endpoints.pause_endpoint(endpoints.lock_endpoint(pausing, webhook))
    assert hooked.deliver() == 1
    assert hooked.rows() == []


def test_each_is_owed_only_the_kinds_that_it_wants(session, hooked, receiver, other):
    alerts = hooked.endpoint(receiver, "alert.raised")
    ideas = hooked.endpoint(other, "idea.submitted")
    an_idea(session)
    outbox.record_event(session, AlertRaised("wave", new_id()))
    session.commit()
    hooked.deliver()
    assert [(row.webhook_id, row.kind) for row in hooked.rows()] == [
        (ideas, "idea.submitted"),
        (alerts, "alert.raised"),
    ]


def test_an_undoing_is_told_to_who_was_told_and_not_to_who_was_not(
    desk, idea, hooked, receiver, other
):
    """Whether the decision left is asked of each endpoint by itself."""
    hooked.endpoint(receiver, "idea.decided")
    decision = desk.publish(idea)
    assert hooked.go() == 1
    # New since: it has heard of no decision, and so of nothing that is undone (or may be).
    late = hooked.endpoint(other, "idea.decided")
    desk.undo(decision)
    assert hooked.go() == 2
    [first, second] = (json.loads(each.body)["data"]["decision"] for each in receiver.heard)
    assert second["undoes"] == first["id"]
    [only] = (json.loads(each.body)["data"]["decision"] for each in other.heard)
    assert only["undoes"] == first["id"]
    assert [row.state for row in hooked.rows(late)] == [DeliveryState.DONE]


def test_one_that_was_never_told_is_spared_the_undoing_though_another_was_told(
    desk, idea, hooked, receiver, other
):
    told = hooked.endpoint(receiver, "idea.decided")
    spared = hooked.endpoint(other, "idea.decided")
    with Session.begin() as pausing:
        # It keeps what it is owed.
        decision = desk.publish(idea)
        hooked.deliver()
        endpoints.pause_endpoint(endpoints.lock_endpoint(pausing, spared))
    assert hooked.go() == 1
    with Session.begin() as turning:
        endpoints.turn_on(turning, endpoints.lock_endpoint(turning, spared))
    desk.undo(decision)
    assert hooked.go() == 1
    hooked.ripen()
    send_due(hooked.settings)
    assert other.heard == []
    assert {row.error for row in hooked.rows(spared)} == {"undone", "never left"}
    assert [row.state for row in hooked.rows(told)] == [DeliveryState.DONE] * 2


def test_a_decision_is_told_when_it_cannot_be_undone_unseen(desk, idea, hooked, receiver):
    hooked.endpoint(receiver, "idea.decided")
    decision = desk.publish(idea)
    hooked.deliver()
    assert send_due(hooked.settings) == 0
    assert hooked.go() == 1
    told = json.loads(receiver.heard[0].body)["data"]
    assert told["decision"]["id"] == str(decision.id)
    assert told["status"] == "published"
    assert told["idea"]["public_url"].endswith(f"/ideas/{idea.number}")


def test_a_decision_undone_in_time_is_never_told_and_neither_is_its_undoing(
    desk, idea, hooked, receiver
):
    hooked.endpoint(receiver, "idea.decided")
    decision = desk.publish(idea)
    hooked.deliver()
    desk.undo(decision)
    assert hooked.go() == 0
    assert receiver.heard == []
    assert [(row.state, row.error) for row in hooked.rows()] == [
        (DeliveryState.CANCELLED, "undone"),
        (DeliveryState.CANCELLED, "never left"),
    ]


def test_a_decision_undone_after_it_was_told_has_its_undoing_told(desk, idea, hooked, receiver):
    hooked.endpoint(receiver, "idea.decided")
    decision = desk.decide(idea, DecisionKind.REJECT, rule_code="spam")
    assert hooked.go() == 1
    desk.undo(decision)
    assert hooked.go() == 1
    first, second = (json.loads(each.body)["data"] for each in receiver.heard)
    assert (first["decision"]["kind"], first["decision"]["rule"]) == ("reject", "spam")
    assert (second["decision"]["kind"], second["decision"]["undoes"]) == (
        "undo",
        first["decision"]["id"],
    )
    assert second["status"] == "waiting"


def test_an_undoing_waits_until_it_is_known_whether_the_decision_was_told(
    desk, idea, hooked, receiver
):
    hooked.endpoint(receiver, "idea.decided")
    decision = desk.publish(idea)
    hooked.deliver()
    desk.undo(decision)
    hooked.deliver()
    _told, undoing = hooked.rows()
    with Session.begin() as arranging:
        arranging.get_one(WebhookDelivery, undoing.id).due_at = utcnow()
    assert send_due(hooked.settings) == 0
    assert hooked.states() == ["waiting", "waiting"]
    assert hooked.go() == 0
    hooked.ripen()
    assert send_due(hooked.settings) == 0
    assert [row.error for row in hooked.rows()] == ["undone", "never left"]


def test_a_decision_that_may_have_been_heard_is_not_tried_again_once_it_is_undone(
    desk, idea, hooked, receiver
):
    hooked.endpoint(receiver, "idea.decided")
    receiver.always("500")
    decision = desk.publish(idea)
    assert hooked.go() == 0
    desk.undo(decision)
    receiver.always("200")
    assert hooked.go() == 1
    assert json.loads(receiver.heard[-1].body)["data"]["decision"]["kind"] == "undo"
    assert hooked.states() == ["cancelled", "done"]


def test_an_answer_is_told_without_its_words_unless_it_is_undone_in_time(
    desk, idea, hooked, receiver, session
):
    desk.publish(idea)
    hooked.endpoint(receiver, "idea.answered")

    def answer(text: str, seen: int):
        with Session.begin() as writing:
            return official_answers.write_official_answer(
                writing, number=idea.number, staff_id=desk.staff.id, seen=seen, text=text
            )

    def undo(answer_id) -> None:
        with Session.begin() as writing:
            official_answers.undo_official_answer(
                writing, answer_id=answer_id, staff_id=desk.staff.id
            )

    first = answer("Kanariefåglar får bänkar.", 0)
    assert hooked.go() == 1
    told = json.loads(receiver.heard[0].body)["data"]
    assert told["answer"] == {"id": str(first.id), "version": 1, "stands": True, "undoes": None}
    assert "Kanarie" not in receiver.heard[0].body.decode()
    hasty = answer("Nej.", 1)
    undo(hasty.id)
    assert hooked.go() == 0
    later = answer("Ja, två bänkar.", 3)
    assert hooked.go() == 1
    undo(later.id)
    assert hooked.go() == 1
    assert json.loads(receiver.heard[-1].body)["data"]["answer"]["undoes"] == str(later.id)


@pytest.fixture(autouse=True)
def rules(session, hooked):
    a_rule(session)
    session.commit()
