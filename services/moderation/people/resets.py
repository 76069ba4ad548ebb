"""A forgotten password: a mailed link, good once and for an hour, to choose a new one.

Whoever asks gets the same answer in the same time, whether there is an account or not.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import accounts, second_factor, sessions
from services.moderation.people.account_changes import record_account_change
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import AccountLinkMade
from shared.forgetting.batches import forget_some
from shared.links import account_links
from shared.models import LinkKind, PasswordReset, Staff

LASTS = timedelta(hours=1)


def ask_reset(session: SqlSession, settings: Settings, email: str) -> None:
    """Owe the person with this address a letter, if they sign in with a password or a passkey.

    Who has lost the passkey chooses a password with it, which lets in together with a recovery
    code. The same rows are written either way.
    """
    found = accounts.find_account(session, email)
    # Without either an account is entered through the city's directory only.
    has_own = found and (
        found.password_hash or session.scalar(select(second_factor.has_factor(found.id)))
    )
    _owe_letter(session, settings, found if found and has_own and not found.disabled_at else None)


def send_link(session: SqlSession, settings: Settings, staff: Staff) -> None:
    """Owe somebody a letter because an administrator says so, whatever way in is left to them."""
    _owe_letter(session, settings, staff)


def reset_second_factor(
    session: SqlSession, settings: Settings, staff: Staff, *, by: UUID | None
) -> None:
    """Take somebody's second factor away, passkeys too, when they have lost them and their codes.

    Whose only way in that was is owed a letter with a link, to choose a password.
    """
    second_factor.remove_second_factor(session, staff, by=by)
    if staff.password_hash is None and staff.directory_subject is None:
        _owe_letter(session, settings, staff)


def _owe_letter(session: SqlSession, settings: Settings, person: Staff | None) -> None:
    now = utcnow()
    nonce = account_links.new_nonce()
    token = account_links.make_account_token(settings.secret_key, LinkKind.RESET, nonce)
    reset = PasswordReset(
        staff_id=person.id if person else None,
        nonce=nonce,
        sha256=account_links.hash_account_token(token),
        created_at=now,
        expires_at=now + LASTS,
    )
    session.add(reset)
    session.flush()  # the event wants its id
    outbox.record_event(session, AccountLinkMade(reset.id, LinkKind.RESET))


def forget_of_nobody(session: SqlSession) -> int:
    """Remove some that belong to nobody and ended a day ago; return how many.

    Of the others a letter tells.
    """
    ended = PasswordReset.expires_at < utcnow() - timedelta(days=1)
    return forget_some(session, PasswordReset, ended, PasswordReset.staff_id.is_(None))


def find_reset(session: SqlSession, token: str) -> tuple[PasswordReset, Staff] | None:
    """Return what a token opens and whose it is, if it is neither used nor old; locks both."""
    row = session.execute(
        select(PasswordReset, Staff)
        .join(Staff, Staff.id == PasswordReset.staff_id)
        .where(
            PasswordReset.sha256 == account_links.hash_account_token(token),
            PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > utcnow(),
            Staff.disabled_at.is_(None),
        )
        .with_for_update()
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def use_reset(session: SqlSession, reset: PasswordReset, staff: Staff, password: str) -> None:
    """Set the new password, use up every open link of the person, and sign them out everywhere.

    A second factor stays as it is: a mailbox is not enough to get past it. Raises AccountError.
    """
    accounts.set_password(staff, password)
    session.execute(
        update(PasswordReset)
        .where(PasswordReset.staff_id == reset.staff_id, PasswordReset.used_at.is_(None))
        .values(used_at=utcnow())
    )
    sessions.end_all(session, staff)
    record_account_change(session, staff, "staff.password_changed", by=staff.id)
