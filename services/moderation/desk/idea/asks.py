"""Asking a colleague about an idea. The question waits for them; the idea waits for nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import aliased

from services.moderation.desk.idea import notes
from shared.clock import utcnow
from shared.models import Ask, Idea, IdeaStatus, Staff

MAX_QUESTION = 1000
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Open:
    """A question that nobody has answered yet."""

    id: int
    number: str
    status: IdeaStatus
    by: str
    of: str
    to_me: bool
    question: str
    asked_at: datetime


def ask_colleague(session: SqlSession, idea_id: UUID, by: UUID, of: UUID, question: str) -> None:
    """Ask one colleague; the same colleague is asked again by a new wording of the open question.

    Raises BadNoteError for an empty or too long question, LookupError for somebody who has no open
    account or is the one who asks.
    """
    text = notes.clean_note(question, MAX_QUESTION)
    person = session.get(Staff, of)
    if person is None or person.disabled_at is not None or of == by:
        raise LookupError
    rows = insert(Ask).values(
        idea_id=idea_id, asked_by=by, asked_of=of, question=text, asked_at=utcnow()
    )
    session.execute(
        rows.on_conflict_do_update(
            index_elements=["idea_id", "asked_of"],
            index_where=Ask.closed_at.is_(None),
            set_={name: rows.excluded[name] for name in ("asked_by", "question", "asked_at")},
        )
    )


def answer_ask(session: SqlSession, ask_id: int, staff_id: UUID, text: str) -> UUID:
    """Answer an open question with a note, and return the idea it is about.

    Any colleague may answer, not only the one who was asked. Raises LookupError when there is no
    such open question, BadNoteError.
    """
    asked = session.get(Ask, ask_id, with_for_update=True, populate_existing=True)
    if asked is None or asked.closed_at is not None:
        raise LookupError
    written = notes.write_note(session, asked.idea_id, staff_id, text)
    asked.answer_id = written.id
    asked.closed_at = utcnow()
    return asked.idea_id


def take_back(session: SqlSession, ask_id: int, staff_id: UUID) -> UUID:
    """Close a question without an answer; by who asked, or who was asked. Returns the idea.

    Raises LookupError when it is not open, or somebody else's.
    """
    idea_id: UUID | None = session.scalar(
        update(Ask)
        .where(
            Ask.id == ask_id,
            Ask.closed_at.is_(None),
            or_(Ask.asked_by == staff_id, Ask.asked_of == staff_id),
        )
        .values(closed_at=utcnow())
        .returning(Ask.idea_id)
    )
    if idea_id is None:
        raise LookupError
    return idea_id


def open_for(session: SqlSession, staff_id: UUID) -> Sequence[Open]:
    """Return the open questions to a person and by that person, those to them first."""
    asker, asked = aliased(Staff), aliased(Staff)
    to_me = Ask.asked_of == staff_id
    rows = session.execute(
        select(
            Ask.id,
            Idea.number,
            Idea.status,
            func.coalesce(func.nullif(asker.name, ""), asker.email),
            func.coalesce(func.nullif(asked.name, ""), asked.email),
            to_me,
            Ask.question,
            Ask.asked_at,
        )
        .join(Idea, Idea.id == Ask.idea_id)
        .join(asker, asker.id == Ask.asked_by)
        .join(asked, asked.id == Ask.asked_of)
        .where(Ask.closed_at.is_(None), or_(to_me, Ask.asked_by == staff_id))
        .order_by(to_me.desc(), Ask.id)
        .limit(PAGE_SIZE)
    )
    return [Open(*row) for row in rows]
