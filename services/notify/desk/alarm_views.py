"""The page of alarms at the desk, and what the desk's frame says of them."""

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest

from services.notify.desk import alarm_book
from services.notify.desk.alarm_book import Frame
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.models import LetterState, Precision, Role


def make_pages(port: DeskPort) -> Blueprint:
    """Make the page, for everybody at the desk."""
    bp = Blueprint("alerts", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": port.settings_frame})
    bp.before_request(port.guard(Role.READER))

    @bp.get("/alerts")
    def show() -> ResponseReturnValue:
        """Show what goes on and what is over; `?before=` goes on where a page ended."""
        before = _before()
        timezone = web.get_settings().timezone
        with Session() as session:
            going_on = [] if before else alarm_book.going_on(session)
            over = alarm_book.list_over(session, before)
            stuck = alarm_book.read_stuck(session)
        return render_template(
            "notify/alerts.html",
            going_on=going_on,
            over=over,
            stuck=stuck,
            before=before,
            more=over[-1].id if len(over) == alarm_book.PAGE else None,
            states=_states(),
            local=lambda moment: moment.astimezone(timezone),
            today=utcnow().astimezone(timezone).date(),
            precision=Precision.INSTANT,
        )

    return bp


def read_frame() -> Frame | None:
    """Read what the frame of every page says; None when the database does not answer."""
    try:
        with Session() as session:
            return alarm_book.read_frame(session, utcnow())
    except SQLAlchemyError:
        return None


def _before() -> UUID | None:
    raw = request.args.get("before")
    try:
        return UUID(raw) if raw else None
    except ValueError:
        raise BadRequest from None


def _states() -> dict[LetterState, str]:
    return {
        LetterState.WAITING: _("brevet väntar"),
        LetterState.CLAIMED: _("brevet är på väg"),
        LetterState.SENT: "",
        LetterState.CANCELLED: _("brevet behövdes inte"),
        LetterState.FAILED: _("brevet gick inte fram"),
    }
