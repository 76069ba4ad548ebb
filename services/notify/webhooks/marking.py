"""What becomes of a claimed webhook, and what that says of its endpoint."""

import random
from datetime import datetime, timedelta

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session as SqlSession

from services.notify.mail import incidents
from services.notify.webhooks.claiming import ENOUGH, Claimed
from shared.clock import utcnow
from shared.delivery.hooks import PING
from shared.models import (
    DeliveryState,
    IncidentKind,
    Webhook,
    WebhookDelivery,
    WebhookOff,
    WebhookState,
)

# Pauses after the first try, the second, …: five seconds, then longer and longer, a day in all.
PAUSES_S = (5, 300, 1800, 7200, 18_000, 25_200, 32_400)
DAY = timedelta(hours=24)
# The rest of an endpoint that has failed ENOUGH times in a row doubles with each further failure.
_REST_S, _LONGEST_REST_S = 30, 900
# How long an answer may ask us to wait.
LONGEST_WAIT_S = 3600
# An endpoint without a success for so long is turned off.
TURNED_OFF_AFTER = timedelta(days=3)
# "Gone": it asks never to be told again.
_GONE = 410
# Why one was given up without a try of its own, as its `error` says.
TURNED_OFF = "turned off"


def mark_done(session: SqlSession, claimed: Claimed, status: int) -> None:
    """Note that an endpoint has heard it, even if the lease had ended meanwhile."""
    now = utcnow()
    webhook = session.get(Webhook, claimed.webhook_id, with_for_update=True)
    if webhook is None:
        return
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == claimed.id, WebhookDelivery.state != DeliveryState.DONE)
        .values(
            state=DeliveryState.DONE,
            closed_at=now,
            claimed_until=None,
            status=status,
            error=None,
        )
    )
    webhook.last_success_at = now
    recover_endpoint(webhook)


def mark_not_sent(
    session: SqlSession,
    claimed: Claimed,
    *,
    status: int | None = None,
    error: str | None = None,
    wait_s: float = 0,
) -> None:
    """Note why an endpoint has not heard it, and when it will be tried again, if at all.

    For a day from when it was first due or asked for again, then it is given up; a test is tried
    once and tells nothing of the endpoint. `wait_s` is what the endpoint asked for.
    """
    now = utcnow()
    webhook = session.get(Webhook, claimed.webhook_id, with_for_update=True)
    if webhook is None or not _is_still_ours(session, claimed):
        return
    if claimed.kind != PING:
        _note_failure(webhook, now, wait_s)
    if status == _GONE:
        turn_off(session, webhook, WebhookOff.GONE)
    elif webhook.failing_since is not None and now - webhook.failing_since > TURNED_OFF_AFTER:
        turn_off(session, webhook, WebhookOff.FAILING)
    told: dict[str, object] = {"claimed_until": None, "status": status, "error": error}
    if _is_given_up(claimed, webhook, now):
        told |= {"state": DeliveryState.FAILED, "closed_at": now}
    else:
        pause_s = max(_jittered(PAUSES_S[claimed.tries - 1]), wait_s)
        told |= {"state": DeliveryState.WAITING, "due_at": now + timedelta(seconds=pause_s)}
    session.execute(update(WebhookDelivery).where(WebhookDelivery.id == claimed.id).values(**told))


def recover_endpoint(webhook: Webhook) -> None:
    """Forget the failures of an endpoint."""
    webhook.failures = 0
    webhook.failing_since = None
    webhook.rests_until = None


def turn_off(session: SqlSession, webhook: Webhook, because: WebhookOff) -> None:
    """Stop telling an endpoint; what waited for it is given up, to be asked for again."""
    if webhook.state is WebhookState.OFF:
        return
    now = utcnow()
    webhook.state = WebhookState.OFF
    webhook.off_because = because
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook.id,
            WebhookDelivery.event_id.is_not(None),
            or_(
                WebhookDelivery.state == DeliveryState.WAITING,
                and_(
                    WebhookDelivery.state == DeliveryState.CLAIMED,
                    WebhookDelivery.claimed_until < now,
                ),
            ),
        )
        .values(state=DeliveryState.FAILED, error=TURNED_OFF, closed_at=now, claimed_until=None)
    )
    incidents.open_or_see(session, IncidentKind.WEBHOOK_OFF, str(webhook.id))


def _is_still_ours(session: SqlSession, claimed: Claimed) -> bool:
    found = session.scalar(
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.id == claimed.id,
            WebhookDelivery.state == DeliveryState.CLAIMED,
            # Somebody else's claim counts otherwise.
            WebhookDelivery.attempts == claimed.attempts,
        )
        .with_for_update()
    )
    return found is not None


def _is_given_up(claimed: Claimed, webhook: Webhook, now: datetime) -> bool:
    return (
        claimed.kind == PING
        or claimed.tries > len(PAUSES_S)
        or now - claimed.begun_at > DAY
        or webhook.state is WebhookState.OFF
    )


def _note_failure(webhook: Webhook, now: datetime, wait_s: float) -> None:
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    rest_s = wait_s
    if webhook.failures >= ENOUGH:
        doubled = _REST_S * 2 ** min(webhook.failures - ENOUGH, 10)
        rest_s = max(_jittered(min(doubled, _LONGEST_REST_S)), wait_s)
    if rest_s:
        webhook.rests_until = now + timedelta(seconds=rest_s)


def _jittered(seconds: float) -> float:
    """Not all at the same instant: a tenth more or less."""
    return seconds * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing
