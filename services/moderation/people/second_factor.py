"""The second factor: codes by time (RFC 6238), recovery codes, and who must have one.

A secret is stored encrypted (AES-GCM) with a key made from RADSLAG_SECRET_KEY and bound to its
person, so a copy of the database alone makes no codes. With a new secret key the old secrets cannot
be read: recovery codes, which hang on no key, and administrators help. A code is taken once: with
it all of its half minute and before are used up.
"""

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pyotp
from sqlalchemy import (
    ColumnElement,
    SQLColumnExpression,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.orm import Session as SqlSession

from services.moderation.people import sessions
from services.moderation.people.account_changes import record_account_change
from services.moderation.settings import audit
from shared.clock import utcnow
from shared.config import Settings
from shared.links import sealed
from shared.models import (
    Passkey,
    RecoveryCode,
    Requires,
    Role,
    SecondFactor,
    SignInPolicy,
    Staff,
    StaffSession,
)

log = logging.getLogger(__name__)

ISSUER = "Rådslag"
RECOVERY_CODES = 10
STEP_S = 30
# A clock may be half a minute off, either way (RFC 6238 §5.2).
_STEPS_OFF = (0, -1, 1)
_PURPOSE = b"radslag second factor"
# Crockford's: no I, L, O or U, which are read as 1 and 0.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("ILO", "110")


@dataclass(frozen=True, slots=True)
class State:
    """What a person has: a confirmed second factor (an app, or a passkey), and codes that are left.

    `codes_left` counts recovery codes.
    """

    is_on: bool
    codes_left: int
    has_app: bool = False


class OwnFactorFirstError(Exception):
    """Nobody may ask of others what they have not done: they would lock themselves out."""


def read_state(session: SqlSession, staff_id: UUID) -> State:
    """Return what a person has."""
    left = (
        select(func.count())
        .where(RecoveryCode.staff_id == staff_id, RecoveryCode.used_at.is_(None))
        .scalar_subquery()
    )
    found = session.execute(select(has_factor(staff_id), left, _has_app(staff_id))).one()
    return State(*found)


def begin_second_factor(session: SqlSession, settings: Settings, staff: Staff) -> None:
    """Make a secret that counts when its first code is right; a confirmed one stays as it is."""
    secret = _seal(settings, staff.id, pyotp.random_base32())
    fresh = insert_or(SecondFactor).values(staff_id=staff.id, secret=secret, created_at=utcnow())
    session.execute(
        fresh.on_conflict_do_update(
            index_elements=["staff_id"],
            set_={"secret": fresh.excluded.secret, "created_at": fresh.excluded.created_at},
            where=SecondFactor.confirmed_at.is_(None),
        )
    )


def read_pending_secret(
    session: SqlSession, settings: Settings, staff: Staff
) -> tuple[str, str] | None:
    """Return the secret that waits to be confirmed and its address for an app; None without one."""
    factor = session.get(SecondFactor, staff.id)
    if factor is None or factor.confirmed_at is not None:
        return None
    secret = _unseal(settings, factor)
    if secret is None:
        return None
    return secret, pyotp.TOTP(secret).provisioning_uri(name=staff.email, issuer_name=ISSUER)


def confirm_second_factor(
    session: SqlSession, settings: Settings, staff: Staff, code: str
) -> list[str] | None:
    """Turn the waiting secret on if its code is right; return the recovery codes, shown once."""
    factor = _locked(session, staff.id)
    if factor is None or factor.confirmed_at is not None or not _take(settings, factor, code):
        return None
    factor.confirmed_at = utcnow()
    record_account_change(session, staff, "staff.second_factor_added", by=staff.id)
    return new_recovery_codes(session, staff.id)


def check_code(session: SqlSession, settings: Settings, staff_id: UUID, code: str) -> bool:
    """Whether a code from the app, or a recovery code, is right; right ones are used up."""
    factor = _locked(session, staff_id)
    if factor is not None and factor.confirmed_at is not None and _take(settings, factor, code):
        return True
    return read_state(session, staff_id).is_on and _take_recovery(session, staff_id, code)


def new_recovery_codes(session: SqlSession, staff_id: UUID) -> list[str]:
    """Replace a person's recovery codes and return the new ones, which are kept nowhere."""
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff_id))
    session.execute(
        insert(RecoveryCode),
        [{"staff_id": staff_id, "sha256": _sha256(staff_id, code)} for code in codes],
    )
    return codes


