"""Filters of the queue that a member of staff has named, to find them again. One's own only."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk.queue.queue_filter import Filter
from services.moderation.settings import admin_forms
from services.moderation.settings.admin_forms import FieldError
from shared.i18n import gettext as _
from shared.models import SavedFilter, Staff

MAX_NAME = 40
# More than this is no shortcut any more.
MOST = 12


def list_filters(session: SqlSession, staff_id: UUID) -> Sequence[SavedFilter]:
    """Return somebody's filters by name."""
    return session.scalars(
        select(SavedFilter)
        .where(SavedFilter.staff_id == staff_id)
        .order_by(func.lower(SavedFilter.name), SavedFilter.id)
    ).all()


def save_filter(session: SqlSession, staff_id: UUID, typed: str, wanted: Filter) -> str:
    """Keep a filter under a name and return the name; one of the same name is replaced.

    Raises FieldError for a name that cannot be used, for a filter that leaves nothing out, and
    for one too many.
    """
    name = admin_forms.read_needed(
        " ".join(typed.split()), MAX_NAME, _("Skriv vad urvalet ska heta.")
    )
    query = wanted.as_query()
    if not query:
        raise FieldError(_("Välj först något att filtrera på."))
    # Two of one person's pages at once do not make one too many.
    session.get_one(Staff, staff_id, with_for_update=True)
    kept = {each.name: each for each in list_filters(session, staff_id)}
    if name in kept:
        kept[name].query = query
    elif len(kept) >= MOST:
        raise FieldError(_("Du har redan %(n)s sparade urval. Ta bort ett först.", n=len(kept)))
    else:
        session.add(SavedFilter(staff_id=staff_id, name=name, query=query))
    return name


def remove_filter(session: SqlSession, staff_id: UUID, filter_id: int) -> None:
    """Forget one of one's own; again changes nothing."""
    session.execute(
        delete(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.staff_id == staff_id)
    )
