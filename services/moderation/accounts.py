"""Accounts of staff: passwords, sign-in, invitations. Knows no web."""

import hashlib
import hmac
import secrets
import unicodedata
from datetime import timedelta
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.config import Settings
from shared.i18n import gettext as _
from shared.models import Invitation, LoginAttempt, Role, Staff

MIN_PASSWORD = 12
MAX_PASSWORD = 200
INVITATION_LASTS = timedelta(hours=24)
WINDOW = timedelta(minutes=15)
# Failed attempts within the window after which nothing more is tried. From one place few tries at
# one account; the limit for an account wherever they come from is so high that a stranger cannot
# easily lock somebody out, and so low that guessing a password of twelve characters is hopeless.
MOST_AT_ONE_ACCOUNT_FROM_ONE_SOURCE = 5
MOST_FROM_ONE_SOURCE = 30
MOST_AT_ONE_ACCOUNT = 100

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Return a hash to verify for unknown addresses, so that the time it takes tells nothing."""
    return _hasher.hash(secrets.token_urlsafe(16))


class AccountError(ValueError):
    """A field of an account cannot be used; `sentence` says so to the person who wrote it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field)
        self.field = field
        self.sentence = sentence


def checked_email(raw: str) -> str:
    """Return an address as it is kept, in small letters. Raises AccountError."""
    try:
        found = validate_email(raw.strip(), check_deliverability=False)
    except EmailNotValidError:
        raise AccountError(
            "email", _("Skriv en e-postadress, till exempel namn@exempel.se.")
        ) from None
    return found.normalized.lower()


def checked_password(raw: str) -> str:
    """Return a password as it is hashed (NFKC). Raises AccountError when short or very long."""
    if not MIN_PASSWORD <= len(raw) <= MAX_PASSWORD:
        raise AccountError(
            "password",
            _(
                "Lösenordet ska ha minst %(least)s tecken. En lång mening går bra.",
                least=MIN_PASSWORD,
            ),
        )
    return unicodedata.normalize("NFKC", raw)


def find(session: SqlSession, email: str) -> Staff | None:
    """Return the account with this address."""
    return session.scalar(select(Staff).where(func.lower(Staff.email) == email.strip().lower()))


def add_staff(
    session: SqlSession, email: str, role: Role, password: str, *, name: str = ""
) -> Staff:
    """Create an account.

    Raises AccountError for an address or password that cannot be used, or an address that is taken.
    """
    address = checked_email(email)
    if find(session, address) is not None:
        raise AccountError("email", _("Det finns redan ett konto med den adressen."))
    staff = Staff(
        email=address,
        name=" ".join(name.split())[:80],
        role=role,
        password_hash=_hasher.hash(checked_password(password)),
    )
    session.add(staff)
    session.flush()  # the caller wants its id
    return staff


def disable(staff: Staff) -> None:
    """Close an account and end its sessions at once."""
    staff.disabled_at = staff.disabled_at or utcnow()
    staff.session_epoch += 1


def count_attempt(session: SqlSession, settings: Settings, email: str, source: str) -> bool:
    """Note an attempt to sign in, before it is made; whether it may be made.

    In a transaction of its own: attempts made at the same instant are then counted one by one,
    and nobody waits while a password is verified. Account and source are kept as keyed hashes.
    """
    email_hash, source_hash = _hashes(settings, email, source)
    for lock in sorted(_lock_of(hashed) for hashed in (email_hash, source_hash)):
        session.execute(select(func.pg_advisory_xact_lock(lock)))
    since = utcnow() - WINDOW
    # A little cleaning each time keeps the table small.
    oldest = select(LoginAttempt.id).order_by(LoginAttempt.id).limit(20)
    session.execute(
        delete(LoginAttempt).where(
            LoginAttempt.id.in_(oldest.with_for_update(skip_locked=True)), LoginAttempt.at < since
        )
    )
    at_account, from_source = (
        LoginAttempt.email_hash == email_hash,
        LoginAttempt.source_hash == source_hash,
    )
    for limit, counted in (
        (MOST_AT_ONE_ACCOUNT_FROM_ONE_SOURCE, at_account & from_source),
        (MOST_FROM_ONE_SOURCE, from_source),
        (MOST_AT_ONE_ACCOUNT, at_account),
    ):
        made = session.scalar(select(func.count()).where(counted, LoginAttempt.at > since))
        if (made or 0) >= limit:
            return False
    session.add(LoginAttempt(email_hash=email_hash, source_hash=source_hash))
    return True


