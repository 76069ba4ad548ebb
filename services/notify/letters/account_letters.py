"""Letters to staff about their accounts: an invitation, a link for a new password, a change.

The link is made again from its nonce when the letter is sent, so it stands in no row, no message
and no log. A letter whose link has ended meanwhile is not sent.
"""

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session as SqlSession

from services.notify.mail.letters import enter_letter
from services.notify.mail.look import read_look
from services.notify.mail.rendering import Rendered, render_letter, to_email
from shared import i18n, times
from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.links import account_links
from shared.models import (
    AuditEntry,
    Invitation,
    Letter,
    LinkKind,
    PasswordReset,
    Precision,
    Staff,
)

INVITATION = "invitation"
PASSWORD_RESET = "password-reset"  # noqa: S105 - the name of a template
ACCOUNT_CHANGED = "account-changed"
TEMPLATES = frozenset({INVITATION, PASSWORD_RESET, ACCOUNT_CHANGED})
LINK_ENDED = "link ended"


def write_account_letters(
    session: SqlSession, batch: UUID, deliveries: Sequence[outbox.Delivery], settings: Settings
) -> None:
    """Write the ledger rows of the letters that a batch of links owes, and mark the batch done.

    Repeating it changes nothing. Raises StaleBatchError when someone else has the batch now.
    """
    outbox.mark_done(session, batch, deliveries)
    for delivery in deliveries:
        if "change_id" in delivery.payload:
            _tell_of_change(session, settings, delivery)
            continue
        link_id = UUID(delivery.payload["link_id"])
        if LinkKind(delivery.payload["kind"]) is LinkKind.INVITATION:
            invitation = session.scalar(select(Invitation).where(Invitation.id == link_id))
            if invitation is not None and invitation.email is not None:
                enter_letter(
                    session,
                    settings,
                    due_at=utcnow(),
                    template=INVITATION,
                    language=invitation.language,
                    invitation_id=link_id,
                )
            continue
        reset = session.get(PasswordReset, link_id)
        person = session.get(Staff, reset.staff_id) if reset and reset.staff_id else None
        if person is not None:
            enter_letter(
                session,
                settings,
                due_at=utcnow(),
                template=PASSWORD_RESET,
                language=person.language,
                reset_id=link_id,
                staff_id=person.id,
            )


def _tell_of_change(session: SqlSession, settings: Settings, delivery: outbox.Delivery) -> None:
    person = session.get_one(Staff, delivery.subject_id)
    enter_letter(
        session,
        settings,
        due_at=utcnow(),
        template=ACCOUNT_CHANGED,
        language=person.language,
        change_id=delivery.payload["change_id"],
        staff_id=person.id,
    )


def compose_account_letter(
    session: SqlSession, letter: Letter, settings: Settings
) -> tuple[str, EmailMessage] | str:
    """Return whom a claimed letter goes to and the mail, or why it should not be sent after all."""
    if letter.invitation_id is not None:
        return _invitation(session, letter, settings)
    if letter.change_id is not None:
        return _change(session, letter, settings)
    reset = session.get_one(PasswordReset, letter.reset_id)
    person = session.get_one(Staff, letter.staff_id)
    link = _link(settings, LinkKind.RESET, reset)
    if link is None:
        return LINK_ENDED
    rendered = render_letter(
        PASSWORD_RESET,
        letter.language,
        look=read_look(session),
        settings=settings,
        name=person.name,
        link=link,
        until=_moment(settings, letter, reset.expires_at),
    )
    return _mailed(rendered, letter, person.email, settings)


def _invitation(
    session: SqlSession, letter: Letter, settings: Settings
) -> tuple[str, EmailMessage] | str:
    invitation = session.scalars(
        select(Invitation).where(Invitation.id == letter.invitation_id)
    ).one()
    link = _link(settings, LinkKind.INVITATION, invitation)
    if link is None or invitation.email is None:
        return LINK_ENDED
    inviter = session.get(Staff, invitation.invited_by) if invitation.invited_by else None
    rendered = render_letter(
        INVITATION,
        letter.language,
        look=read_look(session),
        settings=settings,
        name=invitation.name,
        by=(inviter.name or inviter.email) if inviter else "",
        role=invitation.role.value,
        link=link,
        until=_moment(settings, letter, invitation.expires_at),
    )
    return _mailed(rendered, letter, invitation.email, settings)


def _change(
    session: SqlSession, letter: Letter, settings: Settings
) -> tuple[str, EmailMessage] | str:
    """Tell what was done to an account, and what its owner can do if it was somebody else."""
    change = session.get_one(AuditEntry, letter.change_id)
    person = session.get_one(Staff, letter.staff_id)
    rendered = render_letter(
        ACCOUNT_CHANGED,
        letter.language,
        look=read_look(session),
        settings=settings,
        name=person.name,
        what=change.action,
        at=_moment(settings, letter, change.at),
        has_password=person.password_hash is not None,
        desk=settings.desk_url,
    )
    return _mailed(rendered, letter, person.email, settings)


def _link(settings: Settings, kind: LinkKind, row: Invitation | PasswordReset) -> str | None:
    """Make the link of a row again; None when it is used, old, or was made with another key."""
    if row.nonce is None or row.used_at is not None or row.expires_at <= utcnow():
        return None
    token = account_links.make_account_token(settings.secret_key, kind, row.nonce)
    if account_links.hash_account_token(token) != row.sha256:
        return None
    return account_links.make_account_url(settings.desk_url, kind, token)


def _moment(settings: Settings, letter: Letter, moment: datetime) -> str:
    with i18n.speak_language(letter.language):
        return times.write_moment(moment, Precision.INSTANT, settings.timezone)


def _mailed(
    rendered: Rendered, letter: Letter, recipient: str, settings: Settings
) -> tuple[str, EmailMessage]:
    message = to_email(
        rendered, recipient=recipient, message_id=letter.message_id, settings=settings
    )
    return recipient, message
