"""Notify's tasks: unpack the message, open the unit of work, call one function."""

from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID

from celery import current_app, shared_task
from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import runs, unsubscribing
from services.notify.letters import account_letters, answers, arrivals
from services.notify.mail import letters
from services.notify.mail.turns import hold_turn
from services.notify.sending import bounces, mailing
from services.notify.webhooks import sending as webhook_sending
from services.notify.webhooks import writing as webhook_writing
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.delivery import outbox, queues
from shared.delivery.worker import BatchTask


def _settings() -> Settings:
    settings: Settings = current_app.conf.radslag_settings
    return settings


def _act(batch: str, effect: Callable[[SqlSession, UUID, Sequence[outbox.Delivery]], None]) -> None:
    """Claim a batch, and have its effect in one unit of work."""
    batch_id = UUID(batch)
    deliveries = outbox.claim_batch(batch_id)
    if deliveries:
        with Session.begin() as session:
            effect(session, batch_id, deliveries)


@shared_task(name=queues.LETTER.task, base=BatchTask)
def write_letters(batch: str) -> None:
    """Write the letters that a batch of decisions owes."""
    _act(batch, partial(letters.write_decision_letters, settings=_settings()))


@shared_task(name=queues.ARRIVAL.task, base=BatchTask)
def confirm_arrivals(batch: str) -> None:
    """Write the letters that confirm the arrival of a batch of ideas."""
    _act(batch, partial(arrivals.write_arrival_letters, settings=_settings()))


@shared_task(name=queues.ANSWER.task, base=BatchTask)
def tell_of_answers(batch: str) -> None:
    """Write the letters that a batch of official answers owes."""
    _act(batch, partial(answers.write_answer_letters, settings=_settings()))


@shared_task(name=queues.ACCOUNT.task, base=BatchTask)
def write_account_letters(batch: str) -> None:
    """Write the letters about accounts that a batch of links owes."""
    _act(batch, partial(account_letters.write_account_letters, settings=_settings()))


@shared_task(name=queues.UNSUBSCRIBE.task, base=BatchTask)
def turn_off_digests(batch: str) -> None:
    """Turn off the digests of those who asked for it from a digest."""
    _act(batch, unsubscribing.act_on_unsubscriptions)


@shared_task(name=queues.BOUNCE.task, base=BatchTask)
def act_on_bounces(batch: str) -> None:
    """Act on reports of letters that came back."""
    _act(batch, bounces.act_on_bounces)


@shared_task(name=queues.HOOK.task, base=BatchTask)
def write_webhooks(batch: str) -> None:
    """Write what a batch of events owes to other systems."""
    _act(batch, partial(webhook_writing.write_webhooks, settings=_settings()))


@shared_task(name=queues.SEND_WEBHOOKS)
def send_webhooks() -> None:
    """Send the webhooks that are due."""
    webhook_sending.send_due(_settings())


@shared_task(name=queues.SEND_LETTERS)
def send_letters() -> None:
    """Send what is due, unless somebody on this machine does: a mail server may be slow."""
    with hold_turn("letters", mailing.SENDERS) as mine:
        if mine:
            mailing.send_due(_settings())


@shared_task(name=queues.RUN_DIGESTS)
def run_digests() -> None:
    """Write the digests of those whose hour has come."""
    with Session.begin() as session:
        runs.run_scheduled(session, _settings(), utcnow())
