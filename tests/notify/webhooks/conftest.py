"""Endpoints that are real servers on this machine, and the way of an event to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as SqlSession

from services.notify.webhooks import endpoints, secrets, writing
from services.notify.webhooks.addresses import Allowed, read_address
from services.notify.webhooks.form import Draft
from services.notify.webhooks.sending import send_due
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import hooks, outbox, queues
from shared.delivery.events import AlertRaised
from shared.ids import new_id
from shared.models import (
    DeliveryState,
    OutboxDelivery,
    Staff,
    Webhook,
    WebhookDelivery,
    WebhookShape,
)
from tests.factories import a_member_of_staff
from tests.notify.webhooks.receiving import Receiver, receiving


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "RADSLAG_WEBHOOK_PRIVATE": "127.0.0.1, localhost"}


@dataclass
class Hooks:
    """Endpoints, and what becomes of events on their way to them."""

    session: SqlSession
    settings: Settings
    admin: Staff

    def endpoint(self, receiver: Receiver, *events: str, **about: Any) -> UUID:
        """Add an endpoint; it wants everything unless told otherwise."""
        draft = Draft(
            **{
                "title": "Ärendesystemet",
                "target": read_address(
                    f"{receiver.url}/in", Allowed.of(self.settings.webhook_private)
                ),
                "shape": WebhookShape.STANDARD,
                "language": "sv",
                "events": events or tuple(hooks.NAMES.values()),
                "council_id": None,
            }
            | about
        )
        with Session.begin() as session:
            return endpoints.create_endpoint(session, self.settings, draft, by=self.admin.id).id

    def secret(self, webhook_id: UUID) -> str:
        return secrets.show_secret(self.settings, self.webhook(webhook_id).nonce)

    def deliver(self) -> int:
        """Hand every waiting event to the code under test, as the relay would; return how many."""
        batch = new_id()
        with Session.begin() as session:
            session.execute(
                update(OutboxDelivery)
                .where(
                    OutboxDelivery.consumer == queues.HOOK.name, OutboxDelivery.done_at.is_(None)
                )
                .values(batch=batch, started_at=None)
            )
        claimed = outbox.claim_batch(batch)
        if claimed:
            with Session.begin() as session:
                writing.write_webhooks(session, batch, claimed, self.settings)
        return len(claimed)

    def ripen(self) -> None:
        """Let the undo window, all pauses and all rests pass."""
        with Session.begin() as session:
            now = utcnow()
            session.execute(update(Webhook).values(rests_until=None))
            session.execute(
                update(WebhookDelivery).where(WebhookDelivery.due_at > now).values(due_at=now)
            )

    def expire(self) -> None:
        """Let the leases of webhooks in the hands of dead workers end."""
        with Session.begin() as session:
            session.execute(
                update(WebhookDelivery)
                .where(WebhookDelivery.claimed_until.is_not(None))
                .values(claimed_until=utcnow() - timedelta(seconds=1))
            )

    def go(self) -> int:
        """Deliver, let time pass, send; return how many were heard."""
        self.deliver()
        self.ripen()
        return send_due(self.settings)

    def webhook(self, webhook_id: UUID) -> Webhook:
        with Session() as session:
            return session.get_one(Webhook, webhook_id)

    def rows(self, webhook_id: UUID | None = None) -> list[WebhookDelivery]:
        found = select(WebhookDelivery).order_by(WebhookDelivery.id)
        if webhook_id is not None:
            found = found.where(WebhookDelivery.webhook_id == webhook_id)
        with Session() as session:
            return list(session.scalars(found))

    def states(self) -> list[str]:
        return [row.state.value for row in self.rows()]

    def count(self, state: DeliveryState) -> int:
        with Session() as session:
            found = select(func.count()).where(WebhookDelivery.state == state)
            return session.scalar(found) or 0

    def alarm(self, number: int) -> None:
        """Owe every endpoint that wants alerts so many, all due now."""
        with Session.begin() as session:
            outbox.record_all(session, [AlertRaised("wave", new_id()) for _ in range(number)])
        self.deliver()


@pytest.fixture
def hooked(session: SqlSession, settings: Settings) -> Hooks:
    admin = a_member_of_staff(session)
    session.commit()
    return Hooks(session, settings, admin)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def other() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened
