"""The doors of the desk that stand open: signing in, and a one-use link to an account."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Blueprint, jsonify, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from services.moderation import access, accounts
from services.moderation.accounts import AccountError
from services.moderation.views_idea import page
from shared import web
from shared.db import Session
from shared.i18n import gettext as _

bp = Blueprint("login", __name__)

_TRY_AGAIN_S = 15 * 60
_LONGEST_EMAIL = 320


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
    return _login_page()


def _login_page(fault: str = "") -> str:
    kept = _kept()
    return render_template(
        "moderation/login.html",
        email=request.form.get("email", ""),
        fault=fault,
        next=_next(),
        number=request.form.get("number", ""),
        kept=kept,
        signed_out=bool(kept),
    )


def _kept() -> dict[str, str]:
    """Return what was typed into a decision before the session was lost."""
    typed = {name: request.form[name] for name in access.TYPED if request.form.get(name)}
    return typed if request.form.get("number") else {}


@bp.post("/login")
def sign_in() -> ResponseReturnValue:
    """Sign in with `email` and `password`; too many failures wait a quarter of an hour.

    What was typed into a decision comes back in the form of its idea; nothing is decided by it.
    """
    fields = request.get_json(silent=True) if request.is_json else request.form
    if not isinstance(fields, Mapping):
        return web.problem(400, _("Skicka ett JSON-objekt."))
    email, password = str(fields.get("email") or ""), str(fields.get("password") or "")
    email, source = email[:_LONGEST_EMAIL], request.remote_addr or ""
    with Session.begin() as writing:
        may_try = accounts.count_attempt(writing, web.settings(), email, source)
    if not may_try:
        fault = _("Det har blivit för många försök. Vänta en kvart och försök igen.")
        return _refused(429, fault, {"Retry-After": str(_TRY_AGAIN_S)})
    with Session.begin() as writing:
        found = accounts.sign_in(writing, web.settings(), email, password, source)
    if found is None:
        return _refused(401, _("Adressen eller lösenordet stämmer inte."), {})
    kept = _kept()
    access.begin_session(found)
    if request.is_json:
        return jsonify({"ok": True})
    if kept:
        notice = _("Du är inloggad igen. Inget beslut är fattat; det du skrev står kvar nedan.")
        return page(request.form["number"], notice=notice, typed=kept)
    return redirect(_next() or "/", 303)


def _refused(status: int, fault: str, headers: dict[str, str]) -> ResponseReturnValue:
    if not request.is_json:
        return _login_page(fault), status, headers
    answer = web.problem(status, fault)
    answer.headers.update(headers)
    return answer


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
