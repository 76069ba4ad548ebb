"""From events to what is owed: one row for each endpoint that wants to hear of one."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession

from shared.config import Settings
from shared.delivery import hooks, outbox
from shared.ids import new_id
from shared.models import (
    DeliveryState,
    Idea,
    OutboxDelivery,
    OutboxEvent,
    Source,
    Webhook,
    WebhookDelivery,
    WebhookState,
)


def write_webhooks(
    session: SqlSession,
    batch: UUID,
    deliveries: Sequence[outbox.Delivery],
    settings: Settings,
) -> None:
    """Write what a batch of events owes to endpoints, and mark the batch done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    owed = [
        {
            "id": new_id(),
            "webhook_id": webhook_id,
            "event_id": event.id,
            "kind": hooks.NAMES[event.kind],
            "state": DeliveryState.WAITING,
            "due_at": _due(event, settings),
        }
        for webhook_id, event in _wanted(session, [each.id for each in deliveries])
    ]
    if owed:
        session.execute(
            insert(WebhookDelivery).on_conflict_do_nothing(
                index_elements=["webhook_id", "event_id"]
            ),
            owed,
        )


def _wanted(session: SqlSession, deliveries: Sequence[int]) -> list[tuple[UUID, OutboxEvent]]:
    """Return which endpoint wants which event.

    A council narrows what is told of ideas, not alarms. Of ideas that were brought in from
    elsewhere nothing is told before somebody here has done something about them.
    """
    events = session.execute(
        select(OutboxEvent, Idea.council_id, Idea.source)
        .join(OutboxDelivery, OutboxDelivery.event_id == OutboxEvent.id)
        .outerjoin(Idea, Idea.id == OutboxEvent.subject_id)
        .where(OutboxDelivery.id.in_(deliveries))
        .order_by(OutboxEvent.id)
    )
    about: list[tuple[OutboxEvent, int | None, Source | None]] = [
        (event, council_id, source) for event, council_id, source in events
    ]
    endpoints = session.execute(
        select(Webhook.id, Webhook.events, Webhook.council_id).where(
            Webhook.state == WebhookState.ON
        )
    ).all()
    return [
        (endpoint.id, event)
        for event, council_id, source in about
        if is_news(event, source)
        for endpoint in endpoints
        if hooks.NAMES[event.kind] in endpoint.events
        and (source is None or endpoint.council_id in {None, council_id})
    ]


def is_news(event: OutboxEvent, source: Source | None) -> bool:
    """Whether an event tells other systems something.

    A correction comes as a receipt's action, and a mask as a decision: neither is a new idea.
    """
    if event.kind == "IdeaSubmitted":
        return source is not Source.IMPORT and event.payload["text_version"] == 1
    if event.kind == "IdeaChecked":
        return source is not Source.IMPORT
    return True


def _due(event: OutboxEvent, settings: Settings) -> datetime:
    """A decision or an answer is told when it can no more be undone unseen; all else at once."""
    if event.kind in {"IdeaDecided", "IdeaAnswered"}:
        return event.occurred_at + timedelta(seconds=settings.undo_seconds)
    return event.occurred_at


def ask_for_test(session: SqlSession, webhook_id: UUID, now: datetime) -> None:
    """Owe an endpoint a test."""
    session.execute(
        insert(WebhookDelivery).values(
            id=new_id(), webhook_id=webhook_id, kind=hooks.PING, due_at=now
        )
    )
