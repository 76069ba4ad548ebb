"""Who may enter the desk: sessions, roles, and proof that a request was meant.

Ports share cookies and count as the same site, so a cookie alone proves nothing here: every unsafe
request needs a CSRF token and the desk's own Origin, and is answered at the desk's own Host only.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, Response, abort, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import invitations, sessions
from shared import web
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.i18n import gettext as _
from shared.models import Role, Staff

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# How long somebody whose password was right may look for their phone.
HALF_LASTS_S = 10 * 60
# What somebody typed and chose for a decision; kept through a lost session.
TYPED = (
    "kind",
    "seen_version",
    "rule",
    "into",
    "seen_into",
    "item",
    "listed",
    "span",
    "words",
    "note",
    "reason_text",
    "question",
    "note_text",
    "mask_author",
    "counts_as_support",
    "official_text",
    "signature",
    "tells",
    "reason",
    "council",
    "lane",
    "language",
    "age",
    "q",
    "mine",
)
# What is named in place of an idea's number where a decision was about many.
MANY = "many"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# A path here. Two slashes at the start name another site, however many follow; browsers take a
# backslash for a slash, and leave tabs and line breaks out before they look.
_PAGE = re.compile(r"/(?!/)[^\\\x00-\x1f\x7f]*")
_RANK = {Role.READER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}

csrf = CSRFProtect()

# Makes a page that says what went wrong.
PageMaker = Callable[[str], ResponseReturnValue]

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
    session_id: UUID

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
        PERMANENT_SESSION_LIFETIME=sessions.LASTS,
        # An open page asks for news all the time. An answer that repeated the cookie could arrive
        # after a sign-out, or after a decision, and bring the older session back.
        SESSION_REFRESH_EACH_REQUEST=False,
        # Asked for by the guards below, after who it is and before what it does.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        WTF_CSRF_HEADERS=["X-CSRFToken"],
    )
    app.config["GATE"] = lambda environ: was_sent_here(environ, settings)
    csrf.init_app(app)
    app.before_request(_refuse_what_cannot_be_kept)
    app.register_error_handler(CSRFError, _bad_token)
    app.after_request(_keep_private)
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
        staff = who_it_is()
        if staff is None:
            return _ask_to_sign_in()
        g.staff = staff
        if request.method not in SAFE:
            csrf.protect()
        return None if staff.may(role) else web.error_page(403)

    hook.role = role  # type: ignore[attr-defined]  # read by the test that walks all doors
    return hook


def open_door() -> ResponseReturnValue | None:
    """Let anybody in, but only at the desk's own address and from its own pages."""
    elsewhere = at_the_desk()
    if elsewhere is None and request.method not in SAFE:
        csrf.protect()
    return elsewhere


def requires(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only this role and those above into one view."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current().may(role):
                abort(403)
            return view(*args, **kwargs)

        guarded.role = role  # type: ignore[attr-defined]
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


def was_sent_here(environ: Mapping[str, Any], settings: Settings) -> bool:
    """Say by the head of a request alone whether its body is worth reading.

    The server asks this before it reads one (`radslag.webserver.bridge`). Behind a proxy the host
    is left to `at_the_desk`, which knows what the proxy says of it.
    """
    desk = urlsplit(settings.desk_url)
    if not settings.trusted_proxies and environ.get("HTTP_HOST") != desk.netloc:
        return False
    sent_by = environ.get("HTTP_ORIGIN") or _origin(environ.get("HTTP_REFERER", ""))
    return bool(sent_by == _origin(settings.desk_url))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def begin_session(writing: SqlSession, staff: Staff, *, via: str = sessions.PASSWORD) -> None:
    """Sign a person in: a new session, which ends with the account or after 12 hours."""
    browser = sessions.browser_of(request.headers.get("User-Agent", ""))
    session_id = sessions.begin(writing, staff, via=via, browser=browser)
    session.clear()
    session.permanent = True
    session["session_id"] = str(session_id)
    g.staff = SignedIn(staff.id, staff.email, staff.name, staff.role, staff.language, session_id)


def begin_half(staff: Staff) -> None:
    """Remember whose password was right while the second factor is asked for; opens no door."""
    session.clear()
    session.permanent = True
    session["half"] = [str(staff.id), staff.session_epoch, int(utcnow().timestamp())]


def half(reading: SqlSession) -> Staff | None:
    """Return whose password was right a moment ago, while the account is open and unchanged."""
    kept: Any = session.get("half")
    if kept is None or utcnow().timestamp() - kept[2] > HALF_LASTS_S:
        return None
    staff = reading.get(Staff, UUID(kept[0]))
    if staff is None or staff.disabled_at is not None or staff.session_epoch != kept[1]:
        return None
    return staff


def ask_who_it_is() -> ResponseReturnValue | None:
    """Note who makes this request at an open door, or ask those who are signed out to sign in."""
    g.staff = who_it_is()
    return _ask_to_sign_in() if g.staff is None else None


def who_it_is() -> SignedIn | None:
    """Return who makes this request, if anybody is signed in."""
    kept = session.get("session_id")
    if kept is None:
        return None
    with Session() as reading:
        found = sessions.find(reading, UUID(kept))
    if found is None:
        session.clear()
        return None
    if sessions.is_stale(found):
        with Session.begin() as writing:
            sessions.touch(writing, found.session_id)
    return SignedIn(
        found.staff_id, found.email, found.name, found.role, found.language, found.session_id
    )


def _ask_to_sign_in() -> ResponseReturnValue:
    if web.wants_json():
        return web.problem(401, _("Logga in först."))
    if request.method in SAFE:
        return redirect(url_for("login.form", next=request.full_path.rstrip("?")), 303)
    # What somebody typed is never lost because their session ended meanwhile.
    about = (request.view_args or {}).get("number", "")
    if request.endpoint == "bulk.decide_many":
        about = MANY
    kept = _kept() if about else {}
    page = render_template(
        "moderation/people/login.html",
        email="",
        fault="",
        next=_page_of_form(),
        number=about if kept else "",
        kept=kept,
        signed_out=True,
    )
    return page, 401


def _page_of_form() -> str:
    """Return the page of the desk on which the form stood that was sent."""
    sent_from = request.referrer or ""
    own = _origin(web.settings().desk_url)
    return (sent_from.removeprefix(own) if _origin(sent_from) == own else "") or "/"


def kept_words() -> dict[str, list[str]]:
    """Return what was typed into a decision before its session was lost.

    The field `number` says about which idea, or MANY.
    """
    return _kept() if request.form.get("number") else {}


def _kept() -> dict[str, list[str]]:
    given = {name: request.form.getlist(name) for name in TYPED}
    return {name: values for name, values in given.items() if any(map(str.strip, values))}


def wanted_page() -> str:
    """Return where to go after signing in: only ever a page of the desk; empty: the queue."""
    wanted = request.values.get("next", "")
    return wanted if _PAGE.fullmatch(wanted) else ""


def first_admin_link(session: SqlSession, settings: Settings) -> str | None:
    """Return the one-use link that makes the first administrator; None when there is one."""
    token = invitations.invite_first_admin(session)
    return f"{settings.desk_url}/welcome/{token}" if token else None
