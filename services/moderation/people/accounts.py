"""Accounts of staff: addresses, passwords, and signing in with them. Knows no web."""

import secrets
import unicodedata
from functools import cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import passwords, throttle
from services.moderation.people.throttle import Tried
from shared.addresses import mailboxes
from shared.addresses.mailboxes import BadAddressError
from shared.config import Settings
from shared.i18n import gettext as _
from shared.ids import new_id
from shared.models import Role, Staff

MIN_PASSWORD = 12
MAX_PASSWORD = 200
MAX_NAME = 80

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
        found = mailboxes.check_mailbox(raw.strip())
    except BadAddressError:
        raise AccountError(
            "email", _("Skriv en mejladress, till exempel namn@exempel.se.")
        ) from None
    return found.lower()


def checked_name(raw: str) -> str:
    """Return a name on one line. Raises AccountError for a very long one."""
    name = " ".join(raw.split())
    if len(name) > MAX_NAME:
        raise AccountError("name", _("Namnet får ha högst %(most)s tecken.", most=MAX_NAME))
    return name


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


def find_account(session: SqlSession, email: str) -> Staff | None:
    """Return the account with this address, however its domain is written."""
    return session.scalar(select(Staff).where(func.lower(Staff.email) == mailboxes.known_as(email)))


def add_staff(
    session: SqlSession,
    email: str,
    role: Role,
    password: str | None,
    *,
    name: str = "",
    staff_id: UUID | None = None,
) -> Staff:
    """Create an account; one without a password is entered by a passkey or the city's directory.

    Raises AccountError for an address or password that cannot be used, or an address that is taken.
    """
    address = checked_email(email)
    if find_account(session, address) is not None:
        raise AccountError("email", _("Det finns redan ett konto med den adressen."))
    staff = Staff(id=staff_id or new_id(), email=address, name=checked_name(name), role=role)
    if password is not None:
        set_password(staff, password)
    session.add(staff)
    session.flush()  # the caller wants its id
    return staff


def set_password(staff: Staff, password: str) -> None:
    """Give an account a password. Raises AccountError, also for one that is easy to guess."""
    checked = checked_password(password)
    if weakness := passwords.find_weakness(checked, (staff.email, staff.name)):
        raise AccountError("password", weakness)
    staff.password_hash = _hasher.hash(checked)


def sign_in(
    session: SqlSession, settings: Settings, email: str, password: str, source: str
) -> Staff | None:
    """Return the account if the password is right, and say only that it was not if not.

    Count the attempt first (`throttle.count_attempt`). Success forgets the failures at this account
    from this source.
    """
    staff = find_account(session, email)
    if not is_right(staff, password) or staff is None:
        return None
    throttle.forget_failures(session, settings, Tried.PASSWORD, email, source)
    return staff


def is_right(staff: Staff | None, password: str) -> bool:
    """Whether this is the password of an open account; takes as long for one that is not there."""
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
