"""Notify's page at the desk about letters: the ledger."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from services.notify import digest_status, overview
from services.notify.account_letters import INVITATION, LINK_ENDED, PASSWORD_RESET
from services.notify.letters import CORRECTED, DIGEST, INTERRUPTED, SUPERSEDED, UNDONE
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import LetterState, Precision

# Run before each request; an answer of its own sends the person away.
Guard = Callable[[], ResponseReturnValue | None]


def make_blueprint(guard: Guard, layout: str = "base.html") -> Blueprint:
    """Make the pages; `guard` is the desk's own way of asking who may enter.

    `layout` is the template that frames them.
    """
    bp = Blueprint("notify", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": layout})
    bp.before_request(guard)
    bp.add_url_rule("/letters", "letters", letters, methods=["GET"])
    return bp


def letters() -> ResponseReturnValue:
    """Show the ledger: `?state=` keeps one state, `?before=` goes on where a page ended."""
    state, before = _asked()
    now = utcnow()
    timezone = web.settings().timezone
    with Session() as session:
        counts = overview.counts(session, now)
        rows = overview.latest(session, state=state, before=before)
        digests = digest_status.statuses(session, web.settings())
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
        DIGEST: _("Brev om kön till personal"),
        INVITATION: _("Inbjudan"),
        PASSWORD_RESET: _("Nytt lösenord"),
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
    }
