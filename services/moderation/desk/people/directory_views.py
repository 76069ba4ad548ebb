"""Signing in through the city's directory: out to it, and back."""

from dataclasses import asdict

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation.desk import access, next_page, security_notes, signed_in
from services.moderation.desk.people import link_asking
from services.moderation.people import directory, sessions
from services.moderation.people.directory import (
    Begun,
    DirectoryDownError,
    Identity,
    RefusedError,
)
from shared import web
from shared.clock import utcnow
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import SecurityKind, Staff

bp = Blueprint("directory", __name__)
bp.before_request(access.open_door)

# How long somebody may take at the directory's own pages.
LASTS_S = 15 * 60


@bp.get("/login/directory")
def leave() -> ResponseReturnValue:
    """Send the browser to the directory; it keeps what must come back in its own cookie."""
    settings = web.get_settings()
    if not settings.oidc_issuer:
        abort(404)
    try:
        begun = directory.begin_sign_in(settings, _way_back())
    except DirectoryDownError:
        return _down()
    session["directory"] = {
        **asdict(begun),
        "url": "",
        "next": next_page.read_wanted_page(),
        "at": int(utcnow().timestamp()),
        # Only who has just shown the password of an account links it.
        "links": link_asking.take_asked() if request.args.get("link") else None,
    }
    return redirect(begun.url, 303)


@bp.get("/login/directory/back")
def back() -> ResponseReturnValue:
    """Let in whom the directory has let in, if the answer belongs to what this browser began."""
    settings = web.get_settings()
    kept = session.pop("directory", None)
    if not settings.oidc_issuer:
        abort(404)
    state = request.args.get("state", "")
    if not kept or not state or state != kept["state"]:
        return _no(_("Inloggningen påbörjades inte här, eller i en annan flik. Försök igen."))
    if utcnow().timestamp() - kept["at"] > LASTS_S:
        return _no(_("Det gick för lång tid. Försök igen."))
    begun = Begun("", kept["state"], kept["nonce"], kept["verifier"])
    try:
        identity = directory.finish_sign_in(settings, begun, _way_back(), request.args)
        if kept["links"]:
            return _link(kept["links"], identity)
        with Session.begin() as writing:
            staff = directory.enter_account(writing, settings, identity)
            signed_in.begin_session(writing, staff, via=sessions.DIRECTORY)
    except DirectoryDownError:
        return _down()
    except RefusedError as error:
        return _no(_sentence(error.reason))
    return redirect(kept["next"] or "/", 303)


def _link(asked_in: str, identity: Identity) -> ResponseReturnValue:
    """Link the account that is signed in here, in the session that has asked for it."""
    me = signed_in.find_who_it_is()
    if me is None or str(me.session_id) != asked_in:
        return _no(_("Du är utloggad. Logga in med lösenordet och koppla kontot igen."))
    try:
        with Session.begin() as writing:
            staff = writing.get_one(Staff, me.id, with_for_update=True)
            directory.link_account(writing, staff, identity)
            security_notes.note_event(writing, SecurityKind.DIRECTORY_LINKED, staff.email)
    except RefusedError as error:
        security_notes.name_refusal(SecurityKind.DIRECTORY_REFUSED)
        flash(_sentence(error.reason))
    else:
        flash(_("Kontot är kopplat. Nu kan du logga in den vägen."))
    return redirect(url_for("account.show"), 303)


def _way_back() -> str:
    return f"{web.get_settings().desk_url}/login/directory/back"


def _sentence(reason: str) -> str:
    return {
        "denied": _("Inloggningen avbröts. Försök igen."),
        "bad token": _("Svaret därifrån gick inte att lita på. Försök igen."),
        "no address": _("Därifrån kom ingen bekräftad mejladress. Säg till en administratör."),
        "unknown": _("Du har inget konto här än. Be en administratör bjuda in dig."),
        "not linked": _(
            "Du har redan ett konto här. Logga in med lösenordet och koppla kontot under"
            " Mitt konto."
        ),
        "taken": _(
            "Den inloggningen hör redan till ett konto, eller så är ditt konto redan kopplat."
        ),
        "somebody else": _(
            "Kontot med din adress hör till någon annan. Säg till en administratör."
        ),
        "closed": _("Ditt konto är stängt. Säg till en administratör."),
        "no role": _("Du har ingen roll i Rådslag. Säg till den som sköter behörigheter."),
    }[reason]


def _no(fault: str) -> ResponseReturnValue:
    security_notes.name_refusal(SecurityKind.DIRECTORY_REFUSED)
    html = render_template(
        "moderation/people/login.html",
        email="",
        fault=fault,
        next="",
        number="",
        kept={},
        signed_out=False,
    )
    return html, 403


def _down() -> ResponseReturnValue:
    return web.error_page(
        503,
        heading=_("Stadens inloggning svarar inte"),
        detail=_("Försök igen om en stund, eller logga in med lösenord."),
    )
