"""How it goes with endpoints, and the log of what they were told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.forgetting.batches import forget_some
from shared.ids import least_id_at
from shared.models import DeliveryState, Idea, OutboxEvent, WebhookDelivery

PAGE = 50
# More than so many are not counted.
MOST_COUNTED = 1000
KEPT = timedelta(days=30)
KEPT_FAILED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Row:
    """One webhook in the log; `number` is that of its idea, if it is about one."""

    id: UUID
    kind: str
    number: str | None
    state: DeliveryState
    attempts: int
    status: int | None
    error: str | None
    created_at: datetime
    tried_at: datetime | None
    due_at: datetime


def count_deliveries(session: SqlSession, webhook_id: UUID) -> Mapping[DeliveryState, int]:
    """Count what waits and what failed, each up to MOST_COUNTED and one more."""
    return {
        state: session.scalar(
            select(func.count()).select_from(
                select(WebhookDelivery.id)
                .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == state)
                .limit(MOST_COUNTED + 1)
                .subquery()
            )
        )
        or 0
        for state in (DeliveryState.WAITING, DeliveryState.FAILED)
    }


def list_deliveries(
    session: SqlSession, webhook_id: UUID, *, state: DeliveryState | None, before: UUID | None
) -> list[Row]:
    """Return a page of the log, newest first, from where the last one ended."""
    found = (
        select(WebhookDelivery, Idea.number)
        .outerjoin(OutboxEvent, OutboxEvent.id == WebhookDelivery.event_id)
        .outerjoin(Idea, Idea.id == OutboxEvent.subject_id)
        .where(WebhookDelivery.webhook_id == webhook_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(PAGE)
    )
    if state is not None:
        found = found.where(WebhookDelivery.state == state)
    if before is not None:
        found = found.where(WebhookDelivery.id < before)
    return [
        Row(
            id=each.id,
            kind=each.kind,
            number=number,
            state=each.state,
            attempts=each.attempts,
            status=each.status,
            error=each.error,
            created_at=each.created_at,
            tried_at=each.tried_at,
            due_at=each.due_at,
        )
        for each, number in session.execute(found)
    ]


def forget_old(session: SqlSession) -> int:
    """Forget some of what was heard or cancelled 30 days ago, or failed 90 days ago."""
    now = utcnow()
    return forget_some(
        session,
        WebhookDelivery,
        # Ids are in the order of time: nothing younger is looked at.
        WebhookDelivery.id < least_id_at(now - KEPT),
        WebhookDelivery.closed_at < now - KEPT,
        or_(
            WebhookDelivery.state != DeliveryState.FAILED,
            WebhookDelivery.closed_at < now - KEPT_FAILED,
        ),
    )
