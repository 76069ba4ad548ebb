"""Leaving the digest by the link in it: asked for here, as an event that notify acts on."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session as SqlSession

from shared.delivery import outbox
from shared.delivery.events import DigestUnsubscribed
from shared.links import unsubscribe_links
from shared.models import OutboxDelivery, OutboxEvent, Staff, UnsubscribeLink


def find_language(session: SqlSession, token: str) -> str | None:
    """Return the language of the person whose link it is; None for a link that is nobody's."""
    staff_id = unsubscribe_links.find_unsubscriber(session, token)
    if staff_id is None:
        return None
    return session.scalar(select(Staff.language).where(Staff.id == staff_id))


def ask_unsubscribing(session: SqlSession, token: str) -> None:
    """Ask that a person gets no more digests; again is harmless.

    Raises LookupError for a link that is nobody's.
    """
    staff_id = unsubscribe_links.find_unsubscriber(session, token)
    if staff_id is None:
        raise LookupError
    # Two at once: the second waits, and finds what the first has asked for.
    session.execute(
        select(UnsubscribeLink.sha256)
        .where(UnsubscribeLink.staff_id == staff_id)
        .order_by(UnsubscribeLink.sha256)
        .with_for_update()
    )
    if not _is_asked_for(session, staff_id):
        outbox.record_event(session, DigestUnsubscribed(staff_id))


def _is_asked_for(session: SqlSession, staff_id: UUID) -> bool:
    asked = exists().where(
        OutboxEvent.subject_id == staff_id,
        OutboxEvent.kind == DigestUnsubscribed.__name__,
        OutboxDelivery.event_id == OutboxEvent.id,
        OutboxDelivery.done_at.is_(None),
        OutboxDelivery.failed_at.is_(None),
    )
    return bool(session.scalar(select(asked)))
