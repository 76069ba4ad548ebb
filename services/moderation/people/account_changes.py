"""What is done to an account: kept in the log of changes, and told to its owner by mail."""

from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import audit
from shared.delivery import outbox
from shared.delivery.events import AccountChanged
from shared.models import Staff


def record_account_change(
    session: SqlSession, staff: Staff, action: str, *, by: UUID | None
) -> None:
    """Write down what was done to the way into somebody's account, and owe them a letter.

    Whoever did it, its owner hears of it: they may not have been asked.
    """
    entry = audit.append_entry(session, by=by, action=action, subject=("staff", staff.id))
    session.flush()  # the event wants its id
    outbox.record_event(session, AccountChanged(staff.id, entry.id))
