"""Passkeys (WebAuthn): a key that a device holds and opens by a finger, a face or a PIN.

It is bound to the desk's own address, so a copied page gets nothing; and since the device asks who
it is, it is both steps in one. What browsers send is data, whatever it is.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as SqlSession
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.moderation.people import second_factor
from services.moderation.people.account_changes import record_account_change
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Passkey, Staff

NAME = "Rådslag"
# Nobody has more devices.
MOST = 20
_CHALLENGE_BYTES = 32


class BadPasskeyError(Exception):
    """What came is no passkey of this desk, or not one that answers this question."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a browser is asked, as it wants it (JSON), and what it must answer."""

    options: str
    challenge: bytes


def ask_for_new(session: SqlSession, settings: Settings, staff: Staff) -> Question:
    """Ask a browser to make a passkey for this person, on a device that has none of theirs."""
    challenge = secrets.token_bytes(_CHALLENGE_BYTES)
    options = generate_registration_options(
        rp_id=_place(settings),
        rp_name=NAME,
        user_id=staff.id.bytes,
        user_name=staff.email,
        user_display_name=staff.name or staff.email,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=each.credential_id)
            for each in list_passkeys(session, staff.id)
        ],
    )
    return Question(options_to_json(options), challenge)


def keep_new(
    session: SqlSession,
    settings: Settings,
    staff: Staff,
    answer: str,
    challenge: bytes,
    *,
    browser: str,
) -> list[str] | None:
    """Keep the passkey that a browser has made; return recovery codes where there were none.

    Raises BadPasskeyError.
    """
    with _refusing():
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_place(settings),
            expected_origin=_origin(settings),
            require_user_verification=True,
        )
    held = list_passkeys(session, staff.id)
    taken = session.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id))
    if taken is not None or len(held) >= MOST:
        raise BadPasskeyError
    session.add(
        Passkey(
            staff_id=staff.id,
            credential_id=made.credential_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            browser=browser,
        )
    )
    session.flush()
    record_account_change(session, staff, "staff.passkey_added", by=staff.id)
    if second_factor.read_state(session, staff.id).codes_left:
        return None
    return second_factor.new_recovery_codes(session, staff.id)


def ask_who(settings: Settings) -> Question:
    """Ask a browser for a passkey of anybody who is known here."""
    challenge = secrets.token_bytes(_CHALLENGE_BYTES)
    options = generate_authentication_options(
        rp_id=_place(settings),
        challenge=challenge,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Question(options_to_json(options), challenge)


def find_owner(
    session: SqlSession, settings: Settings, answer: str, challenge: bytes, asked_at: datetime
) -> Staff:
    """Return whose passkey has answered a question, which it does once.

    A question that was asked before the passkey was last used is answered no more: a copy of that
    answer, and of the cookie with its question, would be as good as the device. Many devices do not
    count how often they were used. Raises BadPasskeyError.
    """
    with _refusing():
        given = parse_authentication_credential_json(answer)
    # Locked: the same answer that comes twice at one instant is taken once.
    row = session.execute(
        select(Passkey, Staff)
        .join(Staff, Staff.id == Passkey.staff_id)
        .where(Passkey.credential_id == given.raw_id, Staff.disabled_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if row is None or row[0].last_challenge == challenge:
        raise BadPasskeyError
    passkey, staff = row
    if passkey.used_at is not None and asked_at < passkey.used_at:
        raise BadPasskeyError
    with _refusing():
        verified = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=_place(settings),
            expected_origin=_origin(settings),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    passkey.sign_count = verified.new_sign_count
    passkey.last_challenge = challenge
    passkey.used_at = utcnow()
    owner: Staff = staff
    return owner


def list_passkeys(session: SqlSession, staff_id: UUID) -> list[Passkey]:
    """Return a person's passkeys, the oldest first."""
    return list(
        session.scalars(select(Passkey).where(Passkey.staff_id == staff_id).order_by(Passkey.id))
    )


def remove_passkey(session: SqlSession, staff: Staff, passkey_id: int) -> bool:
    """Take one of a person's passkeys away; False when it is not theirs, or not there."""
    gone = session.scalar(
        delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.staff_id == staff.id)
        .returning(Passkey.id)
    )
    if gone is None:
        return False
    record_account_change(session, staff, "staff.passkey_removed", by=staff.id)
    return True


@contextmanager
def _refusing() -> Iterator[None]:
    """Refuse whatever cannot be read: what came is bytes in bytes, and libraries stumble variously.

    They look into certificates, keys and numbers that anybody may have made up.
    """
    try:
        yield
    except Exception:  # noqa: BLE001 - of nothing but reading what came
        raise BadPasskeyError from None


def _place(settings: Settings) -> str:
    """Return the name that passkeys are bound to: where the desk is."""
    return urlsplit(settings.desk_url).hostname or ""


def _origin(settings: Settings) -> str:
    parts = urlsplit(settings.desk_url)
    return f"{parts.scheme}://{parts.netloc}"
