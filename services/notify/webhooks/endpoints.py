"""Endpoints: made, changed, paused, turned on, removed; their secrets made, shown once, changed."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from services.notify.mail import incidents
from services.notify.webhooks import marking, secrets
from services.notify.webhooks.form import Draft
from shared.clock import utcnow
from shared.config import Settings
from shared.ids import new_id, read_uuid
from shared.models import (
    Council,
    DeliveryState,
    IncidentKind,
    Webhook,
    WebhookDelivery,
    WebhookState,
)

# How long the secret of before a change goes on signing.
OVERLAP = timedelta(hours=24)


class MovedError(Exception):
    """Somebody else changed it after this person had read it."""


def list_endpoints(session: SqlSession) -> Sequence[Webhook]:
    """Return all endpoints by name."""
    return session.scalars(select(Webhook).order_by(Webhook.title, Webhook.id)).all()


def find_titles(session: SqlSession, ids: set[str]) -> dict[str, str]:
    """Return what the endpoints with these ids are called."""
    known = [each for each in map(read_uuid, ids) if each]
    rows = session.execute(select(Webhook.id, Webhook.title).where(Webhook.id.in_(known)))
    return {str(each): title for each, title in rows}


def list_councils(session: SqlSession) -> Sequence[Council]:
    """Return the councils that an endpoint may be for, by name."""
    return session.scalars(select(Council).order_by(Council.title)).all()


def council_of(session: SqlSession, webhook: Webhook) -> Council | None:
    """Return the council whose events an endpoint hears; None where it hears all."""
    return session.get(Council, webhook.council_id) if webhook.council_id else None


def list_facts(session: SqlSession, webhook: Webhook) -> dict[str, Any]:
    """Return what may be told of an endpoint in a log; no address and no secret."""
    council = council_of(session, webhook)
    return {
        "title": webhook.title,
        "host": webhook.host,
        "shape": webhook.shape,
        "language": webhook.language,
        "events": ", ".join(webhook.events),
        "council": council.slug if council else "",
        "state": webhook.state,
    }


def create_endpoint(session: SqlSession, settings: Settings, draft: Draft, *, by: UUID) -> Webhook:
    """Add an endpoint, which hears what happens from now on."""
    webhook = Webhook(id=new_id(), nonce=secrets.new_nonce(), created_by=by, version=1)
    _fill(webhook, settings, draft)
    session.add(webhook)
    session.flush()  # a test may be owed to it at once
    return webhook


def lock_endpoint(session: SqlSession, webhook_id: UUID) -> Webhook:
    """Return an endpoint that nobody else changes meanwhile. Raises LookupError."""
    webhook = session.get(Webhook, webhook_id, with_for_update=True)
    if webhook is None:
        raise LookupError
    return webhook


def change_endpoint(
    webhook: Webhook, settings: Settings, draft: Draft, *, seen_version: int
) -> None:
    """Change a locked endpoint that still is as this person saw it. Raises MovedError.

    What is at another address has not failed yet.
    """
    if webhook.version != seen_version:
        raise MovedError
    _fill(webhook, settings, draft)
    webhook.version += 1
    if draft.target is not None:
        marking.recover_endpoint(webhook)


def _fill(webhook: Webhook, settings: Settings, draft: Draft) -> None:
    webhook.title = draft.title
    webhook.shape = draft.shape
    webhook.language = draft.language
    webhook.events = list(draft.events)
    webhook.council_id = draft.council_id
    if draft.target is not None:
        webhook.host = draft.target.host
        webhook.address = secrets.seal_address(settings, webhook, draft.target.url)


def pause_endpoint(webhook: Webhook) -> None:
    """Tell an endpoint nothing until somebody turns it on; what is owed to it waits."""
    if webhook.state is WebhookState.ON:
        webhook.state = WebhookState.PAUSED


def turn_on(session: SqlSession, webhook: Webhook) -> None:
    """Let an endpoint hear what happens from now on; what was wrong with it is over."""
    webhook.state = WebhookState.ON
    webhook.off_because = None
    marking.recover_endpoint(webhook)
    incidents.resolve_incident(session, IncidentKind.WEBHOOK_OFF, str(webhook.id))


def remove_endpoint(session: SqlSession, webhook: Webhook) -> None:
    """Forget an endpoint and all that was owed to it."""
    incidents.resolve_incident(session, IncidentKind.WEBHOOK_OFF, str(webhook.id))
    session.delete(webhook)


def change_secret(webhook: Webhook) -> None:
    """Give an endpoint a new secret, to be shown once; the old one signs beside it for a day.

    Twice in a row ends the first one: there are never more than two.
    """
    webhook.old_nonce, webhook.old_until = webhook.nonce, utcnow() + OVERLAP
    webhook.nonce = secrets.new_nonce()
    webhook.secret_seen_at = None


def show_secret(webhook: Webhook, settings: Settings) -> str | None:
    """Return the secret of a locked endpoint, the first time that somebody asks; then None."""
    if webhook.secret_seen_at is not None:
        return None
    webhook.secret_seen_at = utcnow()
    return secrets.show_secret(settings, webhook.nonce)


def send_again(session: SqlSession, webhook_id: UUID, only: Collection[UUID] | None = None) -> int:
    """Send again what failed, or the chosen ones that were heard or failed; return how many.

    They keep their `webhook-id`, so a receiver that has heard one knows it. A day of tries begins.
    """
    now = utcnow()
    again = update(WebhookDelivery).where(
        WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.event_id.is_not(None)
    )
    if only is None:
        again = again.where(WebhookDelivery.state == DeliveryState.FAILED)
    else:
        again = again.where(
            WebhookDelivery.id.in_(only),
            WebhookDelivery.state.in_([DeliveryState.FAILED, DeliveryState.DONE]),
        )
    found = session.execute(
        again.values(
            state=DeliveryState.WAITING, due_at=now, begun_at=now, tries=0, closed_at=None
        ).returning(WebhookDelivery.id)
    )
    return len(found.all())
