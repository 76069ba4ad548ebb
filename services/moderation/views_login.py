"""The doors of the desk that stand open: signing in, and a one-use link to an account."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Blueprint, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation import access, accounts
from services.moderation.accounts import AccountError, Refusal
from shared import web
from shared.db import Session
from shared.i18n import gettext as _

bp = Blueprint("login", __name__)

_TRY_AGAIN_S = 15 * 60


@bp.before_request
def at_the_desk() -> ResponseReturnValue | None:
    """Open to all, but only at the desk's own address and from its own pages."""
    elsewhere = access.at_the_desk()
    if elsewhere is None and request.method not in access.SAFE:
        access.csrf.protect()
    return elsewhere


@bp.get("/login")
def form() -> ResponseReturnValue:
    """Show the form."""
    return render_template("moderation/login.html", email="", fault="", next=_next())


@bp.post("/login")
def sign_in() -> ResponseReturnValue:
    """Sign in with `email` and `password`; too many failures wait a quarter of an hour."""
    fields = request.get_json(silent=True) if request.is_json else request.form
    if not isinstance(fields, Mapping):
        return web.problem(400, _("Skicka ett JSON-objekt."))
    email, password = str(fields.get("email") or ""), str(fields.get("password") or "")
    with Session.begin() as writing:
        found = accounts.sign_in(
            writing, web.settings(), email, password, request.remote_addr or ""
        )
        if not isinstance(found, Refusal):
            access.begin_session(found)
    if isinstance(found, Refusal):
        return _refused(found, email)
    return jsonify({"ok": True}) if request.is_json else redirect(_next() or "/", 303)


def _refused(why: Refusal, email: str) -> ResponseReturnValue:
    too_many = why is Refusal.TOO_MANY
    fault = (
        _("Det har blivit för många försök. Vänta en kvart och försök igen.")
        if too_many
        else _("Adressen eller lösenordet stämmer inte.")
    )
    status = 429 if too_many else 401
    headers = {"Retry-After": str(_TRY_AGAIN_S)} if too_many else {}
    if request.is_json:
        answer = web.problem(status, fault)
        answer.headers.update(headers)
        return answer
    page = render_template("moderation/login.html", email=email, fault=fault, next=_next())
    return page, status, headers


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End this session."""
    session.clear()
    return redirect(url_for(".form"), 303)


@bp.get("/welcome/<token>")
def welcome(token: str) -> ResponseReturnValue:
    """Show what an invitation asks for; looking at it does not use it up."""
    with Session.begin() as reading:
        if accounts.open_invitation(reading, token) is None:
            return _invitation_is_gone()
    return _welcome_page({}, {})


@bp.post("/welcome/<token>")
def accept(token: str) -> ResponseReturnValue:
    """Make the account, and sign in."""
    fields = request.form
    try:
        with Session.begin() as writing:
            invitation = accounts.open_invitation(writing, token)
            if invitation is None:
                return _invitation_is_gone()
            staff = accounts.accept(
                writing,
                invitation,
                fields.get("email", ""),
                fields.get("password", ""),
                fields.get("name", ""),
            )
    except AccountError as error:
        return _welcome_page({error.field: error.sentence}, fields.to_dict(), 422)
    access.begin_session(staff)
    return redirect("/", 303)


def _welcome_page(
    errors: dict[str, str], typed: dict[str, str], status: int = 200
) -> ResponseReturnValue:
    page = render_template(
        "moderation/welcome.html", errors=errors, typed=typed, least=accounts.MIN_PASSWORD
    )
    # The address is a key: no other site may learn it.
    return page, status, {"Referrer-Policy": "same-origin", "Cache-Control": "no-store"}


def _invitation_is_gone() -> ResponseReturnValue:
    return web.error_page(
        410,
        heading=_("Länken gäller inte längre"),
        detail=_("Den kan användas en gång, inom ett dygn. Be om en ny."),
    )


def _next() -> str:
    """Return where to go afterwards: only ever a page of the desk."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    local = wanted.startswith("/") and not parts.scheme and not parts.netloc
    return wanted if local and "\\" not in wanted and not wanted.startswith("//") else ""
