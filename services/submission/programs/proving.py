"""Whether what a request shows is a token, and good for what it asks.

The database is asked each time: a token that was turned off is good for nothing from then on. When
it was last used is written to the minute, so that most requests write nothing.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.submission.limits import REFUSED, SubmitLimits
from services.submission.programs.api_tokens import SHAPE, hash_secret
from shared import db
from shared.addresses import places
from shared.clock import utcnow
from shared.config import Settings
from shared.models import Scope

log = logging.getLogger(__name__)

_NOTED = timedelta(minutes=1)
_PROVE = text("""
    WITH found AS (
        SELECT t.id, t.scopes, t.council_id, c.slug, t.per_minute, u.used_at, u.refused_at,
               t.is_on AND (t.expires_at IS NULL OR t.expires_at > :now) AS is_good,
               t.is_on AND (t.expires_at IS NULL OR t.expires_at > :now)
                   AND t.scopes @> ARRAY[CAST(:scope AS text)] AS may
        FROM api_tokens t
        LEFT JOIN councils c ON c.id = t.council_id
        LEFT JOIN api_token_uses u ON u.token_id = t.id
        WHERE t.sha256 = :sha256 OR (t.old_sha256 = :sha256 AND t.old_until > :now)
    ), noted AS (
        INSERT INTO api_token_uses AS u (token_id, used_at, refused_at)
        SELECT id, CASE WHEN may THEN CAST(:now AS timestamptz) END,
               CASE WHEN NOT may THEN CAST(:now AS timestamptz) END
        FROM found
        WHERE coalesce(CASE WHEN may THEN used_at ELSE refused_at END, '-infinity') < :noted_before
        ON CONFLICT (token_id) DO UPDATE
        SET used_at = coalesce(excluded.used_at, u.used_at),
            refused_at = coalesce(excluded.refused_at, u.refused_at)
    )
    SELECT id, council_id, slug, per_minute, is_good, may FROM found""")
_NOTE_REFUSAL = text("SELECT note_api_refusal(:place)")


class RefusedTokenError(Exception):
    """What was shown is no token, or not any more. Which of them, nobody is told."""


class OutOfScopeError(Exception):
    """The token is good, and not for this."""


class TooManyError(Exception):
    """Far too much came from one place, or with one token; holds the seconds to wait."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Proved:
    """A token that is good for what was asked; no council means all of them."""

    id: UUID
    council_id: int | None
    council: str | None
    per_minute: int


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as far as its token goes: the header, and the place it comes from, twice.

    `place` is the keyed hash under which the place is counted.
    """

    authorization: str
    remote_addr: str | None
    place: bytes

    @property
    def shown(self) -> str | None:
        """What is shown as a token; None where none is.

        Another kind of `Authorization` is some proxy's, and no business of ours.
        """
        kind, _space, shown = self.authorization.strip().partition(" ")
        return shown.strip() if kind.lower() == "bearer" else None


def admit_token(asking: Asking, scope: Scope, settings: Settings, limits: SubmitLimits) -> Proved:
    """Let a request in that shows a token good for `scope`, and count it.

    One that is refused is counted at the place it comes from, and in the security log. Raises
    RefusedTokenError, OutOfScopeError, TooManyError.
    """
    try:
        proved = prove_token(asking.shown or "", scope, utcnow())
    except (RefusedTokenError, OutOfScopeError):
        note_refusal(asking, settings, limits)
        raise
    wait_s = limits.wait_for_token(proved.id, proved.per_minute)
    if wait_s:
        raise TooManyError(wait_s)
    return proved


def note_refusal(asking: Asking, settings: Settings, limits: SubmitLimits) -> None:
    """Count a refusal at the place that it came from. Raises TooManyError."""
    wait_s = limits.count(asking.place, REFUSED).wait_s
    if wait_s:
        raise TooManyError(wait_s)
    where = places.place_of(asking.remote_addr)
    try:
        db.run_alone(
            _NOTE_REFUSAL, {"place": places.hash_for_log(settings.secret_key, "place", where)}
        )
    except SQLAlchemyError as error:
        # The refusal stands.
        log.warning("a refusal could not be written down", exc_info=error)


def prove_token(shown: str, scope: Scope, now: datetime) -> Proved:
    """Return what is known of a token that is good for `scope` now.

    Raises RefusedTokenError, OutOfScopeError.
    """
    if SHAPE.fullmatch(shown) is None:
        raise RefusedTokenError
    found = db.run_alone(
        _PROVE,
        {
            "sha256": hash_secret(shown),
            "scope": scope.value,
            "now": now,
            "noted_before": now - _NOTED,
        },
    )
    if not found or not found[0].is_good:
        raise RefusedTokenError
    (row,) = found
    if not row.may:
        raise OutOfScopeError
    return Proved(row.id, row.council_id, row.slug, row.per_minute)
