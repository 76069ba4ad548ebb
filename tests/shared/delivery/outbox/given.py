"""What the tests beside this one begin with."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as SqlSession

from shared import db
from shared.clock import utcnow
from shared.delivery import events, outbox, queues
from shared.delivery.events import IdeaDecided, IdeaSubmitted, ReceiptAction
from shared.delivery.queues import Consumer
from shared.ids import new_id
from shared.models import DecisionKind, OutboxDelivery, ReceiptVerb

NOW = utcnow().replace(microsecond=0)
INSTANT = timedelta(microseconds=1)
DECIDED = DecisionKind.KEEP
# One consumer for each plan of tries that there is.
SCHEDULES = (queues.CHECK, queues.MEANING, queues.LETTER)


def an_event(consumer: Consumer = queues.CHECK) -> events.Event:
    """An event that this consumer hears, and nobody else."""
    return {
        queues.CHECK: IdeaSubmitted(new_id(), 1),
        queues.RECEIPT: ReceiptAction(new_id(), ReceiptVerb.RE_REVIEW),
        queues.LETTER: IdeaDecided(new_id(), new_id(), DECIDED),
        queues.ANSWER: events.IdeaAnswered(new_id(), new_id()),
        queues.ACCOUNT: events.AccountLinkMade(new_id(), events.LinkKind.RESET),
        queues.UNSUBSCRIBE: events.DigestUnsubscribed(new_id()),
        queues.FORM: events.FormDelivered(new_id()),
        queues.BOUNCE: events.LetterBounced(new_id(), events.BounceKind.PERMANENT),
    }[consumer]


def arrange(**values: object) -> None:
    """Set columns of all deliveries; what is leased was offered in a batch."""
    if values.get("lease_until") is not None:
        values.setdefault("batch", func.coalesce(OutboxDelivery.batch, new_id()))
    with db.Session.begin() as session:
        session.execute(update(OutboxDelivery).values(**values))


def rows(session: SqlSession) -> list[OutboxDelivery]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(select(OutboxDelivery).order_by(OutboxDelivery.id)))


def row(session: SqlSession) -> OutboxDelivery:
    [found] = rows(session)
    return found


def finish(batch, deliveries) -> None:
    with db.Session.begin() as session:
        outbox.mark_done(session, batch, deliveries)
