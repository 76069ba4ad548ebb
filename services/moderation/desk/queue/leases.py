"""Soft leases: who looks at what right now. A lease tells, expires by itself, and blocks nobody.

What protects an idea from two decisions is the version that a decision names; a lease only spares
people the work that such a collision would waste.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.db import when_run
from shared.forgetting.batches import forget_some
from shared.models import Idea, Lease, Staff

LASTS = timedelta(seconds=60)
# An open page asks for its lease again this often: it may miss twice.
RENEW_S = 20


def take_lease(session: SqlSession, *, number: str, staff_id: UUID, page: int) -> None:
    """Say that a person looks at an idea, for the next minute; the same again renews it.

    `page` is a number that the opened page made up, so that it lets go of nothing but its own.
    Raises LookupError for an unknown number.
    """
    idea_id = session.scalar(select(Idea.id).where(Idea.number == number))
    if idea_id is None:
        raise LookupError
    now = utcnow()
    # Each person clears up after themselves, so the table never outgrows the staff.
    session.execute(
        delete(Lease).where(
            Lease.staff_id == staff_id, Lease.expires_at <= now, Lease.idea_id != idea_id
        )
    )
    taken = insert(Lease).values(
        staff_id=staff_id, idea_id=idea_id, page=page, taken_at=now, expires_at=now + LASTS
    )
    session.execute(
        taken.on_conflict_do_update(
            index_elements=[Lease.staff_id, Lease.idea_id],
            set_={
                "page": taken.excluded.page,
                "expires_at": taken.excluded.expires_at,
                "taken_at": case(
                    (Lease.expires_at > now, Lease.taken_at), else_=taken.excluded.taken_at
                ),
            },
        )
    )


def let_go(session: SqlSession, *, number: str, staff_id: UUID, page: int) -> None:
    """Take a person's lease back, unless another page of theirs has taken it since."""
    idea_id = select(Idea.id).where(Idea.number == number).scalar_subquery()
    session.execute(
        delete(Lease).where(
            Lease.staff_id == staff_id, Lease.idea_id == idea_id, Lease.page == page
        )
    )


def forget_expired(session: SqlSession) -> int:
    """Remove some leases that nobody renewed for a day; return how many."""
    return forget_some(session, Lease, Lease.expires_at < utcnow() - timedelta(days=1))


def list_lookers(but: UUID) -> ColumnElement[list[str] | None]:
    """Return a column for a statement about `Idea`: who else looks, who came first named first.

    NULL where nobody does. It costs no statement of its own.
    """
    name = func.coalesce(func.nullif(Staff.name, ""), Staff.email)
    return (
        select(func.array_agg(aggregate_order_by(name, Lease.taken_at, Lease.staff_id)))
        .join(Staff, Staff.id == Lease.staff_id)
        .where(Lease.idea_id == Idea.id, Lease.expires_at > when_run(), Lease.staff_id != but)
        .correlate(Idea)
        .scalar_subquery()
    )
