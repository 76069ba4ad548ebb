"""Notify's page at the desk of who gets the daily digest when."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession
from werkzeug.exceptions import BadRequest

from services.notify import subscribing
from services.notify.subscribing import Choice
from shared.db import Session
from shared.i18n import gettext as _

# Run before each request; an answer of its own sends the person away.
Guard = Callable[[], ResponseReturnValue | None]
# Who makes the request, and whether they may choose for others.
Person = Callable[[], tuple[UUID, bool]]
# Writes down a change, in its transaction: by whom, as it was, as it is.
Note = Callable[[SqlSession, UUID, Choice, Choice], None]


def make_subscriptions(
    guard: Guard, person: Person, note: Note, layout: str = "base.html"
) -> Blueprint:
    """Make the page; `guard` is the desk's own way of asking who may enter.

    `layout` is the template that frames it.
    """
    bp = Blueprint("subscriptions", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": layout})
    bp.before_request(guard)

    @bp.get("/subscriptions")
    def show() -> ResponseReturnValue:
        """Show one's own choice, and to those who may choose for others everybody's."""
        own_id, for_all = person()
        with Session() as session:
            people = [
                each for each in subscribing.choices(session) if for_all or each.staff_id == own_id
            ]
        return render_template("notify/subscriptions.html", people=people, hours=subscribing.HOURS)

    @bp.post("/subscriptions/<uuid:staff_id>")
    def choose(staff_id: UUID) -> ResponseReturnValue:
        """Store a choice: `daily` and `hour`."""
        own_id, for_all = person()
        if staff_id != own_id and not for_all:
            abort(404)
        daily = request.form.get("daily") == "1"
        with Session.begin() as session:
            try:
                hour = int(request.form.get("hour", ""))
                before, after = subscribing.choose(session, staff_id, daily=daily, hour=hour)
            except ValueError:
                raise BadRequest from None
            except LookupError:
                abort(404)
            note(session, own_id, before, after)
        flash(_("Sparat: %(name)s.", name=after.name))
        return redirect(url_for(".show"), 303)

    return bp
