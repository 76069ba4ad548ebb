"""Notify's page of addresses that letters do not reach, and the button that tries them again."""

from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session as SqlSession

from services.notify.mail import addresses
from services.notify.mail.letters import BOUNCED, COMPLAINED
from services.notify.sending.bounces import REFUSED
from shared.db import Session
from shared.desk_port import DeskPort
from shared.i18n import gettext as _
from shared.models import DeadAddress, Idea, Precision, Role


def make_pages(port: DeskPort) -> Blueprint:
    """Make the page, for administrators."""
    bp = Blueprint("addresses", __name__, template_folder="templates")
    bp.context_processor(lambda: {"layout": port.frame, "link_to_idea": port.link_to_idea})
    bp.before_request(port.guard(Role.ADMIN))

    @bp.get("/addresses")
    def show() -> str:
        """Show whom letters do not reach."""
        with Session() as session:
            dead = addresses.list_dead(session)
            stray = addresses.read_stray(session)
        return render_template(
            "notify/addresses.html",
            dead=dead,
            words=_words(),
            precision=Precision.INSTANT,
            stray=stray,
        )

    @bp.post("/addresses/<uuid:dead_id>/revive")
    def revive(dead_id: UUID) -> ResponseReturnValue:
        """Let letters go there again. Already done by somebody else: nothing is left to do."""
        try:
            with Session.begin() as session:
                dead = addresses.revive_address(session, dead_id, port.person().id)
                port.record(session, "address.revived", _owner(session, dead))
        except LookupError:
            abort(404)
        flash(_("Nu skickas brev dit igen."))
        return redirect(url_for(".show"), 303)

    return bp


def _owner(session: SqlSession, dead: DeadAddress) -> tuple[str, object]:
    """Return whose address it is, as the log of changes names them."""
    if dead.idea_id is None:
        return "staff", dead.staff_id
    return "idea", session.get_one(Idea, dead.idea_id).number


def _words() -> dict[str, str]:
    """Say in words why an address is dead; codes that are not here stay as they are."""
    gone, domain = _("Adressen finns inte"), _("Mejlservern finns inte")
    return {
        "5.1.1": gone,
        "5.1.2": domain,
        "5.1.3": gone,
        "5.1.6": _("Adressen har flyttat"),
        "5.1.10": domain,
        "5.2.1": _("Brevlådan är avstängd"),
        BOUNCED: _("Tre brev i rad kom tillbaka"),
        REFUSED: _("Tre brev i rad kom inte fram"),
        COMPLAINED: _("Mottagaren har markerat brev som skräppost"),
    }
