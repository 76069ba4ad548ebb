"""Valid things to arrange a test with; the test names only what it is about."""

import hashlib
import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session as SqlSession

from shared.clock import utcnow
from shared.config import Settings
from shared.delivery import outbox
from shared.delivery.events import IdeaSubmitted
from shared.ids import new_id, next_number
from shared.links import receipts
from shared.models import (
    Contact,
    Council,
    Idea,
    IdeaText,
    Original,
    QueueEntry,
    Reason,
    Role,
    Rule,
    Source,
    Staff,
)
from shared.text import fold_hash, fold_text

_numbers = itertools.count(1)


def a_council(session: SqlSession, **about: Any) -> Council:
    council = Council(
        **{
            "slug": f"rad-{next(_numbers)}",
            "title": "Ett invånarråd",
            "theme": "Mötesplatser",
            "held_label": "25 maj 2021",
            "introduction": "Hur vill vi mötas?",
        }
        | about
    )
    session.add(council)
    session.flush()
    return council


def an_idea(
    session: SqlSession,
    council: Council | None = None,
    *,
    text: str = "En bänk vid vattnet, tack.",
    author: str | None = None,
    email: str | None = None,
    submitted: bool = True,
    **about: Any,
) -> Idea:
    """Store an idea as intake does: with original, text version and event."""
    council = council or a_council(session)
    now = utcnow()
    folded = fold_text(text)
    idea = Idea(
        **{
            "id": new_id(),
            "number": next_number(session, now, Settings.from_env(_ENVIRONMENT).timezone),
            "council_id": council.id,
            "source": Source.FORM,
            "received_at": now,
            "fold_hash": fold_hash(folded),
            "receipt_nonce": receipts.new_nonce(),
        }
        | about
    )
    session.add(idea)
    session.flush()
    body = text.encode()
    session.add_all(
        [
            Original(
                idea_id=idea.id,
                body=body,
                content_type="text/plain",
                sha256=hashlib.sha256(body).digest(),
            ),
            IdeaText(idea_id=idea.id, version=1, text=text, author=author, folded=folded),
        ]
    )
    if email:
        session.add(Contact(idea_id=idea.id, email=email))
    if submitted:
        outbox.record_event(session, IdeaSubmitted(idea.id, 1))
    session.flush()
    return idea


def a_member_of_staff(session: SqlSession, role: Role = Role.MODERATOR, **about: Any) -> Staff:
    staff = Staff(**{"email": f"person{next(_numbers)}@example.org", "role": role} | about)
    session.add(staff)
    session.flush()
    return staff


def a_rule(session: SqlSession, code: str = "spam", **about: Any) -> Rule:
    found = session.scalar(select(Rule).where(Rule.code == code).order_by(Rule.version.desc()))
    if found is not None and not about:
        return found
    rule = Rule(
        **{
            "code": code,
            "title_sv": "Skräp",
            "text_sv": "Skräp tas bort.",
            "title_en": "Spam",
            "text_en": "Spam is removed.",
            "in_force_from": utcnow() - timedelta(days=1),
        }
        | about
    )
    session.add(rule)
    session.flush()
    return rule


def count(session: SqlSession, what: Any, *where: Any) -> int:
    """Count the rows of a table, or those of which something is true."""
    return session.scalar(select(func.count()).select_from(what).where(*where)) or 0


def open_reasons(session: SqlSession, idea_id: UUID) -> list[Reason]:
    """Return why people should look at an idea now."""
    return list(
        session.scalars(
            select(QueueEntry.reason)
            .where(QueueEntry.idea_id == idea_id, QueueEntry.closed_at.is_(None))
            .order_by(QueueEntry.id)
        )
    )


_ENVIRONMENT = {
    "RADSLAG_DATABASE_URL": "postgresql:///factories",
    "RADSLAG_BROKER_URL": "redis://localhost",
    "RADSLAG_SECRET_KEY": "a key for tests only, long enough to be taken",
    "RADSLAG_PUBLIC_URL": "http://localhost:8000",
    "RADSLAG_DESK_URL": "http://localhost:8001",
    "RADSLAG_SMTP_URL": "smtp://localhost",
}
