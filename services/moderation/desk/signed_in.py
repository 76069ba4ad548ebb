"""Who is signed in: the session that a cookie names, and its beginning."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, g, request, session
from sqlalchemy.orm import Session as SqlSession

from services.moderation.desk import known_browser, security_notes
from services.moderation.people import second_factor, sessions
from shared import web
from shared.clock import utcnow
from shared.config import Settings
from shared.db import Session
from shared.models import Role, SecurityKind, Staff

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# The pages that stand open ask there for news (`services.moderation.desk.queue.live_views`).
_ASKS_BY_ITSELF = "live"
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
    # Until when they may still come in without a second factor, where they must have one.
    factor_due_at: datetime | None = None

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


def find_idle(settings: Settings) -> timedelta | None:
    """Return after how long without an act a session ends by itself; None where it never does."""
    return timedelta(minutes=settings.idle_minutes) or None


def find_who_it_is() -> SignedIn | None:
    """Return who makes this request, if anybody is signed in.

    A session ends, as any other, when the time is over in which its person had to get a second
    factor: they set one up at the door, and what they had typed comes back.
    """
    kept = session.get("session_id")
    if kept is None:
        return None
    settings = web.get_settings()
    idle = find_idle(settings)
    with Session() as reading:
        found = sessions.find_session(reading, UUID(kept), idle=idle)
    due_at = _find_due(settings, found) if found else None
    if found is None or (due_at is not None and due_at <= utcnow()):
        session.clear()
        return None
    # What an open page asks by itself is no sign of a person.
    if request.blueprint != _ASKS_BY_ITSELF and sessions.is_stale(found, idle=idle):
        with Session.begin() as writing:
            sessions.touch_session(writing, found.session_id)
    return SignedIn(
        id=found.staff_id,
        email=found.email,
        name=found.name,
        role=found.role,
        language=found.language,
        session_id=found.session_id,
        factor_due_at=due_at,
    )


def _find_due(settings: Settings, found: sessions.Found) -> datetime | None:
    """Return until when a person may do without a second factor; None for who need not hurry."""
    if not found.lacks_factor or not second_factor.is_expected(settings, found.role):
        return None
    if found.factor_due_at is not None:
        return found.factor_due_at
    with Session.begin() as writing:
        return second_factor.give_time(writing, settings, found.staff_id)
