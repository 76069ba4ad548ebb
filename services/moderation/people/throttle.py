"""How often somebody may try: passwords, codes, and letters with a link."""

import enum
import hmac
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session as SqlSession

from shared.addresses import mailboxes
from shared.clock import utcnow
from shared.config import Settings
from shared.forgetting.batches import forget_some
from shared.models import LoginAttempt

WINDOW = timedelta(minutes=15)


class Tried(enum.Enum):
    """What is tried, and how often within the window.

    The limits: at one account from one source, from one source, at one account wherever from.
    """

    # From one place few tries at one account; wherever they come from so many that a stranger
    # cannot easily lock somebody out, and so few that guessing twelve characters is hopeless.
    PASSWORD = ("login", 5, 30, 100)
    # Who gets here knows the password; a code has a million values and three are right.
    CODE = ("code", 5, 30, 10)
    # Each costs somebody a letter.
    LETTER = ("letter", 3, 10, 5)

    def __init__(self, purpose: str, here: int, from_source: int, at_account: int) -> None:
        self.purpose = purpose
        self.here = here
        self.from_source = from_source
        self.at_account = at_account


def count_attempt(
    session: SqlSession,
    settings: Settings,
    tried: Tried,
    who: str,
    source: str,
    *,
    is_known: bool = False,
) -> bool:
    """Note an attempt before it is made; whether it may be made.

    What strangers tried does not count for a source that `is_known` to be the account's owner's.

    In a transaction of its own: attempts made at the same instant are then counted one by one, and
    nobody waits while a password is verified. Account and source are kept as keyed hashes.
    """
    who_hash, source_hash = _hashes(settings, tried, who, source)
    for lock in sorted(_lock_of(hashed) for hashed in (who_hash, source_hash)):
        session.execute(select(func.pg_advisory_xact_lock(lock)))
    since = utcnow() - WINDOW
    at_account, from_source = (
        LoginAttempt.email_hash == who_hash,
        LoginAttempt.source_hash == source_hash,
    )
    limits: list[tuple[int, ColumnElement[bool]]] = [(tried.here, at_account & from_source)]
    if not is_known:
        limits += [(tried.from_source, from_source), (tried.at_account, at_account)]
    for limit, counted in limits:
        made = session.scalar(select(func.count()).where(counted, LoginAttempt.at > since))
        if (made or 0) >= limit:
            return False
    session.add(LoginAttempt(email_hash=who_hash, source_hash=source_hash))
    return True


def forget_failures(
    session: SqlSession, settings: Settings, tried: Tried, who: str, source: str
) -> None:
    """Forget the failures at this account from this source, after a success."""
    who_hash, source_hash = _hashes(settings, tried, who, source)
    session.execute(
        delete(LoginAttempt).where(
            LoginAttempt.email_hash == who_hash, LoginAttempt.source_hash == source_hash
        )
    )


def forget_old_tries(session: SqlSession) -> int:
    """Remove some tries that no limit counts any more; return how many."""
    return forget_some(session, LoginAttempt, LoginAttempt.at < utcnow() - WINDOW)


def _hashes(settings: Settings, tried: Tried, who: str, source: str) -> tuple[bytes, bytes]:
    return (
        _keyed(settings, f"{tried.purpose}-address", mailboxes.known_as(who)),
        _keyed(settings, f"{tried.purpose}-source", source),
    )


def _lock_of(hashed: bytes) -> int:
    return int.from_bytes(hashed[:8], "big", signed=True)


def _keyed(settings: Settings, purpose: str, value: str) -> bytes:
    return hmac.digest(settings.secret_key.encode(), f"{purpose}:{value}".encode(), "sha256")
