"""Who changes an idea locks its row first. There is one way to do it, so that nobody deadlocks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session as SqlSession
from sqlalchemy.sql.base import ExecutableOption

from shared.models import Idea


def lock_ideas(
    session: SqlSession, which: ColumnElement[bool], *options: ExecutableOption
) -> Sequence[Idea]:
    """Lock ideas in the order of their ids, and read them as they stand once the locks are held.

    Two acts on the same ideas wait for each other instead of deadlocking. Keys are left free, so
    that rows which point at an idea can be written meanwhile.
    """
    # What the session has changed and not stored yet would be read over, and lost.
    session.flush()
    return session.scalars(
        select(Idea)
        .where(which)
        .order_by(Idea.id)
        .options(*options)
        .with_for_update(of=Idea, key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def lock_idea(session: SqlSession, idea_id: UUID) -> Idea:
    """Lock one idea that exists, and read it as it stands."""
    [idea] = lock_ideas(session, Idea.id == idea_id)
    return idea
