"""Invitations: a one-use link, mailed to one address, that makes one account with one role.

Who is the first has nobody to invite them: that link is printed where the system was started.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import accounts
from services.moderation.people.accounts import AccountError
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import AccountLinkMade
from shared.i18n import gettext as _
from shared.links import account_links
from shared.models import Invitation, Letter, LetterState, LinkKind, Role, Staff

LASTS = timedelta(days=7)
FIRST_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Open:
    """An invitation that waits for its guest, and what became of its letter."""

    id: UUID
    email: str | None
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime
    letter: LetterState | None


def invite_person(
    session: SqlSession,
    settings: Settings,
    *,
    email: str,
    role: Role,
    name: str = "",
    language: str = "sv",
    by: UUID | None,
) -> Invitation:
    """Invite somebody by mail; an older invitation to the same address ends.

    Notify makes the letter, and the link in it. Raises AccountError for an address that cannot be
    used or has an account, and for a name that is too long.
    """
    address = accounts.checked_email(email)
    if accounts.find_account(session, address) is not None:
        raise AccountError("email", _("Det finns redan ett konto med den adressen."))
    now = utcnow()
    session.execute(
        update(Invitation)
        .where(Invitation.email == address, Invitation.used_at.is_(None))
        .where(Invitation.expires_at > now)
        .values(expires_at=now)
    )
    nonce = account_links.new_nonce()
    token = account_links.make_account_token(settings.secret_key, LinkKind.INVITATION, nonce)
    invitation = Invitation(
        sha256=account_links.hash_account_token(token),
        nonce=nonce,
        email=address,
        name=accounts.checked_name(name),
        language=language,
        role=role,
        invited_by=by,
        created_at=now,
        expires_at=now + LASTS,
    )
    session.add(invitation)
    session.flush()  # the event and the log want its id
    outbox.record_event(session, AccountLinkMade(invitation.id, LinkKind.INVITATION))
    audit.record_change(
        session,
        by=by,
        action="staff.invited",
        subject=("staff", invitation.id),
        after={"role": role},
    )
    return invitation


def open_ones(session: SqlSession) -> list[Open]:
    """Return the mailed invitations that wait, newest first."""
    rows = session.execute(
        select(
            Invitation.id,
            Invitation.email,
            Invitation.name,
            Invitation.role,
            Invitation.created_at,
            Invitation.expires_at,
            Letter.state,
        )
        .outerjoin(Letter, Letter.invitation_id == Invitation.id)
        .where(Invitation.email.is_not(None), Invitation.used_at.is_(None))
        .where(Invitation.expires_at > utcnow())
        .order_by(Invitation.created_at.desc())
    )
    return [Open(*row) for row in rows]


def withdraw_invitation(session: SqlSession, invitation_id: UUID, *, by: UUID) -> bool:
    """End an invitation that waits; False when there is none. A letter on its way is cancelled."""
    ended = session.execute(
        update(Invitation)
        .where(Invitation.id == invitation_id, Invitation.used_at.is_(None))
        .where(Invitation.expires_at > utcnow())
        .values(expires_at=utcnow())
        .returning(Invitation.id)
    ).one_or_none()
    if ended is None:
        return False
    audit.record_change(
        session, by=by, action="staff.invitation_withdrawn", subject=("staff", invitation_id)
    )
    return True


def invite_first_admin(session: SqlSession) -> str | None:
    """Return the token for the first administrator; None when there is one. Older ones end."""
    active = select(Staff.id).where(Staff.role == Role.ADMIN, Staff.disabled_at.is_(None))
    if session.scalar(active.limit(1)) is not None:
        return None
    session.execute(
        delete(Invitation).where(
            Invitation.role == Role.ADMIN,
            Invitation.used_at.is_(None),
            Invitation.email.is_(None),
        )
    )
    token = secrets.token_urlsafe(32)
    session.add(
        Invitation(
            sha256=account_links.hash_account_token(token),
            role=Role.ADMIN,
            expires_at=utcnow() + FIRST_LASTS,
        )
    )
    return token


def first_admin_link(session: SqlSession, settings: Settings) -> str | None:
    """Return the one-use link that makes the first administrator; None when there is one."""
    token = invite_first_admin(session)
    return f"{settings.desk_url}/welcome/{token}" if token else None


def find_invitation(session: SqlSession, token: str) -> Invitation | None:
    """Return the invitation that a token opens, if it is neither used nor old; locks it."""
    invitation = session.get(
        Invitation, account_links.hash_account_token(token), with_for_update=True
    )
    if invitation is None or invitation.used_at or invitation.expires_at <= utcnow():
        return None
    return invitation


def accept_invitation(
    session: SqlSession,
    invitation: Invitation,
    *,
    email: str,
    password: str | None,
    name: str,
    staff_id: UUID | None = None,
) -> Staff:
    """Make the account that an invitation is for, and use the invitation up.

    Without a password its way in is the passkey that its id was promised to. A mailed one makes an
    account for the address it went to, whatever `email` says. Raises AccountError.
    """
    staff = accounts.add_staff(
        session,
        invitation.email or email,
        invitation.role,
        password,
        name=name,
        staff_id=staff_id,
    )
    staff.language = invitation.language
    invitation.used_at = utcnow()
    audit.record_change(
        session,
        by=staff.id,
        action="staff.joined",
        subject=("staff", staff.id),
        after={"role": staff.role},
    )
    return staff
