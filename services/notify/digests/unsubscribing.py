"""Leaving the digest from the mail itself: the link in it, and what following it does."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from services.notify.digests import subscribing
from shared.config import Settings
from shared.delivery import outbox
from shared.links import unsubscribe_links


def make_link(session: SqlSession, staff_id: UUID, settings: Settings) -> str:
    """Return the address at which a person turns off their own digests, without signing in."""
    token = unsubscribe_links.issue_unsubscribe_token(session, settings.secret_key, staff_id)
    return unsubscribe_links.make_unsubscribe_url(settings.public_url, token)


def act_on_unsubscriptions(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery]
) -> None:
    """Turn off the digests of those who followed their link, and mark the batch done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    for delivery in deliveries:
        subscribing.turn_off(session, delivery.subject_id)
