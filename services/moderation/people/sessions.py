"""Sessions of staff: a row for each browser that is signed in. Knows no web.

Asked of the database at every request, in one statement: so a closed account, a new password or
"sign out everywhere" takes effect at once.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, exists, or_, select, update
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.forgetting.batches import forget_some
from shared.models import Passkey, Role, SecondFactor, SignInPolicy, Staff, StaffSession

# However busy the session is.
LASTS = timedelta(hours=12)
# When somebody was last seen is kept no finer than this.
SEEN_EVERY = timedelta(minutes=10)

PASSWORD, DIRECTORY, PASSKEY = "password", "directory", "passkey"

# The first that fits: others name themselves after those further down.
_BROWSERS = (
    ("Edg/|EdgA/|EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|CriOS/|Chromium/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a session belongs to."""

    session_id: UUID
    staff_id: UUID
    email: str
    name: str
    role: Role
    language: str
    seen_at: datetime
    # A password alone let them in, and nobody has chosen at the desk who must have more.
    lacks_factor: bool
    factor_due_at: datetime | None


def forget_ended(session: SqlSession) -> int:
    """Remove some sessions that have ended by themselves; return how many."""
    return forget_some(session, StaffSession, StaffSession.begun_at < utcnow() - LASTS)


def begin_session(session: SqlSession, staff: Staff, *, via: str, browser: str) -> UUID:
    """Begin a session and return its id."""
    now = utcnow()
    begun = StaffSession(
        staff_id=staff.id,
        epoch=staff.session_epoch,
        via=via,
        browser=browser,
        begun_at=now,
        seen_at=now,
    )
    session.add(begun)
    session.flush()  # the caller wants its id
    return begun.id


def find_session(
    session: SqlSession, session_id: UUID, *, idle: timedelta | None = None
) -> Found | None:
    """Return whom a session belongs to, while it, the account and its epoch last.

    With `idle` it has ended, too, when its person has done nothing for so long.
    """
    now = utcnow()
    has_factor = or_(
        exists().where(SecondFactor.staff_id == Staff.id, SecondFactor.confirmed_at.is_not(None)),
        exists().where(Passkey.staff_id == Staff.id),
    )
    row = session.execute(
        select(
            StaffSession.id,
            Staff.id,
            Staff.email,
            Staff.name,
            Staff.role,
            Staff.language,
            StaffSession.seen_at,
            and_(StaffSession.via == PASSWORD, ~has_factor, ~exists().where(SignInPolicy.id == 1)),
            Staff.factor_due_at,
        )
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.id == session_id,
            StaffSession.begun_at > now - LASTS,
            StaffSession.seen_at > now - (idle or LASTS),
            StaffSession.epoch == Staff.session_epoch,
            Staff.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else Found(*row)


def is_stale(found: Found, *, idle: timedelta | None = None) -> bool:
    """Whether it is time to note again that the person was seen."""
    return found.seen_at < utcnow() - min(SEEN_EVERY, (idle or LASTS) / 10)


def touch_session(session: SqlSession, session_id: UUID) -> None:
    """Note that the person was seen."""
    session.execute(
        update(StaffSession).where(StaffSession.id == session_id).values(seen_at=utcnow())
    )


def open_ones(
    session: SqlSession, staff_id: UUID, *, idle: timedelta | None = None
) -> list[StaffSession]:
    """Return a person's sessions that last, the one seen last first.

    With `idle` those have ended, too, in which nothing was done for so long.
    """
    now = utcnow()
    rows = session.scalars(
        select(StaffSession)
        .join(Staff, Staff.id == StaffSession.staff_id)
        .where(
            StaffSession.staff_id == staff_id,
            StaffSession.begun_at > now - LASTS,
            StaffSession.seen_at > now - (idle or LASTS),
            StaffSession.epoch == Staff.session_epoch,
        )
        .order_by(StaffSession.seen_at.desc(), StaffSession.begun_at.desc())
    )
    return list(rows)


def end_session(session: SqlSession, session_id: UUID, staff_id: UUID) -> bool:
    """End one session of this person; False when it is not theirs, or not there."""
    ended = session.execute(
        delete(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.staff_id == staff_id)
        .returning(StaffSession.id)
    )
    return ended.one_or_none() is not None


def end_all(session: SqlSession, staff: Staff, *, but: UUID | None = None) -> None:
    """Sign a person out everywhere, or everywhere but in the session named.

    The epoch ends what is not in the table, too: a sign-in that waits for its second factor.
    """
    staff.session_epoch += 1
    session.flush()
    session.execute(
        delete(StaffSession).where(StaffSession.staff_id == staff.id, StaffSession.id != but)
        if but is not None
        else delete(StaffSession).where(StaffSession.staff_id == staff.id)
    )
    if but is not None:
        session.execute(
            update(StaffSession)
            .where(StaffSession.id == but, StaffSession.staff_id == staff.id)
            .values(epoch=staff.session_epoch)
        )


def browser_of(user_agent: str) -> str:
    """Return a browser's coarse name, such as "Firefox, Windows"; empty when it is unknown."""
    names = (
        next((name for marks, name in table if re.search(marks, user_agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    )
    return ", ".join(name for name in names if name)
