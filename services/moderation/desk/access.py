"""Who may enter the desk: roles, and proof that a request was meant.

Ports share cookies and count as the same site, so a cookie alone proves nothing here: every unsafe
request needs a CSRF token and the desk's own Origin, and is answered at the desk's own Host only.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, Response, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import SQLAlchemyError

from services.moderation.desk import kept_words, next_page, own_address, security_notes, signed_in
from services.moderation.desk.own_address import SAFE
from services.moderation.desk.signed_in import SignedIn
from shared import web
from shared.config import Settings
from shared.i18n import gettext as _
from shared.models import Role, SecurityKind

csrf = CSRFProtect()

P = ParamSpec("P")
R = TypeVar("R")


def init_app(app: Flask) -> None:
    """Set up the cookie, the CSRF token, and what the server asks before it reads a body."""
    settings: Settings = app.config["SETTINGS"]
    signed_in.init_app(app)
    app.config.update(
        # Asked for by the guards below, after who it is and before what it does.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_HEADERS=["X-CSRFToken"],
    )
    app.config["GATE"] = lambda environ: own_address.was_sent_here(environ, settings)
    csrf.init_app(app)
    app.before_request(_refuse_what_cannot_be_kept)
    app.after_request(_keep_private)
    app.after_request(_note_refusal)
    app.context_processor(lambda: {"staff": g.get("staff")})


def _refuse_what_cannot_be_kept() -> ResponseReturnValue | None:
    """Refuse NUL, which nobody types: met further on it would break the page that says so."""
    given = (value for values in request.values.listvalues() for value in values)
    return web.error_page(400) if any("\x00" in value for value in given) else None


def _keep_private(response: Response) -> Response:
    """Leave no page of the desk in a shared computer's cache."""
    if not (request.endpoint or "").endswith("static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _note_refusal(response: Response) -> Response:
    """Write into the security log that a request was refused, and whose session it came with."""
    kind = security_notes.take_refusal(response.status_code)
    if kind is not None:
        staff = g.get("staff") or _find_again()
        security_notes.note_refusal(kind, staff.email if staff else "")
    return response


def _find_again() -> SignedIn | None:
    """Return whose cookie came along with what was refused before anybody asked."""
    try:
        return signed_in.find_who_it_is()
    except SQLAlchemyError:
        return None


def get_signed_in() -> SignedIn:
    """Return who makes this request. Only for views behind a guard."""
    staff: SignedIn = g.staff
    return staff


def make_guard(role: Role) -> Callable[[], ResponseReturnValue | None]:
    """Return a hook for `before_request` that lets in those with at least this role."""

    def hook() -> ResponseReturnValue | None:
        elsewhere = own_address.refuse_other_senders()
        if elsewhere is not None:
            return elsewhere
        staff = signed_in.find_who_it_is()
        if staff is None:
            return _ask_to_sign_in()
        g.staff = staff
        if not staff.may(role):
            return web.error_page(403)
        if request.method not in SAFE:
            _must_be_meant()
        return None

    hook.role = role  # type: ignore[attr-defined]  # read by the test that walks all doors
    return hook


def open_door() -> ResponseReturnValue | None:
    """Let anybody in, but only at the desk's own address and from its own pages."""
    elsewhere = own_address.refuse_other_senders()
    if elsewhere is None and request.method not in SAFE:
        _must_be_meant()
    return elsewhere


def _must_be_meant() -> None:
    """Refuse a form that does not carry the token of its session."""
    try:
        csrf.protect()
    except CSRFError:
        security_notes.name_refusal(SecurityKind.WRONG_TOKEN)
        raise


def require_role(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only this role and those above into one view."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not get_signed_in().may(role):
                abort(403)
            return view(*args, **kwargs)

        guarded.role = role  # type: ignore[attr-defined]
        return guarded

    return decorate


def ask_who_it_is() -> ResponseReturnValue | None:
    """Note who makes this request at an open door, or ask those who are signed out to sign in."""
    g.staff = signed_in.find_who_it_is()
    return _ask_to_sign_in() if g.staff is None else None


def _ask_to_sign_in() -> ResponseReturnValue:
    if web.wants_json():
        return web.make_problem(401, _("Logga in först."))
    if request.method in SAFE:
        return redirect(url_for("login.form", next=request.full_path.rstrip("?")), 303)
    # What somebody typed is never lost because their session ended meanwhile.
    number, kept = kept_words.find_words_at_stake()
    page = render_template(
        "moderation/people/login.html",
        email="",
        fault="",
        next=next_page.find_page_of_form(),
        number=number,
        kept=kept,
        signed_out=True,
    )
    return page, 401
