"""Settings that two administrators may have open at once: changed as they were seen, and logged."""

from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.orm import Session as SqlSession

from services.moderation.settings import audit


class MovedError(Exception):
    """Somebody else changed it after this person had read it."""


class Versioned(Protocol):
    """A row that counts its changes."""

    version: Any


def change_row(
    session: SqlSession,
    row: Versioned,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    seen_version: int,
    action: str,
    subject: tuple[str, object],
    by: UUID,
) -> None:
    """Give a locked row other fields, and write it down. The same again is fine.

    Raises MovedError when the row is no longer as this person saw it.
    """
    if before == after:
        return
    if row.version != seen_version:
        raise MovedError
    for name, value in after.items():
        setattr(row, name, value)
    row.version += 1
    audit.record_change(session, by=by, action=action, subject=subject, before=before, after=after)