def sign_in(
    session: SqlSession, settings: Settings, email: str, password: str, source: str
) -> Staff | None:
    """Return the account if the password is right, and say only that it was not if not.

    Call `count_attempt` first. Success forgets the failures at this account from this source.
    """
    staff = find(session, email)
    if not _is_right(staff, password) or staff is None:
        return None
    email_hash, source_hash = _hashes(settings, email, source)
    session.execute(
        delete(LoginAttempt).where(
            LoginAttempt.email_hash == email_hash, LoginAttempt.source_hash == source_hash
        )
    )
    return staff


def _hashes(settings: Settings, email: str, source: str) -> tuple[bytes, bytes]:
    return (
        _keyed(settings, "login-address", email.strip().lower()),
        _keyed(settings, "login-source", source),
    )


def _lock_of(hashed: bytes) -> int:
    return int.from_bytes(hashed[:8], "big", signed=True)


def _is_right(staff: Staff | None, password: str) -> bool:
    known = staff is not None and staff.disabled_at is None and staff.password_hash
    given = unicodedata.normalize("NFKC", password[:MAX_PASSWORD])
    try:
        _hasher.verify(known or _nobody(), given)
    except VerificationError:
        return False
    if staff is None or not known:
        return False
    if _hasher.check_needs_rehash(known):
        staff.password_hash = _hasher.hash(given)
    return True


def invite(session: SqlSession, role: Role) -> str:
    """Return the token of a link that makes one account with this role, within 24 hours."""
    token = secrets.token_urlsafe(32)
    session.add(
        Invitation(sha256=_sha256(token), role=role, expires_at=utcnow() + INVITATION_LASTS)
    )
    return token


def invite_first_admin(session: SqlSession) -> str | None:
    """Return the token for the first administrator; None when there is one. Older ones end."""
    active = select(Staff.id).where(Staff.role == Role.ADMIN, Staff.disabled_at.is_(None))
    if session.scalar(active.limit(1)) is not None:
        return None
    session.execute(
        delete(Invitation).where(Invitation.role == Role.ADMIN, Invitation.used_at.is_(None))
    )
    return invite(session, Role.ADMIN)


def open_invitation(session: SqlSession, token: str) -> Invitation | None:
    """Return the invitation that a token opens, if it is neither used nor old; locks it."""
    invitation = session.get(Invitation, _sha256(token), with_for_update=True)
    if invitation is None or invitation.used_at or invitation.expires_at <= utcnow():
        return None
    return invitation


def accept(
    session: SqlSession, invitation: Invitation, email: str, password: str, name: str
) -> Staff:
    """Make the account that an invitation is for, and use the invitation up."""
    staff = add_staff(session, email, invitation.role, password, name=name)
    invitation.used_at = utcnow()
    return staff


def of_session(session: SqlSession, staff_id: UUID, epoch: int) -> Staff | None:
    """Return the account that a session belongs to, while it is open and not signed out."""
    return session.scalar(
        select(Staff).where(
            Staff.id == staff_id, Staff.session_epoch == epoch, Staff.disabled_at.is_(None)
        )
    )


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _keyed(settings: Settings, purpose: str, value: str) -> bytes:
    return hmac.digest(settings.secret_key.encode(), f"{purpose}:{value}".encode(), "sha256")
