"""Ideas by the numbers that stand in addresses of the desk; None where there is no such idea."""

from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.orm import joinedload

from shared.models import Contact, Decision, Idea, OfficialAnswer


def find_id(session: SqlSession, number: str) -> UUID | None:
    """Return the id of the idea."""
    return session.scalar(select(Idea.id).where(Idea.number == number))


def find_idea(session: SqlSession, number: str) -> Idea | None:
    """Return the idea."""
    return session.scalar(select(Idea).where(Idea.number == number))


def find_idea_to_answer(session: SqlSession, number: str) -> tuple[Idea, bool] | None:
    """Return the idea with its council, and whether its writer can be reached."""
    found = session.execute(
        select(Idea, exists().where(Contact.idea_id == Idea.id))
        .where(Idea.number == number)
        .options(joinedload(Idea.council, innerjoin=True))
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def find_number_decided(session: SqlSession, decision_id: UUID) -> str | None:
    """Return the number of the idea that a decision is about."""
    return session.scalar(
        select(Idea.number)
        .join(Decision, Decision.idea_id == Idea.id)
        .where(Decision.id == decision_id)
    )


def find_number_answered(session: SqlSession, answer_id: UUID) -> str | None:
    """Return the number of the idea that a version of an official answer is about."""
    return session.scalar(
        select(Idea.number)
        .join(OfficialAnswer, OfficialAnswer.idea_id == Idea.id)
        .where(OfficialAnswer.id == answer_id)
    )
