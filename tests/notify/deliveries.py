"""What the relay and a worker do with deliveries, at once and in one process."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from shared.db import Session
from shared.delivery import outbox
from shared.ids import new_id
from shared.models import OutboxDelivery


def hand_over(consumer: str, act: Callable[..., None], *more: Any) -> int:
    """Give all that waits for a consumer to its function, as one batch; return how many it was."""
    batch = new_id()
    with Session.begin() as session:
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.consumer == consumer, OutboxDelivery.done_at.is_(None))
            .values(batch=batch, started_at=None)
        )
    claimed = outbox.claim_batch(batch)
    with Session.begin() as session:
        act(session, batch, claimed, *more)
    return len(claimed)
