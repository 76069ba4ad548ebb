"""Who is signed in: the session that a cookie names, and its beginning."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, g, request, session
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import known_browser, security_notes
from services.moderation.people import sessions
from shared.config import Settings
from shared.db import Session
from shared.models import Role, SecurityKind, Staff

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_RANK = {Role.READER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}


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
    """Set up the session cookie."""
    settings: Settings = app.config["SETTINGS"]
    desk = urlsplit(settings.desk_url)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-radslag_desk" if desk.scheme == "https" else "radslag_desk",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=desk.scheme == "https" or desk.hostname not in _LOOPBACK,
        PERMANENT_SESSION_LIFETIME=sessions.LASTS,
        # An open page asks for news all the time. An answer that repeated the cookie could arrive
        # after a sign-out, or after a decision, and bring the older session back.
        SESSION_REFRESH_EACH_REQUEST=False,
    )


def begin_session(writing: SqlSession, staff: Staff, *, via: str = sessions.PASSWORD) -> None:
    """Sign a person in: a new session, which ends with the account or after 12 hours."""
    browser = sessions.browser_of(request.headers.get("User-Agent", ""))
    session_id = sessions.begin_session(writing, staff, via=via, browser=browser)
    session.clear()
    session.permanent = True
    session["session_id"] = str(session_id)
    known_browser.remember_browser(staff)
    security_notes.note_event(writing, SecurityKind.SIGNED_IN, staff.email)
    g.staff = SignedIn(staff.id, staff.email, staff.name, staff.role, staff.language, session_id)


def find_who_it_is() -> SignedIn | None:
    """Return who makes this request, if anybody is signed in."""
    kept = session.get("session_id")
    if kept is None:
        return None
    with Session() as reading:
        found = sessions.find_session(reading, UUID(kept))
    if found is None:
        session.clear()
        return None
    if sessions.is_stale(found):
        with Session.begin() as writing:
            sessions.touch_session(writing, found.session_id)
    return SignedIn(
        found.staff_id, found.email, found.name, found.role, found.language, found.session_id
    )
