"""Sending webhooks: claim, compose, let go of the database, post, mark.

At least once: after a crash between posting and marking, the same webhook comes again with the same
`webhook-id`, by which a receiver knows it. Order is not promised.
"""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session as SqlSession
from standardwebhooks import Webhook as Signer

from services.notify.mail.turns import hold_turn
from services.notify.webhooks import claiming, marking, payloads, secrets, shapes
from services.notify.webhooks.addresses import Allowed, BadAddressError, read_address
from services.notify.webhooks.claiming import Claimed
from services.notify.webhooks.transport import Answer, NoAnswerError, post_body
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import hooks
from shared.errors import place_of
from shared.models import Council, OutboxEvent, Rule, Webhook, WebhookShape
from shared.telemetry import metrics

log = logging.getLogger(__name__)

# One run claims this long and then finishes what it has; the clock asks again while more is due.
BUDGET_S = 5.0
THREADS = 12
# So many may be waiting for endpoints on a machine; the others write down what is owed.
SENDERS = 2
_NO_HURRY = (429, 503)


@dataclass(frozen=True, slots=True)
class _Request:
    """What leaves: it is made while the database is asked, and sent when that is let go."""

    url: str
    body: bytes
    headers: dict[str, str]


def send_due(settings: Settings, *, budget_s: float = BUDGET_S) -> int:
    """Send the webhooks that are due, some at a time, and return how many were heard.

    Several may run at once. Nothing is claimed while `hold_letters` is set.
    """
    if settings.hold_letters:
        return 0
    with hold_turn("webhooks", SENDERS) as mine:
        return _send_for(budget_s, settings) if mine else 0


def _send_for(budget_s: float, settings: Settings) -> int:
    ends = time.monotonic() + budget_s
    heard = 0
    under_way: set[Future[bool]] = set()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        while time.monotonic() < ends:
            claimed = _claim() if len(under_way) < THREADS else None
            if claimed is not None:
                under_way.add(pool.submit(_send, claimed, settings))
                continue
            if not under_way:
                break
            # Something may be due to an endpoint once one of its own has come back.
            finished, under_way = wait(under_way, 0.2, FIRST_COMPLETED)
            heard += _count(finished)
        finished, _none = wait(under_way)
        heard += _count(finished)
    return heard


def _claim() -> Claimed | None:
    with Session.begin() as session:
        return claiming.claim_webhook(session)


def _count(finished: Iterable[Future[bool]]) -> int:
    return sum(each.result() for each in finished)


def _send(claimed: Claimed, settings: Settings) -> bool:
    """Send one claimed webhook, and say whether it was heard."""
    try:
        with Session() as session:
            request = _compose(session, claimed, settings)
        if request is None:
            return False
        answer = _post(request, settings)
        with Session.begin() as session:
            _mark(session, claimed, answer)
    except SQLAlchemyError:
        log.warning("the database does not answer; the lease of a webhook will end")
        return False
    except Exception as error:  # whatever is wrong with one, others must leave
        log.exception("webhook not composed", extra={"webhook": str(claimed.id)})
        with Session.begin() as session:
            marking.mark_not_sent(session, claimed, error=place_of(error))
        return False
    return isinstance(answer, Answer) and _is_heard(answer)


def _compose(session: SqlSession, claimed: Claimed, settings: Settings) -> _Request | None:
    webhook = session.get(Webhook, claimed.webhook_id)
    if webhook is None:
        return None
    body = shapes.make_body(
        _told(session, claimed, webhook, settings), webhook.shape, webhook.language
    )
    headers = {"Content-Type": "application/json"}
    if webhook.shape is WebhookShape.STANDARD:
        headers |= _signed(webhook, claimed, body, settings)
    return _Request(secrets.open_address(settings, webhook) or "", body, headers)


def _told(
    session: SqlSession, claimed: Claimed, webhook: Webhook, settings: Settings
) -> shapes.Told:
    if claimed.event_id is None:
        told = {"webhook": str(webhook.id), "desk_url": settings.desk_url}
        return shapes.Told(hooks.PING, _iso(claimed.begun_at), told, {})
    event = session.get_one(OutboxEvent, claimed.event_id)
    data = payloads.make_data(session, event, settings)
    titles = {} if webhook.shape is WebhookShape.STANDARD else _titles(session, data, webhook)
    return shapes.Told(claimed.kind, _iso(event.occurred_at), data, titles)


def _titles(session: SqlSession, data: payloads.Data, webhook: Webhook) -> dict[str, str]:
    found = {}
    if slug := data.get("idea", {}).get("council"):
        title = session.scalar(select(Council.title).where(Council.slug == slug))
        found[f"council:{slug}"] = title or slug
    if code := data.get("decision", {}).get("rule"):
        rule = session.scalar(
            select(Rule).where(Rule.code == code).order_by(Rule.version.desc()).limit(1)
        )
        if rule is not None:
            found[f"rule:{code}"] = rule.title(webhook.language)
    return found


def _signed(webhook: Webhook, claimed: Claimed, body: bytes, settings: Settings) -> dict[str, str]:
    """Sign with every secret in force, so that a receiver can change to the new one in peace."""
    now = utcnow().astimezone(UTC)
    name = f"msg_{claimed.id}"
    signatures = [
        Signer(secrets.derive_key(settings, nonce)).sign(name, now, body.decode())
        for nonce in webhook.signs_with(now)
    ]
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _post(request: _Request, settings: Settings) -> Answer | NoAnswerError:
    if not request.url:
        return NoAnswerError("key")
    allowed = Allowed.of(settings.webhook_private)
    try:
        return post_body(read_address(request.url, allowed), request.body, request.headers, allowed)
    except NoAnswerError as error:
        return error
    except BadAddressError as error:
        # The operator has closed what was open when the address was typed.
        return NoAnswerError(error.code)


def _mark(session: SqlSession, claimed: Claimed, answer: Answer | NoAnswerError) -> None:
    if isinstance(answer, Answer) and _is_heard(answer):
        marking.mark_done(session, claimed, answer.status)
        metrics.WEBHOOKS.add("heard")
        return
    told = {"webhook": str(claimed.id)}
    if isinstance(answer, NoAnswerError):
        metrics.WEBHOOKS.add("no_answer")
        log.info("webhook not heard", extra={**told, "code": answer.code})
        marking.mark_not_sent(session, claimed, error=answer.code)
        return
    metrics.WEBHOOKS.add("refused")
    log.info("webhook not heard", extra={**told, "status": answer.status})
    marking.mark_not_sent(session, claimed, status=answer.status, wait_s=_asked_wait(answer))


def _is_heard(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _asked_wait(answer: Answer) -> float:
    """Return how many seconds an overloaded endpoint asks us to wait, within reason."""
    if answer.status not in _NO_HURRY or not answer.retry_after:
        return 0
    raw = answer.retry_after.strip()
    if raw.isdecimal():
        return min(int(raw[:9]), marking.LONGEST_WAIT_S)
    try:
        until = parsedate_to_datetime(raw)
    except ValueError:
        return 0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, min((until - utcnow()).total_seconds(), marking.LONGEST_WAIT_S))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
