"""The versions of the learned spam model: which there are, which is in use, another one instead.

The shipped model gets a row of its own when something is learned for the first time, so that it is
as easy to return to as any other. Until then there are no rows and it is in use.
"""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import defer

from services.moderation.checks.learned_spam.spam_model import SHIPPED as SHIPPED_FILE
from services.moderation.checks.learned_spam.spam_model import ModelError, SpamModel
from shared.clock import utcnow
from shared.models import LearnedModel

log = logging.getLogger(__name__)

KIND = "spam"
_SPAM = LearnedModel.kind == KIND
SHIPPED = "shipped"
_KEPT = 30
# One at a time stores or activates: the number of a lock nobody else uses.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('learned spam model'))")


def in_use(session: SqlSession) -> SpamModel | None:
    """Return the version in use; None for the shipped model.

    A version that this program cannot read (it was made for other features) is passed over for the
    shipped model, which always fits.
    """
    row = session.execute(
        select(LearnedModel.weights, LearnedModel.version).where(_SPAM, LearnedModel.is_active)
    ).one_or_none()
    if row is None:
        return None
    try:
        return SpamModel.from_bytes(row.weights, row.version)
    except ModelError:
        log.warning("a spam model cannot be used", extra={"version": row.version})
        return None


def list_versions(session: SqlSession) -> Sequence[LearnedModel]:
    """Return all versions without their weights, newest first."""
    return session.scalars(
        select(LearnedModel)
        .where(_SPAM)
        .order_by(LearnedModel.version.desc())
        .options(defer(LearnedModel.weights, raiseload=True))
    ).all()


def describe_version(row: LearnedModel) -> dict[str, Any]:
    """Return a version as plain values."""
    return {
        "version": row.version,
        "active": row.is_active,
        "made_at": row.made_at.isoformat(),
        "note": row.note,
        "decisions": row.figures.get("decisions"),
        "held_back": row.figures.get("held_back"),
        "standing": row.figures.get("standing"),
    }


def activate_version(session: SqlSession, version: int) -> None:
    """Put a version in use instead of the one that is.

    Raises LookupError for one that is not there, ModelError for one that cannot be used.
    """
    session.execute(_LOCK)
    row = session.scalar(select(LearnedModel).where(_SPAM, LearnedModel.version == version))
    if row is None:
        raise LookupError
    SpamModel.from_bytes(row.weights, version)
    _put_in_use(session, row)


def add_version(
    session: SqlSession,
    model: SpamModel,
    *,
    figures: dict[str, Any],
    note: str,
    made_by: UUID | None = None,
    use: bool,
) -> LearnedModel:
    """Store a model that was learned on top of the shipped one, as the next version."""
    session.execute(_LOCK)
    parent = _shipped_row(session)
    row = LearnedModel(
        kind=KIND,
        version=_newest(session) + 1,
        parent_id=parent.id,
        weights=model.to_bytes(),
        figures=figures,
        note=note,
        made_by=made_by,
        made_at=utcnow(),
        is_active=False,
    )
    session.add(row)
    session.flush()
    if use:
        _put_in_use(session, row)
    _forget_old(session, row.version)
    return row


def _newest(session: SqlSession) -> int:
    """Return the number of the newest version; 0 while there is none."""
    return session.scalar(select(func.max(LearnedModel.version)).where(_SPAM)) or 0


def _shipped_row(session: SqlSession) -> LearnedModel:
    """Return the row of the shipped model, made and put in use when there is none in use."""
    data = SHIPPED_FILE.read_bytes()
    row = session.scalar(select(LearnedModel).where(_SPAM, LearnedModel.weights == data))
    if row is not None:
        return row
    newest = _newest(session)
    row = LearnedModel(
        kind=KIND, version=newest + 1, weights=data, figures={}, note=SHIPPED, made_at=utcnow()
    )
    session.add(row)
    session.flush()
    if not newest:
        _put_in_use(session, row)
    return row


def _put_in_use(session: SqlSession, row: LearnedModel) -> None:
    session.execute(
        update(LearnedModel).where(_SPAM, LearnedModel.is_active).values(is_active=False)
    )
    row.is_active = True
    row.activated_at = utcnow()
    session.flush()


def _forget_old(session: SqlSession, newest: int) -> None:
    """Keep the newest versions, the one in use, and those that were shipped."""
    session.execute(
        delete(LearnedModel).where(
            _SPAM,
            LearnedModel.version <= newest - _KEPT,
            ~LearnedModel.is_active,
            LearnedModel.parent_id.is_not(None),
        )
    )