def remove_second_factor(session: SqlSession, staff: Staff, *, by: UUID | None) -> None:
    """Take a person's second factor away, passkeys too, and sign them out everywhere."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    session.execute(delete(SecondFactor).where(SecondFactor.staff_id == staff.id))
    session.execute(delete(Passkey).where(Passkey.staff_id == staff.id))
    sessions.end_all(session, staff)
    action = "staff.second_factor_removed" if by == staff.id else "staff.second_factor_reset"
    record_account_change(session, staff, action, by=by)


def read_policy(session: SqlSession) -> Requires:
    """Return who must have a second factor, as an administrator has chosen."""
    return session.scalar(select(SignInPolicy.second_factor)) or Requires.NOBODY


def find_policy(session: SqlSession, settings: Settings) -> tuple[Requires, bool]:
    """Return who must have a second factor, and whether somebody has chosen that at the desk."""
    chosen = session.scalar(select(SignInPolicy.second_factor))
    return chosen or Requires(settings.second_factor), chosen is not None


def is_required(session: SqlSession, role: Role) -> bool:
    """Whether somebody with this role must have a second factor, because one has chosen so."""
    return _covers(read_policy(session), role)


def is_expected(settings: Settings, role: Role) -> bool:
    """Whether somebody with this role must have one soon, while nobody has chosen at the desk."""
    return _covers(Requires(settings.second_factor), role)


def may_give_up(session: SqlSession, settings: Settings, role: Role) -> bool:
    """Whether somebody with this role may do without the second factor that they have."""
    return not _covers(find_policy(session, settings)[0], role)


def must_set_up(session: SqlSession, settings: Settings, staff: Staff) -> bool:
    """Whether a person without a second factor sets one up before they come in.

    At once where an administrator has chosen so; else when their time to do it is over.
    """
    wanted, is_chosen = find_policy(session, settings)
    if not _covers(wanted, staff.role):
        return False
    return is_chosen or give_time(session, settings, staff.id) <= utcnow()


def give_time(session: SqlSession, settings: Settings, staff_id: UUID) -> datetime:
    """Return until when a person may do without; their time begins when it is first asked for."""
    ends = utcnow() + timedelta(days=settings.second_factor_grace_days)
    begun = session.scalar(
        update(Staff)
        .where(Staff.id == staff_id)
        .values(factor_due_at=func.coalesce(Staff.factor_due_at, ends))
        .returning(Staff.factor_due_at)
    )
    return begun or ends


def _covers(wanted: Requires, role: Role) -> bool:
    return wanted is Requires.ALL or (wanted is Requires.ADMINS and role is Role.ADMIN)


def require_second_factor(session: SqlSession, wanted: Requires, *, by: UUID) -> None:
    """Say who must have a second factor; those who lack it are signed out, and set one up at once.

    Sessions that began in the city's directory go on: it asks for what it wants.
    Raises OwnFactorFirstError.
    """
    before = read_policy(session)
    if wanted is not Requires.NOBODY and not session.scalar(select(has_factor(by))):
        raise OwnFactorFirstError
    values = {"second_factor": wanted, "changed_by": by, "changed_at": utcnow()}
    session.execute(
        insert_or(SignInPolicy)
        .values(id=1, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
    )
    for role in Role:
        if is_required(session, role):
            end_sessions_without(session, Staff.role == role)
    audit.record_change(
        session,
        by=by,
        action="sign_in.second_factor_required",
        subject=("sign_in", "second_factor"),
        before={"required_of": before},
        after={"required_of": wanted},
    )


def end_sessions_without(session: SqlSession, whose: ColumnElement[bool]) -> None:
    """End the sessions that began with a password alone, of those whom `whose` tells."""
    lacking = select(Staff.id).where(whose, ~has_factor(Staff.id))
    session.execute(
        delete(StaffSession)
        .where(StaffSession.staff_id.in_(lacking), StaffSession.via == sessions.PASSWORD)
        .execution_options(synchronize_session=False)
    )


def has_factor(staff_id: UUID | SQLColumnExpression[UUID]) -> ColumnElement[bool]:
    """Ask, inside a statement, whether a person has a second factor: an app, or a passkey."""
    return or_(_has_app(staff_id), exists().where(Passkey.staff_id == staff_id))


def _has_app(staff_id: UUID | SQLColumnExpression[UUID]) -> ColumnElement[bool]:
    return exists().where(SecondFactor.staff_id == staff_id, SecondFactor.confirmed_at.is_not(None))


def _locked(session: SqlSession, staff_id: UUID) -> SecondFactor | None:
    """Return a person's second factor, locked: two codes at the same instant come in turn."""
    return session.get(SecondFactor, staff_id, with_for_update=True, populate_existing=True)


def _take(settings: Settings, factor: SecondFactor, code: str) -> bool:
    digits = re.sub(r"\s", "", code)
    secret = _unseal(settings, factor) if re.fullmatch(r"[0-9]{6}", digits) else None
    if secret is None:
        return False
    totp = pyotp.TOTP(secret, interval=STEP_S)
    now = int(utcnow().timestamp()) // STEP_S
    for step in (now + off for off in _STEPS_OFF):
        if step > factor.last_step and secrets.compare_digest(totp.at(step * STEP_S), digits):
            factor.last_step = step
            return True
    return False


def _take_recovery(session: SqlSession, staff_id: UUID, code: str) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == staff_id,
            RecoveryCode.sha256 == _sha256(staff_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=utcnow())
        .returning(RecoveryCode.id)
    )
    return used.one_or_none() is not None


def _new_code() -> str:
    """Return 80 random bits in four groups that can be read aloud."""
    letters = [secrets.choice(_LETTERS) for _ in range(16)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, 16, 4))


def _sha256(staff_id: UUID, code: str) -> bytes:
    plain = re.sub(r"[^0-9A-Z]", "", code.upper()).translate(_READ_AS)
    return hashlib.sha256(staff_id.bytes + plain.encode()).digest()


def _seal(settings: Settings, staff_id: UUID, secret: str) -> bytes:
    return sealed.seal_text(settings.secret_key, _PURPOSE, staff_id, secret)


def _unseal(settings: Settings, factor: SecondFactor) -> str | None:
    secret = sealed.unseal_text(settings.secret_key, _PURPOSE, factor.staff_id, factor.secret)
    if secret is None:
        log.warning(
            "a second factor was made with another secret key",
            extra={"staff": str(factor.staff_id)},
        )
    return secret
