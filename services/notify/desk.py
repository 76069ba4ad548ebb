"""Notify's pages at the desk: the ledger of letters, and who gets the daily digest when."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession
from werkzeug.exceptions import BadRequest

from services.notify import overview, subscribing
from services.notify.account_letters import INVITATION, LINK_ENDED, PASSWORD_RESET
from services.notify.alert_letters import OVER_ALREADY
from services.notify.letters import CORRECTED, DIGEST, INTERRUPTED, SUPERSEDED, UNDONE
from services.notify.notices import ALERT, ALERT_OVER
from services.notify.subscribing import Choice
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import LetterState, Precision

# Run before each request; an answer of its own sends the person away.
Guard = Callable[[], ResponseReturnValue | None]
# Who makes the request, and whether they may choose for others.
Person = Callable[[], tuple[UUID, bool]]
# Writes down a change, in its transaction: by whom, as it was, as it is.
Note = Callable[[SqlSession, UUID, Choice, Choice], None]


def make_blueprint(guard: Guard, layout: str = "base.html") -> Blueprint:
    """Make the pages; `guard` is the desk's own way of asking who may enter.

    `layout` is the template that frames them.
    """
    bp = Blueprint("notify", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": layout})
    bp.before_request(guard)
    bp.add_url_rule("/letters", "letters", letters, methods=["GET"])
    return bp


def make_subscriptions(
    guard: Guard, person: Person, note: Note, layout: str = "base.html"
) -> Blueprint:
    """Make the page of who gets the daily digest when; see `make_blueprint`."""
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


def letters() -> ResponseReturnValue:
    """Show the ledger: `?state=` keeps one state, `?before=` goes on where a page ended."""
    state, before = _asked()
    now = utcnow()
    timezone = web.settings().timezone
    with Session() as session:
        counts = overview.counts(session, now)
        rows = overview.latest(session, state=state, before=before)
        digests = overview.digest_rows(session, timezone, now)
    return render_template(
        "notify/letters.html",
        counts=counts,
        rows=rows,
        digests=digests,
        state=state,
        states=_state_labels(),
        templates=_template_labels(),
        reasons=_reason_labels(),
        more=rows[-1].id if len(rows) == overview.PAGE else None,
        today=now.astimezone(timezone).date(),
        local=lambda moment: moment.astimezone(timezone),
        precision=Precision.INSTANT,
        days=overview.COUNTED_DAYS,
    )


def _asked() -> tuple[LetterState | None, UUID | None]:
    state, before = request.args.get("state"), request.args.get("before")
    try:
        return LetterState(state) if state else None, UUID(before) if before else None
    except ValueError:
        raise BadRequest from None


def _state_labels() -> dict[LetterState, str]:
    return {
        LetterState.WAITING: _("Väntar"),
        LetterState.CLAIMED: _("På väg"),
        LetterState.SENT: _("Skickat"),
        LetterState.CANCELLED: _("Inställt"),
        LetterState.FAILED: _("Gick inte fram"),
    }


def _template_labels() -> dict[str, str]:
    return {
        "published": _("Publicerad"),
        "rejected": _("Publiceras inte"),
        "merged": _("Sammanslagen"),
        "masked": _("Maskade ord"),
        CORRECTED: _("Ändrat beslut"),
        DIGEST: _("Dagligt brev till personal"),
        INVITATION: _("Inbjudan"),
        PASSWORD_RESET: _("Nytt lösenord"),
        ALERT: _("Larm"),
        ALERT_OVER: _("Larm som är över"),
    }


def _reason_labels() -> dict[str, str]:
    """Say in words what the ledger says in codes; reply codes of mail servers stay as they are."""
    return {
        UNDONE: _("beslutet ångrades"),
        SUPERSEDED: _("ersatt av ett nyare"),
        INTERRUPTED: _("avbrutet, kan ha kommit fram"),
        "withdrawn": _("idén togs tillbaka"),
        "original never left": _("det första brevet gick aldrig"),
        "no address": _("ingen adress"),
        "account closed": _("kontot är stängt"),
        "nothing waits": _("inget väntade längre"),
        LINK_ENDED: _("länken gällde inte längre"),
        OVER_ALREADY: _("det var redan över"),
    }
