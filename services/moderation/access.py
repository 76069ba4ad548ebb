"""Who may enter the desk: sessions, roles, and proof that a request was meant.

Ports share cookies and count as the same site, so a cookie alone proves nothing here: every unsafe
request needs a CSRF token and the desk's own Origin, and is answered at the desk's own Host only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, Response, abort, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.orm import Session as SqlSession

from services.moderation import accounts
from shared import web
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role, Staff

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# However busy the session is: an open queue page asks by itself, so idleness cannot be seen.
SESSION_LASTS = timedelta(hours=12)
# What somebody typed into a decision; kept through a lost session.
TYPED = (
    "kind",
    "rule",
    "into",
    "words",
    "note",
    "mask_author",
    "counts_as_support",
    "reason",
    "council",
)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_RANK = {Role.READER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}

csrf = CSRFProtect()

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The member of staff who makes the running request."""

    id: UUID
    email: str
    name: str
    role: Role
    language: str

    def may(self, role: Role) -> bool:
        """Whether this person's role is enough for what asks for `role`."""
        return _RANK[self.role] >= _RANK[role]


def init_app(app: Flask) -> None:
    """Set up the session cookie and the CSRF token."""
    settings: Settings = app.config["SETTINGS"]
    desk = urlsplit(settings.desk_url)
    app.config.update(
        SESSION_COOKIE_NAME="radslag_desk",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=desk.scheme == "https" or desk.hostname not in _LOOPBACK,
        PERMANENT_SESSION_LIFETIME=SESSION_LASTS,
        # An open page asks for news all the time. An answer that repeated the cookie could arrive
        # after a sign-out, or after a decision, and bring the older session back.
        SESSION_REFRESH_EACH_REQUEST=False,
        # Asked for by the guards below, after who it is and before what it does.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_HEADERS=["X-CSRFToken"],
    )
    csrf.init_app(app)
    app.register_error_handler(CSRFError, _bad_token)
    app.after_request(_keep_private)
    app.context_processor(lambda: {"staff": g.get("staff")})


def _keep_private(response: Response) -> Response:
    """Leave no page of the desk in a shared computer's cache."""
    if not (request.endpoint or "").endswith("static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _bad_token(_error: CSRFError) -> ResponseReturnValue:
    detail = _("Sidan är för gammal. Ladda om den och försök igen.")
    return web.error_page(400, detail=detail)


def current() -> SignedIn:
    """Return who makes this request. Only for views behind a guard."""
    staff: SignedIn = g.staff
    return staff


def guard(role: Role) -> Callable[[], ResponseReturnValue | None]:
    """Return a hook for `before_request` that lets in those with at least this role."""

    def hook() -> ResponseReturnValue | None:
        elsewhere = at_the_desk()
        if elsewhere is not None:
            return elsewhere
        staff = _signed_in()
        if staff is None:
            return _ask_to_sign_in()
        g.staff = staff
        if request.method not in SAFE:
            csrf.protect()
        return None if staff.may(role) else web.error_page(403)

    return hook


def requires(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only this role and those above into one view."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current().may(role):
                abort(403)
            return view(*args, **kwargs)

        return guarded

    return decorate


def at_the_desk() -> ResponseReturnValue | None:
    """Refuse what was not sent to the desk's own address, or by a page of somebody else."""
    desk = urlsplit(web.settings().desk_url)
    if request.host != desk.netloc:
        if request.method in SAFE:
            return redirect(web.settings().desk_url + request.full_path.rstrip("?"), 303)
        return web.error_page(400, detail=_("Deskens adress är en annan."))
    if request.method in SAFE:
        return None
    sent_by = request.headers.get("Origin") or _origin(request.headers.get("Referer", ""))
    if sent_by != _origin(web.settings().desk_url):
        return web.error_page(403, detail=_("Det där skickades inte från deskens egna sidor."))
    return None


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def begin_session(staff: Staff) -> None:
    """Sign a person in: a new session, which ends with the account or after 12 hours."""
    session.clear()
    session.permanent = True
    session["staff_id"] = str(staff.id)
    session["epoch"] = staff.session_epoch
    session["since"] = int(utcnow().timestamp())
    g.staff = _as_signed_in(staff)


def _signed_in() -> SignedIn | None:
    staff_id, epoch, since = (session.get(name) for name in ("staff_id", "epoch", "since"))
    if staff_id is None or epoch is None or since is None:
        return None
    staff = None
    if utcnow().timestamp() - since < SESSION_LASTS.total_seconds():
        with Session() as reading:
            staff = accounts.of_session(reading, UUID(staff_id), epoch)
    if staff is None:
        session.clear()
        return None
    return _as_signed_in(staff)


def _as_signed_in(staff: Staff) -> SignedIn:
    return SignedIn(staff.id, staff.email, staff.name, staff.role, staff.language)


def _ask_to_sign_in() -> ResponseReturnValue:
    if web.wants_json():
        return web.problem(401, _("Logga in först."))
    if request.method in SAFE:
        return redirect(url_for("login.form", next=request.full_path.rstrip("?")), 303)
    # What somebody typed is never lost because their session ended meanwhile.
    kept = {name: request.form[name] for name in TYPED if request.form.get(name, "").strip()}
    page = render_template(
        "moderation/login.html",
        email="",
        fault="",
        next=_page_of_form(),
        number=(request.view_args or {}).get("number", "") if kept else "",
        kept=kept,
        signed_out=True,
    )
    return page, 401


def _page_of_form() -> str:
    """Return the page of the desk on which the form stood that was sent."""
    sent_from = request.referrer or ""
    own = _origin(web.settings().desk_url)
    return (sent_from.removeprefix(own) if _origin(sent_from) == own else "") or "/"


def first_admin_link(session: SqlSession, settings: Settings) -> str | None:
    """Return the one-use link that makes the first administrator; None when there is one."""
    token = accounts.invite_first_admin(session)
    return f"{settings.desk_url}/welcome/{token}" if token else None
