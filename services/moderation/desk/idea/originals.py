"""Sealed originals: opened for a purpose, by somebody who is written down."""

import json
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared.models import AccessLog, Original, Staff

MIN_PURPOSE = 5
MAX_PURPOSE = 300


def open_seal(session: SqlSession, idea_id: UUID, staff_id: UUID, purpose: str) -> Original:
    """Return an idea's original, and write down who read it and why, in the same transaction."""
    session.add(AccessLog(staff_id=staff_id, idea_id=idea_id, purpose=purpose))
    return session.get_one(Original, idea_id)


def opened_before(session: SqlSession, idea_id: UUID) -> Sequence[tuple[str, str, datetime]]:
    """Return who has read an idea's original, why and when, the latest first (at most fifty)."""
    rows = session.execute(
        select(
            func.coalesce(func.nullif(Staff.name, ""), Staff.email), AccessLog.purpose, AccessLog.at
        )
        .join(Staff, Staff.id == AccessLog.staff_id)
        .where(AccessLog.idea_id == idea_id)
        .order_by(AccessLog.id.desc())
        .limit(50)
    )
    return [(name, purpose, at) for name, purpose, at in rows]


def fields_of(original: Original) -> list[tuple[str, str]]:
    """Return what a form or a JSON object said, field by field, so that a person can read it.

    Empty for any other body, or one that does not keep the rules of its type.
    """
    text = (original.body or b"").decode("utf-8", errors="replace")
    kind = original.content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            return parse_qsl(text, keep_blank_values=True, errors="replace")
        if kind == "application/json":
            found = json.loads(text)
            if isinstance(found, dict):
                return [
                    (name, each if isinstance(each, str) else json.dumps(each, ensure_ascii=False))
                    for name, each in found.items()
                ]
    except (ValueError, RecursionError):
        pass
    return []
