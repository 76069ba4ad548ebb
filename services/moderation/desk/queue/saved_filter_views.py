"""Naming a filter of the queue, and forgetting it."""

from typing import Any

from flask import Blueprint, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from services.moderation.desk import access
from services.moderation.desk.kept_words import keep_fields
from services.moderation.desk.queue import saved_filters
from services.moderation.desk.queue.queue_filter import CARRIED
from services.moderation.desk.queue.queue_views import asked_filter, show_queue
from services.moderation.settings.admin_forms import FieldError
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role

bp = Blueprint("saved_filters", __name__)
bp.before_request(access.make_guard(Role.READER))


def _show_again() -> ResponseReturnValue:
    return show_queue(asked_filter())


@bp.post("/filters")
@keep_fields("save_as", *CARRIED, again=_show_again)
def save() -> ResponseReturnValue:
    """Keep the filter that is shown under a name."""
    wanted = asked_filter()
    try:
        with Session.begin() as writing:
            name = saved_filters.save_filter(
                writing, access.get_signed_in().id, request.form.get("save_as", ""), wanted
            )
    except FieldError as error:
        flash(error.sentence)
        return make_response(show_queue(wanted), 422)
    flash(_("Urvalet är sparat: %(name)s.", name=name))
    query: dict[str, Any] = wanted.as_query()
    return redirect(url_for("queue.index", **query), 303)


@bp.post("/filters/<int:filter_id>/remove")
def remove(filter_id: int) -> ResponseReturnValue:
    """Forget one of one's own filters."""
    if filter_id < 1 << 63:
        with Session.begin() as writing:
            saved_filters.remove_filter(writing, access.get_signed_in().id, filter_id)
    flash(_("Urvalet är borttaget."))
    return redirect(url_for("account.show", _anchor="filters"), 303)
